"""Rules on whether a response has the calls that its request and its stop reason announce."""

from __future__ import annotations

import json

from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_int, as_list


@builtin("TW111")
def _tool_call_in_second_choice(view: View) -> Violations:
    if (as_int(view.asked.get("n")) or 1) > 1:
        return
    for event, choice in view.choices:
        if as_int(choice.get("index")) and as_dict(choice.get("delta")).get("tool_calls"):
            yield f"choice {choice['index']} has tool calls", event.data
    for choice in as_list(view.whole.get("choices"))[1:]:
        if as_dict(as_dict(choice).get("message")).get("tool_calls"):
            yield "a choice after the first has tool calls", json.dumps(choice)


@builtin("TW112")
def _stop_reason_hides_tool_calls(view: View) -> Violations:
    response = view.response
    if response.calls and response.stop not in ("tool", "length", None):
        yield (
            f"{len(response.calls)} tool calls, but the stop reason is {response.raw_stop!r}",
            view.stopped(),
        )


@builtin("TW113")
def _announced_tool_call_missing(view: View) -> Violations:
    response = view.response
    if response.stop == "tool" and not response.calls:
        yield f"the stop reason is {response.raw_stop!r}, but there is no tool call", view.stopped()


@builtin("TW115")
def _unrequested_tool_call(view: View) -> Violations:
    request = view.request
    if request and view.calls and (not request.tools or (request.tool_choice and request.tool_choice.mode == "none")):
        yield f"the response calls {view.calls[0].name}, which the request forbids", view.calls[0].arguments


@builtin("TW116")
def _forced_tool_call_missing(view: View) -> Violations:
    request, choice = view.request, view.request.tool_choice if view.request else None
    if not (request and choice and view.answered and view.response.stop in ("end", "tool")):
        return
    if choice.mode == "required" and not view.calls:
        yield "tool_choice demands a call, but there is none", view.response.text[:200]
    if choice.mode == "named" and [call for call in view.calls if call.name == choice.name] == []:
        yield f"tool_choice demands a call of {choice.name}, but there is none", view.response.text[:200]
