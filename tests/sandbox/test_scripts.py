"""The scripts that run by themselves: who ends what is left, and who listens first inside a sandbox."""

from __future__ import annotations

import asyncio
import functools
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from tests.support.boxed import run
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import _bubblewrap, choose, guard
from toolworthy.sandbox import _owner as owner
from toolworthy.sandbox._watch import start
from toolworthy.sandbox.model import EXCEEDED, Ended, Limits, Mount

process = pytest.mark.process
LAUNCHER = Path(guard.__file__).with_name("launcher.py")
USERNS = Path(guard.__file__).with_name("userns.py")


# ---- who ends what is left -------------------------------------------------------------------------------------------


@pytest.fixture
def named() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for one in started:
        with one:
            one.kill()


@process
def test_only_a_sandbox_of_ours_is_ended(named: list[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    """By its program and an argument that begins as our folder does."""
    mark = f"{tmp_path}/".encode()
    waits = [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()"]
    rows = [
        ("bwrap", f"{tmp_path}/root"),
        ("/usr/bin/nsenter", f"{tmp_path}/root"),
        ("bwrap", "/another/root"),
        ("bwrap", f"x{tmp_path}/root"),
        ("sleep", f"{tmp_path}/root"),
    ]
    for name, argument in rows:
        pipe = subprocess.PIPE
        named.append(
            subprocess.Popen([name, *waits[1:], argument, "more"], executable=sys.executable, stdin=pipe, stdout=pipe)
        )
        assert named[-1].stdout is not None
        assert named[-1].stdout.read(1) == b"1"
    descriptors = len(os.listdir("/proc/self/fd"))
    assert guard._kill(mark) == 2
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert [one.wait(10) for one in named[:2]] == [-signal.SIGKILL] * 2
    assert [one.poll() for one in named[2:]] == [None] * 3
    assert guard._kill(mark) == 0


def test_it_looks_until_nothing_has_been_found_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([1, 0, 0, 2, 0, 0, 0, 0, 0, 0])
    marks: list[bytes] = []
    calls: list[object] = []

    def kill(mark: bytes) -> int:
        marks.append(mark)
        return next(found)

    monkeypatch.setattr(guard, "_kill", kill)
    monkeypatch.setattr("os.read", lambda *given: calls.append(given))
    monkeypatch.setattr("time.sleep", calls.append)
    guard.main("/tmp/of-ours")
    assert (set(marks), len(marks)) == ({b"/tmp/of-ours/"}, 9)
    assert calls == [(0, 1), *[0.1] * 8], "not before its input has ended"
    found = iter([0] * 5)
    guard.main("/tmp/of-ours")
    assert len(marks) == 9 + 5
    found = iter([1] * 1_000)
    guard.main("/tmp/of-ours")
    assert len(marks) == 9 + 5 + 300, "it does not go on for ever"


def test_of_what_it_inherits_it_keeps_its_own_three_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def close(number: int) -> None:
        calls.append(number)
        if number == 3:
            raise OSError(9, "the descriptor of the listing itself")

    monkeypatch.setattr("os.listdir", lambda path: ["0", "1", "2", "3", "17"])
    monkeypatch.setattr("os.close", close)
    monkeypatch.setattr("os.chdir", calls.append)
    guard._detach()
    assert calls == ["/", 3, 17]


@process
def test_a_process_has_one_guard_that_hears_when_it_ends(
    named: list[subprocess.Popen[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds its own three descriptors, and no terminal's signal reaches it."""
    guards: dict[int, int] = {}
    monkeypatch.setattr(_bubblewrap, "_guards", guards)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        _bubblewrap._guard(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    script = str(Path(guard.__file__))
    line = "\0".join([sys.executable, "-I", "-S", script, str(tmp_path), ""]).encode()
    latest = time.monotonic() + 20
    while not (pids := [int(one.parent.name) for one in Path("/proc").glob("[0-9]*/cmdline") if _content(one) == line]):
        assert time.monotonic() < latest
    (pid,) = pids
    while len(os.listdir(f"/proc/{pid}/fd")) > 3 or os.readlink(f"/proc/{pid}/cwd") != "/":
        assert time.monotonic() < latest
        time.sleep(0.05)
    files = [os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)]
    assert (files[0].partition(":")[0], files[1:]) == ("pipe", ["/dev/null", "/dev/null"])
    assert (os.getsid(pid), _content(Path(f"/proc/{pid}/environ"))) == (pid, b"")
    code = "import sys; print(1, flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    argv = ["bwrap", "-c", code, f"{tmp_path}/root"]
    named.append(subprocess.Popen(argv, executable=sys.executable, stdin=pipe, stdout=pipe))
    assert named[0].stdout is not None
    assert named[0].stdout.read(1) == b"1"
    assert named[0].poll() is None
    os.close(guards[os.getpid()])
    assert named[0].wait(20) == -signal.SIGKILL
    assert os.waitpid(pid, 0) == (pid, 0)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# ---- who makes a user namespace --------------------------------------------------------------------------------------


@process
def test_a_user_namespace_waits_to_be_mapped() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-I", "-S", USERNS], stdin=pipe, stdout=pipe, bufsize=0) as helper:
        assert helper.stdin is not None
        assert helper.stdout is not None
        assert helper.stdout.read(1) == b"u"
        assert os.readlink(f"/proc/{helper.pid}/ns/user") != os.readlink("/proc/self/ns/user")
        assert not select.select([helper.stdout], [], [], 0.3)[0]
        space = os.open(f"/proc/{helper.pid}/ns/user", os.O_RDONLY)
        helper.stdin.write(b"g")
        assert helper.stdout.read(9) == b"d"
    assert helper.returncode == 0
    inside = ["nsenter", f"--user=/proc/self/fd/{space}", "--preserve-credentials"]
    most = [*inside, "cat", "/proc/sys/user/max_user_namespaces"]
    assert subprocess.check_output(most, pass_fds=[space]) == b"0\n"
    os.close(space)


@process
def test_why_a_user_namespace_cannot_be_made_is_told() -> None:
    none = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    argv = ["unshare", "--user", "--map-root-user", "sh", "-c", none, "sh", sys.executable, "-I", "-S", USERNS]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"No space left on device\n")


# ---- who listens first -----------------------------------------------------------------------------------------------


def launch(word: bytes, *command: str) -> tuple[int, bytes, int]:
    """Its exit code, what it says, and how many listeners it handed out that took a connection."""
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ours, theirs:
        argv = [sys.executable, "-I", "-S", str(LAUNCHER), str(theirs.fileno()), str(port), *command]
        started = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[theirs.fileno()])
        theirs.close()
        message, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        assert message == b"L"
        with socket.socket(fileno=descriptors[0]) as listener:
            assert listener.getsockname() == ("127.0.0.1", port)
            socket.create_connection(("127.0.0.1", port), 5).close()
            ours.sendall(word)
            out, _ = started.communicate(timeout=20)
    return started.returncode, out, len(descriptors)


@process
@pytest.mark.parametrize("message", [b"L", b""])
def test_only_a_listener_that_was_handed_out_is_served(message: bytes) -> None:
    served: list[socket.socket] = []

    async def hand_over(ours: socket.socket, hand_out: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(0.05, hand_out)
        await asyncio.wait_for(_bubblewrap._hand_over(ours, served.append), 20)

    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listener:
        hand_out = functools.partial(socket.send_fds, theirs, [message], [listener.fileno()])
        asyncio.run(hand_over(ours, hand_out if message else theirs.close), debug=True)
        assert len(served) == len(message)
        for one in served:
            assert (one.getsockname(), one.getblocking()) == (listener.getsockname(), False)
            one.close()
            assert theirs.recv(2) == b"G", "the word to go on"


def test_why_bubblewrap_fails_is_its_last_line() -> None:
    for stderr, told in (
        (b"first\nlast: \xff\n\n", "(last: \ufffd)"),
        (b"", "(no reason given)"),
        (b"x" * 400, f"({'x' * 300})"),
    ):
        assert str(_bubblewrap._failed(stderr)).startswith(f"bubblewrap cannot isolate here {told}. Let bwrap make")


@process
def test_the_command_begins_at_our_word_alone() -> None:
    assert launch(b"G", "/bin/echo", "begun") == (0, b"begun\n", 1)
    assert launch(b"X", "/bin/echo", "begun") == (125, b"", 1)
    kept = "import os; print(*(n for n in os.listdir('/proc/self/fd') if os.path.exists(f'/dev/fd/{n}')))"
    assert launch(b"G", sys.executable, "-c", kept) == (0, b"0 1 2\n", 1)
    told = b"cannot start /no/such: No such file or directory\n"
    assert launch(b"G", "/no/such", "begun") == (127, told, 1)


# ---- no sandbox at all -----------------------------------------------------------------------------------------------


@process
@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_how_a_command_ended_is_told(tmp_path: Path, kind: str) -> None:
    box = choose(kind)
    limits = Limits(20, output_bytes=3)
    cut = run("echo hello; echo world >&2; exit 3", tmp_path, sandbox=box, limits=limits)
    assert (cut.exit_code, cut.stdout, cut.stderr, cut.dropped_bytes) == (3, b"hel", b"wor", 6)
    killed = run("kill -9 $$", tmp_path, sandbox=box)
    assert (killed.ended, killed.exit_code) == ("exit", 137)
    assert run("cat", tmp_path, sandbox=box, stdin=b"given").stdout == b"given"
    assert run("true", tmp_path, sandbox=box, stdin=bytes(10**6)).exit_code == 0, "who does not read it"
    late = run("sleep 20", tmp_path, sandbox=box, limits=Limits(0.2))
    assert (late.ended, late.exit_code) == ("timeout", None)
    assert late.seconds >= 0.2


@process
def test_a_process_is_started_in_a_session_of_its_own() -> None:
    async def session() -> bool:
        process = await start("/bin/cat")
        own = os.getsid(process.pid) == process.pid
        await process.communicate(b"")
        return own

    assert asyncio.run(session())


@process
def test_bubblewrap_itself_gets_nothing_of_the_callers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has could be read of its first process inside."""
    given: list[object] = []

    async def started(*argv: str, **more: object) -> asyncio.subprocess.Process:
        given.append(more["env"])
        return await start(*argv, **more)

    box = choose("bubblewrap")
    monkeypatch.setattr(_bubblewrap, "start", started)
    assert run("true", tmp_path, sandbox=box).exit_code == 0
    assert given == [{}]


def test_every_limit_has_a_name_of_what_it_is_on() -> None:
    assert EXCEEDED.keys() == {*get_args(Ended)} - {"exit"}


def test_what_a_command_may_use_unless_it_is_told() -> None:
    limits = Limits()
    assert (limits.seconds, limits.memory_mb, limits.processes, limits.disk_mb) == (300, 4096, 512, 2048)
    assert (limits.output_bytes, limits.entries, limits.in_memory) == (16 * 2**20, 200_000, 2048 * 2**20)


def test_what_is_asked_for_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("none").name == "none"
    monkeypatch.setattr(_bubblewrap.Bubblewrap, "ready", lambda: "ready")
    assert [choose("auto"), choose("bubblewrap")] == ["ready", "ready"]


@process
def test_without_a_sandbox_places_are_the_hosts(tmp_path: Path) -> None:
    box = choose("none")
    assert box.shown(Mount(tmp_path, "/elsewhere")) == box.app(tmp_path) == box.home(tmp_path) == str(tmp_path)
    told = run(
        "pwd; echo $HOME $GIVEN $TMPDIR; env | wc -l", tmp_path, sandbox=box, env={"GIVEN": "yes"}
    ).stdout.split()
    assert told[:4] == [f"{tmp_path}/w".encode(), f"{tmp_path}/h".encode(), b"yes", b"/tmp"]
    assert int(told[4]) < 16, "nothing of the caller's environment"


# ---- who a sandbox's processes are ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("users", "uid", "spaces"),
    [
        ("0 0 4294967295", 60_999, True),
        ("0 1000 1\n1 100000 65536", 60_999, True),
        ("0 0 61000", 60_999, True),
        ("0 0 60999", 60_998, True),
        ("60999 0 5", 60_999, True),
        ("0 1000 1\n1 100000 100\n500 9000 3", 502, True),
        ("0 1000 2", 1, True),
        ("0 1000 1", 0, False),
    ],
)
def test_root_becomes_a_user_that_is_mapped(
    monkeypatch: pytest.MonkeyPatch, users: str, uid: int, spaces: bool
) -> None:
    as_root(monkeypatch, users)
    found = owner.find()
    assert (found.uid, found.spaces is not None, found.closed) == (uid, spaces, False)
    if found.spaces:
        assert found.spaces._uid == uid
        assert asyncio.run(found.spaces.take()) == 7, "made at once, so that who cannot is told at once"
        monkeypatch.setattr(owner, "_user_namespace", lambda uid: 8)
        assert asyncio.run(found.spaces.take()) == 8, "another for another sandbox"
        found.spaces.give_back(7)
        assert asyncio.run(found.spaces.take()) == 7


def test_root_that_cannot_be_anyone_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    as_root(monkeypatch, "0 0 1")
    with pytest.raises(ToolworthyError, match="no other user is mapped"):
        owner.find()
    for program in ("/usr/bin/setpriv", "/usr/bin/nsenter"):
        monkeypatch.setattr("os.path.exists", lambda path, missing=program: str(path) != missing)
        with pytest.raises(ToolworthyError, match=f"{program}, which is missing. Install util-linux."):
            owner.find()
    monkeypatch.setattr("os.geteuid", lambda: 1234)
    assert owner.find() == owner.Owner(1234)


def as_root(monkeypatch: pytest.MonkeyPatch, users: str) -> None:
    plain = Path.read_text
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.path.exists", lambda path: True)
    monkeypatch.setattr(owner, "_user_namespace", lambda uid: 7)
    monkeypatch.setattr(Path, "read_text", lambda path: users if path.name == "uid_map" else plain(path))
