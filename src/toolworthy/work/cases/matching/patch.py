"""Apply a patch to texts in memory: Codex's format, or a unified diff.

Codex's format, with the tolerance of its own tool:

    *** Begin Patch
    *** Update File: src/a.py
    *** Move to: src/b.py
    @@ def f():
     an unchanged line
    -a removed line
    +an added line
    *** End of File
    *** Add File: c.txt
    +its lines
    *** Delete File: d.txt
    *** End Patch

The search for unchanged and removed lines starts at the last change: as they are, then without trailing white space,
then without leading white space either, then with ASCII dashes, quotes and spaces instead of typographic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from toolworthy.base.paths import relative
from toolworthy.work.cases.matching import unified
from toolworthy.work.cases.matching.unified import PatchError

__all__ = ["PatchError", "apply"]

_BEGIN, _END, _LAST = "*** Begin Patch", "*** End Patch", "*** End of File"
_ADD, _UPDATE, _DELETE, _MOVE = "*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "
_PLAIN = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u201a\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f", '"')
    | dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
)
_WAYS: tuple[Callable[[str], str], ...] = (
    lambda line: line,
    str.rstrip,
    str.strip,
    lambda line: line.strip().translate(_PLAIN),
)


@dataclass
class _Chunk:
    """One ``@@``: lines and their replacement."""

    context: str = ""
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    at_end: bool = False


def apply(files: Mapping[str, str], patch: str) -> dict[str, str | None]:
    """The files that `patch` changes, by path: their new text, None for a deleted file.

    Args:
        files: the texts by path, relative to the root of the workspace.
        patch: what the model wrote; its beginning determines the format.

    Raises:
        PatchError: it cannot be parsed, or does not fit the files.
    """
    known = {relative(path): text for path, text in files.items()}
    lines = _unwrapped(patch.strip().split("\n"))
    if lines[0].strip() != _BEGIN:
        return unified.apply(known, patch)
    if lines[-1].strip() != _END:
        raise PatchError(f"the last line of the patch is not {_END!r}")
    changed: dict[str, str | None] = {}
    at = 1
    while at < len(lines) - 1:
        at = _one_file(lines[:-1], at, known, changed)
    return changed


def _unwrapped(lines: list[str]) -> list[str]:
    """Remove the delimiters of a here-document, which some models include."""
    lines = [line.removesuffix("\r") for line in lines]
    if lines[0] in ("<<EOF", "<<'EOF'", '<<"EOF"') and lines[-1].endswith("EOF") and len(lines) >= 4:
        return lines[1:-1]
    return lines


def _one_file(lines: Sequence[str], at: int, known: dict[str, str], changed: dict[str, str | None]) -> int:
    """Apply the section of one header and return the line after it. Updates `known` for the next section."""
    header = lines[at].strip()
    if header.startswith(_ADD):
        path, at = relative(header.removeprefix(_ADD)), at + 1
        start = at
        while at < len(lines) and lines[at].startswith("+"):
            at += 1
        known[path] = changed[path] = "".join(line[1:] + "\n" for line in lines[start:at])
        return at
    if header.startswith(_DELETE):
        path = _existing(header.removeprefix(_DELETE), known)
        del known[path]
        changed[path] = None
        return at + 1
    if not header.startswith(_UPDATE):
        raise PatchError(f"line {at + 1} of the patch is not a file header: {header[:80]!r}")
    path = _existing(header.removeprefix(_UPDATE), known)
    moved, at = path, at + 1
    if at < len(lines) and lines[at].startswith(_MOVE):
        moved, at = relative(lines[at].removeprefix(_MOVE).strip()), at + 1
    chunks, at = _chunks(lines, at)
    if not chunks:
        raise PatchError(f"the update of {path} is empty")
    text = _updated(path, known.pop(path), chunks)
    changed[path] = None
    known[moved] = changed[moved] = text
    return at


def _existing(name: str, known: Mapping[str, str]) -> str:
    path = relative(name.strip())
    if path not in known:
        raise PatchError(f"there is no file {path}")
    return path


# ---- reading the chunks ----------------------------------------------------------------------------------------------


def _chunks(lines: Sequence[str], at: int) -> tuple[list[_Chunk], int]:
    """The chunks of one update, and the line after them. Only the first may lack ``@@``."""
    chunks: list[_Chunk] = []
    while at < len(lines) and not lines[at].startswith("*"):
        if not lines[at].strip():
            at += 1
            continue
        chunk = _Chunk()
        if lines[at] == "@@" or lines[at].startswith("@@ "):
            chunk.context, at = lines[at][3:], at + 1
        elif chunks:
            raise PatchError(f"line {at + 1} of the patch should begin with @@: {lines[at][:80]!r}")
        start = at
        at = _fill(chunk, lines, at)
        if at == start:
            raise PatchError(f"line {at + 1} of the patch should begin with a blank, + or -")
        chunks.append(chunk)
    return chunks, at


def _fill(chunk: _Chunk, lines: Sequence[str], at: int) -> int:
    """Read the lines of one chunk into it and return the line after them."""
    start = at
    while at < len(lines):
        line = lines[at]
        if line == _LAST and at > start:
            chunk.at_end = True
            return at + 1
        if line[:1] not in ("", " ", "+", "-"):
            break
        if line[:1] != "+":
            chunk.old.append(line[1:])
        if line[:1] != "-":
            chunk.new.append(line[1:])
        at += 1
    return at


# ---- finding the place -----------------------------------------------------------------------------------------------


def _updated(path: str, text: str, chunks: Sequence[_Chunk]) -> str:
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    edits: list[tuple[int, int, list[str]]] = []
    at = 0
    for chunk in chunks:
        if chunk.context:
            context_line = _seek(lines, [chunk.context], at, at_end=False)
            if context_line is None:
                raise PatchError(f"{path} has no line {chunk.context[:80]!r} where one is wanted")
            at = context_line + 1
        if not chunk.old:
            # Without a place: at the end, but before an empty last line.
            end = len(lines) - 1 if lines and lines[-1] == "" else len(lines)
            edits.append((end, 0, chunk.new))
            continue
        start, old, new = _place(path, lines, chunk, at)
        edits.append((start, old, new))
        at = start + old
    # Backwards, so that positions stay valid; of two at the same position, the later is inserted first.
    edits.sort(key=lambda edit: edit[0])
    for start, old, new in reversed(edits):
        lines[start : start + old] = new
    if not lines or lines[-1] != "":
        lines.append("")
    return "\n".join(lines)


def _place(path: str, lines: Sequence[str], chunk: _Chunk, at: int) -> tuple[int, int, list[str]]:
    """Where a chunk begins, how many lines it replaces, and the new lines."""
    old, new = chunk.old, chunk.new
    first = _seek(lines, old, at, chunk.at_end)
    if first is None and old[-1] == "":
        # The empty string after the last line break is not a line of the file.
        old = old[:-1]
        new = new[:-1] if new and new[-1] == "" else new
        first = _seek(lines, old, at, chunk.at_end)
    if first is None:
        raise PatchError(f"{path} has not the lines that the patch expects, from {chunk.old[0][:80]!r} on")
    return first, len(old), new


def _seek(lines: Sequence[str], wanted: Sequence[str], start: int, at_end: bool) -> int | None:
    """The first line from `start` on where `wanted` matches, in the strictest way that matches anywhere."""
    if not wanted:
        return start
    last = len(lines) - len(wanted)
    first = last if at_end else start
    for way in _WAYS:
        plain, sought = [way(line) for line in lines], [way(line) for line in wanted]
        for at in range(max(first, 0), last + 1):
            if plain[at : at + len(sought)] == sought:
                return at
    return None
