"""Rules over the tool calls of one answer, as the agent gets them once they are put together."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import partial

from toolworthy.rules import model
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View, chat_calls
from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, parse_json

rule = partial(model.rule, area="tool calls")

_OPENAI = "https://platform.openai.com/docs/guides/function-calling"


def is_json_object(text: str) -> bool:
    """Whether `text` is one JSON object, as arguments must be. Empty arguments are none."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _broken(view: View) -> list[tuple[ToolCall, str]]:
    """Calls whose arguments are no JSON object, and how: ``empty``, ``cut``, ``trailing`` or ``other``."""
    if view.response.stop == "length" or not (view.answered and view.response.complete):
        return []  # cut by the limit, by an error, or with the answer: the arguments are no fault of their own
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


@rule(
    "TW101",
    "tool call without an id",
    "blocks",
    source=_OPENAI,
    right='Every call has an id of its own that is not empty: "id": "call_a1" (chat, streamed in its first fragment), '
    '"call_id": "call_a1" (Responses), "id": "toolu_a1" (Messages).',
    follows=("TW304", "TW403", "TW502", "TW107", "TW118"),
)
def missing_id(view: View) -> Violations:
    """A call has no id, so that its result cannot say what it answers. Agents drop the call, or send a result that the
    endpoint itself refuses."""
    for detail, excerpt in view.repairs("missing-id"):
        yield f"{detail} came without an id", excerpt


@rule(
    "TW102",
    "arguments that are no JSON",
    "blocks",
    source=_OPENAI,
    right='The arguments, all fragments joined in order, are one JSON object such as {"path": "a.py"}.',
    follows=("TW323", "TW302", "TW301", "TW304", "TW403", "TW107", "TW603"),
)
def no_json(view: View) -> Violations:
    """The arguments of a call cannot be read. No client can tell a bad parser from a model that wrote bad JSON; that
    it happens in streams only, or to one kind of value only, speaks for the parser."""
    for call, how in _broken(view):
        if how == "other":
            yield f"the arguments of {call.name} are no JSON object", call.arguments


@rule(
    "TW103",
    "arguments cut off",
    "blocks",
    source="vllm-project/vllm#32152",
    right='The arguments go on to their last brace; where the token limit cut them the answer says so: "length" '
    '(chat), "max_tokens" (Messages), "incomplete" (Responses).',
    follows=("TW308", "TW407", "TW706", "TW520", "TW302", "TW304", "TW403", "TW118"),
)
def cut(view: View) -> Violations:
    """The arguments stop in the middle although the answer claims to be whole. Streaming parsers lose the last brace
    when several tokens arrive at once; servers pass on a call that ran into the token limit."""
    for call, how in _broken(view):
        if how == "cut":
            yield (
                f"the arguments of {call.name} end too early, and the stop reason does not say so",
                call.arguments[-200:],
            )


@rule(
    "TW104",
    "something after the arguments",
    "blocks",
    source="anomalyco/opencode#17750",
    right="The arguments end with the brace that closes their object; marks of the model's own call format are taken "
    "off.",
    follows=("TW410",),
)
def trailing(view: View) -> Violations:
    """Behind a complete JSON object stands more, usually the closing mark of the model's own format."""
    for call, how in _broken(view):
        if how == "trailing":
            yield f"after the arguments of {call.name} stands something that is no JSON", call.arguments[-200:]


@rule(
    "TW105",
    "empty arguments",
    "degrades",
    "chat",
    "responses",
    source=_OPENAI,
    right='A call that needs no arguments has an empty object as its string, "arguments": "{}", or fragments that '
    "join to {}.",
    follows=("TW107", "TW304", "TW302", "TW403"),
)
def empty(view: View) -> Violations:
    """The arguments are an empty string instead of ``{}``. Many clients parse them without a look and fail."""
    for call, how in _broken(view):
        if how == "empty":
            yield f"the arguments of {call.name} are an empty string", ""


@rule(
    "TW106",
    "arguments of a wrong JSON type",
    "degrades",
    source=_OPENAI,
    right='Arguments are a string that holds a JSON object in chat and Responses, "arguments": "{}", and the object '
    'itself in Messages, "input": {}.',
    follows=("TW107",),
)
def wrong_type(view: View) -> Violations:
    """``arguments`` must be a string that holds JSON (in Messages: ``input`` an object). Typed clients refuse anything
    else."""
    for detail, excerpt in view.repairs("arguments-not-string", "arguments-not-object"):
        yield f"arguments are of type {detail}", excerpt
    for call in chat_calls(view) if view.api == "chat" else ():
        if call.get("function") and as_dict(call["function"]).get("arguments", "") is None:
            yield "arguments are null", json.dumps(call)


@rule(
    "TW107",
    "tool call without a name",
    "blocks",
    source="anomalyco/opencode#47831",
    right="Every call names its tool, in a stream where the call begins: in its first fragment (chat), "
    "content_block_start (Messages), output_item.added (Responses).",
    follows=("TW304", "TW403", "TW502"),
)
def nameless(view: View) -> Violations:
    """A call names no tool. Agents report an unknown tool, and after a few rounds the model stops using tools."""
    for call in view.calls:
        if not call.name.strip():
            yield f"call {call.id} has no name", call.arguments


@rule(
    "TW108",
    "the same id twice",
    "degrades",
    source=_OPENAI,
    right='Each call of an answer has an id that no other has, say random characters behind a prefix: "call_7Qm2xK", '
    '"call_p90ZtB".',
    situation="parallel-calls",
)
def same_id(view: View) -> Violations:
    """Two calls of one answer have one id: one result is lost, or both go to the same call."""
    for name, count in Counter(call.id for call in view.calls).items():
        if count > 1:
            yield f"{count} calls have the id {name}", name


@rule(
    "TW109",
    "id used before",
    "degrades",
    source="InternLM/lmdeploy#3412",
    right='A new call has an id that no call earlier in the conversation has: random, "call_7Qm2xK", not counted anew '
    "in every answer.",
    follows=("TW108", "TW302"),
)
def id_again(view: View) -> Violations:
    """A call has the id of a call earlier in the conversation; agents that keep results by id mix them up."""
    messages = view.request.messages if view.request else ()
    before = {part.id for message in messages for part in message.parts if isinstance(part, ToolCall)}
    if any(view.repairs("missing-id")):
        return  # the ids are then our own
    for call in view.calls:
        if call.id in before:
            yield f"the id {call.id} was a former call's", call.id


@rule(
    "TW110",
    "values as strings against the schema",
    "degrades",
    source="antirez/ds4#569",
    right='Values have the types that the schema says: {"limit": 250, "force": true, "paths": ["a.py"]}; numbers, '
    "truth values, arrays and objects are not in quotes.",
)
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


@rule(
    "TW114",
    "arguments wrapped once more",
    "degrades",
    source="pydantic/pydantic-ai#81",
    right='The keys of the arguments are those of the schema: {"path": "a.py"}, not {"arguments": {"path": "a.py"}}.',
)
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


@rule(
    "TW117",
    "broken characters",
    "degrades",
    source="https://www.rfc-editor.org/rfc/rfc8259#section-8",
    right="Every character comes whole: it is held back until the token with its last byte is there, and JSON escapes "
    "of surrogates come in pairs.",
    situation="unicode",
)
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
    right='The call has a name that the request offers, letter for letter: "name": "read_file", without prose, '
    "namespace or marks around it.",
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
