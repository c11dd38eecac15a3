"""Programs that only look, for machines that do not have them: ``rg``, ``fd``, ``tree`` and ``bat``.

Runs inside the sandbox, with nothing but the standard library. Only what models use of them is there; any other option
ends with exit code 2 and a line, as the real ones do.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import re
import stat
import sys
from collections.abc import Iterator

TYPES = {
    "py": ("*.py", "*.pyi"),
    "js": ("*.js", "*.jsx", "*.mjs"),
    "ts": ("*.ts", "*.tsx"),
    "md": ("*.md",),
    "rust": ("*.rs",),
}
TYPES |= {"python": TYPES["py"], "go": ("*.go",), "ruby": ("*.rb",), "c": ("*.c", "*.h"), "json": ("*.json",)}
TYPES |= {"yaml": ("*.yaml", "*.yml"), "toml": ("*.toml",), "sh": ("*.sh",), "java": ("*.java",), "html": ("*.html",)}


def files(top: str, hidden: bool, depth: int | None = None) -> Iterator[str]:
    """Paths of files below a folder, sorted; the file itself where `top` is one."""
    if os.path.isfile(top):
        yield top
        return
    for folder, folders, names in os.walk(top):
        level = 0 if folder == top else os.path.relpath(folder, top).count("/") + 1
        folders[:] = sorted(name for name in folders if hidden or not name.startswith("."))
        if depth is not None and level + 1 >= depth:
            folders[:] = []
        for name in sorted(names):
            if hidden or not name.startswith("."):
                path = os.path.join(folder, name)
                yield path[2:] if top == "." and path.startswith("./") else path


def fits(path: str, patterns: list[str]) -> bool:
    """Whether globs let a path pass: the last one that fits decides, ``!`` leaves out."""
    verdict = not any(not pattern.startswith("!") for pattern in patterns)
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        inner = bare.strip("/").removeprefix("**/")
        if any(fnmatch.fnmatch(part, inner) for part in (path, os.path.basename(path), *path.split("/"))) or (
            fnmatch.fnmatch(path, bare.replace("**", "*"))
        ):
            verdict = not pattern.startswith("!")
    return verdict


_RG_FLAGS = (
    "n=line-number N=no-line-number i=ignore-case S=smart-case s=case-sensitive F=fixed-strings w=word-regexp "
    "x=line-regexp v=invert-match l=files-with-matches c=count o=only-matching H=with-filename I=no-filename "
    "u=unrestricted P=pcre2 U=multiline a=text q=quiet p=pretty =hidden =no-ignore =files =no-heading =heading "
    "=files-without-match =no-messages =vimgrep =column =trim =no-config =multiline-dotall"
)
_RG_LISTS = "e=regexp g=glob t=type T=type-not"
_RG_NUMBERS = "A=after-context B=before-context C=context m=max-count d=max-depth M=max-columns =maxdepth"
_RG_WORDS = "=color =colors =sort =sortr =iglob"


def _add(parser: argparse.ArgumentParser, table: str, **how: object) -> None:
    """Options from a table: ``n=line-number`` is ``-n`` and ``--line-number``."""
    for entry in table.split():
        short, long = entry.split("=")
        names = [f"-{short}"] * bool(short) + [f"--{long}"] * bool(long)
        parser.add_argument(*names, dest=(long or short).replace("-", "_"), **how)  # type: ignore[arg-type]


def _rg_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rg", add_help=False, allow_abbrev=False)
    _add(parser, _RG_FLAGS, action="count", default=0)
    _add(parser, _RG_LISTS, action="append", default=[])
    _add(parser, _RG_NUMBERS, type=int)
    _add(parser, _RG_WORDS)
    parser.add_argument("words", nargs="*")
    return parser


def rg(argv: list[str]) -> int:
    """Search files by a regular expression."""
    arguments = _rg_parser().parse_intermixed_args(argv)
    words = list(arguments.words)
    patterns = arguments.regexp or ([] if arguments.files else words[:1])
    places = words if arguments.regexp or arguments.files else words[1:]
    globs = arguments.glob + [name for kind in arguments.type for name in TYPES.get(kind, (f"*.{kind}",))]
    globs += [f"!{name}" for kind in arguments.type_not for name in TYPES.get(kind, (f"*.{kind}",))]
    depth = arguments.max_depth or arguments.maxdepth
    hidden = bool(arguments.hidden or arguments.unrestricted > 1)
    piped = not places and not arguments.files and not sys.stdin.isatty() and _has_input()
    if not piped:
        paths = [path for top in places or ["."] for path in files(top, hidden, depth) if fits(path, globs)]
        missing = [top for top in places if not os.path.exists(top)]
        for top in missing:
            print(f"rg: {top}: No such file or directory (os error 2)", file=sys.stderr)
    if arguments.files:
        print(*paths, sep="\n")
        return 0 if paths else 1
    sought = compiled(patterns, arguments)
    if piped:
        return matches(sought, sys.stdin.read().splitlines(), "", arguments)
    many = len(paths) > 1 or not places or any(os.path.isdir(top) for top in places)
    hit = 0
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        label = path if (many or arguments.with_filename) and not arguments.no_filename else ""
        hit += not matches(sought, lines, label, arguments, path)
    return 0 if hit else 1


def _has_input() -> bool:
    """Whether something is piped in; agents' shells have nothing there."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode)


def compiled(patterns: list[str], given: argparse.Namespace) -> re.Pattern[str]:
    """The expression that lines are searched by."""
    parts = [re.escape(part) if given.fixed_strings else f"(?:{part})" for part in patterns]
    text = "|".join(parts)
    if given.word_regexp:
        text = rf"\b(?:{text})\b"
    if given.line_regexp:
        text = rf"^(?:{text})$"
    smart = given.smart_case and text == text.lower()
    return re.compile(text, re.IGNORECASE if given.ignore_case or smart else 0)


def matches(sought: re.Pattern[str], lines: list[str], label: str, given: argparse.Namespace, path: str = "") -> int:
    """Print what is found in one file; 0 if anything was."""
    hits = [at for at, line in enumerate(lines) if bool(sought.search(line)) != bool(given.invert_match)]
    if given.max_count is not None:
        hits = hits[: given.max_count]
    if given.files_without_match:
        print(*([] if hits else [path]), sep="", end="" if hits else "\n")
        return 1 if hits else 0
    if not hits or given.quiet:
        return 0 if hits else 1
    if given.files_with_matches:
        print(path)
    elif given.count:
        print(f"{label}:{len(hits)}" if label else len(hits))
    else:
        before = given.before_context if given.before_context is not None else given.context or 0
        after = given.after_context if given.after_context is not None else given.context or 0
        shown = sorted({at + way for at in hits for way in range(-before, after + 1) if 0 <= at + way < len(lines)})
        for at in shown:
            mark = ":" if at in hits else "-"
            number = f"{at + 1}{mark}" if given.line_number or given.vimgrep else ""
            texts = [match.group() for match in sought.finditer(lines[at])] if given.only_matching else [lines[at]]
            for text in texts:
                print(f"{label}{mark if label else ''}{number}{text}")
    return 0


def fd(argv: list[str]) -> int:
    """Find files by name."""
    parser = argparse.ArgumentParser(prog="fd", add_help=False)
    _add(
        parser,
        "H=hidden I=no-ignore g=glob a=absolute-path p=full-path i=ignore-case s=case-sensitive",
        action="store_true",
    )
    parser.add_argument("-e", "--extension", action="append", default=[])
    parser.add_argument("-t", "--type", action="append", default=[])
    parser.add_argument("-E", "--exclude", action="append", default=[])
    parser.add_argument("-d", "--max-depth", type=int)
    parser.add_argument("words", nargs="*")
    given = parser.parse_intermixed_args(argv)
    pattern, *places = given.words or ["."]
    shown = 0
    for top in places or ["."]:
        for path in files(top, given.hidden, given.max_depth):
            name = path if given.full_path else os.path.basename(path)
            hit = fnmatch.fnmatch(name, pattern) if given.glob else re.search(pattern, name, re.IGNORECASE)
            kind = not given.extension or any(name.endswith(f".{end}") for end in given.extension)
            if hit and kind and fits(path, [f"!{excluded}" for excluded in given.exclude]):
                print(os.path.abspath(path) if given.absolute_path else path)
                shown += 1
    return 0 if shown else 1


def tree(argv: list[str]) -> int:
    """Draw folders."""
    parser = argparse.ArgumentParser(prog="tree", add_help=False)
    for flag in "adfhsDnCAFi":
        parser.add_argument(f"-{flag}", action="store_true", dest=f"flag_{flag}")
    parser.add_argument("-L", type=int)
    parser.add_argument("-I", default="")
    parser.add_argument("-P", default="")
    parser.add_argument("--noreport", "--dirsfirst", action="store_true")
    parser.add_argument("words", nargs="*")
    given = parser.parse_intermixed_args(argv)
    for top in given.words or ["."]:
        print(top)
        branch(top, "", given, 1)
    return 0


def branch(folder: str, indent: str, given: argparse.Namespace, level: int) -> None:
    """One folder of the drawing."""
    if given.L is not None and level > given.L:
        return
    names = sorted(name for name in os.listdir(folder) if given.flag_a or not name.startswith("."))
    names = [
        name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in given.I.split("|") if pattern)
    ]
    names = [name for name in names if os.path.isdir(os.path.join(folder, name)) or not given.flag_d]
    for number, name in enumerate(names, 1):
        path = os.path.join(folder, name)
        if (
            given.P
            and not os.path.isdir(path)
            and not any(fnmatch.fnmatch(name, pattern) for pattern in given.P.split("|"))
        ):
            continue
        print(f"{indent}{'└── ' if number == len(names) else '├── '}{path if given.flag_f else name}")
        if os.path.isdir(path):
            branch(path, f"{indent}{'    ' if number == len(names) else '│   '}", given, level + 1)


def bat(argv: list[str]) -> int:
    """Show files, or some of their lines."""
    parser = argparse.ArgumentParser(prog="bat", add_help=False)
    _add(parser, "p=plain n=number A=show-all P=no-pager", action="count", default=0)
    parser.add_argument("-r", "--line-range", default=":")
    for long in ("style", "paging", "color", "theme", "decorations", "wrap"):
        parser.add_argument(f"--{long}")
    parser.add_argument("-l", "--language")
    parser.add_argument("words", nargs="*")
    given = parser.parse_intermixed_args(argv)
    begin, _, end = given.line_range.partition(":")
    for path in given.words:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            lines = file.readlines()
        first = int(begin or 1)
        last = first + int(end[1:]) if end.startswith("+") else int(end or len(lines))
        for number, line in enumerate(lines[first - 1 : last], first):
            sys.stdout.write(f"{number:4} {line}" if given.number else line)
    return 0


PROGRAMS = {"rg": rg, "fd": fd, "fdfind": fd, "tree": tree, "bat": bat, "batcat": bat}

if __name__ == "__main__":
    sys.exit(PROGRAMS[sys.argv[1]](sys.argv[2:]))
