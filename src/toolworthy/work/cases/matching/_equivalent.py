"""Decide whether two command lines do the same.

Both are brought into a normal form; equal forms mean equal commands. The form leaves out what has no effect: a
time limit, a shorter output of a test run, colours. Whatever is not understood stays as written, so that any
doubt leads to "not the same":

* ``|| true`` stays: it hides that a command failed. So do ``; echo done`` and ``>/dev/null``.
* ``npx x``, ``uv run x`` and an activated environment are not ``x``: ``x`` itself may be missing or another program.
* ``-q``, ``-v`` and similar options stay. A case that accepts them lists several commands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from toolworthy.base.paths import ROOT, absolute
from toolworthy.work.cases.matching._syntax import Redirect, SimpleCommand, Word, parse
from toolworthy.work.cases.matching._unwrap import bare, inner, untail
from toolworthy.work.cases.matching.options import Read, Spec, ordered_options, read, specs
from toolworthy.work.cases.matching.programs import ProgramCall, invocation, programs

Key = tuple[Any, ...]
_INTERPRETERS = frozenset({"python", "bash", "sh", "node", "ruby", "perl"})
_ASIDE = re.compile(r"[$`\\]")
_PURE_TESTS = frozenset({"-name", "-iname", "-path", "-ipath", "-type", "-size", "-mtime", "-mmin", "-newer", "-perm"})
_LIMITS = frozenset({"-maxdepth", "-mindepth"})


def same_command(wanted: str, given: str, root: str = ROOT, folder: str | None = None) -> bool:
    """Whether `given`, run in `folder`, does what `wanted` does in `root`. False if in doubt.

    Args:
        wanted: a command line.
        given: another.
        root: where `wanted` runs.
        folder: where `given` runs; by default `root`.
    """
    folder = folder or root
    if wanted.strip() == given.strip() and folder == root:
        return True
    first = _steps(wanted, root, 0)
    return first is not None and first == _steps(given, folder, 0)


def _steps(text: str, start: str, depth: int) -> tuple[Key, ...] | None:
    """The normal form of a command line: a key for each command, and the operator before the next one."""
    commands = parse(text)
    if commands is None:
        return None
    cwd: str | None = start
    commands = tuple(bare(command) for command in commands)
    while len(commands) > 1 and (folder := _folder(commands[0])) is not None:
        cwd, commands = absolute(folder, cwd or start), commands[1:]
    commands = untail(_without_set(commands))
    nested = inner(commands[0]) if len(commands) == 1 else None
    if nested is not None and depth < 3:
        return _steps(nested, cwd or start, depth + 1)
    keys: list[Key] = []
    piped = False
    for number, command in enumerate(commands):
        then = "" if number == len(commands) - 1 and command.then == ";" else command.then
        keys.append((_key(command, cwd, piped), "|" if then == "|&" else then))
        piped = then in ("|", "|&")
        if command.argv[:1] in (("cd",), ("pushd",), ("popd",)) or command.compound:
            cwd = None
    return tuple(keys)


def _folder(command: SimpleCommand) -> str | None:
    """The folder that a leading ``cd folder &&`` changes to."""
    simple = command.literal and not command.env and not command.redirects and command.then in ("&&", ";")
    return command.argv[1] if simple and len(command.words) == 2 and _is_cd(command.argv) else None


def _is_cd(argv: Sequence[str]) -> bool:
    return argv[0] == "cd" and not argv[1].startswith("-") and argv[1] != ""


def _without_set(commands: tuple[SimpleCommand, ...]) -> tuple[SimpleCommand, ...]:
    """Drop ``set -e`` before a single pipeline, where it has no relevant effect."""
    first, rest = commands[0], commands[1:]
    alone = bool(rest) and all(command.then in ("|", "|&") for command in rest[:-1])
    flags = first.argv[1:] and all(re.fullmatch(r"-[eux]+o?|-o|pipefail", text) for text in first.argv[1:])
    if alone and first.argv[:1] == ("set",) and flags and first.then in ("&&", ";"):
        return rest
    return commands


# ---- one command -------------------------------------------------------------------------------------------------


def _key(command: SimpleCommand, cwd: str | None, piped: bool) -> Key:
    """All relevant properties of one command, as comparable values."""
    redirects = _redirects(command, cwd)
    env = tuple(sorted((name, _word(value)) for name, value in command.env))
    if command.compound or not command.words:
        return ("compound", command.compound, cwd, env, redirects)
    name = command.argv[0]
    if name in programs() and command.literal and not any(word.pattern for word in command.words):
        given = {variable: value.text for variable, value in command.env}
        return ("program", invocation(ProgramCall(command.argv, cwd or "", given)), redirects)
    what, loose = _arguments(name, command.words[1:], cwd, piped)
    if "/" in name and command.words[0].literal:
        name = _place(name, cwd)
    return (name, command.words[0].literal, what, None if loose else cwd, env, redirects)


def _arguments(name: str, words: tuple[Word, ...], cwd: str | None, piped: bool) -> tuple[Key, bool]:
    """The normal form of the arguments, and whether the result is independent of the current folder."""
    if name == "find":
        return _find(words, cwd)
    if name == "git":
        return _git(words, cwd)
    if name in _INTERPRETERS:
        return _interpreted(words, cwd), False
    known = specs("compared").get(name)
    if known is None:
        return _strict(words), False
    known = _recursive(known, words) if name == "grep" else known
    form = _taken_apart(known, words, cwd, piped)
    if form is None:
        return _strict(words), False
    return form, known.loose and bool(form[1])


def _recursive(known: Spec, words: tuple[Word, ...]) -> Spec:
    """Without a path, recursive grep searches the current folder, and other grep reads its input."""
    parsed = read(known, words)
    recursive = parsed is not None and bool({"r", "R"} & {name for name, _ in parsed.options})
    return replace(known, here=recursive)


def _taken_apart(known: Spec, words: tuple[Word, ...], cwd: str | None, piped: bool) -> Key | None:
    """Options in a fixed order and absolute paths; None if the command is not known well enough."""
    parsed = read(known, words)
    if parsed is None or (not known.paths and any(word.text == "--" for word in words)):
        return None
    parsed = _pattern_as_option(known, parsed)
    skip = 0 if any(parsed.values(name) for name in known.script) else known.skip
    first, rest = parsed.operands[:skip], parsed.operands[skip:]
    if known.here and not rest and not piped:
        rest = (Word("."),)
    ends = ["/" if known.slash and word.text.endswith("/") else "" for word in rest]
    places = [_place(word.text, cwd) if known.paths else word.text for word in rest]
    operands = [(place + end, word.pattern) for place, end, word in zip(places, ends, rest, strict=True)]
    if not known.ordered:
        operands.sort()
    return ordered_options(known, parsed.options), tuple(operands), tuple(_word(word) for word in first)


def _pattern_as_option(known: Spec, parsed: Read) -> Read:
    """Rewrite ``grep -e x f`` as ``grep x f``, if it has only one such option."""
    given = [option for option in parsed.options if option[0] in known.script]
    if len(given) != 1 or given[0][0] != "e":
        return parsed
    options = tuple(option for option in parsed.options if option is not given[0])
    return Read(options, (Word(given[0][1]), *parsed.operands))


def _place(path: str, cwd: str | None) -> str:
    """An absolute path; if the current folder is unknown, a normalized one. Test ids keep the part after ``::``."""
    path, mark, tail = path.partition("::")
    if path == "-":
        return path + mark + tail
    if cwd is None:
        full = path if path.startswith("/") else absolute(path, "/").lstrip("/") if ".." not in path else path
    else:
        full = absolute(path, cwd)
    return full + mark + tail


def _strict(words: Sequence[Word]) -> Key:
    return ("as written", tuple(_word(word) for word in words))


def _word(word: Word) -> Key:
    option = word.text.startswith("-")
    return word.text, word.literal, word.pattern and not option


# ---- commands with special handling ----------------------------------------------------------------------------------


def _find(words: tuple[Word, ...], cwd: str | None) -> tuple[Key, bool]:
    """Absolute start folders. Tests are sorted if there is no action and all of them must hold."""
    at = next((n for n, word in enumerate(words) if word.text[:1] in ("-", "(", "!")), len(words))
    starts, tests = words[:at] or (Word("."),), words[at:]
    if not all(word.literal for word in words):
        return _strict(words), False
    pure: list[Key] = []
    rest = list(tests)
    while len(rest) > 1 and rest[0].text in _PURE_TESTS | _LIMITS:
        pure.append((_word(rest.pop(0)), _word(rest.pop(0))))
    if [word.text for word in rest] == ["-print"]:
        rest = []
    form = tuple(sorted(pure)) if not rest else _strict(tests)
    return (tuple(_place(word.text, cwd) for word in starts), form), True


def _git(words: tuple[Word, ...], cwd: str | None) -> tuple[Key, bool]:
    """Drop ``--no-pager``, which only changes the display; then the options of the subcommand."""
    words = tuple(word for n, word in enumerate(words) if n or word.text not in ("--no-pager", "-P"))
    if not words or not words[0].literal or words[0].text.startswith("-"):
        return _strict(words), False
    known = specs("compared").get(f"git {words[0].text}")
    form = _taken_apart(known, words[1:], cwd, piped=False) if known else None
    return (words[0].text, form or _strict(words[1:])), False


def _interpreted(words: tuple[Word, ...], cwd: str | None) -> Key:
    """A script and its arguments, in the given order."""
    if not words or not words[0].literal or words[0].pattern or words[0].text.startswith("-"):
        return _strict(words)
    return ("script", _place(words[0].text, cwd), _strict(words[1:]))


# ---- redirections -------------------------------------------------------------------------------------------------


def _redirects(command: SimpleCommand, cwd: str | None) -> Key:
    parts = [part for redirect in command.redirects for part in _redirect(redirect, cwd)]
    if command.then == "|&":
        parts.append((">&", 2, "1"))
    files = any(op in (">", ">>") and fd == 1 for op, fd, _ in parts)
    if not files and command.then not in ("|", "|&"):
        # 2>&1 only merges the errors into the output.
        parts = [part for part in parts if part != (">&", 2, "1")]
    parts = [part for part in parts if part not in ((">", 2, "/dev/null"), ("<", 0, "/dev/null"))]
    return tuple(sorted(parts, key=lambda part: part[1] != 0))


def _redirect(redirect: Redirect, cwd: str | None) -> list[Key]:
    if redirect.heredoc is not None:
        raw = redirect.heredoc.quoted or not _ASIDE.search(redirect.heredoc.body)
        return [("<<", redirect.fd or 0, (redirect.heredoc.body, raw))]
    op = ">" if redirect.op == ">|" else redirect.op
    fd = redirect.fd if redirect.fd is not None else 0 if op.startswith("<") else 1
    if redirect.target is None:
        return [(op, fd, "")]
    if op in (">&", "<&", "<<<") or not redirect.target.literal:
        return [(op, fd, redirect.target.text if redirect.target.literal else _word(redirect.target))]
    place = _place(redirect.target.text, cwd)
    if op in ("&>", "&>>"):
        return [(op[1:], 1, place), (">&", 2, "1")]
    return [(op, fd, place)]
