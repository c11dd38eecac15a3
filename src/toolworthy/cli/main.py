"""The command `toolworthy`. Nothing is imported before `main` is called, so that Ctrl-C has one line from the start."""

import os
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one subcommand; its exit code.

    A mistake of the user's is one line on stderr and exit code 4, as pytest's; Ctrl-C is one line and 130.
    """
    try:
        from toolworthy.cli._dispatch import dispatch

        code = dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter writes there once more as it ends
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt as stop:
        more = f". {stop}" if str(stop) else ""
        with suppress(OSError):  # a terminal that hung up
            os.write(2, b"\n" * os.isatty(2) + f"stopped by Ctrl-C{more}\n".encode())
        return 128 + signal.SIGINT
