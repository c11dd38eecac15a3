"""What probes show to a model: tools, and orders in words that every model understands."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from toolworthy.wire.ir import Message, Text, Thinking, Tool, ToolCall, ToolResult


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    """An object schema; a property given as a string is of that type."""
    made = {name: {"type": value} if isinstance(value, str) else value for name, value in properties.items()}
    return {"type": "object", "properties": made, "required": list(required)}


WRITE = Tool("write_file", "Write a file.", schema("path", "content", path="string", content="string"))
READ = Tool("read_file", "Read a file.", schema("path", path="string"))
LIST = Tool("list_files", "List the files of the workspace.", schema())
TOOLS = (READ, WRITE, LIST)

SOURCE = (
    'def area(width: float, height: float) -> float:\n    """In m², for r"\\d+" & <b>bold</b>."""\n'
    "    if width < 0 or height < 0:\n\t\traise ValueError(f'no {width} × {height}')\n    return width * height\n"
)
"""Source text with what breaks parsers: quotes, backslashes, braces, markup, tabs, characters beyond ASCII."""


def picture(red: int, green: int, blue: int) -> str:
    """A PNG of one colour, 32 pixels wide, as a data URL."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((red, green, blue)) * 32) * 32
    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


BLUE = picture(0, 0, 255)

CODE_WORD = "kestrel-47"
CODE = f"The code word is {CODE_WORD}."
ASK_CODE = "Reply with nothing but the code word that you were told."


def orders(wanted: Sequence[tuple[str, Any]], say: str = "") -> str:
    """An order to make these calls, in this order."""
    lines = [*([f"First write exactly: {say}"] if say else []), *_each(wanted)]
    if len(wanted) > 1:
        lines.append("Make these calls at once, in parallel, in one answer.")
    return "\n".join([*lines, "When you have the result, reply with exactly: done"])


def sequence(wanted: Sequence[tuple[str, Any]]) -> str:
    """An order to make these calls one by one, each once the result of the one before is there."""
    first = "Make these calls one after the other, one in each answer, and wait for its result before the next one:"
    return "\n".join([first, *_each(wanted), "When you have the last result, reply with exactly: done"])


def _each(wanted: Sequence[tuple[str, Any]]) -> list[str]:
    written = [(name, json.dumps(arguments, ensure_ascii=False)) for name, arguments in wanted]
    return [f"Call the tool `{name}` with exactly these arguments: {arguments}" for name, arguments in written]


INVENTED = Thinking("I should look first.", "reasoning_content")
"""Reasoning of a turn that no model made. Only an endpoint that refuses turns without any gets it."""


def called(*calls: tuple[str, str, Any], text: str = "") -> Message:
    """What an assistant said that made these calls: (id, name, arguments)."""
    opening = (INVENTED, Text(text)) if text else (INVENTED,)
    made = tuple(ToolCall(call_id, name, json.dumps(value, ensure_ascii=False)) for call_id, name, value in calls)
    return Message("assistant", (*opening, *made))


def results(*given: tuple[str, str], error: bool = False) -> Message:
    """What the tools answered: (call id, text)."""
    return Message("tool", tuple(ToolResult(call_id, (Text(text),), is_error=error) for call_id, text in given))
