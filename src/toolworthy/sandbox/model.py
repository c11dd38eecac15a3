"""Commands for a sandbox, their limits, and how they ended."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from toolworthy.base.errors import ToolworthyError

APP = "/app"
HOME = "/home/agent"


class SandboxError(ToolworthyError):
    """The sandbox itself does not work; no command can run."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A host path shown inside."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may use before it is stopped."""

    seconds: float = 300.0
    memory_mb: int = 4096
    """Of all its processes together, files in memory (``/tmp``, ``/dev/shm``) included."""
    processes: int = 512
    """Processes and threads."""
    output_bytes: int = 16 * 2**20
    """Of stdout and of stderr each; what comes after is counted and dropped, the command goes on."""
    disk_mb: int = 2048
    """The total growth of the writable mounts, and the size of any file."""
    entries: int = 200_000
    """The number of files and folders that may be added to the writable mounts."""

    @property
    def in_memory(self) -> int:
        """Bytes that each file system in memory can hold."""
        return min(self.disk_mb, self.memory_mb) * 2**20


@dataclass(frozen=True, slots=True)
class Command:
    """A command, its complete environment, and its mounts.

    The caller's environment is never passed on: the process gets only `env`.
    """

    argv: tuple[str, ...]
    workspace: Path
    """Writable, shown as ``/app`` (the working directory)."""
    home: Path
    """Writable, shown as ``/home/agent``."""
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    limits: Limits = field(default_factory=Limits)
    stdin: bytes = b""

    @property
    def writable(self) -> tuple[Path, ...]:
        """Host folders that it may write to."""
        return self.workspace, self.home, *(mount.source for mount in self.mounts if mount.writable)


Ended = Literal["exit", "timeout", "memory", "processes", "disk", "turns"]
EXCEEDED: Mapping[str, str] = {
    "timeout": "time",
    "memory": "memory",
    "processes": "processes",
    "disk": "disk space",
    "turns": "turns",
}
"""How a command ended, to what the run limit was on that stopped it."""


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """How a command ended."""

    exit_code: int | None
    """None if toolworthy stopped it; 128+n if signal n ended it."""
    ended: Ended
    stdout: bytes
    stderr: bytes
    seconds: float
    dropped_bytes: int = 0
    """Output beyond the limit."""


OnListener = Callable[[socket.socket], None]


class Sandbox(Protocol):
    """Runs commands in isolation."""

    name: str

    def shown(self, mount: Mount) -> str:
        """The path of the mount inside the sandbox."""

    def app(self, workspace: Path) -> str:
        """The path of the workspace inside the sandbox."""

    def home(self, home: Path) -> str:
        """The path of the home inside the sandbox."""

    async def run(self, command: Command, on_listener: OnListener | None = None, port: int = 0) -> CommandOutcome:
        """Run `command` until it ends or exceeds a limit.

        Args:
            command: with its environment and mounts.
            on_listener: called with a listening socket on 127.0.0.1:`port` of the command's own network, before the
                command starts.
            port: the port of the listener.

        Raises:
            ToolworthyError: the command cannot be started.
        """
