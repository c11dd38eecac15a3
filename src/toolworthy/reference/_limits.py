"""What an endpoint keeps to whatever the model would say: token limit, stop strings, context window, model name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from toolworthy import wire
from toolworthy.wire.ir import Api, Part, Request, Response, Text, Thinking, ToolCall, ToolResult, Usage
from toolworthy.wire.lenient import as_dict, as_list

CONTEXT = 200_000
"""Context window in tokens."""
MODEL = "oracle"
"""Names that begin so are served."""
_ROLES = ("system", "developer", "user", "assistant", "model", "tool", "function")
CHARACTERS = 4
"""Characters of one token, about."""


def limited(request: Request, answer: Response) -> Response:
    """`answer`, as far as stop strings and the token limit let it be said."""
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
    left = None if request.max_tokens is None else max(request.max_tokens, 1) * CHARACTERS
    if left is None or sum(len(words(part)) for part in answer.parts) <= left:
        return answer
    parts: list[Part] = []
    for part in answer.parts:
        if left <= 0:
            break
        parts.append(_cut(part, left))
        left -= len(words(part))
    usage = answer.usage or Usage()
    return replace(answer, parts=tuple(parts), stop="length", usage=replace(usage, output=request.max_tokens))


def words(part: Part) -> str:
    """The text of a part, or the arguments of a call."""
    if isinstance(part, ToolResult):
        return "".join(entry.text for entry in part.content if isinstance(entry, Text))
    if isinstance(part, (Text, Thinking)):
        return part.text
    return part.arguments if isinstance(part, ToolCall) else ""


def _cut(part: Part, left: int) -> Part:
    if isinstance(part, (Text, Thinking)):
        return replace(part, text=part.text[:left])
    return replace(part, arguments=part.arguments[:left]) if isinstance(part, ToolCall) else part


def refusal(api: Api, value: Mapping[str, Any], request: Request) -> tuple[int, str] | None:
    """Status and reason for a request that no careful endpoint takes; None for one that is fine."""
    model = value.get("model")
    if not isinstance(model, str) or not model.startswith(MODEL):
        return 404, f"the model {model!r} does not exist; this endpoint serves {MODEL!r}"
    field = wire.api(api).conversation
    roles = [entry["role"] for entry in as_list(value.get(field)) if isinstance(entry, dict) and "role" in entry]
    if any(role not in _ROLES for role in roles):
        return 400, f"{field} must be a list of objects with a role: {', '.join(_ROLES)}"
    if not request.messages:
        return 400, "the request has no messages"
    if value.get("previous_response_id"):
        return 400, "previous_response_id is not supported: this endpoint keeps no state"
    if any(as_dict(entry).get("type") == "item_reference" for entry in as_list(value.get(field))):
        return 404, "item_reference names an item that is not found: this endpoint keeps no state"
    size = sum(len(words(part)) for message in request.messages for part in message.parts) // CHARACTERS
    if size > CONTEXT:
        return 400, f"the conversation has about {size} tokens, the maximum context length is {CONTEXT} tokens"
    return None
