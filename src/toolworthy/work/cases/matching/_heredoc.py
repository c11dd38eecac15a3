"""Take here-documents out of a command line, so that the rest is easy to parse."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_DELIMITER = re.compile(r"(-?)[ \t]*((?:'[^'\n]*'|\"[^\"\n]*\"|\\.|[^\s;&|<>()'\"\\])+)")
_STRANGE = re.compile(r"[^\t\n\x20-\x7e]")
_QUOTES = re.compile(r"""['"\\]""")


@dataclass(frozen=True)
class Heredoc:
    """The lines between ``<<EOF`` and ``EOF``."""

    body: str
    quoted: bool
    """Whether the shell expands nothing in the body (``<<'EOF'``)."""


class Unterminated(Exception):
    """A here-document without its last line. Bash reads it to the end of the text; a call was probably cut off."""


def lift(text: str, name: str) -> tuple[str, str, tuple[Heredoc, ...]]:
    """The text without here-documents, the same for the parser (equally long), and the bodies.

    In both, ``<name0``, ``<name1`` … replace each ``<<EOF``, and ``<name_word`` replaces ``<<< word``. For the
    parser, an ``x`` replaces every character that is escaped, in single quotes or not ASCII: it takes some of these
    for syntax, and crashes on others (tree-sitter-bash#337).

    Continued lines (backslash, newline) are joined. Here-documents inside ``$(...)`` stay there, since nothing
    interprets that part.

    Raises:
        Unterminated: the line that ends a here-document is missing.
    """
    scan = _Scan(text, name)
    while scan.at < len(text):
        scan.step()
    if scan.waiting:
        raise Unterminated
    return "".join(scan.out), "".join(scan.seen), tuple(scan.heredocs)


@dataclass
class _Scan:
    text: str
    name: str
    at: int = 0
    out: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """What the parser gets instead of `out`, piece by piece."""
    heredocs: list[Heredoc] = field(default_factory=list)
    waiting: list[tuple[str, bool, bool, bool]] = field(default_factory=list)
    """Here-documents that begin on this line: delimiter, quoted, whether tabs are removed, whether it is taken out."""
    inside: list[str] = field(default_factory=list)
    """The open brackets and quotes, innermost last: ``"``, ``(``, ``((`` or a backtick."""

    def step(self) -> None:
        """Read one token: a quoted string, an opening or closing bracket, a redirection, a character."""
        two = self.text[self.at : self.at + 2]
        if two == "\\\n":
            self.at += 2
        elif two[0] == "\\":
            self.put(two, "x" * len(two))
        elif self.inside and self.inside[-1] == '"':
            self._quoted(two)
        else:
            self._unquoted(two)

    def keep(self, count: int) -> None:
        piece = self.text[self.at : self.at + count]
        self.put(piece, _STRANGE.sub("x", piece))

    def put(self, piece: str, seen: str) -> None:
        """Append a piece of the text, and its form for the parser."""
        self.out.append(piece)
        self.seen.append(seen)
        self.at += len(piece)

    def _quoted(self, two: str) -> None:
        if two[0] == '"':
            self.inside.pop()
            self.keep(1)
        elif two == "$(":
            self._open()
        else:
            self.keep(1)

    def _open(self) -> None:
        mark = "((" if self.text.startswith("$((", self.at) else "("
        self.inside.append(mark)
        self.keep(1 + len(mark))

    def _unquoted(self, two: str) -> None:
        first = two[0]
        if two == "$'":
            self._string(re.compile(r"((?:[^'\\]|\\.)*)'", re.S), 2)
        elif first == "'":
            self._string(re.compile(r"([^']*)'"), 1)
        elif first == '"':
            self.inside.append(first)
            self.keep(1)
        elif two == "$(":
            self._open()
        elif first in "()":
            self._bracket(first)
        elif first == "#" and (not self.seen or self.seen[-1][-1:] in " \t\n;&|("):
            end = self.text.find("\n", self.at)
            self.keep((end if end >= 0 else len(self.text)) - self.at)
        elif first == "\n":
            self.keep(1)
            self._bodies()
        elif two == "<<" and (not self.inside or self.inside[-1] != "(("):
            self._begin()
        else:
            self.keep(1)

    def _string(self, pattern: re.Pattern[str], skip: int) -> None:
        """A string without expansions; the parser refuses one without an end."""
        match = pattern.match(self.text, self.at + skip)
        if match is None:
            self.keep(len(self.text) - self.at)
            return
        whole = self.text[self.at : match.end()]
        self.put(whole, f"{whole[:skip]}{'x' * len(match[1])}'")

    def _bracket(self, mark: str) -> None:
        if mark == "(":
            self.inside.append("(")
            self.keep(1)
            return
        closing = len(self.inside.pop()) if self.inside and self.inside[-1] in ("(", "((") else 1
        self.keep(closing)

    def _begin(self) -> None:
        if self.text.startswith("<<<", self.at):
            self._here_string()
            return
        match = _DELIMITER.match(self.text, self.at + 2)
        if match is None:
            self.keep(2)
            return
        outermost = not self.inside
        quoted = bool(_QUOTES.search(match[2]))
        self.waiting.append((_QUOTES.sub("", match[2]), quoted, bool(match[1]), outermost))
        if outermost:
            number = len(self.heredocs) + sum(entry[3] for entry in self.waiting[:-1])
            self._replace(f"<{self.name}{number} ")
            self.at = match.end()
        else:
            self.keep(match.end() - self.at)

    def _here_string(self) -> None:
        """``<<< word``, which the parser does not accept after another redirection."""
        if self.inside:
            self.keep(3)
            return
        self.at += 3
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        self._replace(f"<{self.name}_")

    def _replace(self, text: str) -> None:
        self.out.append(text)
        self.seen.append(text)

    def _bodies(self) -> None:
        """Read the bodies of the here-documents of this line, in order."""
        for delimiter, quoted, cut, outermost in self.waiting:
            start, lines = self.at, list[str]()
            while True:
                if self.at >= len(self.text):
                    raise Unterminated
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end + 1
                line, self.at = self.text[self.at : end], end
                line = line.lstrip("\t") if cut else line
                if line.removesuffix("\n") == delimiter:
                    break
                lines.append(line)
            if outermost:
                self.heredocs.append(Heredoc("".join(lines), quoted))
            else:
                body = self.text[start : self.at]
                self.out.append(body)
                self.seen.append(_STRANGE.sub("x", body))
        self.waiting.clear()
