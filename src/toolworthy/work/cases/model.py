"""Cases as they are in their TOML files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict, filled, fit, load_toml, texts_of
from toolworthy.base.toml import read_toml
from toolworthy.content.adapters import Action, Scope, ToolSpec
from toolworthy.work.cases.matching.values import compare

CATEGORIES: dict[str, str] = read_toml(content.FIXTURES / "categories.toml")
"""Categories of cases."""


class Want(Strict):
    """One expected call; ``change`` is met by all calls together, if the files are as expected afterwards."""

    do: Literal["read", "run", "search", "find", "list", "change"] | None = None
    path: str | None = None
    """read, list: relative to the working directory."""
    lines: tuple[int, int] | None = None
    """read: first and last line that must be shown, with few others; negative ones count from the end."""
    command: tuple[str, ...] = ()
    """run: commands that are right, the reference first."""
    pattern: str | None = None
    """search, find: the reference."""
    hits: tuple[str, ...] = ()
    """search: lines that the pattern must match; find: paths."""
    misses: tuple[str, ...] = ()
    """Lines or paths that it must not match."""
    names: bool = False
    """search: whether the names of the files are enough."""
    shows: tuple[str, ...] = ()
    """run, for a read-only command: regular expressions of the required output; without any, all of the reference's
    output."""
    hides: tuple[str, ...] = ()
    """run: regular expressions of forbidden output."""
    after: dict[str, str] = Field(default_factory=dict)
    """change: files that differ afterwards, with their full text."""
    gone: tuple[str, ...] = ()
    """change: files that do not exist afterwards."""
    tool: str | None = None
    """The name of one of the case's own tools."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Its arguments: values, or matchers (see :mod:`toolworthy.work.cases.matching.values`)."""
    example: dict[str, Any] | None = None
    """Reference arguments, if `arguments` has matchers that leave a choice."""

    @property
    def words(self) -> str:
        """A short description."""
        what = self.model_dump(exclude_defaults=True, exclude={"do", "tool", "example"})
        inner = ", ".join(f"{name}={value!r}"[:200] for name, value in what.items())
        return f"{self.do or self.tool}({inner})"

    @model_validator(mode="after")
    def _whole(self) -> Want:
        needs = {
            "read": self.path,
            "list": self.path,
            "run": self.command,
            "search": self.pattern,
            "find": self.pattern,
            "change": self.after or self.gone,
        }
        if (self.do is None) == (self.tool is None):
            raise ValueError("a right call has either `do` or `tool`")
        if self.do and not needs[self.do]:
            raise ValueError(f"`do = {self.do!r}` lacks what it is to be done with")
        return self


class Phrases(Strict):
    """Answers in words that prove the matcher of a turn."""

    yes: tuple[str, ...] = ()
    """Right answers."""
    no: tuple[str, ...] = ()
    """Wrong answers."""


class Turn(Strict):
    """A user's message, and the expected calls."""

    user: str = ""
    """The user's message; empty: only the results of the turn before."""
    right: tuple[tuple[Want, ...], ...] = ()
    """Alternatives, the reference first; without any, no call is right."""
    ordered: bool = False
    """Whether the calls must come in this order."""
    apart: bool = False
    """Whether each must be a separate call, instead of one command for all."""
    results: tuple[str, ...] = ()
    """The results of the tools, one for each call of the reference; computed from the case's files if possible."""
    error: bool = False
    """Whether the results are errors."""
    say: str = ""
    """The reference's text: its answer, or the text before its calls."""
    answer: Any = None
    """Matcher of the text, if no call is right."""
    phrases: Phrases = Field(default=Phrases(), exclude=True)
    """What the matcher must accept and refuse; `toolworthy cases check` proves it."""

    @model_validator(mode="after")
    def _whole(self) -> Turn:
        if not all(self.right):
            raise ValueError("an alternative without calls; leave `right` out where no call is right")
        compare(self.answer, "")
        if (self.phrases.yes or self.phrases.no) and (self.right or self.answer is None):
            raise ValueError("`phrases` prove the `answer` of a turn where no call is right")
        return self


class CaseTool(Strict):
    """A tool of a file's own, besides those of the agent."""

    description: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    """As in an agent's adapter: name to short type or JSON Schema; or a whole schema with ``type = "object"``."""
    looks: bool = False
    """Whether it is read-only, so that an extra call does no harm."""
    does: Action | None = None
    """Its effect on files, as for an agent's own tool (see :class:`toolworthy.content.adapters.ToolSpec`)."""
    call: dict[str, Any] | None = None
    scope: Scope = Scope()
    server: str | None = None
    """The MCP server it belongs to; the agent's way of naming those is used."""

    @property
    def spec(self) -> ToolSpec:
        """As an agent's tool."""
        shorts = {} if self.parameters.get("type") == "object" else self.parameters
        return ToolSpec(does=self.does, parameters=shorts, call=self.call, scope=self.scope)


class CaseCommit(Strict):
    """A commit of a case's repository."""

    message: str
    files: dict[str, str] = Field(default_factory=dict)
    """Files that it changes or adds, with their full text."""
    gone: tuple[str, ...] = ()
    name: str = ""
    """The case's name for it, used like a hash."""


class Case(Strict):
    """A scenario."""

    id: str
    category: str
    turns: tuple[Turn, ...] = Field(alias="turn", min_length=1)
    before: tuple[Turn, ...] = ()
    """The conversation so far, played by the reference and not judged."""
    files: dict[str, str] = Field(default_factory=dict)
    """The files in the working directory."""
    commits: tuple[CaseCommit, ...] = Field(default=(), alias="commit")
    """The commits of the repository, oldest first; without any, one commit has all files."""
    branch: str = "main"
    """The branch that is checked out."""
    upstream: bool = True
    """Whether the remote has that branch."""
    private: tuple[str, ...] = ()
    """Private files: showing one is an extra call."""
    staged: bool = False
    """Whether the differences from the last commit are staged."""
    executable: tuple[str, ...] = ()
    """The executable files."""
    seen: tuple[str, ...] = ()
    """Files that were read at the beginning; agents' edit tools demand it."""
    tools: tuple[str, ...] = ()
    """The offered ones of the file's own tools."""
    crowd: int = 0
    """Add unrelated tools up to this number."""
    alone: bool = False
    """Whether the agent's own tools are not offered; such a case runs with one toolset only."""
    exact: bool = False
    """Whether lenient rules are off, because the case is about white space or quoting. An extra read-only call is still
    tolerated."""
    filler_turns: int = 0
    """The number of unrelated turns before the first judged one."""
    filler_tokens: int = 0
    """Their approximate total length."""
    think: bool | None = None
    """Reasoning on or off; None: the endpoint's default."""
    own: dict[str, CaseTool] = Field(default_factory=dict, exclude=True)
    """The file's tools."""
    source: str = Field(default="", exclude=True)
    """The file of the case."""

    @model_validator(mode="after")
    def _fits(self) -> Case:
        if self.category not in CATEGORIES:
            raise ValueError(f"category {self.category!r} is none of {', '.join(CATEGORIES)}")
        for name in (*self.tools, *(want.tool for want in self.wants() if want.tool)):
            if name not in self.own:
                raise ValueError(f"the file has no [tools.{name}]")
        if not self.turns[0].user:
            raise ValueError("the first turn has no `user`")
        for turn in (*self.before, *self.turns[:-1]):
            wants = turn.right[0] if turn.right else ()
            if any(want.do == "run" or want.tool for want in wants) and len(turn.results) != len(wants):
                raise ValueError(f"a turn that others follow needs {len(wants)} results")
        return self

    @property
    def digest(self) -> str:
        """A hash of the whole case."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def wants(self) -> Iterator[Want]:
        """Every expected call in the case."""
        for turn in (*self.before, *self.turns):
            for alternative in turn.right:
                yield from alternative


@dataclass(frozen=True)
class CaseFile:
    """One TOML file of cases."""

    path: Path
    cases: tuple[Case, ...]


def load_file(path: Path) -> CaseFile:
    """Read one file of cases.

    Raises:
        ToolworthyError: the file is missing, not TOML, or does not fit the model; one line with path, case and field.
    """
    data = read_toml(path)
    try:
        data = filled(data, texts_of(data))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolworthyError(f"{path}: [text]: {error}") from error
    own = fit(_Tools, data, path).tools
    rows = [{**row, "own": own, "source": path.name} for row in data.get("case", ())]
    return CaseFile(path, fit(_Cases, {"case": rows}, path).case)


class _Tools(Strict):
    """A file of cases; the cases themselves want its tools."""

    tools: dict[str, CaseTool] = Field(default_factory=dict)
    text: dict[str, Any] = Field(default_factory=dict)
    case: tuple[dict[str, Any], ...] = ()


class _Cases(Strict):
    case: tuple[Case, ...]


def load_cases(paths: tuple[Path, ...] = ()) -> tuple[Case, ...]:
    """The cases of files and folders; if none is given ours, and those of plugins.

    Raises:
        ToolworthyError: a broken file, no case at all, or the same id twice.
    """
    if not paths:
        return _known(content.folders("cases"))
    files = [file for path in paths for file in case_files(path)]
    cases = [case for file in files for case in load_file(file).cases]
    if not cases:
        raise ToolworthyError(f"{', '.join(map(str, paths))}: no [[case]] there. Give a file or folder of cases.")
    seen: dict[str, str] = {}
    for case in cases:
        if case.id in seen:
            raise ToolworthyError(f"{case.source}: the id {case.id!r} is taken, in {seen[case.id]}")
        seen[case.id] = case.source
    return tuple(cases)


def case_files(path: Path) -> list[Path]:
    """The files of cases in a folder, or the one file; those of answers are left out."""
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    return [file for file in files if not file.name.endswith(".answers.toml")]


@cache
def _known(folders: tuple[Path, ...]) -> tuple[Case, ...]:
    return load_cases(folders)


@cache
def crowd() -> dict[str, CaseTool]:
    """Unrelated tools, as from an agent with many MCP servers."""
    return load_toml(_Tools, content.FIXTURES / "cases" / "crowd.toml").tools
