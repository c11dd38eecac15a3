"""When a command has ended, nothing of it is alive: what looks at the tree afterwards is alone with it."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.boxed import WHO, as_who, run
from toolworthy.sandbox import choose, guard
from toolworthy.sandbox.model import Command, Limits

pytestmark = pytest.mark.process

DAEMONS = """
import os, sys
for number in range(120):
    if os.fork() == 0:
        os.setsid()
        for pipe in range(3):
            os.close(pipe)  # else it is waited for, as whoever reads them
        while True:
            with open(f"/app/{number}", "w") as file:
                file.write("x")
"""


def alive(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in entry.read_bytes().decode(errors="replace") and str(os.getpid()) != entry.parent.name:
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("who", WHO)
def test_no_daemon_is_left_at_the_end(tmp_path: Path, who: str) -> None:
    def attack(folder: Path) -> list[int]:
        left = []
        for _ in range(3):
            mark = f"daemon-{time.monotonic_ns()}"
            outcome = run(f"python3 -c '{DAEMONS}' {mark}; echo done", folder)
            left.append(len(alive(mark)))
            assert outcome.stdout == b"done\n", outcome.stderr
        return left

    assert as_who(who, attack, tmp_path) == [0, 0, 0]


@pytest.mark.parametrize("who", WHO)
def test_no_daemon_is_left_at_a_limit(tmp_path: Path, who: str) -> None:
    mark = f"daemon-{time.monotonic_ns()}"

    def attack(folder: Path) -> tuple[str, list[str]]:
        outcome = run(f"python3 -c '{DAEMONS}' {mark}; sleep 60", folder, limits=Limits(seconds=1.5))
        return outcome.ended, alive(mark)

    assert as_who(who, attack, tmp_path) == ("timeout", [])


def test_no_daemon_is_left_when_it_is_cancelled_twice(tmp_path: Path) -> None:
    mark = f"daemon-{time.monotonic_ns()}"

    async def cancelled() -> list[str]:
        for name in ("w", "h"):
            (tmp_path / name).mkdir()
        script = f"python3 -c '{DAEMONS}' {mark}; sleep 60"
        command = Command(("bash", "-c", script), tmp_path / "w", tmp_path / "h", limits=Limits(seconds=60))
        task = asyncio.create_task(choose("bubblewrap").run(command))
        while len(await asyncio.to_thread(alive, mark)) < 100:  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.05)
        for _ in range(5):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        return alive(mark)

    assert asyncio.run(cancelled()) == []


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from toolworthy.sandbox import _namespace as namespace, choose
from toolworthy.sandbox.model import Command

folder, moment, mark = sys.argv[1:]

async def begin(self):
    if moment == "known":
        await namespace.readable(self._status)
    else:
        await asyncio.sleep(float(moment))
    os.kill(os.getpid(), signal.SIGKILL)

box = choose("bubblewrap")
namespace.Namespace.begin = begin
asyncio.run(box.run(Command(("sleep", mark), Path(folder, "w"), Path(folder, "h"))))
"""


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("moment", ["0", "0.001", "0.005", "known"])
def test_no_process_is_left_when_ours_is_killed_while_a_sandbox_is_made(tmp_path: Path, who: str, moment: str) -> None:
    """bubblewrap waits for ever for a parent that is dead, or goes on without one."""

    def attack(folder: Path) -> tuple[int, list[str]]:
        for name in ("w", "h"):
            (folder / name).mkdir()
        mark = f"{4000 + os.getpid()}.{time.monotonic_ns()}"
        command = [sys.executable, "-c", KILLED, str(folder), moment, mark]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(folder)}
        killed = subprocess.run(command, capture_output=True, check=False, env=env).returncode
        latest = time.monotonic() + 20
        time.sleep(1)  # what was about to begin has begun
        while alive(mark) and time.monotonic() < latest:
            time.sleep(0.1)
        return killed, alive(mark)

    assert as_who(who, attack, tmp_path) == (-signal.SIGKILL, [])


def test_nobody_waits_for_the_guard(tmp_path: Path) -> None:
    """It outlives a killed process of ours, so it holds nothing that was inherited: here, a pipe read to its end."""
    choosing = "import os, sys; from toolworthy.sandbox import choose; choose('bubblewrap')"
    code = f"{choosing}; os.close(int(sys.argv[1])); input()"
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as pipe:
        process = subprocess.Popen([sys.executable, "-c", code, str(theirs)], stdin=subprocess.PIPE, pass_fds=[theirs])
        os.close(theirs)
        assert select.select([pipe], [], [], 60)[0], "somebody still holds it"
        assert pipe.read() == b""
    assert process.poll() is None
    process.communicate(b"\n", timeout=60)
    assert process.returncode == 0


def test_a_crash_is_not_handed_to_the_hosts_handler(tmp_path: Path) -> None:
    """A core_pattern that is a pipe runs with the host's rights; only a limit of 1 keeps the kernel from it."""
    assert run("ulimit -c; ulimit -H -c", tmp_path).stdout.split() in ([b"0", b"0"], [b"1", b"1"])
    read = "python3 -c 'import resource; print(resource.getrlimit(resource.RLIMIT_CORE))'"
    assert run(read, tmp_path).stdout == b"(1, 1)\n"


def test_what_makes_a_namespace_says_nothing_if_ours_has_ended() -> None:
    """Under load it outlives us, and its traceback would follow our last line."""
    script = Path(guard.__file__).with_name("userns.py")
    argv = [sys.executable, "-I", "-S", script]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env={}) as helper:
        assert helper.stdin is not None
        assert helper.stdout is not None
        assert helper.stderr is not None
        helper.stdout.close()
        helper.stdin.close()
        assert helper.stderr.read() == b""
