"""Resolve paths of commands and arguments within one workspace."""

from __future__ import annotations

import posixpath

ROOT = "/app"


def absolute(path: str, start: str = ROOT) -> str:
    """`path` from `start`, without ``.``, ``..`` and doubled slashes; "" if `path` is empty."""
    if not path:
        return ""
    return "/" + posixpath.normpath(posixpath.join(start, path)).lstrip("/")


def relative(path: str, start: str = ROOT, root: str = ROOT) -> str:
    """`path` as seen from `root`: ``src/a.py``, ``.`` for the root itself, absolute if it is outside."""
    full, top = absolute(path, start), absolute(root)
    if full == top:
        return "."
    return full.removeprefix(top.rstrip("/") + "/")
