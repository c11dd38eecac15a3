"""Copy an untrusted tree."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from toolworthy.base.tree.walk import DEPTH, ENTRIES, Entry, enter, open_file, walk

_PATH_BYTES = 2048


def copy(source: Path, target: Path, room: int) -> int:
    """Copy a tree to `target`, which is made: links stay links, holes stay holes, modes and times are kept.

    Not copied: anything that is not a file, folder or link, anything too deep, and anything beyond `room` bytes of data
    or `ENTRIES` entries.

    Returns:
        How many entries were not copied; the contents of a folder that was not copied do not count.

    Raises:
        OSError: `target` cannot be written.
    """
    target.mkdir()
    skipped = 0
    for number, entry in enumerate(walk(source, DEPTH)):
        if number > 2 * ENTRIES:
            return skipped + 1
        path = entry.path
        if len(os.fsencode(path)) > _PATH_BYTES:
            skipped += not entry.leaving
        elif entry.leaving:
            skipped += path.count("/") == DEPTH - 1 and _holds_something(entry)
            _finish(target / path, entry.stat)
        else:
            copied = _copy_one(entry, target / path, room)
            skipped += copied is None
            room -= copied or 0
    _finish(target, os.stat(source))
    return skipped


def _holds_something(entry: Entry) -> bool:
    below = enter(entry)
    if below is None:
        return False
    try:
        return bool(os.listdir(below))
    finally:
        os.close(below)


def _copy_one(entry: Entry, place: Path, room: int) -> int | None:
    """How many bytes of data were copied; None if the file was not copied."""
    if entry.is_folder:
        place.mkdir(mode=0o700)
        return 0
    if stat.S_ISLNK(entry.stat.st_mode):
        os.symlink(os.readlink(entry.name, dir_fd=entry.folder), place)
        return 0
    source = open_file(entry)
    if source is None:
        return None
    try:
        copied = _copy_data(source, place, room)
    finally:
        os.close(source)
    if copied is None:
        place.unlink()
    else:
        _finish(place, entry.stat)
    return copied


def _copy_data(source: int, place: Path, room: int) -> int | None:
    target = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        size, end, copied = os.fstat(source).st_size, 0, 0
        try:
            os.truncate(target, size)
        except OSError:
            return None  # more than this file system can hold, holes or not
        while end < size:
            try:
                begin = os.lseek(source, end, os.SEEK_DATA)
                end = os.lseek(source, begin, os.SEEK_HOLE)
            except OSError:
                break  # only a hole remains
            copied += end - begin
            if copied > room:
                return None
            os.lseek(target, begin, os.SEEK_SET)
            while begin < end and (sent := os.sendfile(target, source, begin, end - begin)):
                begin += sent
        return copied
    finally:
        os.close(target)


def _finish(place: Path, was: os.stat_result) -> None:
    """Set mode (without setuid, setgid and sticky) and times."""
    with contextlib.suppress(OSError):
        os.utime(place, ns=(was.st_atime_ns, was.st_mtime_ns))
        os.chmod(place, stat.S_IMODE(was.st_mode) & 0o777)
