"""The plan of one invocation."""

from __future__ import annotations

import dataclasses
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import did_you_mean
from toolworthy.base.version import __version__
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.providers import Prices
from toolworthy.content.tasks import Task, known_tasks, load_task, load_tasks
from toolworthy.endpoint.plugins import LOADED
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import concurrency as flow
from toolworthy.records import conditions
from toolworthy.records.meta import Budget, RecordedOptions, RunMeta, SandboxKind, Tier
from toolworthy.records.result import REFERENCES, Named
from toolworthy.records.triage import TriageEntry
from toolworthy.work.cases.field import Field, Kind, load_field
from toolworthy.work.cases.model import Case, load_cases
from toolworthy.work.replay.recording import Recording
from toolworthy.work.run.fingerprint import words

_NO_BUDGET = Budget()
_PROGRAMS = {"__main__.py": "toolworthy"}
"""What ``python -m toolworthy`` is called."""
_TRIALS_AT_ONCE = 2
"""The default number of concurrent trials: an agent is a process of some hundred megabytes."""


T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """The options of one invocation, resolved."""

    endpoint: Endpoint
    agents: tuple[AgentAdapter, ...]
    tasks: tuple[Task, ...]
    trials: int = 1
    """Attempts per task and agent."""
    concurrency: int | None = None
    """Requests in flight, for probes and cases; trials at the same time. None: as many as succeed."""
    sandbox: SandboxKind = "auto"
    timeout_factor: float = 1.0
    """Multiplies every task's own time limits."""
    max_turns: int = 60
    out: Path = Path("reports")
    """The folder for run directories."""
    resume: Path | None = None
    """A run directory to continue."""
    toolset: str | None = None
    """Agent whose tools the built-in agent offers."""
    stream: bool = True
    """Whether the built-in agent and cases request streamed responses."""
    cases: tuple[Case, ...] = ()
    toolsets: tuple[AgentAdapter, ...] = ()
    """Agents whose toolsets the cases offer."""
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Values of the options that kinds of work declare themselves."""
    field: Field | None = None
    """A benchmark's file, used instead of cases."""
    reference: Endpoint | None = None
    """The reference endpoint that also gets a verifier's requests, to measure how far it agrees with itself."""
    adapters: tuple[str, ...] = ()
    """Files of the user's own agents, absolute; as all paths here."""
    task_folders: tuple[str, ...] = ()
    """Folders of the user's own tasks; empty: the built-in ones."""
    case_paths: tuple[str, ...] = ()
    """Paths of the user's own cases, with a prefix for a benchmark's file; empty: the built-in ones."""
    recording: Recording | None = None
    """The recording of a replay."""
    only: str | None = None
    """Only requests of trials that match this glob."""
    limit: int | None = None
    """The most requests."""
    selected: tuple[str, ...] | None = None
    """The items that pytest selected, by the names of ``plugin``; None: all."""

    tier: Tier = "standard"
    """The tier of the wire suite."""
    budget: Budget = _NO_BUDGET
    """What the run may spend."""
    agreed: bool = False
    """Whether a large run may start without a question."""
    until_decided: bool = False
    """Whether the gate analyses the run after each attempt, and ends it once decided; `trials` is then the maximum."""

    triage: tuple[TriageEntry, ...] = ()
    """The triage entries."""
    command: str = ""
    """The command of the run, if it is not the command line of the process."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that must never be written down."""
        return (*self.endpoint.secrets, *(self.reference.secrets if self.reference else ()))

    def at_once(self, *, heavy: bool) -> int:
        """How many trials, or how many probes and cases, run at the same time; each has one request in flight."""
        return self.concurrency or (_TRIALS_AT_ONCE if heavy else flow.AUTO)

    def prices(self, trial: str) -> Prices | None:
        """The prices of the endpoint that a trial, case or probe with this id uses."""
        endpoint = self.reference if self.reference and Named.of(trial).asker in REFERENCES else self.endpoint
        return endpoint.prices

    def meta(self) -> RunMeta:
        """The content of ``run.json``."""
        return RunMeta(
            **invocation(self.endpoint, self.command),
            plugins=dict(LOADED),
            agents={agent.id: agent.install.version if agent.install else __version__ for agent in self.agents},
            tasks={task.name: task.digest for task in self.tasks},
            cases={self.field.spec: self.field.digest} if self.field else {c.id: c.digest for c in self.cases},
            toolsets=[agent.id for agent in self.toolsets],
            toolset_hashes={agent.id: words(agent) for agent in self.toolsets},
            selected=None if self.selected is None else list(self.selected),
            replay=self.recording.summary() if self.recording else None,
            options=RecordedOptions(
                **conditions.recorded_options(self),
                own=dict(self.own),
                concurrency=self.concurrency,
                reference=self.reference.public() if self.reference else None,
                budget=self.budget,
                prices=self.endpoint.prices,
            ),
        )


def choose_agents(names: list[str], files: list[Path]) -> tuple[AgentAdapter, ...]:
    """The named agents, searched in the user's own adapter files first; ``builtin`` if none is named.

    ``common`` stands for the agents that every run judges, ``all`` for every one.

    Raises:
        ToolworthyError: an unknown name or a broken file.
    """
    chosen = [*names, *(path.stem for path in files)] or ["builtin"]
    groups = {"all": adapters.agents(), "common": adapters.common()}
    expanded = [[agent.id for agent in groups[name]] if name in groups else [name] for name in chosen]
    # The members of a group come first, in its order.
    chosen = list(dict.fromkeys(name for group in sorted(expanded, key=len, reverse=True) for name in group))
    return tuple(adapters.agent(name, tuple(files)) for name in chosen)


def choose_tasks(names: list[str], folders: list[Path]) -> tuple[Task, ...]:
    """The named tasks of `folders` (default: all known); all of them if none is named.

    A folder may be one task or hold several; ``mcp`` is the built-in folder of tasks that need an MCP server.

    Raises:
        ToolworthyError: an unknown name, a folder without tasks, or a broken task.
    """
    tasks: list[Task] = [] if folders else [*known_tasks()]
    for given in folders:
        ours = given.resolve() == Path("mcp").resolve() and not given.exists()
        folder = content.FIXTURES / "mcp" if ours else given
        loaded = (load_task(folder),) if (folder / "task.toml").is_file() else load_tasks(folder)
        if not loaded:
            raise ToolworthyError(
                f"{folder} holds no task: no task.toml in it or in its folders. Give a folder of tasks."
            )
        tasks.extend(loaded)
    return _picked("task", names, {task.name: task for task in tasks}) if names else tuple(tasks)


def choose_toolsets(names: list[str], files: list[Path]) -> tuple[AgentAdapter, ...]:
    """Agents whose toolsets the cases offer: the named ones, else the common ones. Agents without tools are left out.

    Raises:
        ToolworthyError: as :func:`choose_agents`.
    """
    chosen = choose_agents(names, files) if names or files else adapters.common()
    return tuple(agent for agent in chosen if agent.tools)


def choose_field(names: list[str], given: list[str]) -> Field | None:
    """The benchmark's file of ``--cases bfcl:PATH`` or ``k2vv:PATH``, or the named cases in it.

    Raises:
        ToolworthyError: a broken file, an unknown case, or several files.
    """
    specs = [(kind, spec) for spec in given if (kind := field_of(spec))]
    if not specs:
        return None
    if len(given) > 1:
        raise ToolworthyError(f"--cases {specs[0][1]} must run alone. Give no other --cases.")
    kind, spec = specs[0]
    field = load_field(kind, Path(spec.partition(":")[2]).resolve())
    _picked("case", names, field.items)
    return replace(field, items={name: field.items[name] for name in names}) if names else field


def field_of(spec: str) -> Kind | None:
    """The benchmark that a value of ``--cases`` names, if any."""
    kinds: tuple[Kind, ...] = ("bfcl", "k2vv")
    return next((kind for kind in kinds if spec.startswith(f"{kind}:")), None)


def choose_cases(names: list[str], given: list[str]) -> tuple[Case, ...]:
    """The named cases of the given paths (default: all known); all of them if none is named.

    Raises:
        ToolworthyError: an unknown name, or a broken file.
    """
    cases = load_cases(tuple(map(Path, given)))
    return _picked("case", names, {case.id: case for case in cases}) if names else cases


def _picked(what: str, names: Sequence[str], by_name: Mapping[str, T]) -> tuple[T, ...]:
    """Those named, each once."""
    for name in names:
        if name not in by_name:
            raise ToolworthyError(f"no {what} is called {name!r}{did_you_mean(name, by_name)}")
    return tuple(by_name[name] for name in dict.fromkeys(names))


def invocation(endpoint: Endpoint, command: str = "") -> dict[str, Any]:
    """The common fields of every ``run.json``: time, machine, command and endpoint."""
    machine = platform.uname()
    return {
        "toolworthy": __version__,
        "python": platform.python_version(),
        "platform": f"{machine.system} {machine.release} {machine.machine}",
        # Keys cannot be in what the user typed: no option takes one.
        "command": command or " ".join([_PROGRAMS.get(name := Path(sys.argv[0]).name, name), *sys.argv[1:]]),
        "started": time.time(),
        "endpoint": endpoint.public(),
    }
