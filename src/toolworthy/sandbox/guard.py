"""Ends what is left of the sandboxes of a process that was killed.

bubblewrap's ``--die-with-parent`` holds from a moment on when there are processes already: one that is killed while a
sandbox is being made leaves it behind, waiting for ever or running its command without limits.

A script of its own, started by path: standard library only. Argument: a folder, which the options of every bubblewrap
of that process name. Its input ends with the process.
"""

import contextlib
import os
import signal
import sys
import time

_PROGRAMS = (b"bwrap", b"nsenter")
_PAUSE = 0.1
_QUIET = 5
"""So many looks one after the other find nothing: one may have been about to begin."""
_LOOKS = 300


def main(folder: str) -> None:
    """Wait for the end of the input, then kill."""
    os.read(0, 1)
    quiet = 0
    for _ in range(_LOOKS):
        quiet = 0 if _kill(os.fsencode(folder) + b"/") else quiet + 1
        if quiet == _QUIET:
            return
        time.sleep(_PAUSE)


def _kill(mark: bytes) -> int:
    """Kill every process that has an argument that begins with the mark, but this one; how many there were."""
    found = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            with contextlib.suppress(OSError):
                found += _kill_if(int(name), mark)
    return found


def _kill_if(pid: int, mark: bytes) -> bool:
    held = os.pidfd_open(pid)
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            program, *arguments = file.read().split(b"\0")
        if os.path.basename(program) not in (b"bwrap", b"nsenter") or not any(
            one.startswith(mark) for one in arguments
        ):
            return False
        signal.pidfd_send_signal(held, signal.SIGKILL)
        return True
    finally:
        os.close(held)


if __name__ == "__main__":
    main(sys.argv[1])
