"""Temporary folders of this process. The next process removes those of a process that died."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolworthy.base.tree._remove import remove

_PREFIX = "toolworthy-"
_MARK = ".toolworthy"
"""A file that marks a folder as one of these. It is created once the folder is locked."""
_ours: dict[tuple[int, str], tuple[Path, int]] = {}
"""By process and parent folder: the folder, and the descriptor that holds its lock until the process ends."""


def new_folder() -> Path:
    """A new folder, which the caller must remove.

    Raises:
        OSError: it cannot be made.
    """
    return Path(tempfile.mkdtemp(dir=_top()))


@contextmanager
def temporary() -> Iterator[Path]:
    """A new folder, removed at the end with everything in it."""
    folder = new_folder()
    try:
        yield folder
    finally:
        remove(folder)


def sweep() -> None:
    """Remove the folders that this user's killed processes left."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if _is_ours(folder):
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove(path)
            finally:
                os.close(folder)


def _is_ours(folder: int) -> bool:
    mark = os.stat(_MARK, dir_fd=folder, follow_symlinks=False)
    return os.fstat(folder).st_uid == mark.st_uid == os.geteuid() and stat.S_ISREG(mark.st_mode)


def _top() -> Path:
    key = os.getpid(), tempfile.gettempdir()
    if key in _ours and _ours[key][0].is_dir():
        return _ours[key][0]
    path = Path(tempfile.mkdtemp(prefix=_PREFIX))
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # a file system without locks: no other process removes the folder, either
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (path / _MARK).touch()
    _ours[key] = path, folder
    return path


@atexit.register
def _remove_ours() -> None:
    for (pid, _), (path, _) in _ours.items():
        if pid == os.getpid():
            remove(path)
