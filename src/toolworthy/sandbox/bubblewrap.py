"""The sandbox proper: bubblewrap, with namespaces of its own for everything.

Of the host only the system directories, the toolchain and the mounts asked for are visible, read-only; the network is
loopback and nothing else. Works as root and as an ordinary user.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from toolworthy.errors import UserError
from toolworthy.sandbox import OnListener, toolchain
from toolworthy.sandbox.model import APP, HOME, Command, Mount, Outcome
from toolworthy.sandbox.watch import start, supervise

_HELP = "install it (apt-get install bubblewrap), or accept what --sandbox none means"
_UID = 1000
_LAUNCHER = "/opt/toolworthy-launcher.py"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "ssl",
    "ca-certificates",
    "localtime",
    "mime.types",
)
_FILES = {
    "/etc/passwd": f"root:x:0:0:root:/root:/bin/sh\nagent:x:{_UID}:{_UID}:agent:{HOME}:/bin/bash\n",
    "/etc/group": f"root:x:0:\nagent:x:{_UID}:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/resolv.conf": "",
}


class Bubblewrap:
    """Runs commands under bwrap."""

    name = "bubblewrap"

    def __init__(self, program: str) -> None:
        self._program = program

    @classmethod
    @cache
    def ready(cls) -> Bubblewrap:
        """A bubblewrap that has shown that it works here.

        Raises:
            UserError: it is missing, or the kernel does not let it make namespaces.
        """
        program = shutil.which("bwrap")
        if program is None:
            raise UserError(f"bubblewrap is not installed; {_HELP}")
        probe = [program, "--unshare-all", "--unshare-user", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"]
        done = subprocess.run(probe, capture_output=True, text=True, check=False, env={})
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise UserError(f"bubblewrap cannot isolate here ({reason[0]}); allow user namespaces, or --sandbox none")
        return cls(program)

    def shown(self, mount: Mount) -> str:
        """The mount's target."""
        return mount.target

    def app(self, workspace: Path) -> str:
        """Always /app."""
        return APP

    def home(self, home: Path) -> str:
        """Always /home/agent."""
        return HOME

    async def run(self, command: Command, on_listener: OnListener | None = None, port: int = 0) -> Outcome:
        """See the protocol."""
        with contextlib.ExitStack() as stack:
            files = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="toolworthy-etc-")))
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            with theirs:
                argv = [*self._arguments(command, files), "--"]
                if on_listener is not None:
                    argv += [sys.executable, "-I", "-S", _LAUNCHER, str(theirs.fileno()), str(port)]
                passed = (theirs.fileno(),) if on_listener is not None else ()
                process = await start(*argv, *command.argv, env={}, pass_fds=passed)
            writable = [command.workspace, command.home, *(m.source for m in command.mounts if m.writable)]
            handing = asyncio.create_task(_hand_over(ours, on_listener)) if on_listener is not None else None
            try:
                return await supervise(process, command.limits, command.stdin, writable, lambda: _kill(process))
            finally:
                if handing is not None:
                    handing.cancel()

    def _arguments(self, command: Command, files: Path) -> list[str]:
        argv = [self._program, "--unshare-all", "--unshare-user", "--uid", str(_UID), "--gid", str(_UID)]
        argv += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox", "--clearenv"]
        for path in _SYSTEM:
            if os.path.islink(path):
                argv += ["--symlink", os.readlink(path), path]
            elif os.path.isdir(path):
                argv += ["--ro-bind", path, path]
        for name in _ETC:
            argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
        for target, text in _FILES.items():
            source = files / target.rpartition("/")[2]
            source.write_text(text)
            argv += ["--ro-bind", str(source), target]
        argv += ["--proc", "/proc", "--dev", "/dev", "--size", str(command.limits.disk_mb * 2**20), "--tmpfs", "/tmp"]
        for mount in toolchain.python_mounts():
            argv += ["--ro-bind", str(mount.source), mount.target]
        for path in toolchain.hidden():
            argv += ["--tmpfs", path]
        argv += ["--ro-bind", str(Path(__file__).with_name("launcher.py")), _LAUNCHER]
        argv += ["--bind", str(command.workspace), APP, "--bind", str(command.home), HOME]
        for mount in command.mounts:
            argv += ["--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target]
        for name, value in {**toolchain.environment(HOME), **command.env}.items():
            argv += ["--setenv", name, value]
        return [*argv, "--remount-ro", "/", "--chdir", APP]


async def _hand_over(ours: socket.socket, on_listener: OnListener) -> None:
    """Take the listener that the launcher made, have it served, and give the word to go on."""
    loop = asyncio.get_running_loop()
    ours.setblocking(False)
    ready: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(ours, readable)
    try:
        await ready
    finally:
        loop.remove_reader(ours)
    message, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    if message != b"L" or not descriptors:
        return  # it died before it could listen; its exit says so
    listener = socket.socket(fileno=descriptors[0])
    listener.setblocking(False)
    on_listener(listener)
    await loop.sock_sendall(ours, b"G")


def _kill(process: asyncio.subprocess.Process) -> None:
    """End bwrap; the kernel ends everything in its process namespace with it, daemons included."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
