"""Limits hold for whatever a command uses, however it comes by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.boxed import WHO, as_who, run
from toolworthy.sandbox import choose
from toolworthy.sandbox.model import Command, Limits

pytestmark = pytest.mark.process

HOLD = """
import mmap, os, threading, time
MB = 2**20
def fill(file, count):
    for _ in range(count):
        file.write(bytes(MB))
"""
MEMORY = {
    "its own": "x = bytearray(300 * MB)",
    "shared": "m = mmap.mmap(-1, 300 * MB)\nfor i in range(0, 300 * MB, 4096): m[i] = 1",
    "memfd": "f = os.fdopen(os.memfd_create('x'), 'wb')\nfill(f, 300)\nf.flush()",
    "mapped memfd": """
f = os.memfd_create('x'); os.truncate(f, 300 * MB); m = mmap.mmap(f, 300 * MB); os.close(f)
for i in range(0, 300 * MB, 4096): m[i] = 1""",
    "/tmp and /dev/shm": """
for place in ("/tmp/x", "/dev/shm/x"):
    with open(place, "wb") as f: fill(f, 100)""",
    "deleted": """
f = open('/dev/shm/x', 'wb')
os.unlink('/dev/shm/x')
fill(f, 100)
f.flush()
x = bytearray(100 * MB)""",
    "children": """
for _ in range(5):
    if os.fork() == 0:
        x = bytearray(50 * MB)
        break""",
}
DISK = {
    "files": """
for name in 'ab':
    with open(name, 'wb') as f: fill(f, 8)""",
    "deleted": """
kept = [open(name, 'wb') for name in 'ab']
for f in kept:
    os.unlink(f.name)
    fill(f, 8)
    f.flush()""",
    "deep": """
for _ in range(40):
    os.mkdir('d' * 200); os.chdir('d' * 200)
for name in 'ab':
    with open(name, 'wb') as f: fill(f, 8)""",
    "without rights": """
os.mkdir('d')
for name in 'ab':
    with open('d/' + name, 'wb') as f: fill(f, 8)
os.chmod('d', 0)""",
    "many": "for i in range(2000): open(f'{i}', 'w').close()",
    "many in memory": "for i in range(2000): open(f'/tmp/{i}', 'w').close()",
}


def ended(folder: Path, attack: str, limits: Limits) -> str:
    code = f"{HOLD}{attack}\ntime.sleep(30)\n"
    outcome = run(f"cat > ~/attack.py <<'END'\n{code}END\npython3 ~/attack.py", folder, limits=limits)
    return outcome.ended if outcome.ended != "exit" else outcome.stderr.decode()


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("how", MEMORY)
def test_memory_is_counted_wherever_it_is(tmp_path: Path, how: str, who: str) -> None:
    limits = Limits(seconds=20, memory_mb=128)
    assert as_who(who, lambda folder: ended(folder, MEMORY[how], limits), tmp_path) == "memory"


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("how", DISK)
def test_disk_is_counted_wherever_it_is(tmp_path: Path, how: str, who: str) -> None:
    limits = Limits(seconds=20, disk_mb=10, entries=1000)
    assert as_who(who, lambda folder: ended(folder, DISK[how], limits), tmp_path) == "disk"


@pytest.mark.parametrize("who", WHO)
def test_threads_count_as_processes_do(tmp_path: Path, who: str) -> None:
    attack = "for _ in range(60): threading.Thread(target=time.sleep, args=(30,)).start()"
    limits = Limits(seconds=20, processes=50)
    assert as_who(who, lambda folder: ended(folder, attack, limits), tmp_path) == "processes"


@pytest.mark.parametrize("who", WHO)
def test_processes_of_another_sandbox_do_not_count(tmp_path: Path, who: str) -> None:
    """60 of one that may have 100, beside one that may have 10: nobody is refused one."""
    many = "for i in $(seq 60); do sleep 30 & done; touch begun; while [ ! -e /app/end ]; do sleep 0.1; done"
    few = "while [ ! -e /home/agent/begun ]; do sleep 0.1; done; true | true | true && echo done; touch /home/agent/end"

    async def both(folder: Path) -> list[tuple[str, bytes, bytes]]:
        for name in ("many", "home", "few"):
            (folder / name).mkdir()
        commands = [
            Command(("bash", "-c", many), folder / "many", folder / "home", limits=Limits(seconds=20, processes=100)),
            Command(("bash", "-c", few), folder / "few", folder / "many", limits=Limits(seconds=20, processes=10)),
        ]
        outcomes = await asyncio.gather(*(choose("bubblewrap").run(command) for command in commands))
        return [(outcome.ended, outcome.stdout, outcome.stderr) for outcome in outcomes]

    found = as_who(who, lambda folder: asyncio.run(both(folder)), tmp_path)
    assert found == [("exit", b"", b""), ("exit", b"done\n", b"")]


def test_no_file_is_larger_than_the_disk_may_be(tmp_path: Path) -> None:
    script = "truncate -s 1T hole; head -c 20000000 /dev/zero > full; stat -c %s full"
    outcome = run(script, tmp_path, limits=Limits(seconds=20, disk_mb=10))
    assert outcome.stdout == b"10485760\n"
    assert not (tmp_path / "w" / "hole").exists() or (tmp_path / "w" / "hole").stat().st_size == 0


def test_nothing_else_that_is_memory_can_be_written(tmp_path: Path) -> None:
    found = run("find / -writable -type d -not -path '/proc/*' 2> /dev/null", tmp_path).stdout.decode().split()
    assert sorted(found) == ["/app", "/dev/shm", "/home/agent", "/tmp"]


def test_what_stays_within_its_limits_goes_on(tmp_path: Path) -> None:
    """Shared libraries and programs are not its memory."""
    limits = Limits(seconds=20, memory_mb=128, processes=100)
    script = "for i in $(seq 20); do python3 -c 'import time, ssl, json; time.sleep(2)' & done; wait; echo done"
    outcome = asyncio.run(_both(tmp_path, script, limits))
    assert outcome == ["exit", "exit"]


async def _both(folder: Path, script: str, limits: Limits) -> list[str]:
    commands = []
    for name in "ab":
        for part in "wh":
            (folder / (name + part)).mkdir()
        commands.append(Command(("bash", "-c", script), folder / f"{name}w", folder / f"{name}h", limits=limits))
    outcomes = await asyncio.gather(*(choose("bubblewrap").run(command) for command in commands))
    return [outcome.ended for outcome in outcomes]
