"""Run a command's coroutine so that signals end it cleanly, or wait for a signal."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

from toolworthy.cli.interrupt import SIGNALS
from toolworthy.cli.stop import NAMES, StoppedBySignal, leave

T = TypeVar("T")


def run_until_signal(work: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`. The first signal cancels `work`, and `work` cleans up.

    Until then, a second Ctrl-C ends the process at once; asyncio alone would abandon the event loop with warnings about
    its tasks. Other signals are then ignored: a service manager may send several.

    Raises:
        StoppedBySignal: a signal came.
    """
    stopped_by = 0

    async def main() -> T:
        cancel = signal.getsignal(signal.SIGINT)  # of asyncio's runner

        def handle(number: int, frame: FrameType | None) -> None:
            nonlocal stopped_by
            if stopped_by and number == signal.SIGINT:
                leave(number, frame)
            if not stopped_by and callable(cancel):
                stopped_by = number
                cancel(number, frame)

        main_thread = threading.current_thread() is threading.main_thread()  # only this thread handles signals
        if main_thread and callable(cancel) and cancel is not signal.default_int_handler:
            signal.signal(signal.SIGINT, handle)
        return await work

    before = signal.getsignal(signal.SIGINT)
    try:
        return asyncio.run(main())
    except KeyboardInterrupt:
        if not stopped_by:  # raised before the event loop began
            raise
        raise StoppedBySignal(NAMES[stopped_by]) from None
    finally:
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)


async def stopped(stop: asyncio.Event | None = None) -> None:
    """Wait for SIGINT, SIGTERM or SIGHUP, or for `stop`.

    The event loop handles them. An exception from Python's own handler may occur in a destructor or in the middle of a
    request, where it is lost.
    """
    loop, came = asyncio.get_running_loop(), stop or asyncio.Event()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, came.set)
    await came.wait()
