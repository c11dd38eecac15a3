"""Determine what a command line writes to files, and the patch that it applies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from toolworthy.base.paths import ROOT
from toolworthy.work.cases.matching._flow import FlowStep, steps
from toolworthy.work.cases.matching._heredoc import Heredoc
from toolworthy.work.cases.matching._syntax import Word, escaped

Kind = Literal["codex", "unified"]
_FORMAT = re.compile(r"%(s|%)|%.?|\\([abefnrtv\\\"']|0?[0-7]{1,3}|x[0-9a-fA-F]{1,2})|\\.?", re.S)
_ECHO = re.compile(r"-[neE]+")
_ELSEWHERE = frozenset(
    {"--check", "--stat", "--numstat", "--summary", "-R", "--reverse", "--dry-run", "-o", "--cached"}
)


@dataclass(frozen=True)
class Written:
    """A text that is written to a file."""

    path: str
    """Relative to the root."""
    content: str
    append: bool = False


def writes(text: str) -> tuple[Written, ...]:
    """The texts that `text` writes to files, if it contains them literally, whatever else it does."""
    written: list[Written] = []
    line = steps(text)
    for number, step in enumerate(line):
        before = line[number - 1] if number and line[number - 1].piped else None
        content = _piped(before) if before else _output(step)
        if step.name == "tee":
            written += _tee(step, content if before else _stdin(step))
        elif content is not None and (before is None or step.command.argv in (("cat",), ("cat", "-"))):
            written += _redirected(step, content)
    return tuple(written)


def _redirected(step: FlowStep, content: str) -> list[Written]:
    """The file that the output is redirected to, if there is one and it is known."""
    targets = [(op, word) for op, fd, word in step.outputs if fd == 1 and op in (">", ">>", ">|", "&>", "&>>")]
    if len(targets) != 1 or step.piped:
        return []
    op, word = targets[0]
    if word is None or not word.literal or word.pattern or word.text.startswith("/dev/"):
        return []
    return [Written(step.place(word.text), content, op.endswith(">>"))]


def _tee(step: FlowStep, content: str | None) -> list[Written]:
    if content is None or not step.command.literal:
        return []
    append = any(word.text in ("-a", "--append") for word in step.rest)
    files = [word for word in step.rest if not word.text.startswith("-")]
    if any(word.pattern for word in files):
        return []
    return [Written(step.place(word.text), content, append) for word in files if not word.text.startswith("/dev/")]


def _piped(step: FlowStep) -> str | None:
    return None if any(fd == 1 for _, fd, _ in step.outputs) else _output(step)


def _output(step: FlowStep) -> str | None:
    """The output of a command, if the command alone determines it."""
    if not step.command.literal or step.command.env:
        return None
    match step.name:
        case "cat" if step.command.argv in (("cat",), ("cat", "-")):
            return _stdin(step)
        case "echo":
            return _echo(step.rest)
        case "printf":
            return _printf([word.text for word in step.rest if not word.pattern], step.rest)
        case "" | ":" | "true":
            return None if any(redirect.op.startswith("<") for redirect in step.command.redirects) else ""
        case _:
            return None


def _stdin(step: FlowStep) -> str | None:
    """The standard input of a command, if the command line contains it literally."""
    given = [redirect for redirect in step.command.redirects if redirect.op.startswith("<")]
    if len(given) != 1:
        return None
    if given[0].heredoc:
        return _body(given[0].heredoc)
    if given[0].op == "<<<" and given[0].target and given[0].target.literal:
        return given[0].target.text + "\n"
    return None


def _body(heredoc: Heredoc) -> str | None:
    """A here-document as the command receives it; None if the shell expands something in it."""
    if heredoc.quoted:
        return heredoc.body
    plain = re.sub(r"\\([\\$`\n])", "", heredoc.body)
    if "$" in re.sub(r"\$(?![\w({?#@*!$-])", "", plain) or "`" in plain:
        return None
    return re.sub(r"\\([\\$`\n])", lambda match: "" if match[1] == "\n" else match[1], heredoc.body)


def _echo(words: tuple[Word, ...]) -> str | None:
    newline, escapes = True, False
    while words and _ECHO.fullmatch(words[0].text):
        newline &= "n" not in words[0].text
        escapes |= "e" in words[0].text
        words = words[1:]
    if any(word.pattern for word in words):
        return None
    text: str | None = " ".join(word.text for word in words)
    if escapes and text:
        text = _formatted(text.replace("%", "%%"), [])
    return None if text is None else text + ("\n" if newline else "")


def _printf(texts: list[str], words: tuple[Word, ...]) -> str | None:
    """The output of printf; it repeats the format while arguments are left. Only ``%s`` is supported."""
    if len(texts) != len(words) or not texts:
        return None
    if texts[0] == "--":
        texts = texts[1:]
    if not texts or texts[0].startswith("-"):
        return None
    form, arguments, printed = texts[0], texts[1:], ""
    while True:
        before = len(arguments)
        part = _formatted(form, arguments)
        if part is None:
            return None
        printed += part
        if not arguments:
            return printed
        if len(arguments) == before:
            return printed


def _formatted(form: str, arguments: list[str]) -> str | None:
    """`form` with its escapes and directives replaced, taking values from `arguments`; None if one is unknown."""
    parts: list[str] = []
    at = 0
    for match in _FORMAT.finditer(form):
        parts.append(form[at : match.start()])
        at = match.end()
        if match[1]:
            parts.append("%" if match[1] == "%" else arguments.pop(0) if arguments else "")
        elif match[2]:
            parts.append(escaped(match[2]))
        else:
            return None
    return "".join(parts) + form[at:]


# ---- patches -------------------------------------------------------------------------------------------------------


def patches(text: str) -> tuple[Kind, str] | None:
    """The patch that `text` applies: its kind and its text.

    The command is ``apply_patch`` (``codex``), ``git apply`` or ``patch`` (``unified``), with an argument or an input.
    None if it is applied in a folder other than the root, since its paths are relative to that folder.
    """
    line = steps(text)
    for number, step in enumerate(line):
        kind = _kind(step)
        if kind is None:
            continue
        before = line[number - 1] if number and line[number - 1].piped else None
        body = _piped(before) if before else _stdin(step)
        if body is None and kind == "codex" and len(step.rest) == 1 and step.rest[0].literal:
            body = step.rest[0].text
        return (kind, body) if body is not None and step.folder == ROOT else None
    return None


def _kind(step: FlowStep) -> Kind | None:
    if step.name in ("apply_patch", "applypatch"):
        return "codex"
    git = step.name == "git" and step.command.argv[1:2] == ("apply",)
    if (not git and step.name != "patch") or _ELSEWHERE & set(step.command.argv):
        return None
    return "unified"
