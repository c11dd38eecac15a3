"""Untrusted folders: inspect, copy and remove them without following a link."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from toolworthy.base.tree._copy import copy
from toolworthy.base.tree._remove import remove
from toolworthy.base.tree._scratch import new_folder, sweep, temporary
from toolworthy.base.tree.walk import DEPTH, ENTRIES, Entry, entry_of, open_file, open_top, walk

__all__ = [
    "ENTRIES",
    "DiskUsage",
    "copy",
    "new_folder",
    "own",
    "read",
    "read_all",
    "remove",
    "sweep",
    "temporary",
    "usage",
    "walk",
]


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """The disk space and entries that a tree uses."""

    size: int
    """Bytes."""
    entries: int


def usage(top: Path, most: int = ENTRIES) -> DiskUsage:
    """The tree's usage; counting stops at `most` entries."""
    size = entries = 0
    for entry in walk(top):
        if not entry.leaving:
            size += entry.stat.st_blocks * 512
            entries += 1
            if entries > most:
                break
    return DiskUsage(size, entries)


def own(top: Path, uid: int, gid: int) -> None:
    """Change the owner of `top` and everything in it.

    Raises:
        OSError: the owner cannot be changed.
    """
    os.chown(top, uid, gid, follow_symlinks=False)
    for entry in walk(top):
        if not entry.leaving and (entry.stat.st_uid, entry.stat.st_gid) != (uid, gid):
            os.chown(entry.name, uid, gid, dir_fd=entry.folder, follow_symlinks=False)


def read(folder: Path, name: str, most: int) -> bytes | None:
    """The first `most` bytes of a regular file in `folder`; None if there is none."""
    here = open_top(folder)
    if here is None:
        return None
    try:
        entry = entry_of(here, name, None)
        return _content(entry, most) if entry is not None else None
    finally:
        os.close(here)


def read_all(top: Path, most: int, together: int, skip: frozenset[str] = frozenset()) -> dict[str, bytes]:
    """Path to content of every regular file of at most `most` bytes, until `together` bytes are read."""
    contents: dict[str, bytes] = {}
    for number, entry in enumerate(walk(top, DEPTH, skip)):
        if number > ENTRIES or together <= 0:
            break
        if entry.is_file and entry.stat.st_size <= most:
            data = _content(entry, most)
            if data is not None:
                contents[entry.path] = data
                together -= len(data)
    return contents


def _content(entry: Entry, most: int) -> bytes | None:
    descriptor = open_file(entry)
    if descriptor is None:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)
