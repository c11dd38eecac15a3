"""Rules over whether an answer has the calls that its request and its own stop reason speak of."""

from __future__ import annotations

import json
from functools import partial

from toolworthy.rules import model
from toolworthy.rules.model import UNREAD, Violations
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_int, as_list

rule = partial(model.rule, area="tool calls")

_OPENAI = "https://platform.openai.com/docs/guides/function-calling"


@rule(
    "TW111",
    "calls in another choice",
    "degrades",
    "chat",
    source=_OPENAI,
    right='Unless "n" asks for more there is one choice, "index": 0, and all calls stand in it.',
)
def second_choice(view: View) -> Violations:
    """A tool call stands in a choice beyond the first although one answer was asked for. Agents read the first."""
    if (as_int(view.asked.get("n")) or 1) > 1:
        return
    for event, choice in view.choices:
        if as_int(choice.get("index")) and as_dict(choice.get("delta")).get("tool_calls"):
            yield f"choice {choice['index']} holds tool calls", event.data
    for choice in as_list(view.whole.get("choices"))[1:]:
        if as_dict(as_dict(choice).get("message")).get("tool_calls"):
            yield "a choice after the first holds tool calls", json.dumps(choice)


@rule(
    "TW112",
    "stop reason denies the calls",
    "degrades",
    source="anomalyco/opencode#14972",
    right='An answer with calls says that it stopped for them: "finish_reason": "tool_calls" (chat), "stop_reason": '
    '"tool_use" (Messages), "status": "completed" (Responses).',
    follows=("TW107", "TW706"),
)
def stop_denies(view: View) -> Violations:
    """The answer holds tool calls and says that it ended naturally. Agents that go by the stop reason end the turn
    and never run the calls."""
    response = view.response
    if response.calls and response.stop not in ("tool", "length", None):
        yield f"{len(response.calls)} tool call(s), but stopped by {response.raw_stop!r}", view.stopped()


@rule(
    "TW113",
    "calls announced, none sent",
    "blocks",
    source=_OPENAI,
    right='The calls that the stop reason announces are in the answer; one without calls ends with "stop" (chat), '
    '"end_turn" (Messages), "completed" (Responses).',
    follows=("TW201", "TW204", "TW205", "TW111", "TW503", "TW705", *UNREAD),
)
def announced(view: View) -> Violations:
    """The stop reason says tool calls, and there is none. Agents wait, fail, or ask the same again for ever."""
    response = view.response
    if response.stop == "tool" and not response.calls:
        yield f"stopped by {response.raw_stop!r} without a tool call", view.stopped()


@rule(
    "TW115",
    "call nobody asked for",
    "degrades",
    source=_OPENAI,
    right='Without tools in the request, or with "tool_choice": "none" (in Messages {"type": "none"}), the answer '
    "holds no call.",
    situation="tool-choice",
    follows=("TW107", "TW118"),
)
def forbidden(view: View) -> Violations:
    """The request says ``tool_choice: none``, or offers no tool, and the answer calls one."""
    request = view.request
    if request and view.calls and (not request.tools or (request.tool_choice and request.tool_choice.mode == "none")):
        yield f"{view.calls[0].name} is called, which the request forbids", view.calls[0].arguments


@rule(
    "TW116",
    "forced call not made",
    "degrades",
    source=_OPENAI,
    right="The answer calls some tool, or the one that tool_choice names; a server that cannot enforce it refuses the "
    "request with HTTP 400.",
    situation="tool-choice",
    follows=(
        "TW201",
        "TW204",
        "TW205",
        "TW111",
        "TW113",
        "TW118",
        "TW107",
        "TW304",
        "TW503",
        "TW704",
        "TW710",
        "TW601",
        *UNREAD,
        "TW605",
        "TW708",
    ),
)
def not_forced(view: View) -> Violations:
    """``tool_choice`` demands a call (any, or one by name) and the whole answer has none, or another. A server either
    enforces it or refuses the request; to ignore it breaks every client that counts on it."""
    request, choice = view.request, view.request.tool_choice if view.request else None
    if not (request and choice and view.answered and view.response.stop in ("end", "tool")):
        return
    if choice.mode == "required" and not view.calls:
        yield "a call was demanded, and none came", view.response.text[:200]
    if choice.mode == "named" and [call for call in view.calls if call.name == choice.name] == []:
        yield f"a call of {choice.name} was demanded, and none came", view.response.text[:200]
