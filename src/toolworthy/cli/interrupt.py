"""SIGINT, SIGTERM and SIGHUP end a command as one Ctrl-C does."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

from toolworthy.cli.stop import NAMES, STOPPED, StoppedBySignal

SIGNALS = tuple(map(signal.Signals, NAMES))
"""The signals that end a command."""
_Handler = Callable[[int, FrameType | None], Any]


class Interrupts:
    """The signals that end a run.

    The first is raised in the main thread, as the exception that `stop` makes from the signal's name; after the block
    it is only recorded. A second Ctrl-C exits at once. Other later signals are ignored: a service manager or a terminal
    may send several.
    """

    def __init__(self, stop: Callable[[str], BaseException]) -> None:
        self._stop = stop
        self._finishing = False
        self._before: dict[int, Any] = {}
        self.by = ""
        """The first signal; empty if none came."""

    def begin(self) -> None:
        """Handle signals from now on, except those that the caller ignores (nohup)."""
        self._before = _handle(self._came)

    def __enter__(self) -> Interrupts:
        return self

    def __exit__(self, *_: object) -> None:
        """The run is over, except for its report."""
        self._finishing = True

    def end(self) -> None:
        """Restore the previous handlers."""
        _restore(self._before)

    def check(self) -> None:
        """Raise the signal's exception again if it was lost, as in a destructor."""
        if self.by and not self._finishing:
            raise self._stop(self.by)

    def _came(self, number: int, _: FrameType | None) -> None:
        name = NAMES[number]
        if number == signal.SIGHUP:
            let_go_of_terminal()
        if not self.by:
            self.by = name
            if not self._finishing:
                raise self._stop(name)
            _say(f"{name}: the report is being written; Ctrl-C leaves without it")
        elif number == signal.SIGINT:
            _leave()


@contextlib.contextmanager
def as_ctrl_c() -> Iterator[None]:
    """SIGINT raises `KeyboardInterrupt`, and SIGTERM and SIGHUP do what SIGINT does at that moment: in an event loop
    they cancel its task between two steps, because an exception raised during a step can be lost. Elsewhere they raise
    `StoppedBySignal` with their name.

    An event loop handles SIGINT only if its handler is Python's. Behind the `&` of a script SIGINT is ignored: there it
    is blocked instead, so that it still does nothing.
    """
    before = _handle(_like_ctrl_c, SIGNALS[1:])
    ignored = bool(before) and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored:
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    if before:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    hook, sys.unraisablehook = sys.unraisablehook, _once_more(sys.unraisablehook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        _restore(before)
        if ignored:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _once_more(hook: Callable[[sys.UnraisableHookArgs], Any]) -> Callable[[sys.UnraisableHookArgs], Any]:
    """Send Ctrl-C again if the first one was lost, as in a destructor or a callback of an import."""

    def lost(what: sys.UnraisableHookArgs) -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            # From another thread: an exception raised here now would be lost, too.
            sent = False
            while not sent:
                with contextlib.suppress(KeyboardInterrupt):
                    threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
                    sent = True
        else:
            hook(what)

    return lost


def _like_ctrl_c(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        let_go_of_terminal()
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or handler is signal.default_int_handler:
        raise StoppedBySignal(NAMES[number])
    handler(number, frame)


def _handle(handler: _Handler, signals: tuple[signal.Signals, ...] = SIGNALS) -> dict[int, Any]:
    before: dict[int, Any] = {number: signal.getsignal(number) for number in signals}
    try:
        for number, was in before.items():
            if was is not signal.SIG_IGN:
                signal.signal(number, handler)
    except ValueError:
        return {}  # not the main thread: another part of the program handles signals
    return before


def _restore(before: dict[int, Any]) -> None:
    for number, was in before.items():
        signal.signal(number, was)


def _leave() -> NoReturn:
    _say("ended without a report; results are kept, and --resume continues")
    os._exit(STOPPED)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"\n{text}\n".encode())


def let_go_of_terminal() -> None:
    """Discard output to a terminal that has hung up: writing to it would raise an error in the middle of a report."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if int(name) != nowhere and stat.S_ISCHR(os.fstat(int(name)).st_mode) and _hung_up(int(name)):
                os.dup2(nowhere, int(name), inheritable=int(name) < 3)
    os.close(nowhere)


def _hung_up(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))
