"""Apply a unified diff to texts in memory, as ``git apply`` does: lines may have moved, but not changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from toolworthy.base.paths import relative

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class PatchError(Exception):
    """A patch cannot be parsed or does not fit; the message is one line."""


@dataclass
class _Hunk:
    start: int
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


@dataclass
class _Change:
    """The changes to one file; a path is None on the side where the file does not exist."""

    old: str | None = None
    new: str | None = None
    hunks: list[_Hunk] = field(default_factory=list)


def apply(files: Mapping[str, str], diff: str) -> dict[str, str | None]:
    """The files that `diff` changes, by path: their new text, None for a deleted file.

    Raises:
        PatchError: it is not a unified diff, or does not fit the files.
    """
    changes = _changes(diff.split("\n"))
    if not changes:
        raise PatchError("this is not a patch: it has neither '*** Begin Patch' nor '--- ' and '+++ '")
    known, changed = dict(files), dict[str, str | None]()
    for change in changes:
        if change.old is not None and change.old not in known:
            raise PatchError(f"there is no file {change.old}")
        text = known.pop(change.old) if change.old is not None else ""
        for hunk in reversed(_located(change, text)):
            text = _replaced(text, hunk)
        if change.old is not None:
            changed[change.old] = None
        if change.new is not None:
            known[change.new] = changed[change.new] = text
        elif text:
            raise PatchError(f"{change.old} is not empty after all its lines are deleted")
    return changed


def _changes(lines: Sequence[str]) -> list[_Change]:
    changes: list[_Change] = []
    at = 0
    while at < len(lines):
        line = lines[at].rstrip("\r")
        if line.startswith("rename from ") and at + 1 < len(lines) and lines[at + 1].startswith("rename to "):
            changes.append(_Change(relative(line[12:]), relative(lines[at + 1].rstrip("\r")[10:])))
            at += 2
        elif line.startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ "):
            change = _Change(_side(line[4:]), _side(lines[at + 1].rstrip("\r")[4:]))
            renamed = (
                bool(changes)
                and not changes[-1].hunks
                and (changes[-1].old, changes[-1].new) == (change.old, change.new)
            )
            if not renamed:
                changes.append(change)
            at += 2
        elif changes and (match := _HUNK.match(line)):
            hunk, at = _hunk(lines, at, match)
            changes[-1].hunks.append(hunk)
        else:
            at += 1
    return [change for change in changes if change.hunks or change.old != change.new]


def _side(name: str) -> str | None:
    """The path in a ``---`` or ``+++`` line, without git's ``a/`` or ``b/`` and without a date."""
    name = name.split("\t")[0].strip()
    return None if name == "/dev/null" else relative(name[2:] if name[:2] in ("a/", "b/") else name)


def _hunk(lines: Sequence[str], at: int, match: re.Match[str]) -> tuple[_Hunk, int]:
    """Parse a hunk, keeping line breaks. Its length must match its header."""
    olds, news = (int(count) if count is not None else 1 for count in (match[2], match[4]))
    hunk = _Hunk(int(match[1]))
    at += 1
    while at < len(lines) and (len(hunk.old) < olds or len(hunk.new) < news or lines[at].startswith("\\")):
        mark, text = lines[at][:1], lines[at][1:] + "\n"
        if mark == "\\":
            _cut_newline(hunk, lines[at - 1][:1])
        elif mark not in ("", " ", "+", "-", "\r"):
            break
        else:
            if mark != "+":
                hunk.old.append(text)
            if mark != "-":
                hunk.new.append(text)
        at += 1
    if (len(hunk.old), len(hunk.new)) != (olds, news):
        raise PatchError(f"a hunk is not as long as its header says: {match[0]}")
    return hunk, at


def _cut_newline(hunk: _Hunk, mark: str) -> None:
    for side, other in ((hunk.old, "+"), (hunk.new, "-")):
        if mark != other and side:
            side[-1] = side[-1].removesuffix("\n")


def _located(change: _Change, text: str) -> list[tuple[int, _Hunk]]:
    """Where each hunk fits: nearest to the line that it names, after the previous hunk."""
    lines = _LINE.findall(text)
    located: list[tuple[int, _Hunk]] = []
    least = 0
    for hunk in change.hunks:
        wanted = hunk.start - 1 if hunk.old else hunk.start
        places = range(least, len(lines) - len(hunk.old) + 1)
        fits = [at for at in places if lines[at : at + len(hunk.old)] == hunk.old]
        if not hunk.old:
            fits = [at for at in fits if at == wanted]
        if not fits:
            raise PatchError(f"a hunk does not fit {change.old or change.new} near line {hunk.start}")
        at = min(fits, key=lambda place: abs(place - wanted))
        located.append((at, hunk))
        least = at + len(hunk.old)
    return located


def _replaced(text: str, located: tuple[int, _Hunk]) -> str:
    at, hunk = located
    lines = _LINE.findall(text)
    lines[at : at + len(hunk.old)] = hunk.new
    return "".join(lines)
