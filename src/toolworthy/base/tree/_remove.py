"""Remove an untrusted tree."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from toolworthy.base.tree.walk import set_mode, walk


def remove(top: Path) -> None:
    """Remove a tree, of whatever depth and modes; what cannot be removed stays."""
    for entry in walk(top):
        with contextlib.suppress(OSError):
            if entry.is_folder and not entry.leaving:
                if entry.stat.st_mode & 0o700 != 0o700:
                    set_mode(entry, 0o700)
            elif entry.is_folder:
                os.rmdir(entry.name, dir_fd=entry.folder)
            else:
                os.unlink(entry.name, dir_fd=entry.folder)
    with contextlib.suppress(OSError):
        top.rmdir()
