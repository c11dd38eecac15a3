"""Kills the sandboxes that a killed toolworthy process leaves behind.

bubblewrap applies ``--die-with-parent`` only after it has started processes. If toolworthy is killed before that,
the sandbox waits forever, or runs its command without limits.

A separate script, started by path: standard library only. Its input ends when toolworthy does. Argument: a folder;
every bubblewrap of that process has options with a path in it.
"""

import contextlib
import os
import signal
import sys
import time

_PROGRAMS = (b"bwrap", b"nsenter")
_PAUSE = 0.1
_QUIET = 5
"""The number of consecutive searches that must find nothing: a sandbox may have been starting."""
_LOOKS = 300
_ERRORS = 2
"""The descriptor of error output, the last of a process's own."""


def main(folder: str) -> None:
    """Wait until toolworthy has ended, then kill its sandboxes until none is left."""
    os.read(0, 1)
    quiet = 0
    for _ in range(_LOOKS):
        quiet = 0 if _kill(os.fsencode(folder) + b"/") else quiet + 1
        if quiet == _QUIET:
            return
        time.sleep(_PAUSE)


def _kill(mark: bytes) -> int:
    """Kill every sandbox with an argument that begins with the mark; return the number of processes."""
    killed = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                killed += _kill_if(int(name), mark)
    return killed


def _kill_if(pid: int, mark: bytes) -> bool:
    process = os.pidfd_open(pid)  # first, so that the arguments read below belong to the process that is killed
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            program, *arguments = file.read().split(b"\0")
        if os.path.basename(program) not in _PROGRAMS or not any(argument.startswith(mark) for argument in arguments):
            return False
        signal.pidfd_send_signal(process, signal.SIGKILL)
        return True
    finally:
        os.close(process)


def _detach() -> None:
    """Keep nothing of toolworthy's that others may wait for or want to remove."""
    os.chdir("/")
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > _ERRORS:
            with contextlib.suppress(OSError):
                os.close(number)


if __name__ == "__main__":
    _detach()
    main(sys.argv[1])
