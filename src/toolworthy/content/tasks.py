"""A coding task, in Harbor's format, and the neutral steps of its solution.

A task is a folder::

    task.toml            Harbor's
    instruction.md       the agent's instruction, verbatim; names no absolute path
    environment/         Dockerfile (Harbor's way), app/ (copied to the workspace), setup.sh (run in it, optional),
                         mcp/server.py (an MCP server that the agent may use, optional)
    tests/test.sh        writes 1 or 0 to ${LOGS_DIR:-/logs/verifier}/reward.txt
    solution/solve.sh    Harbor's
    solution/steps.toml  neutral steps, played by the oracle
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from toolworthy import content
from toolworthy.base.digest import folder_digest
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import Strict, load_toml
from toolworthy.content.mcp import McpServer

StepAction = Literal["run", "read", "write", "edit", "say", "call"]
_ACTIONS: tuple[StepAction, ...] = get_args(StepAction)


class Step(Strict):
    """One neutral step. Paths are relative to the workspace."""

    run: str | None = None
    """A shell command, run in the workspace."""
    read: str | None = None
    write: str | None = None
    edit: str | None = None
    """A path; `old` occurs in the file exactly once and is replaced by `new`."""
    say: str | None = None
    """Text without a call. As the last step, it ends the turn."""
    call: str | None = None
    """A tool of the task's MCP server; `arguments` go to it, and its result contains `gives`."""
    arguments: dict[str, str] | None = None
    gives: str | None = None
    content: str | None = None
    old: str | None = None
    new: str | None = None

    @property
    def action(self) -> StepAction:
        """The name of its one action."""
        return next(name for name in _ACTIONS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_action(self) -> Step:
        actions = [name for name in _ACTIONS if getattr(self, name) is not None]
        if len(actions) != 1:
            raise ValueError(f"a step has {' and '.join(actions) or 'no action'}. Give one of {', '.join(_ACTIONS)}.")
        given = {"write": {"content"}, "edit": {"old", "new"}, "call": {"arguments", "gives"}}
        wants = given.get(actions[0], set())
        has = {name for names in given.values() for name in names if getattr(self, name) is not None}
        if wants != has:
            raise ValueError(
                f"a step with {actions[0]!r} takes {' and '.join(sorted(wants)) or 'nothing else'}. "
                f"This one has {' and '.join(sorted(has)) or 'neither'}."
            )
        return self


class _Steps(Strict):
    step: tuple[Step, ...]


class _Section(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Timeout(_Section):
    timeout_sec: float = 300.0


class _Environment(_Section):
    memory_mb: int = 2048
    storage_mb: int = 1024
    mcp_servers: tuple[McpServer, ...] = Field((), max_length=1)


class _Metadata(_Section):
    title: str = ""
    difficulty: str = "medium"
    category: str = ""
    tags: tuple[str, ...] = ()


class TaskConfig(_Section):
    """The part of Harbor's ``task.toml`` that toolworthy uses."""

    metadata: _Metadata = Field(default_factory=_Metadata)
    agent: _Timeout = Field(default_factory=_Timeout)
    verifier: _Timeout = Field(default_factory=_Timeout)
    environment: _Environment = Field(default_factory=_Environment)


@dataclass(frozen=True)
class Task:
    """A task, read from its folder."""

    path: Path
    config: TaskConfig
    instruction: str
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def mcp(self) -> McpServer | None:
        """The MCP server that the agent may use."""
        return next(iter(self.config.environment.mcp_servers), None)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all files of the folder: two runs with the same digest ran the same task."""
        return folder_digest(self.path)


def load_task(path: Path) -> Task:
    """Read a task folder.

    Raises:
        ToolworthyError: a file is missing or does not fit; one line with its path.
    """
    config = load_toml(TaskConfig, path / "task.toml")
    steps_path = path / "solution" / "steps.toml"
    steps = load_toml(_Steps, steps_path).step if steps_path.is_file() else ()
    try:
        instruction = (path / "instruction.md").read_text(encoding="utf-8").strip()
    except OSError as error:
        where = path / "instruction.md"
        raise ToolworthyError(f"cannot read {where}: {error.strerror}. Every task needs this file.") from error
    return Task(path, config, instruction, steps)


def known_tasks() -> tuple[Task, ...]:
    """All tasks: built-in ones, then those of plugins.

    Raises:
        ToolworthyError: a task is broken, or two have the same name.
    """
    tasks = tuple(task for folder in content.folders("tasks") for task in load_tasks(folder))
    known: dict[str, Path] = {}
    for task in tasks:
        if task.name in known:
            raise ToolworthyError(
                f"{task.path}: {known[task.name]} has the name {task.name} already. Choose another name."
            )
        known[task.name] = task.path
    return tasks


def load_tasks(folder: Path) -> tuple[Task, ...]:
    """All tasks directly under `folder`, by name."""
    return tuple(load_task(path.parent) for path in sorted(folder.glob("*/task.toml")))
