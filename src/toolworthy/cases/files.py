"""A case's files: what they tell a tool that looks, and what they are after a tool that changes them."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Awaitable, Callable, Mapping

from toolworthy.matching import patch, shell, unified
from toolworthy.vocabulary import ROOT, Deed

Execute = Callable[[Mapping[str, str], str], Awaitable[dict[str, str]]]
"""Runs a shell command over files, inside the sandbox; the files afterwards."""
LOOKS = ("read", "search", "find", "list")


class Failed(Exception):
    """A change that the tool would refuse; the message says why."""


class Undecided(Exception):
    """What a command does can only be seen by running it, and there is no sandbox."""


def relative(path: str) -> str:
    """`path` as the files' keys have it."""
    inside = posixpath.normpath(posixpath.join(ROOT, path))
    return inside.removeprefix(ROOT).lstrip("/") if inside == ROOT or inside.startswith(f"{ROOT}/") else inside


def looks(deed: Deed) -> bool:
    """Whether it does no more than show something."""
    if deed.action == "run":
        command = deed.values[0].get("command", "")
        return bool(shell.reads(command) or shell.searches(command) or shell.finds(command))
    return deed.action in LOOKS


def answer_from(deed: Deed, files: Mapping[str, str]) -> str | None:
    """What a tool says that looks at the files; None where that is not known."""
    value = deed.values[0]
    match deed.action:
        case "read":
            return _shown(value["path"], files, *span(deed))
        case "list":
            inside = relative(value["path"])
            prefix = f"{inside}/" if inside else ""
            found = {path.removeprefix(prefix).partition("/")[0] for path in files if path.startswith(prefix)}
            return "\n".join(sorted(found)) or "empty"
        case "find":
            return "\n".join(path for path in sorted(files) if glob_matches(value["pattern"], path)) or "no files"
        case "search":
            return "\n".join(_found(value["pattern"], files)) or "no matches"
        case "run":
            return _told(value["command"], files)
        case _:
            return None


def _told(command: str, files: Mapping[str, str]) -> str | None:
    """What a command that only looks says."""
    if shown := shell.reads(command):
        return "".join(_shown(part.path, files, part.first, part.last) for part in shown)
    if sought := shell.searches(command):
        hits = _found(sought.pattern, files, fixed=sought.fixed, ignore_case=sought.ignore_case)
        return "\n".join(hits) or "no matches"
    if found := shell.finds(command):
        named = [path for path in sorted(files) if any(glob_matches(pattern, path) for pattern in globs(found))]
        return "\n".join(named) or "no files"
    return None


def span(deed: Deed) -> tuple[int, int | None]:
    """First and last line that a read tool was asked for; None: to the end."""
    first, count = _whole(deed.extra.get("offset")) or 1, _whole(deed.extra.get("limit"))
    return first, None if count is None else first + count - 1


def _whole(value: object) -> int | None:
    """A number of lines; None where it is none."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _shown(path: str, files: Mapping[str, str], first: int = 1, last: int | None = None) -> str:
    text = files.get(relative(path))
    if text is None:
        return f"Error: {path}: no such file"
    lines = text.splitlines(keepends=True)
    begin, end = (number + len(lines) + 1 if number < 0 else number for number in (first, last or len(lines)))
    return "".join(lines[max(begin - 1, 0) : max(end, 0)])


def _found(pattern: str, files: Mapping[str, str], *, fixed: bool = False, ignore_case: bool = False) -> list[str]:
    wanted = compiled(pattern, fixed=fixed, ignore_case=ignore_case)
    if wanted is None:
        return [f"Error: {pattern!r} is no regular expression"]
    return [
        f"{path}:{number}:{line}"
        for path, text in sorted(files.items())
        for number, line in enumerate(text.splitlines(), 1)
        if wanted.search(line)
    ]


def globs(found: shell.Find) -> tuple[str, ...]:
    """What a shell command finds, as globs from the working directory."""
    starts = [relative(start) for start in found.starts]
    if not found.recursive:
        return tuple(f"{start}/{name}".lstrip("/") for start in starts for name in found.names or ("*",))
    whole = [name.removeprefix("./") for name in found.names if "/" in name]
    names = [name for name in found.names if "/" not in name] or ([] if whole else ["*"])
    deep = [f"{start}/**/" if start else "**/" for start in starts]
    return (*whole, *(f"{start}{name}" for start in deep for name in names))


def compiled(pattern: str, *, fixed: bool = False, ignore_case: bool = False) -> re.Pattern[str] | None:
    """A search tool's pattern; None where it is none."""
    try:
        return re.compile(re.escape(pattern) if fixed else pattern, re.IGNORECASE if ignore_case else 0)
    except re.error:
        return None


def glob_matches(pattern: str, path: str) -> bool:
    """Whether a glob, as agents' tools understand it, finds `path`: ``**`` any folders, braces alternatives."""
    pattern = pattern.removeprefix(f"{ROOT}/").removeprefix("./")
    if brace := re.search(r"\{([^{}]*)\}", pattern):
        return any(
            glob_matches(pattern[: brace.start()] + option + pattern[brace.end() :], path)
            for option in brace[1].split(",")
        )
    if "/" not in pattern:
        return fnmatch.fnmatchcase(path.rpartition("/")[2], pattern)
    loose = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(loose.replace(r"\?", "[^/]"), path) is not None


async def changed(files: Mapping[str, str], deed: Deed, execute: Execute | None) -> dict[str, str]:
    """The files after `deed`.

    Raises:
        Failed: the tool would refuse it.
        Undecided: only a sandbox could tell.
    """
    out = dict(files)
    match deed.action:
        case "write":
            out[relative(deed.values[0]["path"])] = deed.values[0]["content"]
        case "edit":
            everywhere = any(deed.extra.get(name) is True for name in ("replace_all", "replaceAll"))
            for values in deed.values:
                _edit(out, values, everywhere)
        case "patch":
            _patch(out, deed.values[0]["patch"])
        case "run":
            return await _run(out, deed.values[0]["command"], execute)
        case _:
            pass
    return out


def _edit(files: dict[str, str], values: Mapping[str, str], everywhere: bool) -> None:
    path, old = relative(values["path"]), values["old"]
    if path not in files:
        raise Failed(f"{path} does not exist")
    count = files[path].count(old) if old else 0
    if count == 0 or (count > 1 and not everywhere):
        raise Failed(f"the old text stands {count} times in {path}")
    files[path] = files[path].replace(old, values["new"])


def _patch(files: dict[str, str], text: str, kind: str = "codex") -> None:
    try:
        result = (patch if kind == "codex" else unified).apply(files, text)
    except unified.PatchError as error:
        raise Failed(str(error)) from error
    for path, content in result.items():
        if content is None:
            files.pop(relative(path), None)
        else:
            files[relative(path)] = content


async def _run(files: dict[str, str], command: str, execute: Execute | None) -> dict[str, str]:
    if patched := shell.patches(command):
        _patch(files, patched[1], patched[0])
        return files
    others = [part for part in shell.parse(command) or () if part.argv[:1] != ("mkdir",)]
    if len(others) == 1 and (written := shell.writes(command)):
        for file in written:
            where = relative(file.path)
            files[where] = files.get(where, "") * file.append + file.content
        return files
    if execute is None:
        raise Undecided(f"only a sandbox can tell what this does: {command[:100]}")
    return await execute(files, command)
