"""TOML files of agents, and the search for adapters of agents and providers.

One file is one adapter; its id is the file's name without ``.toml``. Users' own files have the same rights as built-in
ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, model_validator

from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict, load_toml
from toolworthy.base.nearest import did_you_mean
from toolworthy.content.install import Install
from toolworthy.content.mcp import ConfigFile, Mcp
from toolworthy.wire.ir import Api

_REPLY_TOKENS = 4_000
"""Tokens that an agent needs beyond its fixed prompt to do anything."""

Action = Literal["run", "read", "view", "write", "edit", "patch", "search", "find", "list", "wait"]
"""What a tool does, independent of the agent: ``view`` reads pictures only, ``search`` searches for text, ``find`` for
file names, ``wait`` gets the further output of a command that still runs."""


class Interactive(Strict):
    """How a person starts the agent with the settings of `run`; the strings are templates, too."""

    command: tuple[str, ...] = ()
    """The program's name on the PATH, and its options."""
    files: tuple[ConfigFile, ...] = ()
    """Settings that only an empty home needs, so that the agent asks no first-start questions."""


class AgentLaunch(Strict):
    """How the agent is started in a trial.

    Every string is a template: ``{instruction} {model} {base_url} {key} {workspace} {home} {install} {node} {python}
    {path} {max_turns} {context} {max_output}``; other braces are literal. `{base_url}` is the gateway's
    address plus `base_path`, `{path}` the PATH of all commands.
    """

    command: tuple[str, ...]
    env: dict[str, str] = Field(default_factory=dict)
    files: tuple[ConfigFile, ...] = ()
    base_path: str = ""
    """The path that the agent expects at the end of its base URL: "" or "/v1"."""
    stdin: str = ""
    before: tuple[tuple[str, ...], ...] = ()
    """Commands that must succeed before `command` starts, for instance one that registers an endpoint."""
    start_seconds: float = Field(0, ge=0)
    """How long it takes to start; added to a task's time limit."""
    interactive: Interactive = Interactive()
    trial_only: tuple[str, ...] = ()
    """Variables of `env` that are for trials only, not for a person's own use."""

    @model_validator(mode="after")
    def _known_variables(self) -> AgentLaunch:
        if unknown := [name for name in self.trial_only if name not in self.env]:
            raise ValueError(f"trial_only: {unknown[0]!r} is not in env")
        return self


class Variant(Strict):
    """Changes to `run` for another of the agent's wire APIs; fields that are not given stay."""

    command: tuple[str, ...] | None = None
    env: dict[str, str] = Field(default_factory=dict)
    """Added; an empty value removes a variable."""
    files: tuple[ConfigFile, ...] = ()
    """Replace those with the same path."""
    base_path: str | None = None
    before: tuple[tuple[str, ...], ...] | None = None

    def of(self, run: AgentLaunch) -> AgentLaunch:
        """`run` with these changes."""
        given = {
            name: value for name in ("command", "base_path", "before") if (value := getattr(self, name)) is not None
        }
        env = {name: value for name, value in {**run.env, **self.env}.items() if value}
        files = {file.path: file for file in (*run.files, *self.files)}
        return run.model_copy(update={**given, "env": env, "files": tuple(files.values())})


class Scope(Strict):
    """Names of the tool parameters that say where the tool acts, and on how much."""

    folder: str = ""
    """The folder it works in; for a search, or a file."""
    names: str = ""
    """A glob of the files that are searched."""
    first: str = ""
    """The first line that is shown."""
    most: str = ""
    """How many lines, matches or names are shown."""
    which: str = ""
    """Which of several occurrences of the old text an edit replaces, counted from 1."""
    everywhere: str = ""
    """True: an edit replaces every occurrence."""
    ignore_case: str = ""
    """True: a search ignores case."""


class Use(Strict):
    """One action of a tool, independent of the agent."""

    does: Action | None = None
    """The neutral action it performs."""
    when: dict[str, str] = Field(default_factory=dict)
    """Arguments that select this use, if a tool has several: ``{ command = "view" }``."""
    call: Any = None
    """Arguments template for `does`: a table whose strings hold placeholders, or, for a free-form tool, one string.
    Placeholders: run ``{command}``; read, view and list ``{path}``; write ``{path} {content}``;
    edit ``{path} {old} {new}``; patch ``{patch}``; search and find ``{pattern}``; wait ``{session}``."""
    scope: Scope = Scope()
    """The other parameters, which say where the tool acts."""


class ToolSpec(Use):
    """A tool that the agent offers: the part that toolworthy uses."""

    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    """Name to short type: ``"string"``, ``"integer?"`` (optional), ``"string[]"``, or a JSON Schema table."""
    also: tuple[Use, ...] = ()
    """Its other uses."""
    custom: bool = False
    """Free-form (responses ``custom`` tool): the argument is text."""
    needs_read: bool = False
    """The tool refuses to touch a file that was not read before."""

    @model_validator(mode="after")
    def _told_apart(self) -> ToolSpec:
        for use in self.also:
            if use.does is None or not use.when or use.when.keys() - self.parameters.keys():
                raise ValueError("also: each needs `does`, and in `when` the parameters that choose it")
        if self.also and not self.when:
            raise ValueError("when is missing: say which arguments choose the first use")
        return self

    @property
    def uses(self) -> tuple[Use, ...]:
        """All its uses."""
        return (self, *self.also) if self.does else self.also


class Finish(Strict):
    """The tool call that tells the agent that the work is done, if text alone only brings a reminder."""

    tool: str
    call: dict[str, Any] = Field(default_factory=dict)
    """Its arguments."""


class FullWindow(Strict):
    """The errors that the agent recognizes as a full context window: it then shortens the conversation, or says so."""

    words: tuple[str, ...] = ()
    """Regular expressions, case-insensitive: the error contains one of them."""
    unless: tuple[str, ...] = ()
    """Regular expressions, case-insensitive: the error contains none of them."""
    statuses: tuple[int, ...] = ()
    """HTTP statuses whose errors it reads; empty for all."""
    alone: tuple[int, ...] = ()
    """HTTP statuses that suffice, whatever the error's text."""
    source: str
    """Where the agent's code says so, and in which version."""

    def understands(self, status: int, message: str) -> bool:
        """Whether the agent understands an error.

        Args:
            status: HTTP status; below 400 for an error inside a stream.
            message: the error as it was sent: text, code and type.
        """
        if status in self.alone:
            return True
        read = not self.statuses or status < 400 or status in self.statuses
        return read and _stands(self.words, message) and not _stands(self.unless, message)


def _stands(patterns: Iterable[str], text: str) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE | re.DOTALL) for pattern in patterns)


class AgentAdapter(Strict):
    """An agent tool."""

    id: str
    title: str
    homepage: str = ""
    common: bool = False
    """Whether every run judges it; others are judged only with ``--agent`` or in tier ``full``."""
    apis: tuple[Api, ...]
    """Wire APIs that it speaks; first the one that `run` sets up."""
    install: Install | None = None
    run: AgentLaunch
    variants: dict[Api, Variant] = Field(default_factory=dict)
    """How it is started to speak its other wire APIs."""
    version_command: tuple[str, ...] = ()
    """Prints the installed version; a template, as in `run`."""
    paths: Literal["absolute", "relative"] = "relative"
    """The paths that its file tools take."""
    prompt_tokens: int = 2_000
    """Approximate size of its fixed prompt and tools, in tokens."""
    refusals: tuple[str, ...] = ()
    """Regular expressions: a tool result that matches one means that the call failed."""
    running: str | None = None
    """Regular expression: matches the result of a command that still runs; its group is the session to wait for."""
    finish: Finish | None = None
    """None if it ends when the model ends its turn."""
    leaves: tuple[str, ...] = ()
    """Files and folders of its own that it leaves in the workspace, as globs of their names: removed before the result
    is judged, unless the task contains them."""
    ceiling: dict[str, str] = Field(default_factory=dict)
    """Task to the reason why the agent fails it with every model: measured with the reference server, which solves
    it."""
    full_window: FullWindow | None = None
    """None if it recognizes no error, or if that is unknown."""
    mcp: Mcp = Mcp()
    efforts: tuple[str, ...] = ()
    """The levels of reasoning effort that its user can set, rising."""
    tools: dict[str, ToolSpec] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> AgentAdapter:
        if wrong := self.variants.keys() - set(self.apis[1:]):
            raise ValueError(f"variants.{min(wrong)}: name it in apis, after the one that `run` speaks")
        if self.finish and self.finish.tool not in self.tools:
            raise ValueError(f"finish.tool: {self.finish.tool!r} is none of its tools")
        if bad := [name for name in self.leaves if "/" in name or not name.strip("*?.")]:
            raise ValueError(f"leaves: {bad[0]!r} is not a name of the agent's own")
        return self

    def run_in(self, api: Api) -> AgentLaunch:
        """How it is started to speak `api`: `run`, with the changes of its variant."""
        return self.variants[api].of(self.run) if api in self.variants else self.run

    def api_with(self, served: Api) -> Api:
        """The wire API that the agent uses with an endpoint that serves `served`."""
        return served if served in self.variants else self.apis[0]

    @property
    def knows_turn_limit(self) -> bool:
        """Whether the agent gets the turn limit, and so stops there by itself."""
        run = self.run
        texts = (*run.command, *run.env.values(), *(file.content for file in run.files), run.stdin)
        return any("{max_turns}" in text for text in texts)

    def lacks_room(self, context: int | None) -> str:
        """Why a context window, in tokens, is too small for it; "" if it is not, or is unknown."""
        if context is None or context >= self.prompt_tokens + _REPLY_TOKENS:
            return ""
        return (
            f"context window {context:,} tokens; {self.title} needs about {self.prompt_tokens:,} for its own prompt "
            f"and tools and {_REPLY_TOKENS:,} to work in"
        )


_A = TypeVar("_A", bound=Strict)


def load(kind: type[_A], path: Path) -> _A:
    """Read one adapter file.

    Raises:
        ToolworthyError: the file is missing, is not TOML, or does not fit the model; one line with path and field.
    """
    return load_toml(kind, path, id=path.stem)


def agent(name: str, extra: tuple[Path, ...] = ()) -> AgentAdapter:
    """The agent adapter called `name`: searched in the user's files `extra` first, then in all others.

    Raises:
        ToolworthyError: there is none of that name.
    """
    for path in extra:
        if path.stem == name:
            return load(AgentAdapter, path)
    return named(AgentAdapter, "agents", name)


def file_of(agent: str, extra: tuple[Path, ...] = ()) -> Path:
    """The file of the agent called `agent`, searched as :func:`agent` does.

    Raises:
        ToolworthyError: there is none of that name.
    """
    files = {**_files(content.folders("agents")), **{path.stem: path for path in extra}}
    if agent not in files:
        raise ToolworthyError(f"no agent is called {agent!r}{did_you_mean(agent, sorted(files))}")
    return files[agent]


def agents() -> tuple[AgentAdapter, ...]:
    """All agent adapters by id, ours and those of plugins."""
    return every(AgentAdapter, "agents")


def common() -> tuple[AgentAdapter, ...]:
    """The agents that every run judges, by id."""
    return tuple(adapter for adapter in agents() if adapter.common)


def toolsets() -> tuple[AgentAdapter, ...]:
    """The agents that offer tools, by id."""
    return tuple(adapter for adapter in agents() if adapter.tools)


def title(agent: str) -> str:
    """The title of the agent with this id; the id itself if no adapter has it, such as a user's own that was
    deleted."""
    return next((adapter.title for adapter in agents() if adapter.id == agent), agent)


def every(kind: type[_A], group: content.Kind) -> tuple[_A, ...]:
    """All adapters of a kind by id, ours and those of plugins."""
    return _all(kind, content.folders(group))


@cache
def _all(kind: type[_A], folders: tuple[Path, ...]) -> tuple[_A, ...]:
    return tuple(load(kind, path) for path in _files(folders).values())


def named(kind: type[_A], group: content.Kind, name: str) -> _A:
    """The adapter of a kind called `name`.

    Raises:
        ToolworthyError: there is none of that name.
    """
    files = _files(content.folders(group))
    if name not in files:
        raise ToolworthyError(f"no {group[:-1]} is called {name!r}{did_you_mean(name, sorted(files))}")
    return load(kind, files[name])


def _files(folders: tuple[Path, ...]) -> dict[str, Path]:
    """The adapter files of folders, by id."""
    by_id: dict[str, Path] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.toml"))):
        if path.stem in by_id:
            raise ToolworthyError(f"{path}: {by_id[path.stem]} has the name {path.stem} already. Choose another name.")
        by_id[path.stem] = path
    return by_id
