"""bubblewrap's command line: what of the host a sandbox shows, and what it hides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from toolworthy.sandbox import toolchain
from toolworthy.sandbox.model import APP, HOME, Command, Limits, Mount
from toolworthy.sandbox.owner import Owner

LAUNCHER = "/opt/toolworthy-launcher.py"
IN_MEMORY = ("/tmp", "/dev/shm")
"""What can be written of the sandbox's own; each is memory, and none is larger than the limit of that."""
_HERE = Path(__file__).parent
_ETC = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "ca-certificates",
    "localtime",
    "mime.types",
    "ssl/certs",
    "ssl/cert.pem",
    "ssl/openssl.cnf",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "pki/tls/cert.pem",
)
_OURS = ("passwd", "group", "hosts", "nsswitch.conf", "resolv.conf")
_PROC_READ_ONLY = ("sys", "bus", "fs", "irq")
_PROC_HIDDEN = (
    "acpi",
    "asound",
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "kallsyms",
    "latency_stats",
    "sched_debug",
    "scsi",
    "sysrq-trigger",
    "timer_list",
)


def arguments(command: Command, owner: Owner) -> list[str]:
    """All of bubblewrap's options for a command, without bubblewrap itself and without the command."""
    argv = [*owner.arguments(), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    argv += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv"]
    argv += [*_machine(), *_own_memory(command.limits)]
    lent = toolchain.lent()
    mounts = [*lent.mounts, Mount(_HERE / "launcher.py", LAUNCHER)]
    mounts += [Mount(command.workspace, APP, True), Mount(command.home, HOME, True), *command.mounts]
    for path in lent.covered:
        argv += ["--tmpfs", path]
    argv += _folders((*(mount.target for mount in mounts), *(path for _, path in lent.links)), lent.covered)
    for said, path in lent.links:
        argv += ["--symlink", said, path]
    for mount in mounts:
        argv += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target]
    for path in lent.hidden:
        argv += ["--tmpfs", path]
    for path in (*lent.covered, *lent.hidden):
        argv += ["--remount-ro", path]
    for name, value in {**toolchain.environment(HOME), **command.env}.items():
        argv += ["--setenv", name, value]
    return [*argv, "--remount-ro", "/", "--chdir", APP]


@cache
def _machine() -> tuple[str, ...]:
    """What is the same for every command; finding it out takes longer than starting one."""
    return (*_system(), *_proc())


def _system() -> Iterator[str]:
    yield from _folders((*toolchain.SYSTEM, *(f"/etc/{name}" for name in (*_ETC, *_OURS))))
    for path in toolchain.SYSTEM:
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
        elif os.path.isdir(path):
            yield from ("--ro-bind", path, path)
    for name in _ETC:
        if os.path.exists(f"/etc/{name}"):
            yield from ("--ro-bind", f"/etc/{name}", f"/etc/{name}")
    for name in _OURS:
        yield from ("--ro-bind", str(_HERE / "etc" / name), f"/etc/{name}")


def _proc() -> Iterator[str]:
    yield from ("--proc", "/proc")
    for name in _PROC_READ_ONLY:
        if os.path.isdir(f"/proc/{name}"):
            yield from ("--ro-bind", f"/proc/{name}", f"/proc/{name}")
    for name in _PROC_HIDDEN:
        if os.path.isdir(f"/proc/{name}"):
            yield from ("--tmpfs", f"/proc/{name}", "--remount-ro", f"/proc/{name}")
        elif os.path.exists(f"/proc/{name}"):
            yield from ("--ro-bind", str(_HERE / "etc" / "empty"), f"/proc/{name}")


def _own_memory(limits: Limits) -> Iterator[str]:
    new = ("--perms", "1777", "--size", str(limits.in_memory), "--tmpfs")
    yield from ("--dev", "/dev", *(part for path in IN_MEMORY for part in (*new, path)), "--remount-ro", "/dev")


@lru_cache(maxsize=64)
def _folders(targets: tuple[str, ...], covered: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The folders above mount points; those that bubblewrap makes by itself are open to their owner alone."""
    argv: list[str] = []
    for folder in dict.fromkeys(str(above) for target in targets for above in reversed(Path(target).parents)):
        is_there = folder in ("/", "/tmp") or any(Path(folder).is_relative_to(shown) for shown in toolchain.SYSTEM)
        if not is_there or any(Path(folder).is_relative_to(path) for path in covered):
            argv += ["--dir", folder]
    return tuple(argv)
