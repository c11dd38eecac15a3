"""The message of a command that a signal stops. It imports only modules that Python has loaded: it may run during an
import."""

import os

STOPPED = 130
"""Exit code after any signal: 128 + SIGINT."""
NAMES = {2: "Ctrl-C", 15: "SIGTERM", 1: "SIGHUP"}
"""The signals that end a command, by number, as users know them; `signal` may not be imported yet."""


class StoppedBySignal(KeyboardInterrupt):
    """A signal ends the command.

    Args:
        by: the signal, as users know it.
        more: what the user can do next, as a sentence.
    """

    def __init__(self, by: str, more: str = "") -> None:
        super().__init__(by, more)
        self.by, self.more = by, more


def with_advice(error: KeyboardInterrupt, more: str) -> StoppedBySignal:
    """The same interrupt, with what the user can do next."""
    return StoppedBySignal(getattr(error, "by", NAMES[2]), more)


def stopped(error: KeyboardInterrupt) -> int:
    """Print one line that names the signal, even to a terminal that has hung up; the exit code."""
    by, more = getattr(error, "by", NAMES[2]), getattr(error, "more", "")
    more = f". {more}" if more else ""
    try:  # noqa: SIM105 - suppress would be an import
        os.write(2, b"\n" * os.isatty(2) + f"stopped by {by}{more}\n".encode())
    except OSError:
        pass
    return STOPPED


def leave(number: int, _: object) -> None:
    """Handle a signal: end this process at once."""
    os._exit(stopped(StoppedBySignal(NAMES[number])))
