"""What runs inside sees nothing of the host, reaches nothing but the gateway, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path

import pytest

from tests.support.boxed import WHO, as_who, run
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import PACKAGE, ROOT
from toolworthy.sandbox import OnListener, begun, choose
from toolworthy.sandbox._bare import Bare
from toolworthy.sandbox._bubblewrap import Bubblewrap
from toolworthy.sandbox.model import Command, CommandOutcome, Limits, Mount

pytestmark = pytest.mark.process


def test_the_callers_files_are_not_there(tmp_path: Path) -> None:
    for place in (ROOT / "fixtures", PACKAGE / "reference", Path.home() / ".bashrc", tmp_path, Path("/etc/shadow")):
        assert run(f"ls {place}", tmp_path).exit_code == 2, place


def test_the_system_is_read_only(tmp_path: Path) -> None:
    assert run("touch /usr/x || touch /etc/x || touch /x", tmp_path).exit_code == 1
    assert run("echo hi > /app/a && echo hi > ~/b && echo hi > /tmp/c", tmp_path).exit_code == 0
    assert (tmp_path / "w" / "a").stat().st_uid == (os.getuid() or 60_999)  # root's rights do not go in


def test_the_toolchain_is_there(tmp_path: Path) -> None:
    out = run("python3 -m pytest --version && python --version && git --version && pwd && id -u", tmp_path)
    assert out.exit_code == 0, out.stderr
    assert out.stdout.split()[-2:] == [b"/app", b"1000"]


def test_the_environment_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "1")
    out = run("env", tmp_path, env={"GIVEN": "yes"}).stdout.decode()
    names = {line.partition("=")[0] for line in out.splitlines()}
    shells = {"PWD", "SHLVL", "OLDPWD", "_"}
    ours = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"}
    assert names - shells == ours | {"GIVEN"}
    assert "GIVEN=yes" in out
    assert "HOME=/home/agent" in out


def test_no_network_but_its_own_loopback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        program = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"
        for host, where in (("127.0.0.1", port), ("192.0.2.1", 80)):
            assert run(f"python3 -c '{program}' {host} {where}", tmp_path).exit_code == 1
    devices = run("cat /proc/net/dev", tmp_path).stdout.decode().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]


def test_a_listener_is_handed_out_and_served_from_outside(tmp_path: Path) -> None:
    async def trial(name: str) -> bytes:
        folder = tmp_path / name
        (folder / "w").mkdir(parents=True)
        (folder / "h").mkdir()
        servers: list[asyncio.Task[asyncio.Server]] = []

        async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(f"hello {name}".encode())
            await writer.drain()
            writer.close()

        def on_listener(listener: socket.socket) -> None:
            servers.append(asyncio.ensure_future(asyncio.start_server(hello, sock=listener)))

        program = "import socket; print(socket.create_connection(('127.0.0.1', 8377), 5).recv(99).decode())"
        command = Command(("python3", "-c", program), folder / "w", folder / "h", limits=Limits(seconds=20))
        outcome = await choose("bubblewrap").run(command, on_listener, 8377)
        for server in servers:
            (await server).close()
        return outcome.stdout

    async def both() -> tuple[bytes, bytes]:
        first, second = await asyncio.gather(trial("a"), trial("b"))  # the same port in both
        return first, second

    assert asyncio.run(both()) == (b"hello a\n", b"hello b\n")


@pytest.mark.parametrize(
    ("script", "limits", "ended"),
    [
        ("sleep 60", Limits(seconds=1), "timeout"),
        ("trap '' TERM; while :; do sleep 1; done", Limits(seconds=1), "timeout"),
        ("python3 -c 'x = bytearray(300_000_000); import time; time.sleep(30)'", Limits(20, memory_mb=128), "memory"),
        ("for i in $(seq 60); do sleep 30 & done; wait", Limits(20, processes=30), "processes"),
        ("for i in 1 2; do head -c 8000000 /dev/urandom > $i; done; sleep 30", Limits(20, disk_mb=10), "disk"),
    ],
)
def test_limits_hold(tmp_path: Path, script: str, limits: Limits, ended: str) -> None:
    outcome = run(script, tmp_path, limits=limits)
    assert (outcome.ended, outcome.exit_code) == (ended, None)


def test_output_is_cut_and_the_command_goes_on(tmp_path: Path) -> None:
    outcome = run("head -c 3000000 /dev/zero; echo end >&2", tmp_path, limits=Limits(20, output_bytes=1000))
    assert (len(outcome.stdout), outcome.dropped_bytes, outcome.stderr) == (1000, 2_999_000, b"end\n")


@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_nothing_outlives_it(tmp_path: Path, kind: str) -> None:
    """A daemon that left its session and holds the pipes neither keeps us waiting nor stays."""
    mark = f"{time.monotonic_ns()}"
    began = time.monotonic()
    outcome = run(
        f"setsid python3 -c 'import time; time.sleep(999)' {mark} & disown; echo started",
        tmp_path,
        sandbox=choose(kind),
    )
    assert outcome.stdout == b"started\n"
    assert time.monotonic() - began < 15
    deadline = time.monotonic() + 5
    while any(mark in _command_line(path) for path in Path("/proc").glob("[0-9]*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@pytest.mark.parametrize("turns", range(8))
def test_cancelling_the_start_closes_the_listener(tmp_path: Path, turns: int) -> None:
    """At every moment: one that exists, but has not been handed out, belongs to nobody else."""
    command = Command(("sleep", "30"), tmp_path, tmp_path)
    listeners: list[socket.socket] = []

    class Counting(Bare):
        async def run(self, command: Command, on_listener: OnListener | None = None, port: int = 0) -> CommandOutcome:
            assert on_listener is not None

            def count(listener: socket.socket) -> None:
                listeners.append(listener)
                on_listener(listener)

            return await super().run(command, count, port)

    async def hold() -> None:
        async with begun(Counting(), command, 0):
            await asyncio.sleep(30)

    async def go() -> None:
        task = asyncio.create_task(hold())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(go())
    assert len(listeners) == (turns > 0)
    assert all(listener.fileno() == -1 for listener in listeners)


def test_cancelling_ends_it(tmp_path: Path) -> None:
    async def cancelled() -> None:
        (tmp_path / "w").mkdir()
        (tmp_path / "h").mkdir()
        command = Command(("sleep", "998877"), tmp_path / "w", tmp_path / "h")
        task = asyncio.create_task(choose("bubblewrap").run(command))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert not any("998877" in _command_line(path) for path in Path("/proc").glob("[0-9]*"))


@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
@pytest.mark.parametrize("steps", [*range(12), 30])
def test_cancelling_ends_it_at_whatever_moment(tmp_path: Path, kind: str, steps: int) -> None:
    """Also while the process is being started, which asyncio itself does not survive."""
    (tmp_path / "w").mkdir()
    (tmp_path / "h").mkdir()
    seconds = f"{12_345 + os.getpid()}.{steps}"

    async def go() -> None:
        command = Command(("sleep", seconds), tmp_path / "w", tmp_path / "h", limits=Limits(seconds=60))
        task = asyncio.create_task(choose(kind).run(command))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=15)
        assert done

    asyncio.run(go())
    latest = time.monotonic() + 5
    while left := [one for one in Path("/proc").glob("[0-9]*") if seconds in _command_line(one)]:
        assert time.monotonic() < latest, left
        time.sleep(0.05)


def test_mounts_show_as_asked(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "f").write_text("x")
    read = Mount(tmp_path / "given", "/given")
    write = Mount(tmp_path / "given", "/logs/out", writable=True)
    outcome = run("cat /given/f && ! touch /given/g && touch /logs/out/g", tmp_path, mounts=(read, write))
    assert outcome.exit_code == 0
    assert (tmp_path / "given" / "g").exists()


def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "h").mkdir()
    command = Command(("/no/such/program",), tmp_path / "w", tmp_path / "h")
    outcome = asyncio.run(choose("bubblewrap").run(command))
    assert outcome.exit_code not in (0, None)
    assert b"/no/such/program" in outcome.stderr


def test_without_bubblewrap_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    Bubblewrap.ready.cache_clear()
    try:
        with pytest.raises(ToolworthyError, match=r"apt-get install bubblewrap.*--sandbox none"):
            choose("auto")
    finally:
        Bubblewrap.ready.cache_clear()


@pytest.mark.parametrize("who", WHO)
def test_it_works_as_root_and_as_an_ordinary_user(tmp_path: Path, who: str) -> None:
    outcome = as_who(who, lambda folder: run("id -u; id -g; touch a ~/b /tmp/c; pwd", folder), tmp_path)
    assert (outcome.stdout, outcome.stderr) == (b"1000\n1000\n/app\n", b"")


@pytest.mark.parametrize("who", WHO)
def test_stdin_arrives_and_no_other_descriptor_is_open(tmp_path: Path, who: str) -> None:
    def attack(folder: Path) -> list[bytes]:
        taken = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
        read = "import os; print(input(), *(n for n in os.listdir('/proc/self/fd') if os.path.exists(f'/dev/fd/{n}')))"
        try:
            return run(f'python3 -c "{read}"', folder, stdin=b"given\n").stdout.split()
        finally:
            for descriptor in taken:
                os.close(descriptor)

    assert as_who(who, attack, tmp_path) == [b"given", b"0", b"1", b"2"]
