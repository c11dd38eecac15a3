"""What a command says when Ctrl-C stops it. It imports only what Python has imported: it may run in an import."""

import os

CTRL_C = 130
"""Exit code after Ctrl-C: 128 + SIGINT."""


def stopped(more: str = "") -> int:
    """Say so in a line, even to a terminal that has hung up; the exit code."""
    more = f". {more}" if more else ""
    try:  # noqa: SIM105 - suppress would be an import
        os.write(2, b"\n" * os.isatty(2) + f"stopped by Ctrl-C{more}\n".encode())
    except OSError:
        pass
    return CTRL_C


def leave(*_: object) -> None:
    """Handle a signal: end this process at once."""
    os._exit(stopped())
