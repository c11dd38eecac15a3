"""Limits that the reference server enforces: token limit, stop strings, context window, model name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from toolworthy import wire
from toolworthy.wire.ir import Api, Failure, Part, Request, Response, Text, Thinking, ToolCall, ToolResult, Usage
from toolworthy.wire.lenient import as_dict, as_list

CONTEXT = 200_000
"""Context window in tokens."""
MODEL = "oracle"
"""Prefix of the model names that are served."""
_ROLES = ("system", "developer", "user", "assistant", "model", "tool", "function")
CHARACTERS = 4
"""Approximate characters per token."""


def limited(request: Request, answer: Response) -> Response:
    """`answer`, truncated at stop strings and the token limit."""
    return _by_tokens(request, _by_stops(request, answer))


def _by_stops(request: Request, answer: Response) -> Response:
    parts: list[Part] = []
    for part in answer.parts:
        if isinstance(part, Text):
            places = [part.text.find(stop) for stop in request.stop if stop and stop in part.text]
            if places:
                return replace(answer, parts=(*parts, Text(part.text[: min(places)])), stop="stop_sequence")
        parts.append(part)
    return answer


def _by_tokens(request: Request, answer: Response) -> Response:
    room = None if request.max_tokens is None else max(request.max_tokens, 1) * CHARACTERS
    if room is None or sum(len(words(part)) for part in answer.parts) <= room:
        return answer
    parts: list[Part] = []
    for part in answer.parts:
        if room <= 0:
            break
        parts.append(_cut(part, room))
        room -= len(words(part))
    usage = answer.usage or Usage()
    return replace(answer, parts=tuple(parts), stop="length", usage=replace(usage, output=request.max_tokens))


def tokens(request: Request) -> int:
    """Approximate size of the conversation in tokens."""
    return sum(len(words(part)) for message in request.messages for part in message.parts) // CHARACTERS


def words(part: Part) -> str:
    """The text of a part, or the arguments of a call."""
    if isinstance(part, ToolResult):
        return "".join(entry.text for entry in part.content if isinstance(entry, Text))
    if isinstance(part, (Text, Thinking)):
        return part.text
    return part.arguments if isinstance(part, ToolCall) else ""


def _cut(part: Part, room: int) -> Part:
    if isinstance(part, (Text, Thinking)):
        return replace(part, text=part.text[:room])
    return replace(part, arguments=part.arguments[:room]) if isinstance(part, ToolCall) else part


def refusal(api: Api, value: Mapping[str, Any], request: Request) -> Failure | None:
    """The error, with its status, for an invalid request; None if it is valid."""
    model = value.get("model")
    if not isinstance(model, str) or not model.startswith(MODEL):
        return _refused(f"the model {model!r} does not exist; this endpoint serves {MODEL!r}", 404)
    field = wire.api(api).conversation
    roles = [entry["role"] for entry in as_list(value.get(field)) if isinstance(entry, dict) and "role" in entry]
    if any(role not in _ROLES for role in roles):
        return _refused(f"{field} must be a list of objects with a role: {', '.join(_ROLES)}")
    if not request.messages:
        return _refused("the request has no messages")
    if value.get("previous_response_id"):
        return _refused("previous_response_id is not supported: this endpoint keeps no state")
    if any(as_dict(entry).get("type") == "item_reference" for entry in as_list(value.get(field))):
        return _refused("item_reference names an item that is not found: this endpoint keeps no state", 404)
    size = tokens(request)
    return overflow(api, size) if size > CONTEXT else None


def overflow(api: Api, size: int) -> Failure:
    """The API's own error for a conversation of so many tokens, which exceeds the context window."""
    own = wire.api(api)
    message = own.overflow.format(tokens=size, window=CONTEXT)
    return replace(_refused(message), code=own.overflow_code)


def _refused(message: str, status: int = 400) -> Failure:
    return Failure(message, "invalid_request_error", status=status)
