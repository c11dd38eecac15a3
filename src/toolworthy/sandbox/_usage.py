"""Measure what a process and its descendants use: tasks, memory and disk, from /proc.

Memory is what is theirs alone, their share of what they share, and files that are memory, mapped or not: in file
systems of memory, and of no file system (memfd_create(2)). Disk is what lies in the writable folders, and files that
are still open there and have no name any more.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from toolworthy.base import tree
from toolworthy.sandbox.model import Ended, Limits

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DESCRIPTORS = 50_000
"""Open files of all processes together; who has more is counted as having too many processes."""
_NICE = 10
_DISK_SECONDS = 1.0
_SHARE = 10
"""A look at the disk is followed by so many times its own duration without one."""


class Meter:
    """Measures `pid` and its descendants, and says which limit is exceeded."""

    def __init__(self, pid: int, limits: Limits, writable: Iterable[Path], memory: tuple[str, ...]) -> None:
        """`memory` names the file systems of memory that are theirs alone, as they see them."""
        self._pid = pid
        self._limits = limits
        self._writable = tuple(writable)
        self._memory = memory
        self._devices = {os.stat(folder).st_dev for folder in self._writable}
        self._before = self._used()
        self._next = time.monotonic() + _DISK_SECONDS

    def look(self) -> Ended | None:
        """The first limit that is exceeded; None if none is."""
        limits = self._limits
        members, tasks = family(self._pid, limits.processes)
        _go_after_us(tasks)
        opened = _Opened(self._devices)
        if len(tasks) > limits.processes or not all(opened.add(member) for member in members):
            return "processes"
        files = [usage for usage in (self._file_system(members, path) for path in self._memory) if usage is not None]
        held = opened.memory + sum(usage.size for usage in files)
        room = limits.memory_mb * 2**20
        # What each has in memory counts shared pages more than once, and is cheap; their shares are exact, and are not.
        if held + sum(map(_resident, members)) > room and held + sum(map(_share, members)) > room:
            return "memory"
        if any(usage.entries > limits.entries for usage in files):
            return "disk"
        return self._disk(opened.disk) if time.monotonic() >= self._next else None

    def _disk(self, deleted: int) -> Ended | None:
        began = time.monotonic()
        now = self._used()
        ended = time.monotonic()
        self._next = ended + max(_DISK_SECONDS, _SHARE * (ended - began))
        size, entries = now.size - self._before.size, now.entries - self._before.entries
        return "disk" if size + deleted > self._limits.disk_mb * 2**20 or entries > self._limits.entries else None

    def _used(self) -> tree.DiskUsage:
        size = entries = 0
        for folder in self._writable:
            usage = tree.usage(folder, 2 * self._limits.entries)
            size, entries = size + usage.size, entries + usage.entries
        return tree.DiskUsage(size, entries)

    def _file_system(self, members: list[int], path: str) -> tree.DiskUsage | None:
        for member in members:  # not all let us in: bubblewrap's own have other rights
            try:
                status = os.statvfs(f"/proc/{member}/root{path}")
            except OSError:
                continue
            # Before the sandbox is made this is the host's: it is known by its size.
            if 0 <= status.f_blocks * status.f_frsize - self._limits.in_memory < _PAGE:
                size = (status.f_blocks - status.f_bfree) * status.f_frsize
                return tree.DiskUsage(size, status.f_files - status.f_ffree)
        return None


class _Opened:
    """Open files without a name, each counted once."""

    def __init__(self, devices: set[int]) -> None:
        self.memory = 0
        self.disk = 0
        self._devices = devices
        self._seen: set[tuple[int, int]] = set()
        self._looked = 0

    def add(self, pid: int) -> bool:
        """Count those of a process; False where there are too many open files to go on."""
        for path in _descriptors(pid):
            self._looked += 1
            if self._looked > _DESCRIPTORS:
                return False
            try:
                status = os.stat(path)
                if status.st_nlink or not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in self._seen:
                    continue
                self._seen.add((status.st_dev, status.st_ino))
                if status.st_dev in self._devices:
                    self.disk += status.st_blocks * 512
                elif os.readlink(path).startswith("/memfd:"):
                    self.memory += status.st_blocks * 512
            except OSError:
                continue
        return True


def _descriptors(pid: int) -> Iterator[str]:
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    yield from (f"/proc/{pid}/fd/{name}" for name in names)


def family(pid: int, most: int | None = None) -> tuple[list[int], list[int]]:
    """The process ids of `pid` and all that it started, as far as they are still its offspring, and their threads' ids.

    Listing stops at more than `most` threads.
    """
    processes: list[int] = []
    tasks: list[int] = []
    queue = [pid]
    while queue and (most is None or len(tasks) <= most):
        current = queue.pop()
        processes.append(current)
        try:
            for thread in os.listdir(f"/proc/{current}/task"):
                tasks.append(int(thread))
                children = Path(f"/proc/{current}/task/{thread}/children").read_text()
                queue += [int(child) for child in children.split()]
        except OSError:
            continue  # ended meanwhile
    return processes, tasks


def _go_after_us(tasks: list[int]) -> None:
    """We record when answers came, and stop what takes too much. While a sandbox is being made it may be quick."""
    for task in tasks:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, task, _NICE)


def _resident(pid: int) -> int:
    """Bytes in memory of a process, but for files of its programs; what it shares counts in full."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def _share(pid: int) -> int:
    """Bytes that are a process's own, and its share of those that it shares, but for files (proc_pid_smaps(5))."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
