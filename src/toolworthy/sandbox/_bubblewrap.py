"""The sandbox with bubblewrap: namespaces of its own for everything.

Only the host's system directories, the toolchain and the requested mounts are visible, read-only; the network is
loopback only. Works as root and as an ordinary user.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

from toolworthy.base import tree
from toolworthy.base.cancelling import through
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import visible
from toolworthy.sandbox import _filter as filter
from toolworthy.sandbox import _owner as owner
from toolworthy.sandbox import _skeleton as skeleton
from toolworthy.sandbox._arguments import IN_MEMORY, arguments
from toolworthy.sandbox._namespace import Namespace, readable
from toolworthy.sandbox._owner import Owner
from toolworthy.sandbox._watch import start, supervise
from toolworthy.sandbox.model import APP, HOME, Command, CommandOutcome, Limits, Mount, OnListener, SandboxError

_OR = "or run without isolation: --sandbox none (model code runs as you)"
_HELP = f"Install it (apt-get install bubblewrap), {_OR}"
_ALLOW = f"Let bwrap make user namespaces (docs/ci.md says how), {_OR}"
_NO_SUCH_COMMAND = b"bwrap: execvp "
_SIGNALLED = 128
"""Exit codes above it name the signal that ended a process."""
_guards: dict[int, int] = {}
"""Descriptors by process: the other end of its guard's input. However the process ends, the kernel closes it."""


class Bubblewrap:
    """Runs commands under bwrap."""

    name = "bubblewrap"

    def __init__(self, program: str, who: Owner) -> None:
        self._program = program
        self._owner = who

    @classmethod
    @cache
    def ready(cls) -> Bubblewrap:
        """A sandbox, after a test that bubblewrap works here.

        Raises:
            ToolworthyError: it is missing, or the kernel does not let it make namespaces.
        """
        program = shutil.which("bwrap")
        if program is None:
            raise ToolworthyError(f"bubblewrap is not installed. {_HELP}.")
        user = owner.find()
        _guard(skeleton.root().parent)
        sandbox = cls(program, replace(user, closed=True))
        with ThreadPoolExecutor() as elsewhere:  # an event loop may be running in this thread
            try:
                elsewhere.submit(asyncio.run, sandbox._prove()).result()
            except SandboxError:  # before 0.8, or in a container; the filter of system calls refuses them, too
                sandbox = cls(program, user)
                elsewhere.submit(asyncio.run, sandbox._prove()).result()
        return sandbox

    async def _prove(self) -> None:
        """Run a command as a trial does: with the same mounts, filter and launcher."""
        with tree.temporary() as folder:
            (folder / "app").mkdir()
            (folder / "home").mkdir()
            command = Command(("true",), folder / "app", folder / "home", limits=Limits(seconds=60))
            outcome = await self.run(command, socket.socket.close, 8377)
        if outcome.exit_code != 0:
            raise _failed(outcome.stderr)

    def shown(self, mount: Mount) -> str:
        """The mount's target."""
        return mount.target

    def app(self, workspace: Path) -> str:
        """Always /app."""
        return APP

    def home(self, home: Path) -> str:
        """Always /home/agent."""
        return HOME

    async def run(self, command: Command, on_listener: OnListener | None = None, port: int = 0) -> CommandOutcome:
        """See the protocol."""
        if self._owner.uid != os.geteuid():
            for folder in command.writable:
                tree.own(folder, self._owner.uid, self._owner.uid)
        async with contextlib.AsyncExitStack() as stack:
            entered = await stack.enter_async_context(self._owner.enter())
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            namespace = stack.enter_context(contextlib.closing(Namespace(command.limits)))
            with theirs:
                argv = [*entered, self._program, *self._owner.arguments(), *arguments(command), *namespace.arguments()]
                passed = [*namespace.passed]
                if (seccomp := filter.descriptor()) is not None:
                    stack.callback(os.close, seccomp)
                    argv += ["--seccomp", str(seccomp)]
                    passed.append(seccomp)
                argv += ["--", *self._owner.command()]
                if on_listener is not None:
                    argv += [sys.executable, "-I", "-S", skeleton.LAUNCHER, str(theirs.fileno()), str(port)]
                    passed.append(theirs.fileno())
                process = await start(*argv, *command.argv, env={}, pass_fds=passed)
            inside = _Inside(process, namespace)
            handing = asyncio.create_task(_hand_over(ours, on_listener)) if on_listener is not None else None
            try:
                outcome = await supervise(process, command.limits, command.stdin, command.writable, inside)
            finally:
                if handing is not None:
                    handing.cancel()
                    await through(asyncio.wait({handing}))  # before its socket is closed, and the number another's
            begun = outcome.ended != "exit" or namespace.started_command()
            if not begun and not outcome.stderr.startswith(_NO_SUCH_COMMAND):
                raise _failed(outcome.stderr, outcome.exit_code)
            return outcome


def _guard(folder: Path) -> None:
    """Start a guard, once per process, that ends its sandboxes if the process is killed."""
    if os.getpid() in _guards:
        return
    theirs, ours = os.pipe()
    argv = [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), str(folder)]
    nowhere = ((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2))
    # Not by subprocess: it complains of children that outlive it, and this one should.
    os.posix_spawn(sys.executable, argv, {}, file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 0), *nowhere], setsid=True)
    os.close(theirs)
    _guards[os.getpid()] = ours


class _Inside:
    """All processes of one sandbox, bubblewrap's own among them."""

    memory: tuple[str, ...] = IN_MEMORY

    def __init__(self, process: asyncio.subprocess.Process, namespace: Namespace) -> None:
        self._process = process
        self._namespace = namespace

    async def begin(self) -> None:
        """Let the first process continue, now that its end can be awaited."""
        await self._namespace.begin()

    def kill(self) -> None:
        """Kill the first process, and with it all others; and bubblewrap, which may not have started it yet."""
        self._namespace.kill()
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Return when no process is alive."""
        await self._namespace.ended()


def _failed(stderr: bytes, exit_code: int | None = None) -> SandboxError:
    if not stderr.strip() and exit_code is not None and exit_code > _SIGNALLED:
        name = signal.Signals(exit_code - _SIGNALLED).name
        return SandboxError(f"bubblewrap was ended by {name} before its command began. Try again, with fewer at once.")
    lines = stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
    return SandboxError(f"bubblewrap cannot isolate here ({visible(lines[0][:300])}). {_ALLOW}.")


async def _hand_over(ours: socket.socket, on_listener: OnListener) -> None:
    """Receive the launcher's listener, let the gateway serve it, and tell the launcher to continue."""
    ours.setblocking(False)
    await readable(ours.fileno())
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    if not descriptors:
        return  # it died before it could listen; its exit code shows that
    listener = socket.socket(fileno=descriptors[0])
    listener.setblocking(False)
    on_listener(listener)
    await asyncio.get_running_loop().sock_sendall(ours, b"G")
