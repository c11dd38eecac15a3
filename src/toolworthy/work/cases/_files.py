"""The files of a case: what a reading tool returns, and what an editing tool changes."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.base.paths import ROOT
from toolworthy.content.toolset import Operation
from toolworthy.work.cases.matching import patch, shell, unified

LOOKS = ("read", "search", "find", "list", "view")


class EditRefused(Exception):
    """A change that the tool would reject; the message says why."""


def relative(path: str, folder: str = ROOT) -> str:
    """`path`, as seen from `folder`, as the files' keys have it."""
    inside = posixpath.normpath(posixpath.join(ROOT, folder, path))
    return inside.removeprefix(ROOT).lstrip("/") if inside == ROOT or inside.startswith(f"{ROOT}/") else inside


def folder_of(operation: Operation) -> str:
    """The absolute path that an operation works in."""
    return posixpath.normpath(posixpath.join(ROOT, str(operation.scope.get("folder") or "")))


def looks(operation: Operation) -> bool:
    """Whether it is certainly read-only."""
    if operation.action == "run":
        command = operation.values[0].get("command", "")
        return bool(shell.reads(command) or shell.searches(command) or shell.finds(command))
    return operation.action in LOOKS


# ---- what a tool says ----------------------------------------------------------------------------------------------


def answer_from(operation: Operation, files: Mapping[str, str], shift: int = 0) -> str | None:
    """What a tool says that looks at the files; None where that is not known.

    Args:
        operation: what is done.
        files: what lies there.
        shift: 1 where the tool counts lines from 0.
    """
    value = operation.values[0]
    match operation.action:
        case "read":
            return _lines_of(value["path"], files, *_span(operation, shift))
        case "list":
            return "\n".join(_most(operation, _listed(relative(value["path"]), files))) or "empty"
        case "find":
            return "\n".join(_most(operation, _named(operation, files))) or "no files"
        case "search":
            return "\n".join(_most(operation, _searched(operation, files))) or "no matches"
        case "run":
            return _output_of(value["command"], files) if folder_of(operation) == ROOT else None
        case _:
            return None


def _most(operation: Operation, lines: list[str]) -> list[str]:
    """As many of the lines as the call wants to see."""
    most = _whole(operation.scope.get("most"))
    return lines if most is None or most <= 0 else lines[:most]


def _listed(folder: str, files: Mapping[str, str]) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    return sorted({path.removeprefix(prefix).partition("/")[0] for path in files if path.startswith(prefix)})


def _within(folder: str, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Files in a folder, or the one file, with their paths from there."""
    for path in sorted(files):
        if path == folder:
            yield path, path.rpartition("/")[2]
        elif not folder or path.startswith(f"{folder}/"):
            yield path, path[len(folder) + 1 :] if folder else path


def _named(operation: Operation, files: Mapping[str, str]) -> list[str]:
    pattern = operation.values[0]["pattern"]
    folder = relative(str(operation.scope.get("folder") or ""))
    if pattern.startswith(f"{ROOT}/"):
        pattern, folder = pattern.removeprefix(f"{ROOT}/"), ""
    return [path for path, inside in _within(folder, files) if glob_matches(pattern, inside)]


def _searched(operation: Operation, files: Mapping[str, str]) -> list[str]:
    folder, names = relative(str(operation.scope.get("folder") or "")), operation.scope.get("names")
    texts = {
        path: files[path] for path, inside in _within(folder, files) if not names or glob_matches(str(names), inside)
    }
    return _found(operation.values[0]["pattern"], texts, ignore_case=operation.scope.get("ignore_case") is True)


def _output_of(command: str, files: Mapping[str, str]) -> str | None:
    """What a command that only looks says, where that is sure."""
    if shown := shell.reads(command):
        return "".join(_lines_of(part.path, files, part.first, part.last) for part in shown)
    if sought := shell.searches(command):
        hits = _found(sought.pattern, files, fixed=sought.fixed, ignore_case=sought.ignore_case)
        return "\n".join(hits) or "no matches"
    if find := shell.finds(command):
        named = [path for path in sorted(files) if any(glob_matches(pattern, path) for pattern in globs(find))]
        return "\n".join(named) or "no files"
    return None


def _span(operation: Operation, shift: int) -> tuple[int, int | None]:
    """First and last line that a read tool was asked for; None: to the end."""
    given, count = _whole(operation.scope.get("first")), _whole(operation.scope.get("most"))
    first = 1 if given is None else max(given + shift, 1) if given >= 0 else given
    return first, None if count is None else first + count - 1


def _whole(value: object) -> int | None:
    """A number of lines; None where it is none."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return value if isinstance(value, int) else None


def _lines_of(path: str, files: Mapping[str, str], first: int = 1, last: int | None = None) -> str:
    text = files.get(relative(path))
    if text is None:
        return f"Error: {path}: no such file"
    lines = text.splitlines(keepends=True)
    begin, end = (number + len(lines) + 1 if number < 0 else number for number in (first, last or len(lines)))
    return "".join(lines[max(begin - 1, 0) : max(end, 0)])


def _found(pattern: str, files: Mapping[str, str], *, fixed: bool = False, ignore_case: bool = False) -> list[str]:
    wanted = compiled(pattern, fixed=fixed, ignore_case=ignore_case)
    if wanted is None:
        return [f"Error: {pattern!r} is not a regular expression"]
    return [
        f"{path}:{number}:{line}"
        for path, text in sorted(files.items())
        for number, line in enumerate(text.splitlines(), 1)
        if wanted.search(line)
    ]


def globs(find: shell.Find) -> tuple[str, ...]:
    """What a shell command finds, as globs from the working directory."""
    starts = [relative(start) for start in find.starts]
    if not find.recursive:
        return tuple(f"{start}/{name}".lstrip("/") for start in starts for name in find.names or ("*",))
    whole = [name.removeprefix("./") for name in find.names if "/" in name]
    names = [name for name in find.names if "/" not in name] or ([] if whole else ["*"])
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


# ---- what a tool leaves ----------------------------------------------------------------------------------------------


def changed(files: Mapping[str, str], operation: Operation) -> dict[str, str] | None:
    """The files after `operation`; None where only running it can tell.

    Raises:
        Failed: the tool would refuse it.
    """
    out = dict(files)
    match operation.action:
        case "write":
            out[relative(operation.values[0]["path"])] = operation.values[0]["content"]
        case "edit":
            for values in operation.values:
                _edit(out, values, operation.scope)
        case "patch":
            _patch(out, operation.values[0]["patch"])
        case "run":
            return _run(out, operation.values[0]["command"], folder_of(operation))
        case _:
            pass
    return out


def _edit(files: dict[str, str], values: Mapping[str, str], scope: Mapping[str, Any]) -> None:
    path, old, new = relative(values["path"]), values["old"], values["new"]
    if path not in files:
        raise EditRefused(f"{path} does not exist")
    parts = files[path].split(old) if old else [files[path]]
    which = _whole(scope.get("which"))
    if len(parts) > 1 and (len(parts) == 2 or scope.get("everywhere") is True):
        files[path] = new.join(parts)
    elif which is not None and 0 < which < len(parts):
        files[path] = new.join((old.join(parts[:which]), old.join(parts[which:])))
    else:
        raise EditRefused(f"the old text stands {len(parts) - 1} times in {path}")


def _patch(files: dict[str, str], text: str, kind: str = "codex") -> None:
    try:
        result = (patch if kind == "codex" else unified).apply(files, text)
    except unified.PatchError as error:
        raise EditRefused(str(error)) from error
    for path, content in result.items():
        if content is None:
            files.pop(relative(path), None)
        else:
            files[relative(path)] = content


def _run(files: dict[str, str], command: str, folder: str) -> dict[str, str] | None:
    """What a command writes, where that is all it does."""
    if folder != ROOT:
        return None
    if patched := shell.patches(command):
        _patch(files, patched[1], patched[0])
        return files
    others = [part for part in shell.parse(command) or () if part.argv[:1] != ("mkdir",)]
    if len(others) != 1 or not (written := shell.writes(command)):
        return None
    for file in written:
        where = relative(file.path)
        files[where] = files.get(where, "") * file.append + file.content
    return files
