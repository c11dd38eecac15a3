"""Walk untrusted folders without following a link.

All access goes through descriptors of folders, one open at a time. So neither a link that is swapped in nor a path of
any depth or length leads outside. Names may be any bytes, decoded by :func:`os.fsdecode`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DEPTH = 64
"""Levels of folders that are copied or read. Deeper ones are skipped."""
ENTRIES = 100_000
"""Files, folders and links that are copied or read."""
_OTHER = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.ENXIO)
"""The entry changed meanwhile, or may not be opened. Any other error is a fault of the machine."""
_LOOK = stat.S_IRUSR | stat.S_IXUSR
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Entry(NamedTuple):
    """An entry of a folder."""

    folder: int
    """Descriptor of its folder; valid only until the next entry."""
    name: str
    stat: os.stat_result
    above: Entry | None
    """Its folder; None at the top."""
    leaving: bool = False
    """A folder comes twice: before its contents, and after (then True)."""

    @property
    def path(self) -> str:
        """From the top, with slashes."""
        names, entry = [self.name], self.above
        while entry is not None:
            names.append(entry.name)
            entry = entry.above
        return "/".join(reversed(names))

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder itself, not a link to one."""
        return stat.S_ISDIR(self.stat.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.stat.st_mode)


def walk(top: Path, depth: int | None = None, skip: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """Every entry below `top`, in order of names.

    Args:
        top: a folder; if it is not one, there are no entries.
        depth: levels to go down; all if None.
        skip: names of folders to skip, at any level.

    Raises:
        OSError: a fault of the machine, such as too many open files.
    """
    here = open_top(top)
    if here is None:
        return
    above: list[tuple[os.stat_result, Entry]] = []
    names = [_names(here)]
    try:
        while names[-1] or above:
            if not names[-1]:
                names.pop()
                was, entry = above.pop()
                here = _up(here, was, entry)
                yield entry._replace(folder=here, leaving=True)
                continue
            child = entry_of(here, names[-1].pop(), above[-1][1] if above else None)
            if child is None or (child.is_folder and child.name in skip):
                continue
            yield child
            if child.is_folder:
                below = enter(child) if depth is None or len(names) < depth else None
                if below is None:
                    yield child._replace(leaving=True)
                    continue
                above.append((os.fstat(here), child))
                os.close(here)
                here = below
                names.append(_names(here))
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
    finally:
        with contextlib.suppress(OSError):
            os.close(here)


def open_top(top: Path) -> int | None:
    """A descriptor of the folder `top`, which the caller must close; None if it is not a folder."""
    try:
        parent = os.open(top.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        entry = entry_of(parent, top.name, None)
        return enter(entry) if entry is not None else None
    finally:
        os.close(parent)


def _names(folder: int) -> list[str]:
    return sorted(os.listdir(folder), reverse=True)


def entry_of(folder: int, name: str, above: Entry | None) -> Entry | None:
    """The entry `name` of a folder; None if there is none."""
    try:
        return Entry(folder, name, os.stat(name, dir_fd=folder, follow_symlinks=False), above)
    except OSError:
        return None  # gone meanwhile


def enter(entry: Entry) -> int | None:
    """A descriptor of a folder. If its mode forbids reading, the mode is changed until :func:`_up`."""
    try:
        if entry.stat.st_mode & _LOOK != _LOOK and os.geteuid() != 0:
            set_mode(entry, stat.S_IMODE(entry.stat.st_mode) | stat.S_IRWXU)
        return os.open(entry.name, _FOLDER, dir_fd=entry.folder)
    except OSError as error:
        if error.errno not in _OTHER:
            raise
        return None


def set_mode(entry: Entry, mode: int) -> None:
    """Set an entry's mode, without following a link.

    Raises:
        OSError: the mode cannot be changed.
    """
    handle = os.open(entry.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=entry.folder)
    try:
        if stat.S_IFMT(os.fstat(handle).st_mode) == stat.S_IFMT(entry.stat.st_mode):
            os.chmod(f"/proc/self/fd/{handle}", mode)
    finally:
        os.close(handle)


def _up(here: int, was: os.stat_result, entry: Entry) -> int:
    """Go from `here`, the descriptor of `entry`, to the folder that contains it, and restore the entry's mode."""
    parent = os.open("..", _FOLDER, dir_fd=here)
    with contextlib.suppress(OSError):
        if entry.stat.st_mode & _LOOK != _LOOK:
            os.fchmod(here, stat.S_IMODE(entry.stat.st_mode))
    os.close(here)
    now = os.fstat(parent)
    if (now.st_dev, now.st_ino) != (was.st_dev, was.st_ino):
        os.close(parent)
        raise OSError(errno.ESTALE, "a folder was moved")  # only if a process still runs there
    return parent


def open_file(entry: Entry) -> int | None:
    """A descriptor of a regular file, else None. Nothing but a regular file is ever opened."""
    if not entry.is_file:
        return None
    try:
        descriptor: int | None = os.open(entry.name, _FILE, dir_fd=entry.folder)
    except PermissionError:
        descriptor = _open_locked(entry)
    except OSError as error:
        if error.errno not in _OTHER:
            raise
        return None
    if descriptor is not None and not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return descriptor


def _open_locked(entry: Entry) -> int | None:
    with contextlib.suppress(OSError):
        set_mode(entry, stat.S_IRUSR)
        try:
            return os.open(entry.name, _FILE, dir_fd=entry.folder)
        finally:
            set_mode(entry, stat.S_IMODE(entry.stat.st_mode))
    return None
