"""The command `toolworthy`. It handles signals before it imports anything else."""

import os
import sys

from toolworthy.cli.stop import NAMES, leave, stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BROKEN_PIPE = 141


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one subcommand; its exit code.

    A user's mistake is one line on stderr and exit code 4, as in pytest. A signal is one line and exit code 130.
    """
    before = {}
    try:
        import signal

        try:
            for number in NAMES:
                if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
                    # An import can catch an exception of a handler, so this one exits. Commands replace it.
                    before[number] = signal.signal(number, leave)
        except ValueError:  # not the main thread: another part of the program handles signals
            pass
        from toolworthy.cli._dispatch import dispatch

        code = dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the interpreter writes to stdout once more when it exits
        return _BROKEN_PIPE
    except KeyboardInterrupt as error:
        return stopped(error)
    finally:
        if argv is not None:  # the caller is another program, which continues
            for number, handler in before.items():
                signal.signal(number, handler)
