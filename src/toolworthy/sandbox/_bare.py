"""No sandbox: the same interface, a fresh home and an allow-list environment, but no isolation."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from toolworthy.base.asgi import listening
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import toolchain
from toolworthy.sandbox._usage import family
from toolworthy.sandbox._watch import start, supervise
from toolworthy.sandbox.model import Command, CommandOutcome, Mount, OnListener

_MARK = "TOOLWORTHY_TRIAL"


class Bare:
    """Runs commands without isolation."""

    name = "none"

    def shown(self, mount: Mount) -> str:
        """The mount's source: nothing is mounted anywhere."""
        return str(mount.source)

    def app(self, workspace: Path) -> str:
        """The workspace itself."""
        return str(workspace)

    def home(self, home: Path) -> str:
        """The home itself."""
        return str(home)

    async def run(self, command: Command, on_listener: OnListener | None = None, port: int = 0) -> CommandOutcome:
        """See the protocol."""
        if on_listener is not None:
            on_listener(listening(port, "Try again."))  # it was free
        mark = f"{command.home}"
        env = {**toolchain.environment(str(command.home)), **command.env, _MARK: mark}
        try:
            process = await start(*command.argv, env=env, cwd=command.workspace)
        except OSError as error:
            raise ToolworthyError(f"cannot start {command.argv[0]}: {error.strerror}") from error
        return await supervise(process, command.limits, command.stdin, command.writable, _Inside(process.pid, mark))


class _Inside:
    """A process and its descendants, as far as they can be found: without a namespace, there is no sure list."""

    memory: tuple[str, ...] = ()

    def __init__(self, pid: int, mark: str) -> None:
        self._pid = pid
        self._mark = mark

    async def begin(self) -> None:
        """The process already runs."""

    def kill(self) -> None:
        """Kill all that can be found."""
        _kill(self._pid, self._mark)

    async def ended(self) -> None:
        """Return at once: the processes were killed."""


def _kill(pid: int, mark: str) -> None:
    """Kill the process, its group, its descendants, and what it left behind, which its environment identifies."""
    for member in family(pid)[0]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    wanted = f"{_MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in entry.read_bytes().split(b"\0"):
                os.kill(int(entry.parent.name), signal.SIGKILL)
