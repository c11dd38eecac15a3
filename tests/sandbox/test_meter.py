"""What is counted of a process, and where each limit begins to be broken."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from toolworthy.base import tree
from toolworthy.sandbox import _usage as usage
from toolworthy.sandbox.model import CommandOutcome, Limits

MB = 2**20
ME = os.getpid()
NOBODY = 2**22 + 1
"""No process has so high a number."""


@pytest.mark.process
def test_a_process_has_its_threads_and_its_children() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        members, tasks = usage.family(ME)
        assert (members[0], tasks[0]) == (ME, ME)
        assert child.pid in members
        assert {child.pid, thread.native_id} <= set(tasks)
        assert len(usage.family(ME, 0)[0]) == 1, "no more is looked for once there are too many"
        assert child.stdin is not None
        child.stdin.close()
    done.set()
    thread.join()
    assert usage.family(NOBODY) == ([NOBODY], [])


def test_a_process_that_ended_meanwhile_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def listdir(path: str) -> list[str]:
        if path == "/proc/3/task":
            raise ProcessLookupError
        return [path.split("/")[2]]

    monkeypatch.setattr("os.listdir", listdir)
    monkeypatch.setattr(Path, "read_text", lambda path: "2 3" if str(path) == "/proc/1/task/1/children" else "")
    assert usage.family(1) == ([1, 3, 2], [1, 2])


@pytest.mark.process
def test_what_is_measured_runs_after_us(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
        assert usage.Meter(child.pid, Limits(), [tmp_path], ()).look() is None
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == 10
        child.kill()


def test_memory_is_counted_in_bytes_and_what_has_ended_has_none() -> None:
    before = usage._resident(ME), usage._share(ME)
    held = bytearray(os.urandom(1)) * (64 * MB)
    for was, now in zip(before, (usage._resident(ME), usage._share(ME)), strict=True):
        assert 50 * MB < now - was < 80 * MB
    del held
    assert usage._resident(NOBODY) == usage._share(NOBODY) == 0
    assert list(usage._descriptors(NOBODY)) == []


def test_a_share_is_of_what_is_anonymous_and_of_memory_that_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """In kilobytes, as proc_pid_smaps(5) has it; files are the system's, which drops them when it needs room."""
    rows = {"Rss": 9000, "Pss": 900, "Pss_Dirty": 90, "Pss_Anon": 7, "Pss_File": 500, "Pss_Shmem": 4, "Swap": 50}
    lines = "\n".join(f"{name}:{size:>16} kB" for name, size in rows.items())
    monkeypatch.setattr(Path, "read_text", lambda path: f"0000-ffff ---p 0 00:00 0 [rollup]\n{lines}\n")
    assert usage._share(ME) == (7 + 4) * 1024


def test_what_is_in_memory_is_told_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    for told, pages in (("900 30 20 10 0 5 0\n", 30), ("", 0), ("900\n", 0), ("900 x\n", 0)):
        monkeypatch.setattr(Path, "read_text", lambda path, told=told: told)
        assert usage._resident(ME) == pages * os.sysconf("SC_PAGE_SIZE")


def test_open_files_without_a_name_count_once(tmp_path: Path) -> None:
    nothing = usage._Opened(set())
    assert (nothing.disk, nothing.memory) == (0, 0)
    with open(tmp_path / "named", "wb") as named, open(tmp_path / "gone", "wb") as gone:
        for file in (named, gone):
            file.write(bytes(3 * MB))
            file.flush()
            os.fsync(file.fileno())
        (tmp_path / "gone").unlink()
        again = os.dup(gone.fileno())
        memory = os.memfd_create("test")
        os.write(memory, bytes(2 * MB))
        elsewhere = usage._Opened(set())
        assert elsewhere.add(ME)
        opened = usage._Opened({os.stat(tmp_path).st_dev})
        assert opened.add(ME)
        assert opened.add(ME), "another process with the same files"
        on_disk, in_memory = (os.fstat(one).st_blocks * 512 for one in (gone.fileno(), memory))
        os.close(again)
        os.close(memory)
    assert (opened.disk, opened.memory) == (on_disk, in_memory)
    assert on_disk >= 3 * MB
    assert in_memory >= 2 * MB
    assert (elsewhere.disk, elsewhere.memory) == (0, opened.memory)


def test_a_file_that_was_closed_meanwhile_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = os.memfd_create("test")
    os.write(memory, bytes(MB))
    monkeypatch.setattr(usage, "_descriptors", lambda pid: ("/no/such", f"/proc/{ME}/fd/{memory}"))
    opened = usage._Opened(set())
    assert opened.add(ME)
    os.close(memory)
    assert opened.memory == MB


def test_too_many_open_files_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_descriptors", lambda pid: ("/dev/null",) * 5)
    monkeypatch.setattr(usage, "_DESCRIPTORS", 10)
    opened = usage._Opened(set())
    assert [opened.add(1) for _ in range(3)] == [True, True, False]


class Fake:
    """A meter whose world is made up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, limits: Limits) -> None:
        self.tasks, self.resident, self.share, self.deleted, self.memory_files = 1, 0, 0, 0, 0
        self.used, self.now, self.fits, self.takes = tree.DiskUsage(0, 0), 100.0, True, 0.0
        self.file_system: tree.DiskUsage | None = None
        fakes: dict[str, Callable[..., object]] = {
            "family": lambda pid, most: ([1], [1] * self.tasks),
            "_go_after_us": lambda tasks: None,
            "_resident": lambda pid: self.resident,
            "_share": lambda pid: self.share,
        }
        for name, fake in fakes.items():
            monkeypatch.setattr(usage, name, fake)
        monkeypatch.setattr(usage._Opened, "add", self._add)
        monkeypatch.setattr(usage.Meter, "_used", lambda _: self._measure())
        monkeypatch.setattr(usage.Meter, "_file_system", lambda *_: self.file_system)
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        self.meter = usage.Meter(1, limits, [folder], ("/tmp",))

    def _measure(self) -> tree.DiskUsage:
        self.now += self.takes
        return self.used

    def _add(self, pid: int) -> bool:
        return self.fits

    def look(self, after: float = 60.0) -> str | None:
        self.now += after
        return self.meter.look()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fake:
    return Fake(monkeypatch, tmp_path, Limits(processes=10, memory_mb=100, disk_mb=20, entries=30))


def test_as_many_processes_as_allowed_are_allowed(fake: Fake) -> None:
    fake.tasks = 10
    assert fake.look() is None
    fake.tasks = 11
    assert fake.look() == "processes"
    fake.tasks, fake.fits = 1, False
    assert fake.look() == "processes"


def test_memory_is_too_much_where_shares_are(fake: Fake) -> None:
    """What each has in memory counts twice what two share: it is looked at first, and does not decide."""
    for resident, share, files, ended in (
        (100 * MB, 100 * MB, 0, None),
        (101 * MB, 100 * MB, 0, None),
        (100 * MB, 101 * MB, 0, None),
        (101 * MB, 101 * MB, 0, "memory"),
        (60 * MB, 60 * MB, 40 * MB, None),
        (60 * MB, 60 * MB, 41 * MB, "memory"),
    ):
        fake.resident, fake.share, fake.file_system = resident, share, tree.DiskUsage(files, 0)
        assert fake.look() == ended, (resident, share, files)


def test_files_are_too_many_in_memory_and_on_disk(fake: Fake) -> None:
    fake.file_system = tree.DiskUsage(0, 30)
    assert fake.look() is None
    fake.file_system = tree.DiskUsage(0, 31)
    assert fake.look() == "disk"
    fake.file_system = None
    for used, ended in (
        (tree.DiskUsage(20 * MB, 30), None),
        (tree.DiskUsage(20 * MB + 1, 30), "disk"),
        (tree.DiskUsage(20 * MB, 31), "disk"),
    ):
        fake.used = used
        assert fake.look() == ended


def test_the_disk_is_looked_at_now_and_then(fake: Fake) -> None:
    fake.used = tree.DiskUsage(30 * MB, 0)
    assert fake.look(0.5) is None
    assert fake.look(0.5) == "disk"
    assert fake.look(0.5) is None
    assert fake.look(0.5) == "disk"


def test_a_disk_that_is_slow_to_measure_is_measured_less_often(fake: Fake) -> None:
    """A tenth of the time at most."""
    fake.takes = 0.5
    assert fake.look() is None
    fake.used = tree.DiskUsage(30 * MB, 0)
    assert fake.look(4.9) is None
    assert fake.look(0.1) == "disk"


def test_growth_counts_and_not_what_was_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limits = Limits(disk_mb=1, entries=4)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "old").write_bytes(bytes(3 * MB))
    meter = usage.Meter(NOBODY, limits, [tmp_path / "a", tmp_path / "b"], ())
    assert meter._disk(0) is None
    (tmp_path / "b" / "new").write_bytes(bytes(MB // 2))
    assert meter._disk(0) is None
    assert meter._disk(MB) == "disk", "with what is deleted and still open"
    (tmp_path / "a" / "new").write_bytes(bytes(3 * MB // 4))
    assert meter._disk(0) == "disk"
    for name in ("a", "b"):
        (tmp_path / name / "new").unlink()
    for number in range(5):
        (tmp_path / "b" / f"{number}").touch()
        assert meter._disk(0) == ("disk" if number == 4 else None)


def test_an_outcome_drops_nothing_unless_it_says_so() -> None:
    assert CommandOutcome(0, "exit", b"", b"", 1.0).dropped_bytes == 0


def test_a_file_system_of_memory_is_known_by_its_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limits = Limits(memory_mb=10, disk_mb=20)
    meter = usage.Meter(ME, limits, [tmp_path], ())

    def told(blocks: int) -> os.statvfs_result:
        return os.statvfs_result((4096, 4096, blocks, blocks - 5, blocks, 100, 93, 93, 0, 255))

    blocks = 10 * MB // 4096
    for size, found in ((blocks, tree.DiskUsage(5 * 4096, 7)), (blocks - 1, None), (blocks + 1, None)):
        monkeypatch.setattr("os.statvfs", lambda path, size=size: told(size))
        assert meter._file_system([ME], "/tmp") == found
    assert meter._file_system([], "/tmp") is None

    def refuses_one(path: str) -> os.statvfs_result:
        if path.startswith(f"/proc/{NOBODY}/"):
            raise PermissionError
        return told(blocks)

    monkeypatch.setattr("os.statvfs", refuses_one)
    assert meter._file_system([NOBODY, ME], "/tmp") == tree.DiskUsage(5 * 4096, 7)
