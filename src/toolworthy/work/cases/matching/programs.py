"""Programs with stand-ins, and the normal form of their command lines.

``fixtures/programs`` describes the programs. Two calls are the same if their forms are equal. What a description
does not cover stays as written, so that any doubt leads to "not the same".
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from toolworthy import content
from toolworthy.base.loading import Strict, fit
from toolworthy.base.paths import ROOT, absolute
from toolworthy.base.toml import read_toml
from toolworthy.work.cases.matching._syntax import Word
from toolworthy.work.cases.matching.options import Read, Spec, names, ordered_options, read, spec


class Form(Strict):
    """How to parse the words after a program, or after one of its subcommands. Tables of options are those of
    :func:`toolworthy.work.cases.matching._options.spec`: ``"n=namespace o=output"``."""

    flags: str = ""
    values: str = ""
    glued: str = ""
    """Letters of options whose value, if any, is attached (``-j4``)."""
    output: str = ""
    """Options, by their first name, that only affect the output or the speed."""
    default: dict[str, str] = Field(default_factory=dict)
    """Defaults of options."""
    look: bool = False
    """Whether it is read-only."""
    preview: str = ""
    """Options that make it only show what it would do."""
    acts: str = ""
    """Options that make a read-only form have an effect."""
    ordered: bool = True
    """Whether the order of the operands matters."""
    stops: bool = False
    """Whether no options of this program come after the first operand."""
    paths: bool = False
    """Whether operands are paths."""
    here: bool = False
    """Whether no operand means the current folder."""
    joined: bool = False
    """Whether ``TYPE/NAME`` is the same as ``TYPE NAME``."""
    suffix: str = ""
    """An optional end of an operand."""
    prefix: str = ""
    """An optional beginning of an operand."""
    places: str = ""
    """Options, by their first name, whose values are paths."""
    variables: bool = False
    """Whether ``NAME=value`` before the program is the same as after it."""
    words: dict[str, str] = Field(default_factory=dict)
    """Synonyms of operands."""

    @property
    def spec(self) -> Spec:
        """The options, for the parser of options."""
        return spec(
            self.flags,
            self.values,
            glued=self.glued,
            stops=self.stops,
            looks=self.output,
            paths=self.paths,
        )


class Program(Form):
    """A program: its form, and those of its subcommands."""

    name: str
    names: tuple[str, ...] = ()
    """Other names of its command."""
    kin: tuple[str, ...] = ()
    """Other programs that are parsed in the same way, but are different."""
    behind: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """For such a name: the words that it stands for (``docker-compose`` is ``docker compose``)."""
    prints: bool = False
    """Whether its output shows its success: whoever discards the output cannot see it."""
    real: bool = False
    """Whether the real program runs, if the machine has it; otherwise, this describes its effect."""
    anywhere: bool = False
    """Whether the current folder does not matter."""
    folder: str = ""
    """The option that changes the current folder."""
    sub: dict[str, Form] = Field(default_factory=dict)
    """Forms of the subcommands (``"compose up"``); options of the program itself may be anywhere."""
    alias: dict[str, str] = Field(default_factory=dict)
    """Synonyms of a subcommand, or of the first operands (``"run test" = "test"``)."""


@dataclass(frozen=True)
class Invocation:
    """A call of a program, in normal form."""

    program: str
    options: tuple[tuple[str, str], ...] = ()
    operands: tuple[str, ...] = ()
    """The subcommand first."""
    folder: str = ""
    """Where it runs; "" if that does not matter."""
    env: tuple[tuple[str, str], ...] = ()
    """Variables that were set for it."""
    stdin: str = ""
    looks: bool = field(default=False, compare=False)
    text: str = field(default="", compare=False)
    """As it was written."""


@dataclass(frozen=True)
class ProgramCall:
    """A call of a program, as made."""

    argv: tuple[str, ...]
    folder: str = ROOT
    """The absolute path of its working directory."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that were set for it."""
    stdin: str = ""
    """Its standard input."""

    @property
    def text(self) -> str:
        """As people write it."""
        return shlex.join(self.argv)


@cache
def programs() -> Mapping[str, Program]:
    """The described programs, by each of their names."""
    by_name: dict[str, Program] = {}
    for path in sorted((content.FIXTURES / "programs").glob("*.toml")):
        by_name |= described(read_toml(path), path)
    return by_name


def described(tables: Mapping[str, Any], path: Path) -> dict[str, Program]:
    """The programs in the tables of a file, by name.

    Raises:
        ToolworthyError: a table does not fit; one line with path, name and field.
    """
    by_name: dict[str, Program] = {}
    for name, table in tables.items():
        program = fit(Program, {"name": name, **table}, f"{path}: {name}")
        by_name |= dict.fromkeys((name, *program.names), program)
        by_name |= {kin: program.model_copy(update={"name": kin}) for kin in program.kin}
    return by_name


def invocation(call: ProgramCall) -> Invocation:
    """The normal form of a call; for a program without a description, the call itself."""
    name = posixpath.basename(call.argv[0])
    program = programs().get(name)
    env = tuple(sorted((key, value) for key, value in call.env.items() if not _plays_no_part(key, value, call.folder)))
    plain = Invocation(name, (), call.argv[1:], call.folder, env, call.stdin, text=call.text)
    if program is None:
        return plain
    words = [Word(text) for text in (*program.behind.get(name, ()), *call.argv[1:])]
    sub, before, rest = _subcommand(program, words)
    form = _merged(program, sub)
    parsed = read(form.spec, rest)
    if parsed is None:
        return replace(plain, program=program.name, looks=form.look and not form.acts)
    return _formed(program, form, sub, Read((*before, *parsed.options), parsed.operands), plain)


def _subcommand(program: Program, words: Sequence[Word]) -> tuple[str, list[tuple[str, str]], list[Word]]:
    """The subcommand, the options before it, and the words after it. Each level has options of its own."""
    sub, before, rest = "", list[tuple[str, str]](), list(words)
    reached: tuple[str, list[tuple[str, str]], list[Word]] = ("", [], rest)
    while rest:
        level = program.sub.get(sub, program) if sub else program
        parsed = read(replace(level.spec, stops=True), rest)
        if parsed is None or not parsed.operands:
            break
        full_name = f"{sub} {parsed.operands[0].text}".strip()
        sub = program.alias.get(full_name, full_name)
        before, rest = [*before, *parsed.options], list(parsed.operands[1:])
        if sub in program.sub or sub in program.alias.values():
            reached = sub, before, rest
        elif not any(name.startswith(f"{sub} ") for name in (*program.sub, *program.alias)):
            break
    return reached


def _merged(program: Program, sub: str) -> Form:
    """The form of a subcommand with the program's own options."""
    own = program.sub.get(sub)
    if own is None:
        return program
    joined = {name: f"{getattr(program, name)} {getattr(own, name)}" for name in ("flags", "values", "output")}
    defaults = {**program.default, **own.default}
    return own.model_copy(update={**joined, "default": defaults, "words": {**program.words, **own.words}})


def _formed(program: Program, form: Form, sub: str, parsed: Read, plain: Invocation) -> Invocation:
    folder, env = plain.folder, plain.env
    for value in parsed.values(program.folder) if program.folder else ():
        folder = absolute(value, folder)
    # Some programs take a short option's value after "=" (-n=shop).
    options = [(name, value.removeprefix("=")) for name, value in parsed.options if name != program.folder]
    places = set(program.places.split())
    options = [(name, absolute(value, folder) if name in places else value) for name, value in options]
    given = {option for option, _ in options}
    looks = (form.look and not given & set(form.acts.split())) or bool(given & set(form.preview.split()))
    usual = {name: absolute(value, folder) if name in places else value for name, value in form.default.items()}
    options = [(option, value) for option, value in options if usual.get(option) != value]
    operands = _operands(form, [word.text for word in parsed.operands], folder)
    if form.variables:
        operands, env = sorted([*operands, *(f"{key}={value}" for key, value in env)]), ()
    form_of_options = ordered_options(form.spec, options)
    where = "" if program.anywhere else folder
    command = tuple(word for word in (sub,) if word)
    return Invocation(program.name, form_of_options, (*command, *operands), where, env, plain.stdin, looks, plain.text)


def _operands(form: Form, operands: list[str], folder: str) -> list[str]:
    operands = operands or (["."] if form.here else [])
    if form.joined:
        operands = [part for operand in operands for part in _type_and_name(operand)]
    if form.paths:
        operands = [_path(operand, folder) for operand in operands]
    operands = [
        form.words.get(operand, operand).removesuffix(form.suffix).removeprefix(form.prefix) for operand in operands
    ]
    return operands if form.ordered else sorted(operands)


def _plays_no_part(key: str, value: str, folder: str) -> bool:
    """Whether a variable affects only the output, or nothing: Python searches the current folder anyway."""
    return key in names("lists")["harmless"] or (key == "PYTHONPATH" and absolute(value, folder) == folder)


_TYPE_AND_NAME = re.compile(r"([a-z][a-z.]*)/([^/]+)")


def _type_and_name(operand: str) -> tuple[str, ...]:
    match = _TYPE_AND_NAME.fullmatch(operand)
    return (match[1], match[2]) if match else (operand,)


def _path(operand: str, folder: str) -> str:
    """The absolute path; the id of a test keeps the part after ``::``."""
    path, mark, tail = operand.partition("::")
    return absolute(path, folder) + mark + tail
