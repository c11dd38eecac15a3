"""Runs first inside a sandbox: opens the gateway's listener, passes it to toolworthy, and executes the command.

A separate script, started by path: standard library only. Arguments: the descriptor of a unix socket, the port, the
command.
"""

import os
import socket
import sys


def main() -> None:
    """Pass a listener on loopback to toolworthy, wait for the signal to continue, and execute the command."""
    door = socket.socket(fileno=int(sys.argv[1]))
    listener = socket.socket()
    listener.bind(("127.0.0.1", int(sys.argv[2])))
    listener.listen()
    socket.send_fds(door, [b"L"], [listener.fileno()])
    if door.recv(1) != b"G":
        sys.exit(125)
    door.close()
    try:
        os.execvp(sys.argv[3], sys.argv[3:])
    except OSError as error:
        sys.stderr.write(f"cannot start {sys.argv[3]}: {error.strerror}\n")
        sys.exit(127)


main()
