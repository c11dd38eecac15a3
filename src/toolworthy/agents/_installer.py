"""What every way to install an agent has: a command that runs in the sandbox, with a registry behind one port."""

from __future__ import annotations

import abc
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from toolworthy.agents._door import Door
from toolworthy.content.adapters import Install
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, CommandOutcome, Limits

LIMITS = Limits(seconds=1800, memory_mb=8192, processes=2048, disk_mb=8192, entries=1_000_000)


@dataclass(frozen=True)
class Installer(abc.ABC):
    """One agent's install by one program, for instance npm."""

    install: Install
    program = ""
    """What it is called."""
    suffix = ""
    """Of the file that pins what the agent depends on."""

    @abc.abstractmethod
    def pins(self, lock: Path) -> bool:
        """Whether a lock is of this very package and version: an adapter of a user's may pin another."""

    @abc.abstractmethod
    def prepare(self, files: Path, lock: Path | None) -> None:
        """Put into `files` what the program needs.

        Args:
            files: the folder to install into, empty.
            lock: what pins it; None if nothing does.

        Raises:
            ToolworthyError: the machine lacks something.
        """

    @abc.abstractmethod
    def command(self, sandbox: Sandbox, files: Path, home: Path, port: int) -> Command:
        """The command that installs into `files`, for a registry at `port` of its own network."""

    @abc.abstractmethod
    def pinning(self, sandbox: Sandbox, files: Path, home: Path, port: int) -> Command | None:
        """The command that writes the lock of what is installed in `files` to its output; None where none is needed."""

    @abc.abstractmethod
    def asking(self, sandbox: Sandbox, work: Path, home: Path, port: int) -> Command:
        """The command that says which version of the package is the newest; `work` is an empty folder."""

    @abc.abstractmethod
    def newest(self, printed: str) -> str:
        """That version, out of what the command printed; empty where it printed none."""

    @abc.abstractmethod
    def lock(self, files: Path, printed: bytes) -> str:
        """The text of a lock, without addresses.

        Args:
            files: where the agent is installed.
            printed: what the command of :meth:`pinning` printed.
        """

    @abc.abstractmethod
    def door(self, port: int) -> AbstractAsyncContextManager[Door]:
        """The registry that the command reaches at `port`."""

    @abc.abstractmethod
    def said(self, lines: list[str]) -> str:
        """Why it failed, out of what it printed; empty where that does not tell."""

    def finish(self, files: Path) -> None:  # noqa: B027 - most have nothing to do
        """Make what was installed work wherever its folder is."""

    def reason(self, outcome: CommandOutcome) -> str:
        """Why a command failed, in a line."""
        if outcome.ended == "timeout":
            return f"{self.program} did not end within {LIMITS.seconds:.0f} s"
        if outcome.ended != "exit":
            return f"{self.program} was stopped at a run limit ({outcome.ended})"
        lines = spoken(outcome.stdout + b"\n" + outcome.stderr)
        return (self.said(lines) or f"{self.program} gave no reason")[:300]


def spoken(said: bytes) -> list[str]:
    """The lines of an output that say something."""
    return [line for line in said.decode(errors="replace").splitlines() if line.strip()]
