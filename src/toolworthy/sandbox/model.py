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
    """Growth of the writable mounts together, and the size of any file."""
    entries: int = 200_000
    """Files and folders, by which the writable mounts may grow."""

    @property
    def in_memory(self) -> int:
        """Bytes that each file system in memory can hold."""
        return min(self.disk_mb, self.memory_mb) * 2**20


@dataclass(frozen=True, slots=True)
class Command:
    """A command, all of its environment, and what it may see.

    The caller's environment is never passed on: the process sees `env` and nothing else.
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
    """None where it was stopped; 128+n where signal n ended it."""
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
        """Where a command sees the mount."""

    def app(self, workspace: Path) -> str:
        """Where a command sees its workspace."""

    def home(self, home: Path) -> str:
        """Where a command sees its home."""

    async def run(self, command: Command, on_listener: OnListener | None = None, port: int = 0) -> CommandOutcome:
        """Run `command` to its end or its limits.

        Args:
            command: what is run, and all it may see.
            on_listener: is given a listening socket on 127.0.0.1:`port` of the command's own network, before the
                command starts.
            port: that port.

        Raises:
            ToolworthyError: the command cannot be started at all.
        """
