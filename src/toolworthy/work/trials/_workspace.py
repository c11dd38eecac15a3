"""The workspace of a trial: created from the task, and compared afterwards."""

from __future__ import annotations

import difflib
import fnmatch
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from toolworthy.base import tree
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.tasks import Task
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, Limits, Mount

_SETUP = Limits(seconds=60, memory_mb=1024)
_DIFF_FILE_BYTES = 1_000_000
_DIFF_TOGETHER = 64_000_000
_DIFF_LINES = 5_000
_NOT_SHOWN = frozenset({".git", "__pycache__", ".pytest_cache"})
_DIFF_CHARACTERS = 100_000


async def prepare(task: Task, folder: Path, sandbox: Sandbox) -> Path:
    """Make the task's workspace at ``folder/app`` and return that path.

    Raises:
        ToolworthyError: the task has no workspace, or its ``setup.sh`` fails.
    """
    environment = task.path / "environment"
    workspace = folder / "app"
    if not (environment / "app").is_dir() and not (environment / "setup.sh").is_file():
        raise ToolworthyError(
            f"{environment}: neither app/ nor setup.sh. A task that needs a container image runs in Harbor."
        )
    if (environment / "app").is_dir():
        shutil.copytree(
            environment / "app", workspace, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")
        )
    else:
        workspace.mkdir()
    if (environment / "setup.sh").is_file():
        home = folder / "setup-home"
        home.mkdir()
        setup = Mount(environment / "setup.sh", "/setup.sh")
        command = Command(("bash", sandbox.shown(setup)), workspace, home, mounts=(setup,), limits=_SETUP)
        outcome = await sandbox.run(command)
        if outcome.ended != "exit" or outcome.exit_code != 0:
            tail = (outcome.stderr or outcome.stdout).decode(errors="replace").strip()[-500:]
            raise ToolworthyError(
                f"{environment / 'setup.sh'}: ended by {outcome.ended}, exit {outcome.exit_code}: {tail}"
            )
    return workspace


def forget(workspace: Path, names: Iterable[str], own: Collection[str]) -> None:
    """Remove an agent's own files.

    Args:
        workspace: the folder.
        names: globs of names in it.
        own: the task's own entries, which stay.
    """
    for name in os.listdir(workspace):
        if name not in own and any(fnmatch.fnmatchcase(name, left) for left in names):
            path = workspace / name
            if path.is_dir() and not path.is_symlink():
                tree.remove(path)
            else:
                path.unlink()


def snapshot(workspace: Path) -> dict[str, bytes]:
    """Relative path to content of every file for the diff."""
    return tree.read_all(workspace, _DIFF_FILE_BYTES, _DIFF_TOGETHER, _NOT_SHOWN)


def diff(before: dict[str, bytes], after: dict[str, bytes]) -> str:
    """The changes as one unified diff."""
    out: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        out.extend(_file_diff(name, old, new))
        if sum(map(len, out)) > _DIFF_CHARACTERS:
            break
    text = "".join(out)
    return text if len(text) <= _DIFF_CHARACTERS else text[:_DIFF_CHARACTERS] + "\n… (cut)\n"


def _file_diff(name: str, old: bytes | None, new: bytes | None) -> Iterator[str]:
    name = os.fsencode(name).decode(errors="replace")
    if b"\0" in (old or b"") or b"\0" in (new or b""):
        yield f"binary file {name} changed\n"
        return
    was = (old or b"").decode(errors="replace").splitlines(keepends=True)
    now = (new or b"").decode(errors="replace").splitlines(keepends=True)
    if max(len(was), len(now)) > _DIFF_LINES:  # comparing takes quadratic time
        yield f"{name} changed, {len(was)} and {len(now)} lines\n"
        return
    source = f"a/{name}" if old is not None else "/dev/null"
    target = f"b/{name}" if new is not None else "/dev/null"
    for line in difflib.unified_diff(was, now, source, target):
        yield line if line.endswith("\n") else line + "\n\\ no newline at end of file\n"
