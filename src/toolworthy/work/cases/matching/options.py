"""The known options of common commands, and the parsing of commands with them.

A command is parsed only if all its options are known. An unknown one may take the next word as its value;
then no word may be reordered, and the words are compared as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from toolworthy import content
from toolworthy.base.toml import read_toml
from toolworthy.work.cases.matching._syntax import Word

_KNOWN = content.FIXTURES / "commands.toml"


@dataclass(frozen=True)
class Spec:
    """The options and operands of one command."""

    flags: Mapping[str, str] = field(default_factory=dict)
    """Options without a value: each spelling and its canonical name."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Options with a value, in the next word or attached."""
    glued: str = ""
    """Letters of options whose value, if any, is attached (``-i.bak``)."""
    skip: int = 0
    """The number of leading operands that are not paths (a pattern, a script, a mode)."""
    script: str = ""
    """Names of options that replace the first operand (``grep -e``)."""
    ordered: bool = True
    """Whether the order of the operands matters."""
    paths: bool = True
    """Whether the operands are paths."""
    slash: bool = False
    """Whether a slash at the end of a path matters (``cp a b/`` requires a folder)."""
    here: bool = False
    """Whether no path means the current folder."""
    loose: bool = False
    """Whether the current folder does not matter if there is a path."""
    rivals: tuple[str, ...] = ()
    """Names of options of which the last one wins, so that their order matters."""
    looks: frozenset[str] = frozenset()
    """Options that only change the format of the output; they are dropped."""
    number: str = ""
    """The option that ``-5`` stands for."""
    stops: bool = False
    """Whether all words after the first operand are operands."""


@dataclass(frozen=True)
class Read:
    """A parsed command."""

    options: tuple[tuple[str, str], ...]
    operands: tuple[Word, ...]

    def values(self, name: str) -> list[str]:
        """The values of an option, in order; an empty text for a flag."""
        return [value for key, value in self.options if key == name]


def spec(flags: str = "", values: str = "", **more: object) -> Spec:
    """Make a `Spec` from short tables: ``"r=recursive v"`` means -r with the long name --recursive, and -v."""
    looks = frozenset({"color", "colour", "no-color", *str(more.pop("looks", "")).split()})
    rivals = tuple(str(more.pop("rivals", "")).split())
    return Spec(_names(flags), _names(values), looks=looks, rivals=rivals, **more)  # type: ignore[arg-type]


def _names(table: str) -> dict[str, str]:
    by_name: dict[str, str] = {}
    for entry in table.split():
        first, *others = entry.split("=")
        by_name |= dict.fromkeys((first, *others), first)
    return by_name


def read(known: Spec, words: Sequence[Word]) -> Read | None:
    """The options and operands of `words` (without the command's name); None if one is unknown or not literal."""
    options: list[tuple[str, str]] = []
    operands: list[Word] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.literal:
            return None
        if word.text == "--":
            operands += rest
            break
        if len(word.text) < 2 or word.text[0] != "-":
            operands.append(word)
            if known.stops:
                operands += rest
                break
            continue
        parsed = _long(known, word.text[2:], rest) if word.text.startswith("--") else _short(known, word.text[1:], rest)
        if parsed is None:
            return None
        options += parsed
    if not all(word.literal for word in operands):
        return None
    kept = [(name, value) for name, value in options if name not in known.looks]
    return Read(tuple(kept), tuple(operands))


def _long(known: Spec, text: str, rest: list[Word]) -> list[tuple[str, str]] | None:
    name, equals, value = text.partition("=")
    if len(name) < 2:
        return None
    if equals:
        return [(known.values.get(name, known.flags.get(name, name)), value)]
    if name in known.values:
        return _with_value(known.values[name], rest)
    return [(known.flags.get(name, name), "")] if name in known.flags or name in known.looks else None


def _short(known: Spec, letters: str, rest: list[Word]) -> list[tuple[str, str]] | None:
    if known.number and letters.isdecimal():
        return [(known.number, letters)]
    parsed: list[tuple[str, str]] = []
    for at, letter in enumerate(letters):
        after = letters[at + 1 :]
        if letter in known.glued:
            return [*parsed, (letter, after)]
        if letter in known.values:
            last = [(known.values[letter], after)] if after else _with_value(known.values[letter], rest)
            return [*parsed, *last] if last else None
        if letter not in known.flags:
            return None
        parsed.append((known.flags[letter], ""))
    return parsed


def _with_value(name: str, rest: list[Word]) -> list[tuple[str, str]] | None:
    if not rest or not rest[0].literal:
        return None
    return [(name, rest.pop(0).text)]


def ordered_options(known: Spec, options: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """`options` in a fixed order. Those with the same name, and rivals, keep their relative order."""
    return tuple(sorted(options, key=lambda option: " " if option[0] in known.rivals else option[0]))


# ---- known commands -----------------------------------------------------------------------------------------------


@cache
def specs(table: str) -> Mapping[str, Spec]:
    """The commands of a table of ``fixtures/commands.toml``; a string refers to a command of the table `compared`."""
    rows = read_toml(_KNOWN)[table].items()
    return {name: specs("compared")[row] if isinstance(row, str) else spec(**row) for name, row in rows}


@cache
def names(table: str) -> Mapping[str, frozenset[str]]:
    """The lists of names of a table of ``fixtures/commands.toml``."""
    return {name: frozenset(listed.split()) for name, listed in read_toml(_KNOWN)[table].items()}
