"""Parse a Bash command line into simple commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from toolworthy.work.cases.matching._heredoc import Heredoc, Unterminated, lift

_CONNECTORS = frozenset({"&&", "||", ";", "|", "|&", "&"})
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|[0-7]{1,3}|.)", re.S)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v"}
_MOST = 200_000


@dataclass(frozen=True)
class Word:
    """One word of a command."""

    text: str
    """What the program receives; if the shell expands something, the word as written."""
    literal: bool = True
    """Whether the shell expands nothing: no variable, no command, no braces, no ``~``."""
    pattern: bool = False
    """Whether it has an unquoted ``*``, ``?`` or ``[``, which the shell may replace by file names."""


@dataclass(frozen=True)
class Redirect:
    """``2>&1``, ``> file``, ``<<EOF``."""

    op: str
    fd: int | None = None
    target: Word | None = None
    heredoc: Heredoc | None = None


@dataclass(frozen=True)
class SimpleCommand:
    """A simple command, and the operator before the next one."""

    words: tuple[Word, ...] = ()
    env: tuple[tuple[str, Word], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    then: str = ""
    """``&&``, ``||``, ``;``, ``|``, ``|&`` or ``&``; "" at the end. A new line is a ``;``."""
    compound: str = ""
    """The text of a compound command (a loop, a test, a subshell), which is not parsed further."""

    @property
    def argv(self) -> tuple[str, ...]:
        return tuple(word.text for word in self.words)

    @property
    def literal(self) -> bool:
        """Whether it is a simple command whose words the shell does not expand, so that its arguments are known."""
        return not self.compound and all(word.literal for word in self.words)


@lru_cache(maxsize=2_048)
def parse(text: str) -> tuple[SimpleCommand, ...] | None:
    """The commands of `text` in order; None if it is empty or not Bash."""
    if len(text) > _MOST:
        return None
    name = "heredoc"
    while name in text:
        name += "x"
    try:
        plain, seen, heredocs = lift(text, name)
        # The parser's text is ASCII, so that its byte offsets are character offsets.
        root = Parser(_language()).parse(seen.encode()).root_node
        if root.has_error or seen[: root.start_byte].strip() or seen[root.end_byte :].strip():
            return None
        commands = _Reader(plain, seen, name, heredocs).sequence(root)
    except (Unterminated, _Strange, RecursionError):
        return None
    return tuple(commands) or None


@cache
def _language() -> Language:
    return Language(tree_sitter_bash.language())


class _Strange(Exception):
    """A syntax tree that is not supported."""


@dataclass(frozen=True)
class _Reader:
    source: str
    seen: str
    name: str
    heredocs: tuple[Heredoc, ...]

    def text(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte]

    def sequence(self, node: Node) -> list[SimpleCommand]:
        """The commands of a program, a list or a pipeline."""
        commands: list[SimpleCommand] = []
        for child in self.children(node):
            if child.type == "comment" or child.type.strip() == "":
                continue
            if child.is_named:
                if commands and not commands[-1].then:
                    commands[-1] = replace(commands[-1], then=";")
                commands += self.statement(child)
            elif child.type in _CONNECTORS and commands and not commands[-1].then:
                commands[-1] = replace(commands[-1], then=child.type)
            else:
                raise _Strange
        return commands

    def children(self, node: Node) -> list[Node]:
        """The children of `node`. Between them must be only white space."""
        ends = [node.start_byte, *(child.end_byte for child in node.children)]
        starts = [*(child.start_byte for child in node.children), node.end_byte]
        if any(self.seen[end:start].strip() for end, start in zip(ends, starts, strict=True)):
            raise _Strange
        return node.children

    def statement(self, node: Node) -> list[SimpleCommand]:
        match node.type:
            case "list" | "pipeline":
                return self.sequence(node)
            case "redirected_statement":
                return self.redirected(node)
            case "command" | "variable_assignment" | "variable_assignments" | "declaration_command":
                return [self.command(node)]
            case _:
                return [SimpleCommand(compound=self.whole(node))]

    def whole(self, node: Node) -> str:
        """The text of `node`; no here-document may have been taken out of it."""
        text = self.text(node)
        if self.name in text:
            raise _Strange
        return text

    def redirected(self, node: Node) -> list[SimpleCommand]:
        body = node.child_by_field_name("body")
        commands = self.statement(body) if body else [SimpleCommand()]
        words, redirects = list(commands[-1].words), list(commands[-1].redirects)
        self.children(node)
        for child in node.children_by_field_name("redirect"):
            redirect, more = self.redirect(child)
            redirects.append(redirect)
            words += more
        commands[-1] = replace(commands[-1], words=tuple(words), redirects=tuple(redirects))
        return commands

    def command(self, node: Node) -> SimpleCommand:
        words: list[Word] = []
        env: list[tuple[str, Word]] = []
        redirects: list[Redirect] = []
        end = node.start_byte
        for child in [node] if node.type == "variable_assignment" else node.children:
            gap = self.seen[end : child.start_byte]
            if gap.strip() or (not gap and end > node.start_byte):
                raise _Strange
            end = child.end_byte
            if child.type == "variable_assignment" and node.type != "declaration_command":
                name, _, value = self.text(child).partition("=")
                env.append((name, unquote(value)))
            elif child.type in ("file_redirect", "herestring_redirect"):
                redirect, more = self.redirect(child)
                redirects.append(redirect)
                words += more
            else:
                words.append(self.word(child))
        return SimpleCommand(tuple(words), tuple(env), tuple(redirects))

    def word(self, node: Node) -> Word:
        text = self.whole(node)
        return Word(text, literal=False) if node.type == "process_substitution" else unquote(text)

    def redirect(self, node: Node) -> tuple[Redirect, list[Word]]:
        """A redirection, and the words after it that belong to the command (``> file argument``)."""
        fd, op = None, ""
        targets: list[Node] = []
        for child in self.children(node):
            if child.type == "file_descriptor":
                fd = int(self.text(child)) if self.text(child).isdecimal() else None
            elif not child.is_named and not op:
                op = child.type
            else:
                targets.append(child)
        if not op or not targets:
            return Redirect(op or self.whole(node), fd), []
        first = self.text(targets[0])
        if op == "<" and first.startswith(self.name):
            rest = first.removeprefix(self.name)
            redirect = (
                Redirect("<<<", fd, unquote(rest[1:]))
                if rest.startswith("_")
                else Redirect("<<", fd, heredoc=self.heredocs[int(rest)])
            )
        else:
            redirect = Redirect(op, fd, self.word(targets[0]))
        return redirect, [self.word(child) for child in targets[1:]]


# ---- words -------------------------------------------------------------------------------------------------------


def unquote(raw: str) -> Word:
    """A word without its quotes and backslashes, unless the shell would expand something in it."""
    parts: list[str] = []
    pattern = False
    for part, quoted in _parts(raw):
        if part is None:
            return Word(raw, literal=False)
        pattern |= not quoted and any(mark in part for mark in "*?[")
        parts.append(part)
    braces = any(part and not quoted and "{" in part for part, quoted in _parts(raw)) and raw != "{}"
    if raw.startswith("~") or (braces and re.search(r"\{[^}]*(,|\.\.)[^}]*\}", raw)):
        return Word(raw, literal=False)
    return Word("".join(parts), pattern=pattern)


def _parts(raw: str) -> Iterator[tuple[str | None, bool]]:
    """The pieces of a word, and whether each is quoted; None for a piece that the shell expands."""
    at = 0
    while at < len(raw):
        part, at, quoted = _part(raw, at)
        yield part, quoted


def _part(raw: str, at: int) -> tuple[str | None, int, bool]:
    first = raw[at]
    if first == "'":
        end = raw.find("'", at + 1)
        return (raw[at + 1 : end], end + 1, True) if end > 0 else (None, len(raw), True)
    if first == '"':
        return _double(raw, at + 1)
    if raw.startswith("$'", at):
        match = re.compile(r"((?:[^'\\]|\\.)*)'", re.S).match(raw, at + 2)
        return (
            (_ESCAPE.sub(lambda sequence: escaped(sequence[1]), match[1]), match.end(), True)
            if match
            else (None, len(raw), True)
        )
    if first == "\\":
        return raw[at + 1 : at + 2], at + 2, True
    if first == "`" or (first == "$" and raw[at + 1 : at + 2].strip()):
        return None, len(raw), False
    return first, at + 1, False


def _double(raw: str, at: int) -> tuple[str | None, int, bool]:
    out: list[str] = []
    while at < len(raw) and raw[at] != '"':
        if raw[at] == "\\" and raw[at + 1 : at + 2] in tuple('$`"\\'):
            out.append(raw[at + 1])
            at += 2
        elif raw[at] == "`" or (raw[at] == "$" and re.match(r"[\w({?#@*!$-]", raw[at + 1 : at + 2])):
            return None, len(raw), True
        else:
            out.append(raw[at])
            at += 1
    return ("".join(out), at + 1, True) if at < len(raw) else (None, at, True)


def escaped(code: str) -> str:
    """The character that a backslash and `code` denote."""
    if code[0] in "xu" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8))
    return _ESCAPES.get(code, code if code in "\\'\"?" else "\\" + code)
