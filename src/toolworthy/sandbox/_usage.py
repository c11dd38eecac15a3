"""Measure what a process and its descendants use: tasks, memory and disk, from /proc.

Memory is private memory, a share of shared memory, and files in memory, mapped or not: in memory file
systems, and in none (memfd_create(2)). Disk is the content of the writable folders, and open files there
that were deleted.
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
"""The most open files of all processes together; more count as too many processes."""
_NICE = 10
_DISK_SECONDS = 1.0
_SHARE = 10
"""The pause after each measurement of the disk, in multiples of its duration."""


class Meter:
    """Measures `pid` and its descendants, and says which limit is exceeded."""

    def __init__(self, pid: int, limits: Limits, writable: Iterable[Path], memory: tuple[str, ...]) -> None:
        """`memory` names the memory file systems that only these processes use, with their paths inside."""
        self._pid = pid
        self._limits = limits
        self._writable = tuple(writable)
        self._memory = memory
        self._devices = {os.stat(folder).st_dev for folder in self._writable}
        self._before = self._used()
        self._next = time.monotonic() + _DISK_SECONDS

    def look(self) -> Ended | None:
        """Measure, and return the first limit that is exceeded, or None."""
        limits = self._limits
        members, tasks = family(self._pid, limits.processes)
        _go_after_us(tasks)
        opened = _Opened(self._devices)
        if len(tasks) > limits.processes or not all(opened.add(member) for member in members):
            return "processes"
        files = [usage for usage in (self._file_system(members, path) for path in self._memory) if usage is not None]
        held = opened.memory + sum(usage.size for usage in files)
        room = limits.memory_mb * 2**20
        # Resident memory is cheap to read, but counts shared pages repeatedly; proportional shares are exact, but slow.
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
        used = [tree.usage(folder, 2 * self._limits.entries) for folder in self._writable]
        return tree.DiskUsage(sum(one.size for one in used), sum(one.entries for one in used))

    def _file_system(self, members: list[int], path: str) -> tree.DiskUsage | None:
        for member in members:  # some refuse access: bubblewrap's own have other rights
            try:
                status = os.statvfs(f"/proc/{member}/root{path}")
            except OSError:
                continue
            # Before the sandbox is ready, this is the host's file system; the size tells them apart.
            if 0 <= status.f_blocks * status.f_frsize - self._limits.in_memory < _PAGE:
                size = (status.f_blocks - status.f_bfree) * status.f_frsize
                return tree.DiskUsage(size, status.f_files - status.f_ffree)
        return None


class _Opened:
    """Open deleted files, each counted once."""

    def __init__(self, devices: set[int]) -> None:
        self.memory = 0
        self.disk = 0
        self._devices = devices
        self._seen: set[tuple[int, int]] = set()
        self._looked = 0

    def add(self, pid: int) -> bool:
        """Count those of a process; False if there are too many open files to continue."""
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
    """The process ids of `pid` and its descendants, as far as they are still linked to it, and their threads' ids.

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
    """Lower the priority of these tasks: toolworthy must record times and stop what exceeds limits."""
    for task in tasks:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, task, _NICE)


def _resident(pid: int) -> int:
    """Resident bytes of a process; shared pages and mapped files count fully."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def _share(pid: int) -> int:
    """Private bytes of a process and its share of shared ones, without mapped files (proc_pid_smaps(5))."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
