"""Run a process with its limits: time, memory, processes, disk, output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from toolworthy.base.cancelling import through
from toolworthy.sandbox._usage import Meter
from toolworthy.sandbox.model import CommandOutcome, Ended, Limits

_TICK = 0.25
_FIRST = 0.03
"""Seconds to the first measurement of a process: many have ended by then, and the others are known early."""
_LAST_BYTES = 0.5
"""Seconds to read the rest of the pipes after all processes ended; a pipe held by another process does not end."""
_REAPED = 5.0
"""Seconds to wait for the exit status of a dead process."""
_WATCHERS = ThreadPoolExecutor(4, "toolworthy-watch")
"""Separate threads, so that they need not wait for copies of workspaces."""


class Inside(Protocol):
    """A process and all its descendants."""

    @property
    def memory(self) -> tuple[str, ...]:
        """Memory file systems that only they use, with their paths inside."""

    async def begin(self) -> None:
        """Let the process begin; called first."""

    def kill(self) -> None:
        """Kill everything; always called."""

    async def ended(self) -> None:
        """Return when no process of it is alive."""


@dataclass
class _Stream:
    data: bytearray
    dropped: int = 0


async def start(*argv: str, **given: Any) -> asyncio.subprocess.Process:
    """Start a process with pipes in its own session; cancellation leaves no process behind.

    asyncio's own function must not be cancelled: it then waits forever for the end of pipes that it has not connected
    (seen on CPython 3.11.7, in ``BaseSubprocessTransport._wait``).

    Raises:
        OSError: it cannot be started.
    """
    pipe = asyncio.subprocess.PIPE
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, **given)
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        if starting.exception() is None:
            process = starting.result()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait({asyncio.ensure_future(process.communicate())}, timeout=_REAPED)
        raise


async def supervise(
    process: asyncio.subprocess.Process, limits: Limits, stdin: bytes, writable: Iterable[Path], inside: Inside
) -> CommandOutcome:
    """Wait for a process and its descendants; none is alive when this returns or raises."""
    started = time.monotonic()
    out, err = _Stream(bytearray()), _Stream(bytearray())
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdin is not None
    process.stdin.write(stdin)  # it is in memory, as is the part that the pipe does not accept at once
    process.stdin.close()
    readers = [
        asyncio.create_task(_read_pipe(process.stdout, out, limits.output_bytes)),
        asyncio.create_task(_read_pipe(process.stderr, err, limits.output_bytes)),
    ]
    watching = asyncio.create_task(_watch(process, limits, writable, inside))
    waiting = asyncio.create_task(process.wait())
    ended: Ended = "exit"
    try:
        await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            ended = watching.result()
    finally:
        watching.cancel()
        inside.kill()
        await through(_settled(inside, waiting, watching))
        waiting.cancel()
        await asyncio.wait(readers, timeout=_LAST_BYTES)
        for reader in readers:
            reader.cancel()
    code = process.returncode
    if code is not None and code < 0:
        code = 128 - code
    return CommandOutcome(
        exit_code=code if ended == "exit" else None,
        ended=ended,
        stdout=bytes(out.data),
        stderr=bytes(err.data),
        seconds=time.monotonic() - started,
        dropped_bytes=out.dropped + err.dropped,
    )


async def _settled(inside: Inside, *tasks: asyncio.Task[Any]) -> None:
    await inside.ended()
    await asyncio.wait(tasks, timeout=_REAPED)


async def _read_pipe(pipe: asyncio.StreamReader, stream: _Stream, limit: int) -> None:
    while data := await pipe.read(65536):
        room = max(0, limit - len(stream.data))
        stream.data += data[:room]
        stream.dropped += max(0, len(data) - room)


async def _watch(
    process: asyncio.subprocess.Process, limits: Limits, writable: Iterable[Path], inside: Inside
) -> Ended:
    """Let the process begin, and return the first exceeded limit, or how it ended: ``wait`` alone would also
    wait for other processes that hold its pipes."""
    loop = asyncio.get_running_loop()
    await inside.begin()
    deadline = time.monotonic() + limits.seconds
    meter = await loop.run_in_executor(_WATCHERS, Meter, process.pid, limits, writable, inside.memory)
    tick = _FIRST
    while True:
        seconds_left = deadline - time.monotonic()
        if seconds_left <= 0:
            return "timeout"
        await asyncio.sleep(min(tick, seconds_left))
        tick = _TICK
        if process.returncode is not None:
            return "exit"
        if broken := await loop.run_in_executor(_WATCHERS, meter.look):
            return broken
