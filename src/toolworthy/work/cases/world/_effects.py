"""The state of a case's working directory, and the effects of a command in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolworthy.work.cases.matching.programs import Invocation
from toolworthy.work.cases.world._repository import Repository


@dataclass(frozen=True)
class Commit:
    """A commit of a case's history."""

    message: str
    files: Mapping[str, str]
    """All files, as the commit leaves them."""
    name: str = ""
    """Its name, used like a hash."""


@dataclass(frozen=True)
class State:
    """What lies in the working directory."""

    files: Mapping[str, str]
    """Path from there to text."""
    executable: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    """Path of each symbolic link to its target."""
    git: Mapping[str, bytes] | None = None
    """The files below ``.git``; None if no command has needed them yet."""
    history: tuple[Commit, ...] = ()
    """What ``.git`` is made of; without any, one commit with `files`."""
    branch: str = "main"
    upstream: bool = True
    """Whether the remote knows the branch."""
    staged: bool = False
    """Whether what differs from the last commit is staged."""


@dataclass(frozen=True)
class Effects:
    """The effects of a command."""

    state: State
    """The state of the working directory afterwards."""
    repository: Repository | None = None
    calls: tuple[Invocation, ...] = ()
    """What it called that only seems to be there, and git, in order."""
    output: str = ""
    """Its output and its errors, as they came."""
    code: int | None = 0
    """None if it was stopped at a limit."""
    left: tuple[str, ...] = ()
    """Command lines of processes that it left running."""

    @property
    def acts(self) -> tuple[Invocation, ...]:
        """The calls that are not read-only; git's effects are in `repository`."""
        return tuple(call for call in self.calls if not call.looks and call.program != "git")
