"""What an endpoint keeps to whatever the model would say: token limit, stop strings, context window, model name."""

from __future__ import annotations

from dataclasses import replace

from toolworthy.wire.ir import Part, Request, Response, Text, Thinking, ToolCall, Usage

CONTEXT = 200_000
"""Context window in tokens."""
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
    if left is None or sum(len(_words(part)) for part in answer.parts) <= left:
        return answer
    parts: list[Part] = []
    for part in answer.parts:
        if left <= 0:
            break
        parts.append(_cut(part, left))
        left -= len(_words(part))
    usage = answer.usage or Usage()
    return replace(answer, parts=tuple(parts), stop="length", usage=replace(usage, output=request.max_tokens))


def _words(part: Part) -> str:
    if isinstance(part, (Text, Thinking)):
        return part.text
    return part.arguments if isinstance(part, ToolCall) else ""


def _cut(part: Part, left: int) -> Part:
    if isinstance(part, (Text, Thinking)):
        return replace(part, text=part.text[:left])
    return replace(part, arguments=part.arguments[:left]) if isinstance(part, ToolCall) else part
