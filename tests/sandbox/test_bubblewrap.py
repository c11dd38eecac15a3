"""How bubblewrap is proven, started and given up; no process is started here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import _bubblewrap
from toolworthy.sandbox import _skeleton as skeleton
from toolworthy.sandbox._arguments import arguments
from toolworthy.sandbox._bubblewrap import Bubblewrap
from toolworthy.sandbox._owner import Owner
from toolworthy.sandbox.model import Command, CommandOutcome, Limits, SandboxError

USER = Owner(os.geteuid())


def outcome(exit_code: int | None, stderr: bytes = b"", ended: Any = "exit") -> CommandOutcome:
    return CommandOutcome(exit_code, ended, b"", stderr, 0.1)


def command(folder: Path) -> Command:
    return Command(("program", "argument"), folder, folder)


# ---- whether it works here -------------------------------------------------------------------------------------------


def ready(monkeypatch: pytest.MonkeyPatch, *works: bool) -> tuple[Bubblewrap, list[Owner], list[Path]]:
    """What is ready for an ordinary user, whom it was tried as, and for which folder a guard was started."""
    tried: list[Owner] = []
    guarded: list[Path] = []

    async def prove(sandbox: Bubblewrap) -> None:
        tried.append(sandbox._owner)
        if not works[len(tried) - 1]:
            raise SandboxError("it does not work")

    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr("toolworthy.sandbox._owner.find", lambda: USER)
    monkeypatch.setattr(_bubblewrap, "_guard", guarded.append)
    monkeypatch.setattr(Bubblewrap, "_prove", prove)
    return Bubblewrap.ready.__wrapped__(Bubblewrap), tried, guarded


def test_new_user_namespaces_are_forbidden_where_bubblewrap_can_do_so(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Owner(USER.uid, closed=True)
    sandbox, tried, guarded = ready(monkeypatch, True)
    assert (sandbox._owner, sandbox._program, tried) == (closed, "/usr/bin/bwrap", [closed])
    assert guarded == [skeleton.root().parent]
    sandbox, tried, _ = ready(monkeypatch, False, True)
    assert (sandbox._owner, tried) == (USER, [closed, USER])
    with pytest.raises(SandboxError, match="it does not work"):
        ready(monkeypatch, False, False)


def test_the_proof_is_a_command_with_a_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    ends = [outcome(0), outcome(1, b"bwrap: why\n")]

    async def run(sandbox: Bubblewrap, command: Command, on_listener: Any, port: int) -> CommandOutcome:
        assert command.workspace.is_dir()
        assert command.home.is_dir()
        given.append((command.argv, command.limits, port))
        on_listener(listener)
        return ends.pop(0)

    monkeypatch.setattr(Bubblewrap, "run", run)
    listener, other = socket.socketpair()
    other.close()
    asyncio.run(Bubblewrap("bwrap", USER)._prove())
    assert (given, listener.fileno()) == ([(("true",), Limits(seconds=60), 8377)], -1)
    with pytest.raises(SandboxError, match=r"bubblewrap cannot isolate here \(bwrap: why\)"):
        asyncio.run(Bubblewrap("bwrap", USER)._prove())


@pytest.mark.parametrize(
    ("stderr", "exit_code", "says"),
    [
        (b"", 137, "bubblewrap was ended by SIGKILL before its command began"),
        (b" \n", 129, "bubblewrap was ended by SIGHUP before its command began"),
        (b"", 128, "(no reason given)"),
        (b"", 1, "(no reason given)"),
        (b"", None, "(no reason given)"),
        (b"why", 137, "(why)"),
    ],
)
def test_why_it_failed_is_a_signal_or_its_last_line(stderr: bytes, exit_code: int | None, says: str) -> None:
    assert says in str(_bubblewrap._failed(stderr, exit_code))


# ---- how a command is started ----------------------------------------------------------------------------------------


class Started:
    """In place of `start` and `supervise`: what was given, and an outcome that is made up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ended: CommandOutcome, *, reports: bytes = b"") -> None:
        self.ended, self.reports = ended, reports
        self.argv: list[str] = []
        self.given: dict[str, Any] = {}
        self.kept: list[int] = []
        monkeypatch.setattr(_bubblewrap, "start", self._start)
        monkeypatch.setattr(_bubblewrap, "supervise", self._supervise)

    async def _start(self, *argv: str, **given: Any) -> Any:
        self.argv, self.given = list(argv), given
        self.kept = [os.dup(number) for number in given["pass_fds"]]
        return SimpleNamespace(pid=1, returncode=None)

    async def _supervise(self, *given: Any) -> CommandOutcome:
        await asyncio.sleep(0)
        os.write(self.kept[0], self.reports)
        return self.ended

    def close(self) -> None:
        for number in self.kept:
            os.close(number)


def options(argv: list[str], name: str) -> str:
    return argv[argv.index(name) + 1]


def test_its_command_line_and_what_it_inherits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = Started(monkeypatch, outcome(None, ended="timeout"))
    box = Bubblewrap("/usr/bin/bwrap", USER)
    before = len(os.listdir("/proc/self/fd"))
    asyncio.run(box.run(command(tmp_path)))
    started.close()
    argv = started.argv
    numbers = [options(argv, name) for name in ("--json-status-fd", "--block-fd")]
    middle = ["--json-status-fd", numbers[0], "--block-fd", numbers[1]]
    if platform.machine() in ("x86_64", "aarch64"):
        numbers.append(options(argv, "--seccomp"))
        middle += ["--seccomp", numbers[2]]
    start = ["/usr/bin/bwrap", *USER.arguments(), *arguments(command(tmp_path))]
    assert argv == [*start, *middle, "--", "program", "argument"]
    assert started.given == {"env": {}, "pass_fds": [int(number) for number in numbers]}
    assert len(os.listdir("/proc/self/fd")) == before


def test_with_a_listener_the_launcher_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never hands it out keeps nobody waiting: `Started` holds the launcher's end."""
    started = Started(monkeypatch, outcome(None, ended="timeout"))
    served: list[object] = []

    async def go() -> int:
        run = Bubblewrap("/usr/bin/bwrap", USER).run(command(tmp_path), served.append, 77)
        await asyncio.wait_for(run, 10)
        return len(asyncio.all_tasks())

    before = len(os.listdir("/proc/self/fd"))
    tasks = asyncio.run(go())
    started.close()
    theirs = str(started.given["pass_fds"][-1])
    launcher = [sys.executable, "-I", "-S", skeleton.LAUNCHER, theirs, "77"]
    assert started.argv[started.argv.index("--") :] == ["--", *launcher, "program", "argument"]
    assert (served, tasks) == ([], 1), "nothing waits for it any more"
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_start_that_fails_keeps_no_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(*argv: str, **given: Any) -> NoReturn:
        raise OSError(7, "Argument list too long")

    monkeypatch.setattr(_bubblewrap, "start", start)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="too long"):
        asyncio.run(Bubblewrap("bwrap", USER).run(command(tmp_path)))
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_writable_folders_become_the_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owned: list[tuple[object, ...]] = []
    monkeypatch.setattr("toolworthy.base.tree.own", lambda *given: owned.append(given))
    for uid, expected in ((USER.uid, []), (77, [(tmp_path, 77, 77)] * 2)):
        started = Started(monkeypatch, outcome(None, ended="timeout"))
        asyncio.run(Bubblewrap("bwrap", Owner(uid)).run(command(tmp_path)))
        started.close()
        assert owned == expected


@pytest.mark.parametrize(
    ("ended", "reports", "fails"),
    [
        (outcome(3), b'{ "exit-code": 3 }\n', False),
        (outcome(0), b'{ "exit-code": 0 }\n', False),
        (outcome(None, ended="timeout"), b"", False),
        (outcome(1, b"bwrap: execvp /no/such: No such file or directory\n"), b"", False),
        (outcome(1, b"bwrap: Can't mount proc\n"), b"", True),
        (outcome(0), b"", True),
    ],
)
def test_a_sandbox_that_never_reached_its_command_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: CommandOutcome, reports: bytes, fails: bool
) -> None:
    started = Started(monkeypatch, ended, reports=reports)
    raises = pytest.raises(ToolworthyError, match="cannot isolate here") if fails else contextlib.nullcontext()
    with contextlib.closing(started), raises:
        assert asyncio.run(Bubblewrap("bwrap", USER).run(command(tmp_path))) is ended


# ---- its processes ---------------------------------------------------------------------------------------------------


def test_bubblewrap_itself_is_ended_with_its_group_unless_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number is another's by then."""
    calls: list[object] = []

    class Namespace:
        async def begin(self) -> None:
            calls.append("begin")

        def kill(self) -> None:
            calls.append("inside")

        async def ended(self) -> None:
            calls.append("ended")

    monkeypatch.setattr("os.killpg", lambda *given: calls.append(given))
    for code in (None, 0):
        inside = _bubblewrap._Inside(SimpleNamespace(pid=7, returncode=code), Namespace())
        inside.kill()
    assert calls == ["inside", (7, signal.SIGKILL), "inside"]
    asyncio.run(inside.begin())
    asyncio.run(inside.ended())
    assert calls[3:] == ["begin", "ended"]
