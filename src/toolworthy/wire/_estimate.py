"""About how many tokens a request has, for a client that wants to know before the endpoint has counted."""

from __future__ import annotations

from toolworthy.wire import ir
from toolworthy.wire.lenient import dump_json

_CHARACTERS = 4
"""Characters of one token, about."""


def input_tokens(request: ir.Request) -> int:
    """Tokens of a request's messages and tools, about; at least 1. Pictures are not counted."""
    written = sum(_size(part) for message in request.messages for part in message.parts)
    offered = sum(
        len(tool.flat_name) + len(tool.description) + len(dump_json(tool.parameters or {})) for tool in request.tools
    )
    return max(1, (written + offered) // _CHARACTERS)


def _size(part: ir.Part) -> int:
    match part:
        case ir.Text() | ir.Thinking():
            return len(part.text)
        case ir.ToolCall():
            return len(part.name) + len(part.arguments)
        case ir.ToolResult():
            return sum(map(_size, part.content))
        case _:
            return 0
