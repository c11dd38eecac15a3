"""The command `toolworthy`. It handles Ctrl-C before it imports anything but what that takes."""

import os
import sys

from toolworthy.cli.stop import leave, stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BROKEN_PIPE = 141


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one subcommand; its exit code.

    A user's mistake is one line on stderr and exit code 4, as in pytest. Ctrl-C is one line and exit code 130.
    """
    before = None
    try:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            # An import can catch what a handler raises, so this one leaves. The command replaces it once it can stop.
            before = signal.signal(signal.SIGINT, leave)
        from toolworthy.cli._dispatch import dispatch

        code = dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter writes to stdout once more when it exits
        return _BROKEN_PIPE
    except KeyboardInterrupt as stop:
        return stopped(str(stop))
    finally:
        if before is not None and argv is not None:  # the caller is another program, which goes on
            signal.signal(signal.SIGINT, before)
