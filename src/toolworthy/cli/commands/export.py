"""``toolworthy export RUN… --csv FILE | --parquet FILE | --inspect DIR_OR_FILE``, and ``--schema FILE``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from toolworthy.base.atomic import whole
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.output.exports import inspect, schema, table
from toolworthy.records.store import RunDirectory

Format = Literal["csv", "parquet", "inspect", "schema"]


def run(paths: Sequence[Path], to: tuple[Format, Path]) -> int:
    """Write runs in another program's format, and print the paths of the files. Returns the exit code.

    Raises:
        ToolworthyError: a path is not a run, nothing can be written, or a package is missing.
    """
    kind, target = to
    if kind == "schema" and paths:
        raise ToolworthyError("--schema describes every run. Leave the run out.")
    if kind != "schema" and not paths:
        raise ToolworthyError(f"no run is named. Type `toolworthy export RUN… --{kind} {target}`.")
    runs = [RunDirectory.open(path) for path in paths]
    if kind == "inspect":
        by_run = {directory.path: inspect.logs(directory) for directory in runs}
        if not any(by_run.values()):
            raise ToolworthyError(f"{paths[0]} holds no trial and no case. Give a run of tasks or tools.")
        for path in (path for path, logs in by_run.items() if not logs):
            show(f"{path} holds no trial and no case: left out", sys.stderr)
        _logs([log for logs in by_run.values() for log in logs], target)
    elif kind == "parquet":
        rows = [row for directory in runs for row in table.rows(directory)]
        _write(target, lambda file: table.write_parquet(file, rows))
    else:
        text = (
            schema.text()
            if kind == "schema"
            else table.csv_text(row for directory in runs for row in table.rows(directory))
        )
        _write(target, partial(_put, [text]))
    return 0


def _logs(logs: Sequence[inspect.Log], target: Path) -> None:
    """Write into a folder; or a single log into a file, if the target is named like one."""
    if target.suffix != ".json":
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ToolworthyError(f"cannot write into {target}: {error.strerror}") from error
        for log in logs:
            _write(target / log.file_name, partial(_put, log.parts()))
        return
    if len(logs) > 1:
        names = ", ".join(f"{log.suite} by {log.agent}" for log in logs[:4]) + (", …" if len(logs) > 4 else "")
        raise ToolworthyError(f"there are {len(logs)} logs ({names}), and a file holds one. Name a folder.")
    _write(target, partial(_put, logs[0].parts()))


def _write(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file, and print its path."""
    with whole(target) as partial:
        write(partial)
    show(target)


def _put(parts: Iterable[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(parts)
