"""Determine what a command line displays: lines of files, search results, names of files.

There is a result only if it is certain. A command line that also does something else has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from toolworthy.work.cases.matching._flow import FlowStep, steps
from toolworthy.work.cases.matching._syntax import Word
from toolworthy.work.cases.matching.options import Read, read, specs

# ---- files -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DisplayedLines:
    """Lines of a file. Numbers begin at 1; negative ones count from the end, where -1 is the last line."""

    path: str
    """Relative to the root."""
    first: int = 1
    last: int | None = None
    """None: to the end."""


_LINES = re.compile(r"(\d+|\$)(?:,(\+?)(\d+|\$))?p")
_QUIT = re.compile(r"(\d+)q")
_AWK_PRINT = r"\s*(?:\{\s*print(?:\s+(?:\$0|NR[^{}]*\$0))?\s*;?\s*\})?\s*"
_AWK = re.compile(r"\s*NR\s*>=\s*(\d+)\s*&&\s*NR\s*<=\s*(\d+)" + _AWK_PRINT)
_AWK_RANGE = re.compile(r"\s*NR\s*==\s*(\d+)\s*(?:,\s*NR\s*==\s*(\d+))?" + _AWK_PRINT)
_AWK_ALL = re.compile(r"\s*(?:1|\{\s*print(?:\s+(?:\$0|NR[^{}]*\$0))?\s*;?\s*\})\s*")
_OPEN = re.compile(r"""print\(open\((['"])([^'"\\]+)\1\)\.read\(\)(?:, *end=(?:''|""))?\)""")


def reads(text: str) -> tuple[DisplayedLines, ...]:
    """The lines of files that `text` displays, if it does nothing else.

    Separators between files (``echo ---``) are ignored. If any part is uncertain, the result is empty.
    """
    shown: list[DisplayedLines] = []
    pipe: list[DisplayedLines] | None = None
    for step in steps(text):
        if not step.only_shows or step.command.then not in ("", "&&", ";", "|", "|&"):
            return ()
        if pipe is None and step.name in ("echo", "printf", "true") and not step.piped:
            continue
        lines = _displayed_by(step) if pipe is None else _narrowed(step, pipe)
        if not lines:
            return ()
        pipe = lines if step.piped else None
        if pipe is None:
            shown += lines
    return tuple(shown)


def _displayed_by(step: FlowStep) -> list[DisplayedLines]:
    """The lines that one command displays of the files that it names."""
    if step.name == "python" and len(step.rest) == 2 and step.rest[0].text == "-c":
        match = _OPEN.fullmatch(step.rest[1].text.strip().rstrip(";"))
        return [DisplayedLines(step.place(match[2]))] if match else []
    paths, parts = _taken_apart(step)
    if not paths or any(word.pattern or word.text == "-" for word in paths):
        return []
    return [DisplayedLines(step.place(word.text), *part) for word in paths for part in parts]


def _taken_apart(step: FlowStep) -> tuple[Sequence[Word], list[tuple[int, int | None]]]:
    """The files that a command names, and the parts of each that it displays; no parts if those are unknown."""
    known = specs("shows").get(step.name)
    parsed = read(known, step.rest) if known else None
    if known is None or parsed is None:
        return (), []
    skip = 0 if any(parsed.values(name) for name in known.script) else known.skip
    return parsed.operands[skip:], _parts(step.name, parsed)


def _narrowed(step: FlowStep, pipe: Sequence[DisplayedLines]) -> list[DisplayedLines]:
    """The lines of its input that a command in a pipe passes on."""
    paths, parts = _taken_apart(step)
    if [word.text for word in paths] not in ([], ["-"]):
        return []
    if parts == [(1, None)]:
        return list(pipe)
    if len(pipe) != 1:
        return []
    cut = [_cut(pipe[0], first, last) for first, last in parts]
    return [part for part in cut if part] if all(cut) else []


def _cut(whole: DisplayedLines, first: int, last: int | None) -> DisplayedLines | None:
    """The lines from `first` to `last` of `whole`; None if the numbers do not determine them."""
    if first > 0 and whole.first > 0 and (last is None or last > 0):
        end = whole.first + last - 1 if last else None
        ends = [number for number in (whole.last, end) if number is not None and number > 0]
        if whole.last is not None and whole.last < 0:
            return None
        return replace(whole, first=whole.first + first - 1, last=min(ends) if ends else None)
    if first < 0 and last is None and whole.last is not None:
        return replace(whole, first=max(whole.first, whole.last + first + 1)) if whole.last > 0 else None
    if first < 0 and last is None and whole.first == 1:
        return replace(whole, first=first)
    if first == 1 and last and last > 0 and whole.first < 0 and whole.last is None:
        end = whole.first + last - 1
        return replace(whole, last=end if end < -1 else None)
    return None


def _parts(name: str, parsed: Read) -> list[tuple[int, int | None]]:
    """First and last line of each part that a command displays; empty if unknown."""
    if name in ("head", "tail"):
        return _ends(name, parsed)
    if name == "sed":
        return _sed(parsed)
    if name in ("awk", "gawk"):
        return _awk(parsed.operands[0].text) if parsed.operands else []
    if name in ("bat", "batcat") and parsed.values("r"):
        match = re.fullmatch(r"(\d*):(\d*)", parsed.values("r")[0])
        return (
            [(int(match[1] or 1), int(match[2]) if match[2] else None)]
            if match and len(parsed.values("r")) == 1
            else []
        )
    return [] if name == "tac" else [(1, None)]


def _ends(name: str, parsed: Read) -> list[tuple[int, int | None]]:
    names = {option for option, _ in parsed.options}
    count = (parsed.values("n") or ["10"])[-1]
    if names - {"n", "q", "v"} or not re.fullmatch(r"[+-]?\d+", count):
        return []
    number = int(count.lstrip("+-"))
    if name == "tail":
        return [(max(number, 1) if count.startswith("+") else -number, None)] if number or count[0] == "+" else []
    return [(1, -number - 1 if number else None)] if count.startswith("-") else [(1, number)] if number else []


def _sed(parsed: Read) -> list[tuple[int, int | None]]:
    """``sed -n '3,7p'`` (also with several ranges) and ``sed 7q``."""
    scripts = parsed.values("e") or [word.text for word in parsed.operands[:1]]
    names = {option for option, _ in parsed.options}
    words = [part.strip() for script in scripts for part in re.split(r"[;\n]", script) if part.strip()]
    if names - {"n", "e", "E", "s", "u"} or not words:
        return []
    if "n" not in names:
        match = _QUIT.fullmatch(words[0])
        return [(1, int(match[1]))] if match and len(words) == 1 else []
    if len(words) > 1 and _QUIT.fullmatch(words[-1]):
        words = words[:-1]
    parts = [_LINES.fullmatch(re.sub(r"\s+", "", word).replace("{p}", "p")) for word in words]
    return [_sed_lines(match) for match in parts if match] if all(parts) else []


def _sed_lines(match: re.Match[str]) -> tuple[int, int | None]:
    first = -1 if match[1] == "$" else int(match[1])
    if match[3] is None:
        return first, None if first == -1 else first
    if match[3] == "$":
        return first, None
    return first, first + int(match[3]) if match[2] else max(int(match[3]), first)


def _awk(program: str) -> list[tuple[int, int | None]]:
    if _AWK_ALL.fullmatch(program):
        return [(1, None)]
    match = _AWK.fullmatch(program) or _AWK_RANGE.fullmatch(program)
    return [(int(match[1]), int(match[2] or match[1]))] if match else []


# ---- texts in files ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """A text search, and where it searches."""

    pattern: str
    """An extended regular expression; literal text if `fixed`."""
    fixed: bool = False
    ignore_case: bool = False
    words: bool = False
    paths: tuple[str, ...] = (".",)
    """Relative to the root."""
    globs: tuple[str, ...] = ()
    """Names of the files to search; excluded ones begin with ``!``."""


_TYPES = {"rust": "rs", "markdown": "md", "python": "py", "typescript": "ts", "javascript": "js"}
_OTHERWISE = frozenset({"v", "L", "f", "files", "files-without-match"})


def searches(text: str) -> Search | None:
    """The search that `text` performs. Its output may be cut or sorted, and ``|| true`` may follow."""
    step = _shortened(steps(text))
    if step is None or not step.command.literal:
        return None
    name, rest = step.name, step.rest
    if name == "git" and rest[:1] == (Word("grep"),):
        name, rest = "git grep", rest[1:]
    known = specs("seeks").get(name)
    given = read(known, rest) if known else None
    if given is None:
        return None
    return _search(name, given, step)


def _shortened(line: Sequence[FlowStep]) -> FlowStep | None:
    """The only command of a line, if the rest merely cuts or sorts its output or ignores its failure."""
    while len(line) > 1:
        before, last = line[-2].command, line[-1]
        if not last.only_shows:
            return None
        excuse = before.then in ("||", ";") and last.name in ("true", "echo", ":")
        cut = before.then in ("|", "|&") and last.name in ("head", "tail", "cat", "sort", "less") and _no_files(last)
        if not excuse and not cut:
            return None
        line = line[:-1]
    return line[0] if line and not line[0].outputs else None


def _no_files(step: FlowStep) -> bool:
    parsed = read(specs("compared").get(step.name, specs("shows")["less"]), step.rest)
    return parsed is not None and not parsed.operands


def _search(name: str, given: Read, step: FlowStep) -> Search | None:
    options = {option for option, _ in given.options}
    patterns = given.values("e") or [word.text for word in given.operands[:1]]
    if options & _OTHERWISE or len(patterns) != 1:
        return None
    paths = given.operands if given.values("e") else given.operands[1:]
    recursive = name != "grep" or bool(options & {"r", "R"})
    if any(word.pattern for word in paths) or (not paths and not recursive):
        return None
    fixed = bool(options & {"F", "Q"})
    basic = name in ("grep", "git grep") and not options & {"E", "P", "F"}
    pattern = extended(patterns[0]) if basic else patterns[0]
    smart = "S" in options and pattern == pattern.lower()
    places = tuple(step.place(word.text) for word in paths) or (step.place("."),)
    return Search(pattern, fixed, "i" in options or smart, "w" in options, places, tuple(_globs(given)))


def _globs(given: Read) -> Iterator[str]:
    for option, value in given.options:
        if option in ("g", "include", "iglob"):
            yield value
        elif option == "exclude":
            yield f"!{value}"
        elif option == "exclude-dir":
            yield f"!{value}/"
        elif option in ("t", "T"):
            yield f"{'!' if option == 'T' else ''}*.{_TYPES.get(value, value)}"


def extended(pattern: str) -> str:
    """Convert a basic regular expression of grep to an extended one: ``\\|`` becomes ``|``."""
    parts = re.findall(r"\[\^?\]?[^\]]*\]|\\.|.", pattern, re.S)
    return "".join(_extended_part(part) for part in parts)


def _extended_part(part: str) -> str:
    if len(part) == 2 and part[0] == "\\" and part[1] in "|(){}+?":
        return part[1]
    return "\\" + part if part in "|(){}+?" and len(part) == 1 else part


# ---- names of files --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Find:
    """A search for files, and where it searches."""

    names: tuple[str, ...] = ()
    """Patterns as given; empty for all files. fd's are regular expressions, others are globs."""
    starts: tuple[str, ...] = (".",)
    """Relative to the root."""
    recursive: bool = True


_ACTIONS = frozenset({"-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprintf", "-fls", "-fprint0"})
_NAMED = frozenset({"-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex"})


def finds(text: str) -> Find | None:
    """The search for files that `text` performs; its output may be cut or sorted."""
    step = _shortened(steps(text))
    if step is None or not step.command.literal:
        return None
    if step.name == "git" and step.rest[:1] == (Word("ls-files"),):
        return _listed(step, read(specs("finds")["git ls-files"], step.rest[1:]), "names")
    match step.name:
        case "find":
            return _find(step)
        case "ls" | "tree":
            return _ls(step)
        case "fd" | "fdfind":
            return _fd(step)
        case "rg":
            given = read(specs("seeks")["rg"], step.rest)
            return _listed(step, given, "starts") if given and "files" in dict(given.options) else None
        case _:
            return None


def _listed(step: FlowStep, given: Read | None, operands: str) -> Find | None:
    if given is None:
        return None
    if operands == "names":
        return Find(tuple(word.text for word in given.operands), (step.place("."),))
    return Find(tuple(_globs(given)), tuple(step.place(word.text) for word in given.operands) or (step.place("."),))


def _find(step: FlowStep) -> Find | None:
    texts = [word.text for word in step.rest]
    at = next((n for n, text in enumerate(texts) if text[:1] in ("-", "(", "!")), len(texts))
    if _ACTIONS & set(texts):
        return None
    names: list[str] = []
    for number, text in enumerate(texts[at:], at):
        # An exclusion (``! -path x``) is not a pattern to find.
        if text in _NAMED and number + 1 < len(texts) and texts[number - 1] not in ("!", "-not"):
            names.append(texts[number + 1])
    starts = tuple(step.place(text) for text in texts[:at]) or (step.place("."),)
    return Find(tuple(names), starts)


def _ls(step: FlowStep) -> Find | None:
    given = read(specs("compared")[step.name], step.rest)
    if given is None:
        return None
    recursive = step.name == "tree" or "R" in dict(given.options)
    names, starts = list[str](), list[str]()
    for word in given.operands:
        folder, _, name = word.text.rpartition("/")
        names += [name] if word.pattern else []
        starts.append(
            step.place((folder or ("/" if word.text.startswith("/") else ".")) if word.pattern else word.text)
        )
    names += given.values("P")
    return Find(tuple(names), tuple(starts) or (step.place("."),), recursive)


def _fd(step: FlowStep) -> Find | None:
    given = read(specs("finds")["fd"], step.rest)
    if given is None:
        return None
    pattern, *places = [word.text for word in given.operands] or ["."]
    names = [*([pattern] if pattern != "." else []), *(f"*.{value}" for value in given.values("e"))]
    return Find(tuple(names), tuple(step.place(place) for place in places) or (step.place("."),))
