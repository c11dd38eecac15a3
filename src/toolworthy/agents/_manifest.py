"""A manifest of an installed tree, to detect changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from toolworthy.base.tree.walk import Entry, open_file, walk

MANIFEST = "files.json"
"""Path to a digest, of every file and link."""
_SEEN = "seen"
"""The tree's file metadata when its files were last read: while it is equal, the files are unchanged."""


def write(folder: Path, top: Path) -> None:
    """Write the manifest of the tree at `top` to `folder`.

    Raises:
        OSError: a file cannot be read or written.
    """
    (folder / MANIFEST).write_text(json.dumps(dict(_contents(top)), ensure_ascii=True, indent=0))
    (folder / _SEEN).write_text(_looks(top))


def changed(folder: Path, top: Path, *, read: bool = False) -> str:
    """The first difference from the manifest, in a few words; empty if there is none.

    Args:
        folder: the folder of the manifest.
        top: of the tree.
        read: whether to read every file, even if the metadata is unchanged.
    """
    try:
        looks = _looks(top)
        if not read and (folder / _SEEN).is_file() and (folder / _SEEN).read_text() == looks:
            return ""
        noted = json.loads((folder / MANIFEST).read_text())
        present = dict(_contents(top))
    except (OSError, ValueError) as error:
        return f"the record of its files cannot be read ({error})"
    if other := sorted(path for path in noted.keys() | present.keys() if noted.get(path) != present.get(path)):
        more = f" and {len(other) - 1} more" if len(other) > 1 else ""
        return f"{other[0]}{more} is not as it was installed"
    with contextlib.suppress(OSError):  # another user's folder: read again the next time
        (folder / _SEEN).write_text(looks)
    return ""


def _contents(top: Path) -> Iterator[tuple[str, str]]:
    for entry in _entries(top):
        mode = f"{stat.S_IMODE(entry.stat.st_mode) & 0o111:o}"
        if stat.S_ISLNK(entry.stat.st_mode):
            yield entry.path, f"link {os.readlink(entry.name, dir_fd=entry.folder)}"
        elif entry.is_file:
            yield entry.path, f"{mode} {_digest(entry)}"
        else:
            yield entry.path, f"kind {stat.S_IFMT(entry.stat.st_mode):o}"


def _digest(entry: Entry) -> str:
    descriptor = open_file(entry)
    if descriptor is None:
        return "unreadable"
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _looks(top: Path) -> str:
    """A digest of the file metadata, with the time of the last change (ctime), which no program can set."""
    digest = hashlib.sha256()
    for entry in _entries(top):
        status = entry.stat
        mark = (entry.path, status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        digest.update(repr(mark).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _entries(top: Path) -> Iterator[Entry]:
    return (entry for entry in walk(top) if not entry.is_folder)
