"""One call beside one want: the same deed, by whatever tool?"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from toolworthy.cases.files import compiled, glob_matches, globs, relative, span
from toolworthy.cases.model import Want
from toolworthy.cases.render import Scene
from toolworthy.cases.result import MissKind
from toolworthy.matching import shell
from toolworthy.matching.values import compare
from toolworthy.vocabulary import Deed
from toolworthy.wire.ir import ToolCall

_SLACK = 40
"""Lines beyond the wanted ones that may be shown."""


@dataclass(frozen=True)
class Found:
    """A call, read."""

    call: ToolCall
    arguments: Any
    """None where they cannot be read or the tool is unknown."""
    deed: Deed | None
    unknown: bool = False

    @property
    def words(self) -> str:
        """The call as it is shown to people."""
        return f"{self.call.name}({self.call.arguments[:1_000]})"


@dataclass(frozen=True)
class Trouble:
    """What is amiss with one call."""

    kind: MissKind
    detail: str


def trouble_with(scene: Scene, want: Want, found: Found, *, lenient: bool) -> list[Trouble]:
    """All that is amiss with a call, measured by one want; nothing where it is right."""
    if want.tool is not None:
        if found.call.name != scene.names[want.tool]:
            return [Trouble("wrong tool", f"{found.call.name} instead of {scene.names[want.tool]}")]
        mismatch = compare(want.arguments, found.arguments, lenient=lenient)
        return [] if mismatch is None else [Trouble(mismatch.kind, _said(mismatch))]
    if found.deed is None:
        return [Trouble("wrong tool", f"{found.call.name} cannot {want.do}")]
    if want.do == "read":
        return list(_read(want, found.deed, scene.files.get(relative(want.path or ""))))
    return list(_deeds[want.do](want, found.deed)) if want.do in _deeds else [Trouble("wrong tool", "")]


def _said(mismatch: Any) -> str:
    where = mismatch.path or "the arguments"
    if mismatch.kind == "missing argument":
        return f"{where} is missing"
    if mismatch.kind == "extra argument":
        return f"{where} was not asked for: {mismatch.given!r}"
    return f"{where}: {mismatch.given!r} instead of {mismatch.wanted!r}"[:500]


def _other(want: Want, deed: Deed) -> Trouble:
    return Trouble("wrong tool", f"{deed.action} instead of {want.do}")


def _run(want: Want, deed: Deed) -> Iterator[Trouble]:
    if deed.action != "run":
        yield _other(want, deed)
        return
    given = deed.values[0]["command"]
    if not any(shell.same_command(command, given) for command in want.command):
        yield Trouble("wrong argument", f"`{given[:300]}` instead of `{want.command[0]}`")


def _read(want: Want, deed: Deed, text: str | None) -> Iterator[Trouble]:
    count = None if text is None else len(text.splitlines())
    shown = list(_shown(deed))
    if not shown:
        yield _other(want, deed)
        return
    wanted = relative(want.path or "")
    parts = [part for part in shown if relative(part[0]) == wanted]
    if not parts:
        yield Trouble("wrong argument", f"{shown[0][0]} instead of {want.path}")
    elif want.lines and not any(_covers(want.lines, first, last, count) for _, first, last in parts):
        first, last = parts[0][1:]
        yield Trouble("wrong argument", f"lines {first or 1} to {last or 'the end'} instead of {want.lines}")


def _shown(deed: Deed) -> Iterator[tuple[str, int | None, int | None]]:
    """What is read: path, first and last line where told."""
    if deed.action == "run":
        for part in shell.reads(deed.values[0]["command"]):
            yield part.path, part.first, part.last
    elif deed.action == "read":
        yield deed.values[0]["path"], *span(deed)


def _covers(wanted: tuple[int, int], first: int | None, last: int | None, count: int | None) -> bool:
    """Whether these lines hold the wanted ones and not much beside. Tools count from 0 or from 1.

    Args:
        wanted: first and last line.
        first: the first line that is shown.
        last: the last one; None: to the end.
        count: how many lines the file has, if that is known.
    """
    if count is None and wanted[0] < 0:
        return first is not None and wanted[0] - _SLACK <= first <= wanted[0] if (first or 0) < 0 else False
    begin, end = _counted(first or 1, count), count if last is None else _counted(last, count)
    start, stop = _counted(wanted[0], count), _counted(wanted[1], count)
    if begin < 0:
        return False
    return start - _SLACK <= begin <= start + 1 and end is not None and stop - 1 <= end <= stop + _SLACK


def _counted(number: int, count: int | None) -> int:
    """A line's number from the beginning."""
    return number + count + 1 if number < 0 and count is not None else number


def _search(want: Want, deed: Deed) -> Iterator[Trouble]:
    if deed.action == "search":
        pattern = compiled(deed.values[0]["pattern"], ignore_case=deed.extra.get("-i") is True)
        text = deed.values[0]["pattern"]
    elif deed.action == "run" and (found := shell.searches(deed.values[0]["command"])):
        text, pattern = found.pattern, compiled(found.pattern, fixed=found.fixed, ignore_case=found.ignore_case)
    else:
        yield _other(want, deed)
        return
    if pattern is None:
        yield Trouble("wrong argument", f"{text!r} is no regular expression")
        return
    lost = [line for line in want.hits if not pattern.search(line)]
    caught = [line for line in want.misses if pattern.search(line)]
    if lost or caught or (not want.hits and text != want.pattern):
        yield Trouble("wrong argument", f"{text!r} {'misses' if lost else 'finds'} {(lost or caught or [''])[0]!r}")


def _find(want: Want, deed: Deed) -> Iterator[Trouble]:
    if deed.action == "find":
        patterns: tuple[str, ...] = (deed.values[0]["pattern"],)
    elif deed.action == "run" and (found := shell.finds(deed.values[0]["command"])):
        patterns = globs(found)
    else:
        yield _other(want, deed)
        return

    def hit(path: str) -> bool:
        return any(glob_matches(pattern, path) for pattern in patterns)

    lost = [path for path in want.hits if not hit(path)]
    caught = [path for path in want.misses if hit(path)]
    if lost or caught or (not want.hits and want.pattern not in patterns):
        yield Trouble("wrong argument", f"{patterns!r} {'misses' if lost else 'finds'} {(lost or caught or [''])[0]!r}")


def _list(want: Want, deed: Deed) -> Iterator[Trouble]:
    wanted = relative(want.path or "")
    if deed.action == "list":
        if relative(deed.values[0]["path"]) != wanted:
            yield Trouble("wrong argument", f"{deed.values[0]['path']} instead of {want.path}")
    elif deed.action == "run":
        path = want.path or "."
        options = ("", "-l ", "-a ", "-la ", "-A ", "-lA ", "-1 ", "-lah ", "-lh ")
        commands = [f"ls {option}{path}" for option in options] + (
            ["ls", "ls -la", "ls -l", "ls -a"] if not wanted else []
        )
        commands += [f"find {path} -mindepth 1 -maxdepth 1", f"find {path} -maxdepth 1"]
        if not any(shell.same_command(command, deed.values[0]["command"]) for command in commands):
            yield Trouble("wrong argument", f"`{deed.values[0]['command'][:300]}` does not list {want.path}")
    elif deed.action == "find":
        pattern = posixpath.join(str(deed.extra.get("path") or ""), deed.values[0]["pattern"])
        if relative(pattern.rstrip("*").rstrip("/") or ".") != wanted:
            yield Trouble("wrong argument", f"{pattern} does not list {want.path}")
    else:
        yield _other(want, deed)


_deeds = {"run": _run, "search": _search, "find": _find, "list": _list}
