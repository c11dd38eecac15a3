"""Check that the disk has room for a trial's temporary files. If not, neither model nor endpoint is at fault."""

from __future__ import annotations

import shutil
from pathlib import Path

from toolworthy.base import tree
from toolworthy.base.errors import ToolworthyError

LEAST = 64 * 2**20
"""Bytes that a trial needs."""
_FULL = 4 * 2**20
"""With less free space, writing may fail."""


def check(folder: Path) -> None:
    """Check before a trial starts.

    Raises:
        ToolworthyError: there is not enough.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST:
        raise ToolworthyError(
            f"{_space_left(folder, free)}, and a trial needs {LEAST >> 20}. Make room, or set TMPDIR."
        )


def ran_out(folder: Path) -> str:
    """The message if other processes filled the disk during a trial; empty if it is not full, or if the trial itself
    filled it: then the model is at fault."""
    free = shutil.disk_usage(folder).free
    if free >= _FULL:
        return ""
    used = tree.usage(folder)
    if used.size >= LEAST or used.entries >= tree.ENTRIES:
        return ""
    return f"{_space_left(folder, free)}: it ran full during the trial. Make room, or set TMPDIR."


def _space_left(folder: Path, free: int) -> str:
    return f"{folder.parent} has {free >> 20} MiB left"
