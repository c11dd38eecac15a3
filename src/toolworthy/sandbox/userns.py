"""Makes a user namespace, in which no further ones can be made, for the process that started this script.

A separate script, started by path: standard library only. Writes ``u`` once it is in the namespace, waits for a byte,
which means that its users are mapped, and writes ``d``.
"""

import contextlib
import ctypes
import os
import sys

_CLONE_NEWUSER = 0x10000000


def main() -> None:
    """Enter a new user namespace and forbid more of them."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    os.write(1, b"u")
    os.read(0, 1)
    # In a container, /proc/sys may be read-only; then only the filter of system calls forbids them.
    with contextlib.suppress(OSError), open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")
    os.write(1, b"d")


with contextlib.suppress(BrokenPipeError):  # toolworthy has ended; nobody needs the namespace
    main()
