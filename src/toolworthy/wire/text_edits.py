"""Edits that a model writes as text: SEARCH/REPLACE blocks, for agents that offer no tools.

The form is Aider's ``diff``: https://aider.chat/docs/more/edit-formats.html. A block is a path alone on a line, a code
fence, and three marks around the old and the new lines; an empty old part creates a file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from toolworthy.wire.ir import Request

_ASKED = re.compile(r"SEARCH/REPLACE", re.IGNORECASE)
_MARK = re.compile(r"^(?:(<{5,9} SEARCH>?)|(={5,9})|(>{5,9} REPLACE))[ \t]*$", re.MULTILINE)
_OPENING = re.compile(r"<{5,9} SEARCH>?")
_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\S*\s*$")
_NAMES = 3
"""How many lines before a block may contain its path."""

Problem = Literal["", "no path", "no end"]
"""What is missing in a block."""


@dataclass(frozen=True)
class TextEdit:
    """One edit, as it was written."""

    path: str
    """Relative to the workspace; "" if none is given."""
    old: str
    """"" for a new file, or to add at the end."""
    new: str
    problem: Problem = ""


def wants_text_edits(request: Request) -> bool:
    """Whether a request offers no tools and asks for SEARCH/REPLACE blocks instead."""
    if request.tools:
        return False
    return any(message.role == "system" and _ASKED.search(message.text) for message in request.messages)


def written(edit: TextEdit) -> str:
    """The edit as text."""
    fence = "```"
    while fence in edit.old + edit.new:
        fence += "`"
    return (
        f"{edit.path}\n{fence}\n<<<<<<< SEARCH\n{_whole(edit.old)}=======\n{_whole(edit.new)}>>>>>>> REPLACE\n{fence}\n"
    )


def _whole(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def read_text_edits(text: str) -> tuple[TextEdit, ...]:
    """The edits that a response holds, well-formed or not, in order."""
    edits: list[TextEdit] = []
    lines = text.splitlines(keepends=True)
    at, path = 0, ""
    while at < len(lines):
        if _kind(lines[at]) != "search":
            at += 1
            continue
        path = _path(lines[max(0, at - _NAMES) : at]) or path
        divider = _next(lines, at + 1, "divider")
        end = _next(lines, divider + 1, "replace")
        if end >= len(lines):
            edits.append(TextEdit(path, "", "", "no end"))
            at += 1
            continue
        old, new = "".join(lines[at + 1 : divider]), "".join(lines[divider + 1 : end])
        edits.append(TextEdit(path, old, new, "" if path else "no path"))
        at = end + 1
    return tuple(edits)


def _kind(line: str) -> str:
    match = _MARK.fullmatch(line.rstrip("\r\n"))
    return ("search", "divider", "replace")[match.lastindex - 1] if match and match.lastindex else ""


def _next(lines: list[str], start: int, kind: str) -> int:
    """Index of the next line of that kind before another block begins; else the number of lines."""
    for at in range(start, len(lines)):
        if _kind(lines[at]) == kind:
            return at
        if _kind(lines[at]) == "search":
            break
    return len(lines)


def _path(before: list[str]) -> str:
    """The path in the lines right before a block, nearest first; empty if another block ends in between."""
    for line in reversed(before):
        if _kind(line) == "replace":
            break
        if not _FENCE.match(line) and (name := line.strip().strip("*`#:").strip()):
            return name
    return ""
