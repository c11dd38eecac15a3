"""Rules over the tool calls of one answer, as the agent gets them once they are put together."""

from __future__ import annotations

import json
import re
from collections import Counter

from toolworthy.rules.model import Violations, rule
from toolworthy.rules.view import View, chat_calls
from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, as_int, as_list, parse_json

_OPENAI = "https://platform.openai.com/docs/guides/function-calling"


def is_json_object(text: str) -> bool:
    """Whether `text` is one JSON object, as arguments must be. Empty arguments are none."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _broken(view: View) -> list[tuple[ToolCall, str]]:
    """Calls whose arguments are no JSON object, and how: ``empty``, ``cut``, ``trailing`` or ``other``."""
    if view.response.stop == "length":
        return []
    bad = [call for call in view.calls if not call.custom and not is_json_object(call.arguments)]
    return [(call, _how(call.arguments)) for call in bad]


def _how(text: str) -> str:
    if not text.strip():
        return "empty"
    try:
        value, end = json.JSONDecoder().raw_decode(text.lstrip())
        return "trailing" if isinstance(value, dict) and end < len(text.strip()) else "other"
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip()) or "Unterminated string" in error.msg
        return "cut" if text.lstrip().startswith("{") and at_end else "other"
    except RecursionError:
        return "other"


@rule("TW101", "tool call without an id", "blocks", source=_OPENAI)
def missing_id(view: View) -> Violations:
    """A call has no id, so that its result cannot say what it answers. Agents drop the call, or send a result that the
    endpoint itself refuses."""
    for detail, excerpt in view.repairs("missing-id"):
        yield f"{detail} came without an id", excerpt


@rule("TW102", "arguments that are no JSON", "blocks", source=_OPENAI)
def no_json(view: View) -> Violations:
    """The arguments of a call cannot be read. No client can tell a bad parser from a model that wrote bad JSON; that
    it happens in streams only, or to one kind of value only, speaks for the parser."""
    for call, how in _broken(view):
        if how == "other":
            yield f"the arguments of {call.name} are no JSON object", call.arguments


@rule("TW103", "arguments cut off", "blocks", source="vllm-project/vllm#32152")
def cut(view: View) -> Violations:
    """The arguments stop in the middle although the answer claims to be whole. Streaming parsers lose the last brace
    when several tokens arrive at once; servers pass on a call that ran into the token limit."""
    for call, how in _broken(view) if view.answered else ():
        if how == "cut":
            yield (
                f"the arguments of {call.name} end too early, and the stop reason does not say so",
                call.arguments[-200:],
            )


@rule("TW104", "something after the arguments", "blocks", source="anomalyco/opencode#17750")
def trailing(view: View) -> Violations:
    """Behind a complete JSON object stands more, usually the closing mark of the model's own format."""
    for call, how in _broken(view):
        if how == "trailing":
            yield f"after the arguments of {call.name} stands something that is no JSON", call.arguments[-200:]


@rule("TW105", "empty arguments", "degrades", "chat", "responses", source=_OPENAI)
def empty(view: View) -> Violations:
    """The arguments are an empty string instead of ``{}``. Many clients parse them without a look and fail."""
    for call, how in _broken(view):
        if how == "empty":
            yield f"the arguments of {call.name} are an empty string", ""


@rule("TW106", "arguments of a wrong JSON type", "blocks", source=_OPENAI)
def wrong_type(view: View) -> Violations:
    """``arguments`` must be a string that holds JSON (in Messages: ``input`` an object). Typed clients refuse anything
    else."""
    for detail, excerpt in view.repairs("arguments-not-string", "arguments-not-object"):
        yield f"arguments are of type {detail}", excerpt
    for call in chat_calls(view) if view.api == "chat" else ():
        if call.get("function") and as_dict(call["function"]).get("arguments", "") is None:
            yield "arguments are null", json.dumps(call)


@rule("TW107", "tool call without a name", "blocks", source="anomalyco/opencode#47831")
def nameless(view: View) -> Violations:
    """A call names no tool. Agents report an unknown tool, and after a few rounds the model stops using tools."""
    for call in view.calls:
        if not call.name.strip():
            yield f"call {call.id} has no name", call.arguments


@rule("TW108", "the same id twice", "blocks", source=_OPENAI)
def same_id(view: View) -> Violations:
    """Two calls of one answer have one id: one result is lost, or both go to the same call."""
    for name, count in Counter(call.id for call in view.calls).items():
        if count > 1:
            yield f"{count} calls have the id {name}", name


@rule("TW109", "id used before", "degrades", source="InternLM/lmdeploy#3412")
def id_again(view: View) -> Violations:
    """A call has the id of a call earlier in the conversation; agents that keep results by id mix them up."""
    messages = view.request.messages if view.request else ()
    before = {part.id for message in messages for part in message.parts if isinstance(part, ToolCall)}
    if any(view.repairs("missing-id")):
        return  # the ids are then our own
    for call in view.calls:
        if call.id in before:
            yield f"the id {call.id} was a former call's", call.id


@rule("TW110", "values as strings against the schema", "degrades", source="antirez/ds4#569")
def stringified(view: View) -> Violations:
    """Values are strings where the tool's schema wants a number, a truth value, an array or an object, and read as
    JSON they would fit. Parsers of XML-like call formats do this when they ignore the schema; so do some models."""
    for call in view.calls:
        tool = view.request.tool(call.name) if view.request else None
        properties = as_dict(as_dict(tool.parameters if tool else None).get("properties"))
        for name, value in as_dict(parse_json(call.arguments)).items():
            wanted = as_dict(properties.get(name)).get("type")
            if (
                isinstance(value, str)
                and isinstance(wanted, str)
                and isinstance(parse_json(value), _TYPES.get(wanted, ()))
            ):
                yield f"{call.name}.{name} is the string {value[:40]!r}, the schema wants {wanted}", call.arguments


_TYPES: dict[object, type | tuple[type, ...]] = {
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@rule("TW111", "calls in another choice", "blocks", "chat", source=_OPENAI)
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


@rule("TW112", "stop reason denies the calls", "degrades", source="anomalyco/opencode#14972")
def stop_denies(view: View) -> Violations:
    """The answer holds tool calls and says that it ended naturally. Agents that go by the stop reason end the turn
    and never run the calls."""
    response = view.response
    if response.calls and response.stop not in ("tool", "length", None):
        yield f"{len(response.calls)} tool call(s), but stopped by {response.raw_stop!r}", view.stopped()


@rule("TW113", "calls announced, none sent", "blocks", source=_OPENAI)
def announced(view: View) -> Violations:
    """The stop reason says tool calls, and there is none. Agents wait, fail, or ask the same again for ever."""
    response = view.response
    if response.stop == "tool" and not response.calls:
        yield f"stopped by {response.raw_stop!r} without a tool call", view.stopped()


@rule("TW114", "arguments wrapped once more", "degrades", source="pydantic/pydantic-ai#81")
def wrapped(view: View) -> Violations:
    """All arguments stand under one key that the schema does not know (``_``, ``arguments``, ``parameters`` …)."""
    for call in view.calls:
        tool = view.request.tool(call.name) if view.request else None
        properties = as_dict(as_dict(tool.parameters if tool else None).get("properties"))
        given = as_dict(parse_json(call.arguments))
        if properties and len(given) == 1:
            ((name, value),) = given.items()
            if name not in properties and isinstance(value, dict) and set(value) & set(properties):
                yield f"the arguments of {call.name} are wrapped in {name!r}", call.arguments


@rule("TW115", "call nobody asked for", "degrades", source=_OPENAI)
def forbidden(view: View) -> Violations:
    """The request says ``tool_choice: none``, or offers no tool, and the answer calls one."""
    request = view.request
    if request and view.calls and (not request.tools or (request.tool_choice and request.tool_choice.mode == "none")):
        yield f"{view.calls[0].name} is called, which the request forbids", view.calls[0].arguments


@rule("TW116", "forced call not made", "blocks", source=_OPENAI)
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


@rule("TW117", "broken characters", "degrades", source="https://www.rfc-editor.org/rfc/rfc8259#section-8")
def broken_characters(view: View) -> Violations:
    """U+FFFD or half of a surrogate pair stands in arguments or text that had none in the request: a character was cut
    in two between tokens, and half of it written down."""
    asked = view.exchange.request_body.decode(errors="replace")
    if "\ufffd" in asked or "\\ufffd" in asked:
        return
    for where, text in [("the text", view.response.text), *((call.name, call.arguments) for call in view.calls)]:
        if "\ufffd" in text:
            yield f"a replacement character stands in {where}", _around(text, "\ufffd")
        elif _half(text) or _half(json.dumps(parse_json(text) or "", ensure_ascii=False)):
            yield f"half of a surrogate pair stands in {where}", ascii(text)[:300]


@rule(
    "TW118",
    "a name that no tool can have",
    "blocks",
    source="https://platform.openai.com/docs/api-reference/chat/create",
)
def impossible_name(view: View) -> Violations:
    """The call's name was not offered, and could not have been: it holds what names must not hold. A parser took prose
    or a namespace for a name, or the server passes on a wrapper of its own that it should have unwrapped."""
    offered = {tool.name for tool in view.request.tools} if view.request else set()
    for call in view.calls:
        if call.name and call.name not in offered and not _NAME.fullmatch(call.name):
            yield f"a call of {call.name[:80]!r}", call.arguments


_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


def _half(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _around(text: str, mark: str) -> str:
    at = text.index(mark)
    return text[max(0, at - 80) : at + 80]
