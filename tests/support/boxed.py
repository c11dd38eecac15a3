"""Run things in the real sandbox: as who runs the tests, and as an ordinary user where that is root."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from toolworthy.base import tree
from toolworthy.content import PACKAGE
from toolworthy.sandbox import Sandbox, _watch, choose, toolchain
from toolworthy.sandbox._bubblewrap import Bubblewrap
from toolworthy.sandbox.model import Command, CommandOutcome, Limits

USER = 60_998
WHO = ["self", "user"] if os.getuid() == 0 else ["self"]


def run(
    script: str, folder: Path, *, sandbox: Sandbox | None = None, limits: Limits | None = None, **more: Any
) -> CommandOutcome:
    """Run a shell script with `folder`/w as its workspace and `folder`/h as its home."""
    workspace, home = folder / "w", folder / "h"
    workspace.mkdir(exist_ok=True)
    home.mkdir(exist_ok=True)
    command = Command(("bash", "-c", script), workspace, home, limits=limits or Limits(seconds=20), **more)
    return asyncio.run((sandbox or choose("bubblewrap")).run(command))


def as_who(who: str, do: Callable[[Path], Any], folder: Path) -> Any:
    """What `do` returns for a folder; as an ordinary user for "user", with the system's Python for a toolchain."""
    return do(folder) if who == "self" else _as_user(do)


def _as_user(do: Callable[[Path], Any]) -> Any:
    if not all(path.stat().st_mode & 0o001 for path in PACKAGE.parents):
        pytest.skip("an ordinary user cannot reach this checkout")
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(USER)
            os.setuid(USER)
            sys.prefix = sys.base_prefix = "/usr"
            sys.executable = "/usr/bin/python3"
            _watch._WATCHERS = ThreadPoolExecutor(1)  # no thread survives a fork
            for cached in (toolchain.lent, Bubblewrap.ready):
                cached.cache_clear()
            folder = Path(tempfile.mkdtemp())
            # What is to be removed when a process exits is below it: this one does not exit in the usual way.
            tempfile.tempdir = str(folder)
            try:
                answer = pickle.dumps(do(folder))
            except BaseException as error:
                answer = pickle.dumps(RuntimeError(repr(error)))
            tree.remove(folder)
            with os.fdopen(write, "wb") as file:
                file.write(answer)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        answer = file.read()
    os.waitpid(child, 0)
    found = pickle.loads(answer)
    if isinstance(found, Exception):
        raise found
    return found
