"""Programs with stand-ins, and the normal form of their command lines.

Programs are described in ``fixtures/programs``. Two calls are the same where their forms are equal. What a description
does not know stays as it is written, so that a doubt ends in "not the same".
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
    """How the words behind a program, or behind one of its subcommands, are read. Tables of options are those of
    :func:`toolworthy.work.cases.matching._options.spec`: ``"n=namespace o=output"``."""

    flags: str = ""
    values: str = ""
    glued: str = ""
    """Letters of options whose value, if any, is glued (``-j4``)."""
    output: str = ""
    """Options, by their first name, that change only what is printed or how fast."""
    default: dict[str, str] = Field(default_factory=dict)
    """Defaults of options."""
    look: bool = False
    """Whether it is read-only."""
    preview: str = ""
    """Options with which it only shows what it would do."""
    acts: str = ""
    """Options with which a look has an effect."""
    ordered: bool = True
    """The order of the operands means something."""
    stops: bool = False
    """Behind the first operand there are no options of this program any more."""
    paths: bool = False
    """Operands are paths."""
    here: bool = False
    """No operand is the current folder."""
    joined: bool = False
    """``TYPE/NAME`` is ``TYPE NAME``."""
    suffix: str = ""
    """End of an operand that may be left out."""
    prefix: str = ""
    """Begin of an operand that may be left out."""
    places: str = ""
    """Options, by their first name, whose values are paths."""
    variables: bool = False
    """``NAME=value`` before the program is the same as behind it."""
    words: dict[str, str] = Field(default_factory=dict)
    """Other words for an operand."""

    @property
    def spec(self) -> Spec:
        """As the reader of options takes it."""
        return spec(
            self.flags,
            self.values,
            glued=self.glued,
            stops=self.stops,
            looks=self.output,
            paths=self.paths,
        )


class Program(Form):
    """A program: its own form, and those of its subcommands."""

    name: str
    names: tuple[str, ...] = ()
    """Other names that it is started by."""
    kin: tuple[str, ...] = ()
    """Other programs that are read in the same way, and are not the same."""
    behind: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Of such a name: words that come first then (``docker-compose`` is ``docker compose``)."""
    prints: bool = False
    """It says something when it is done: who throws that away does not see whether it worked."""
    real: bool = False
    """It is started itself where a machine has it; where not, this says what it would have done."""
    anywhere: bool = False
    """The current folder plays no part."""
    folder: str = ""
    """The option that changes the current folder first."""
    sub: dict[str, Form] = Field(default_factory=dict)
    """Subcommand (``"compose up"``) to its form; options of the program itself may be anywhere."""
    alias: dict[str, str] = Field(default_factory=dict)
    """Other words for a subcommand, or for the first operands (``"run test" = "test"``)."""


@dataclass(frozen=True)
class Invocation:
    """A call of a program, in one form."""

    program: str
    options: tuple[tuple[str, str], ...] = ()
    operands: tuple[str, ...] = ()
    """The subcommand first."""
    folder: str = ""
    """Where it runs; empty where that plays no part."""
    env: tuple[tuple[str, str], ...] = ()
    """Variables that were set for it."""
    stdin: str = ""
    looks: bool = field(default=False, compare=False)
    said: str = field(default="", compare=False)
    """As it was written."""


@dataclass(frozen=True)
class ProgramCall:
    """A call of a program, as it was made."""

    argv: tuple[str, ...]
    folder: str = ROOT
    """The absolute path that it is called in."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that were set for it."""
    stdin: str = ""
    """What it was given to read."""

    @property
    def said(self) -> str:
        """As people write it."""
        return shlex.join(self.argv)


@cache
def programs() -> Mapping[str, Program]:
    """Every name that a described program is started by."""
    by_name: dict[str, Program] = {}
    for path in sorted((content.FIXTURES / "programs").glob("*.toml")):
        by_name |= described(read_toml(path), path)
    return by_name


def described(tables: Mapping[str, Any], path: Path) -> dict[str, Program]:
    """Programs from the tables of a file, by name.

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
    """The form of a call; that of a program that nobody described is the call itself."""
    name = posixpath.basename(call.argv[0])
    program = programs().get(name)
    env = tuple(sorted((key, value) for key, value in call.env.items() if not _plays_no_part(key, value, call.folder)))
    plain = Invocation(name, (), call.argv[1:], call.folder, env, call.stdin, said=call.said)
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
    """The subcommand, the options before it, and the words behind it. Each level has options of its own."""
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
    # Some programs take a short option's value behind "=" (-n=shop).
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
    return Invocation(program.name, form_of_options, (*command, *operands), where, env, plain.stdin, looks, plain.said)


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
    """Whether a variable changes only what is printed, or says what is so anyway: Python looks into its folder."""
    return key in names("lists")["harmless"] or (key == "PYTHONPATH" and absolute(value, folder) == folder)


_TYPE_AND_NAME = re.compile(r"([a-z][a-z.]*)/([^/]+)")


def _type_and_name(operand: str) -> tuple[str, ...]:
    match = _TYPE_AND_NAME.fullmatch(operand)
    return (match[1], match[2]) if match else (operand,)


def _path(operand: str, folder: str) -> str:
    """In full; the id of a test keeps its tail."""
    path, mark, tail = operand.partition("::")
    return absolute(path, folder) + mark + tail
