"""The process namespace of one sandbox, from its first process to its end.

bubblewrap's own process exits before the processes inside are dead. Their first one, which bubblewrap reports on
``--json-status-fd``, ends last: the namespace ends with it, and the kernel ends it only when all others are gone
(pid_namespaces(7)).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal

from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox.model import Limits

_SECONDS = 30.0
_THREADS = 4
"""The limit on threads of a sandbox is this many times the limit on processes."""
_NO_CORE = (1, 1)
"""Not 0: even for 0, the kernel starts the program of a piped core_pattern, with the host's rights (core(5))."""


class Namespace:
    """bubblewrap's status reports on a sandbox, and the sandbox's first process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._status, self.status_to = os.pipe()
        os.set_blocking(self._status, False)
        self.wait_from, self._go = os.pipe()
        self._open = {self._status, self.status_to, self.wait_from, self._go}
        self._pidfd: int | None = None
        self._status_lines = b""

    @property
    def passed(self) -> tuple[int, int]:
        """Descriptors that bubblewrap inherits."""
        return self.status_to, self.wait_from

    def arguments(self) -> list[str]:
        """bubblewrap's options for these descriptors."""
        return ["--json-status-fd", str(self.status_to), "--block-fd", str(self.wait_from)]

    async def begin(self) -> bool:
        """Open the first process and let it continue; False if there is none, or no longer."""
        self._close(*self.passed)
        while b"\n" not in self._status_lines:
            await readable(self._status)
            if not self._read_status():
                return False
        try:
            self._release(int(json.loads(self._status_lines.splitlines()[0])["child-pid"]))
        except (ProcessLookupError, BrokenPipeError):  # bubblewrap was killed; its exit code shows that
            return False
        return True

    def _release(self, pid: int) -> None:
        # It waits for our signal, so the process id is still its own.
        self._pidfd = os.pidfd_open(pid)
        self._open.add(self._pidfd)
        resource.prlimit(pid, resource.RLIMIT_CORE, _NO_CORE)
        # Of every task, threads among them, in its user namespace: a bomb would outrun whoever counts from outside.
        tasks = self._limits.processes * _THREADS
        resource.prlimit(pid, resource.RLIMIT_NPROC, (tasks, tasks))
        largest = self._limits.disk_mb * 2**20
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        largest = largest if most == resource.RLIM_INFINITY else min(largest, most)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, largest))
        os.write(self._go, b"g")

    def kill(self) -> None:
        """End everything inside."""
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def ended(self) -> None:
        """Return when nothing inside is alive.

        Raises:
            ToolworthyError: it does not end, though it was killed.
        """
        if self._pidfd is None:
            return
        try:
            await asyncio.wait_for(readable(self._pidfd), _SECONDS)
        except TimeoutError as error:
            raise ToolworthyError(f"a sandbox did not end within {_SECONDS:g} s of being killed") from error

    def started_command(self) -> bool:
        """Whether the command itself was reached: bubblewrap gives an exit code only then."""
        with contextlib.suppress(OSError):
            while self._read_status():
                pass
        return b'"exit-code"' in self._status_lines

    def close(self) -> None:
        """Close the descriptors."""
        self._close(*self._open)

    def _close(self, *descriptors: int) -> None:
        for descriptor in descriptors:
            self._open.remove(descriptor)
            os.close(descriptor)

    def _read_status(self) -> bytes:
        data = os.read(self._status, 4096)
        self._status_lines += data
        return data


async def readable(descriptor: int) -> None:
    """Return when `descriptor` can be read, or its other end is closed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def seen() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, seen)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
