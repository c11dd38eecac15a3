"""Rules on the tool calls of a response, after its deltas are joined."""

from __future__ import annotations

import json
import re
from collections import Counter

from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View, chat_calls
from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, parse_json


def is_json_object(text: str) -> bool:
    """Whether `text` is one JSON object, as arguments must be. Empty arguments are not."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def broken_arguments(view: View) -> list[tuple[ToolCall, str]]:
    """Calls whose arguments are not a JSON object, and how: ``empty``, ``cut``, ``trailing`` or ``other``."""
    if view.response.stop == "length" or not (view.answered and view.response.complete):
        return []  # cut by the limit, by an error, or with the answer: the arguments are not at fault
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
    except (ValueError, RecursionError):
        return "other"  # numbers of thousands of digits, nesting without end


@builtin("TW101")
def _missing_tool_call_id(view: View) -> Violations:
    for detail, excerpt in view.repairs("missing-id"):
        yield f"tool {detail} has no id", excerpt


@builtin("TW102")
def _invalid_json_arguments(view: View) -> Violations:
    for call, how in broken_arguments(view):
        if how == "other":
            yield f"the arguments of {call.name} are not a JSON object", call.arguments


@builtin("TW103")
def _truncated_arguments(view: View) -> Violations:
    for call, how in broken_arguments(view):
        if how == "cut":
            yield (
                f"the arguments of {call.name} are truncated, but the stop reason does not say so",
                call.arguments[-200:],
            )


@builtin("TW104")
def _trailing_data_after_arguments(view: View) -> Violations:
    for call, how in broken_arguments(view):
        if how == "trailing":
            yield f"extra data after the arguments of {call.name}", call.arguments[-200:]


@builtin("TW105")
def _empty_string_arguments(view: View) -> Violations:
    for call, how in broken_arguments(view):
        if how == "empty":
            yield f"the arguments of {call.name} are an empty string", ""


@builtin("TW106")
def _wrong_arguments_type(view: View) -> Violations:
    for detail, excerpt in view.repairs("arguments-not-string", "arguments-not-object"):
        yield f"the arguments have the type {detail}", excerpt
    for call in chat_calls(view):
        if call.get("function") and as_dict(call["function"]).get("arguments", "") is None:
            yield "the arguments are null", json.dumps(call)


@builtin("TW107")
def _missing_tool_name(view: View) -> Violations:
    for call in view.calls:
        if not call.name.strip():
            yield f"call {call.id} has no name", call.arguments


@builtin("TW108")
def _duplicate_tool_call_id(view: View) -> Violations:
    for name, count in Counter(call.id for call in view.calls).items():
        if count > 1:
            yield f"{count} calls have the id {name}", name


@builtin("TW109")
def _reused_tool_call_id(view: View) -> Violations:
    messages = view.request.messages if view.request else ()
    before = {part.id for message in messages for part in message.parts if isinstance(part, ToolCall)}
    if any(view.repairs("missing-id")):
        return  # the ids are then our own
    for call in view.calls:
        if call.id in before:
            yield f"an earlier call has the id {call.id}", call.id


@builtin("TW190")
def _overlong_call_id(view: View) -> Violations:
    for call in view.calls:
        if len(call.id) > LONGEST_ID:
            yield f"the id of the call of {call.name} has {len(call.id)} characters", call.id


LONGEST_ID = 64
"""Characters of an id that OpenAI's APIs take back."""


@builtin("TW110")
def _stringified_values(view: View) -> Violations:
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
                yield f"{call.name}.{name} is the string {value[:40]!r}, but the schema wants {wanted}", call.arguments


_TYPES: dict[object, type | tuple[type, ...]] = {
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


@builtin("TW114")
def _wrapped_arguments(view: View) -> Violations:
    for call in view.calls:
        tool = view.request.tool(call.name) if view.request else None
        properties = as_dict(as_dict(tool.parameters if tool else None).get("properties"))
        arguments = as_dict(parse_json(call.arguments))
        if properties and len(arguments) == 1:
            ((name, value),) = arguments.items()
            if name not in properties and isinstance(value, dict) and set(value) & set(properties):
                yield f"the arguments of {call.name} are wrapped in {name!r}", call.arguments


@builtin("TW117")
def _broken_characters(view: View) -> Violations:
    request = view.exchange.request_body.decode(errors="replace")
    if "\ufffd" in request or "\\ufffd" in request:
        return
    for where, text in [("the text", view.response.text), *((call.name, call.arguments) for call in view.calls)]:
        if "\ufffd" in text:
            yield f"{where} has a replacement character", _around(text, "\ufffd")
        elif _half(text) or _half(json.dumps(parse_json(text) or "", ensure_ascii=False)):
            yield f"{where} has half of a surrogate pair", ascii(text)[:300]


@builtin("TW118")
def _invalid_tool_name(view: View) -> Violations:
    offered = {tool.name for tool in view.request.tools} if view.request else set()
    for call in view.calls:
        impossible = not (_NAME if view.knows_request else _ANY_NAME).fullmatch(call.name)
        if call.name and call.name not in offered and impossible:
            yield f"the response calls {call.name[:80]!r}, which is not a valid name", call.arguments


_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_ANY_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
"""What some API or other lets a tool be called; where nobody knows what was offered."""


def _half(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _around(text: str, mark: str) -> str:
    at = text.index(mark)
    return text[max(0, at - 80) : at + 80]
