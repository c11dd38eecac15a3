"""Check whether the output of a call contains what a case requires."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from toolworthy.work.cases._files import relative
from toolworthy.work.cases.model import Want

_SLACK = 5
"""Lines beyond the wanted ones that may be shown, if half of the wanted are not more."""


def lacks(want: Want, output: str, files: Mapping[str, str]) -> str:
    """The faults of an output: missing or surplus content; empty if it is right.

    Args:
        want: something that is to be looked at.
        output: what was shown.
        files: what lies in the working directory.
    """
    shown = output.splitlines()
    match want.do:
        case "read":
            return _lacks_lines(want, shown, files)
        case "list":
            return _lacks_names(want, output, files)
        case "search":
            return _lacks_hits(want, shown, files)
        case "find":
            return _lacks_paths(want, shown)
        case _:
            return _lacks_patterns(want, output)


def _lacks_lines(want: Want, shown: Sequence[str], files: Mapping[str, str]) -> str:
    path = relative(want.path or "")
    if path not in files:
        return f"{want.path} is not there"
    whole = files[path].splitlines()
    first, last = (number + len(whole) + 1 if number < 0 else number for number in want.lines or (1, len(whole)))
    at = 0
    for number, line in enumerate(whole[first - 1 : last], first):
        if not line.strip():
            continue
        # Some readers mark the end of a line with "$".
        while at < len(shown) and not shown[at].endswith((line, f"{line}$")):
            at += 1
        if at == len(shown):
            return f"line {number} of {want.path} is not shown: {line[:100]!r}"
        at += 1
    much = len([line for line in shown if line.strip()]) - (last - first + 1)
    if want.lines and much > max(_SLACK, (last - first + 1) // 2):
        return f"{much} lines more than lines {first} to {last} are shown"
    return ""


def _lacks_names(want: Want, output: str, files: Mapping[str, str]) -> str:
    folder = relative(want.path or "")
    prefix = f"{folder}/" if folder else ""
    names = {path.removeprefix(prefix).partition("/")[0] for path in files if path.startswith(prefix)}
    lost = sorted(name for name in names if not name.startswith(".") and not _entry(name, output))
    return f"{', '.join(lost)} of {want.path} is not shown" if lost else ""


def _entry(name: str, output: str) -> bool:
    """Whether a name is there as that of a file or folder, not as part of a path that goes on."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}[/*@|=]?(?=$|[\s'\",\])])", output, re.MULTILINE) is not None


def _named(name: str, output: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", output) is not None


def _lacks_hits(want: Want, shown: Sequence[str], files: Mapping[str, str]) -> str:
    """Each line must be shown, or where that is enough the name of its file; no line that was not sought."""
    for line in want.hits:
        places = [path for path, text in files.items() if line in text.splitlines()]
        if any(hit.endswith(line) for hit in shown):
            continue
        if not want.names or not places or not all(any(_named(path, hit) for hit in shown) for path in places):
            return f"{line!r} is not found"
    # What is around a hit ("-3-text") is not a hit.
    caught = [line for line in want.misses for hit in shown if re.search(rf"(^|:|\t){re.escape(line)}$", hit)]
    return f"{caught[0]!r} is found, too" if caught else ""


def _lacks_paths(want: Want, shown: Sequence[str]) -> str:
    text = "\n".join(shown)
    lost = [path for path in want.hits if not _named(path, text) and not _named(path.rpartition("/")[2], text)]
    caught = [path for path in want.misses if _named(path.rpartition("/")[2], text)]
    if lost:
        return f"{lost[0]} is not found"
    return f"{caught[0]} is found, too" if caught else ""


def _lacks_patterns(want: Want, output: str) -> str:
    """Of a command that only shows something: what must be shown, and what must not."""
    lost = [pattern for pattern in want.shows if not re.search(pattern, output, re.MULTILINE)]
    caught = [pattern for pattern in want.hides if re.search(pattern, output, re.MULTILINE)]
    if lost:
        return f"{lost[0]!r} is not shown"
    return f"{caught[0]!r} is shown, too" if caught else ""


def same_output(wanted: str, given: str) -> bool:
    """Whether each line that one command shows is shown by another as well, be it with more words, and few others."""
    lines = [line.split() for line in wanted.splitlines() if line.strip()]
    shown = [line.split() for line in given.splitlines() if line.strip()]
    at = 0
    for line in lines:
        while at < len(shown) and not _within(line, shown[at]):
            at += 1
        if at == len(shown):
            return False
        at += 1
    return bool(lines) and len(shown) <= 2 * len(lines) + _SLACK


def shows_any(wanted: str, given: str) -> bool:
    """Whether any line that one command shows is shown by another as well."""
    shown = [line.split() for line in given.splitlines()]
    return any(_within(line.split(), other) for line in wanted.splitlines() if line.strip() for other in shown)


def _within(words: Sequence[str], line: Sequence[str]) -> bool:
    rest = iter(line)
    return all(word in rest for word in words)
