"""Base class of installers: commands that run in the sandbox, with a registry behind one port."""

from __future__ import annotations

import abc
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from toolworthy.agents._door import Door
from toolworthy.content.install import Install
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, CommandOutcome, Limits

LIMITS = Limits(seconds=1800, memory_mb=8192, processes=2048, disk_mb=8192, entries=1_000_000)


@dataclass(frozen=True)
class Installer(abc.ABC):
    """One agent's install by one program, for instance npm."""

    install: Install
    program = ""
    """Its name."""
    suffix = ""
    """Suffix of the lock file."""

    @abc.abstractmethod
    def pins(self, lock: Path) -> bool:
        """Whether a lock is for this package and version: a user's adapter may pin another."""

    @abc.abstractmethod
    def prepare(self, files: Path, lock: Path | None) -> None:
        """Write the files that the program needs into `files`.

        Args:
            files: the folder to install into, empty.
            lock: the lock file; None if there is none.

        Raises:
            ToolworthyError: the machine lacks something.
        """

    @abc.abstractmethod
    def command(self, sandbox: Sandbox, files: Path, home: Path, port: int) -> Command:
        """The command that installs into `files` from a registry at `port`."""

    @abc.abstractmethod
    def pinning(self, sandbox: Sandbox, files: Path, home: Path, port: int) -> Command | None:
        """The command that prints the lock of the installation in `files`; None if none is needed."""

    @abc.abstractmethod
    def asking(self, sandbox: Sandbox, work: Path, home: Path, port: int) -> Command:
        """The command that prints the newest version of the package; `work` is an empty folder."""

    @abc.abstractmethod
    def newest(self, printed: str) -> str:
        """The newest version from the output of :meth:`asking`; empty if it has none."""

    @abc.abstractmethod
    def lock(self, files: Path, printed: bytes) -> str:
        """The text of a lock, without addresses.

        Args:
            files: where the agent is installed.
            printed: the output of :meth:`pinning`.
        """

    @abc.abstractmethod
    def door(self, port: int) -> AbstractAsyncContextManager[Door]:
        """The registry proxy that the command reaches at `port`."""

    @abc.abstractmethod
    def failure_message(self, lines: list[str]) -> str:
        """Why it failed, from its output; empty if unknown."""

    def finish(self, files: Path) -> None:  # noqa: B027 - most have nothing to do
        """Make the installation independent of its folder's path.

        Raises:
            ToolworthyError: something that was wanted is not in it.
        """

    def misfit(self, files: Path) -> str:
        """Why an unchanged installation does not fit the adapter, in a few words; empty if it does."""
        return ""

    def reason(self, outcome: CommandOutcome, trouble: str) -> str:
        """Why a command failed, in a line.

        Args:
            outcome: of the command.
            trouble: that the registry proxy had.
        """
        if outcome.ended == "timeout":
            return f"{self.program} did not end within {LIMITS.seconds:.0f} s"
        if outcome.ended != "exit":
            return f"{self.program} was stopped at a run limit ({outcome.ended})"
        if trouble:
            return f"{trouble[:300]}. Try again."
        lines = nonempty_lines(outcome.stdout + b"\n" + outcome.stderr)
        return (self.failure_message(lines) or f"{self.program} gave no reason")[:300]


def nonempty_lines(output: bytes) -> list[str]:
    """The non-empty lines of an output."""
    return [line for line in output.decode(errors="replace").splitlines() if line.strip()]
