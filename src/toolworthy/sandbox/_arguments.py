"""bubblewrap's command line: what of the host a sandbox shows, and what it hides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from toolworthy.sandbox import _skeleton as skeleton
from toolworthy.sandbox import toolchain
from toolworthy.sandbox.model import APP, HOME, Command, Limits, Mount

IN_MEMORY = ("/tmp", "/dev/shm")
"""The sandbox's own writable folders. They are in memory, each at most as large as the memory limit."""
PROC_HIDDEN: tuple[str, ...] = tuple(skeleton.SHOWN["proc_hidden"])


def arguments(command: Command) -> list[str]:
    """bubblewrap's arguments for a command, except its user and the command itself.

    Raises:
        SandboxError: the root folder of the sandbox cannot be made.
    """
    root = skeleton.root(command.mounts)
    argv = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    argv += ["--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv"]
    argv += ["--ro-bind", str(root), "/", *_machine(), *_own_memory(command.limits, root), *_lent(root)]
    for mount in (Mount(command.workspace, APP, True), Mount(command.home, HOME, True), *command.mounts):
        argv += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target]
    for name, value in {**toolchain.environment(HOME), **command.env}.items():
        argv += ["--setenv", name, value]
    return [*argv, "--chdir", APP]


@cache
def _machine() -> tuple[str, ...]:
    """The arguments that are the same for every command; computing them takes longer than starting one."""
    shown = [path for path in toolchain.SYSTEM if not os.path.islink(path) and os.path.isdir(path) and os.listdir(path)]
    return (*(part for path in shown for part in ("--ro-bind", path, path)), *_proc())


def _proc() -> Iterator[str]:
    yield from ("--proc", "/proc")
    for name in PROC_HIDDEN:
        path = Path("/proc", name)
        if not path.exists() or not path.stat().st_mode & 0o044:
            continue  # only root may read it, and no process in the sandbox is the host's root
        if path.is_dir():
            yield from ("--tmpfs", str(path), "--remount-ro", str(path))
        else:
            yield from ("--ro-bind", str(skeleton.PACKAGED / "etc" / "empty"), str(path))
    yield from ("--remount-ro", "/proc")


def _own_memory(limits: Limits, root: Path) -> Iterator[str]:
    new = ("--perms", "1777", "--size", str(limits.in_memory), "--tmpfs")
    yield from ("--dev", "/dev", *(part for path in IN_MEMORY for part in (*new, path)), "--remount-ro", "/dev")
    for path in IN_MEMORY:
        for name in os.listdir(f"{root}{path}") if os.path.isdir(f"{root}{path}") else ():
            yield from ("--ro-bind", f"{root}{path}/{name}", f"{path}/{name}")


def _lent(root: Path) -> Iterator[str]:
    lent = toolchain.lent()
    for path in lent.covered:
        yield from ("--ro-bind", f"{root}{path}", path)
    for mount in lent.mounts:
        if not skeleton.is_small(mount):
            yield from ("--ro-bind", str(mount.source), mount.target)
    for path in lent.hidden:
        yield from ("--tmpfs", path, "--remount-ro", path)
