"""A run directory: append-only, so that a killed run loses at most the trials in flight.

::

    run.json         what was run: versions, endpoint without secrets, agents, task digests, options
    results.jsonl    one TrialResult, ProbeResult, CaseResult or ReplayResult a line, written at once
    exchanges/       one file a trial, probe or case
    gate.json        the gate's answer, where the run was compared with another
    triage.toml      what somebody decided about its findings
    report.html · summary.md · junit.xml
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache, cached_property
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from toolworthy.base.atomic import whole
from toolworthy.base.counted import counted
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.loading import misfit
from toolworthy.base.redact import Redactor
from toolworthy.base.version import __version__
from toolworthy.records.case import CaseResult
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import read_all
from toolworthy.records.gate import GateReport
from toolworthy.records.lines import (
    BLANK,
    MODELS,
    NOTHING,
    Foreign,
    ResultLines,
    last_line,
    read_line,
    read_lines,
    salvaged,
)
from toolworthy.records.meta import SCHEMA, RunMeta
from toolworthy.records.probe import ProbeResult
from toolworthy.records.replay import ReplayResult
from toolworthy.records.triage import TRIAGE, TriageEntry, load_triage, merged, triage_text
from toolworthy.records.trial import TrialResult

_R = TypeVar("_R")

RESULTS = "results.jsonl"
GATE = "gate.json"
"""The gate's decision, if the run was compared with another."""
SYNC_SECONDS = 0.2
"""Seconds between syncs of results to disk: syncing each would take as long as a case itself."""


class RunDirectory:
    """One run's directory. All its files are written here, without any key of its endpoints.

    Args:
        path: where it is.
        secrets: keys, in addition to those that the environment holds under the names that ``run.json`` gives.
    """

    def __init__(self, path: Path, secrets: Iterable[str] = ()) -> None:
        self.path = path
        self.secrets = tuple(secrets)
        self._meta = threading.Lock()
        self._end = 0
        """The end of the last line that this object wrote: if the file ends there, its last line is complete."""
        self._synced = -SYNC_SECONDS
        self._stamp: tuple[int, int] | None = None
        self._held = NOTHING
        """The content of ``results.jsonl`` when its size and time were `_stamp`."""
        self._derived: dict[Callable[[RunDirectory], Any], tuple[object, Any]] = {}

    @classmethod
    def create(cls, parent: Path, meta: RunMeta, secrets: Iterable[str] = ()) -> RunDirectory:
        """Make a new directory under `parent`, named by time, and write ``run.json``.

        Raises:
            ToolworthyError: it cannot be written.
        """
        run = cls.planned(parent, secrets)
        run.begin(meta)
        return run

    @classmethod
    def planned(cls, parent: Path, secrets: Iterable[str] = ()) -> RunDirectory:
        """A new directory under `parent`, named by time; nothing is written yet."""
        name = time.strftime("%Y%m%d-%H%M%S", time.gmtime()) + "-" + token_hex(2)
        return cls(parent / name, secrets)

    def begin(self, meta: RunMeta) -> None:
        """Make a planned directory, and write ``run.json``.

        Raises:
            ToolworthyError: it cannot be written.
        """
        try:
            (self.path / "exchanges").mkdir(parents=True)
            self.write_meta(meta)
        except OSError as error:
            raise ToolworthyError(
                f"cannot write a run directory under {self.path.parent}: {error.strerror}. Choose another place."
            ) from error

    @classmethod
    def open(cls, path: Path, secrets: Iterable[str] = (), *, whole: bool = False) -> RunDirectory:
        """An existing run. Unreadable results are logged, once.

        Args:
            path: of the directory.
            secrets: keys that must not be written.
            whole: whether all results are needed, as for a comparison: a line that is lost would change it silently.

        Raises:
            ToolworthyError: there is none at `path`, or its ``run.json`` cannot be read; or it is not whole.
        """
        run = cls(path, secrets)
        if not (path / "run.json").is_file():
            leftover = (
                f"; {path / RESULTS} is there, with {run._read_results().read} results" * (path / RESULTS).is_file()
            )
            raise ToolworthyError(
                f"{path} is not a run directory: it has no run.json{leftover}. Give one that `toolworthy run` wrote."
            )
        run.meta  # noqa: B018 - refuses what is not to be read
        if run.damage and whole:
            raise ToolworthyError(f"{run._damage}. {run._remedy}")
        if run.damage:
            _log(run.damage)
        if foreign := run.of(Foreign):
            suites = ", ".join(sorted({result.key.suite for result in foreign}))
            _log(f"{path}: {len(foreign)} results are left out: nothing that is loaded knows the suite {suites}")
        return run

    @property
    def meta(self) -> RunMeta:
        """The content of ``run.json``, without fields that this version does not know.

        Raises:
            ToolworthyError: it is not a JSON object, or has another schema version or invalid values.
        """
        path = self.path / "run.json"
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ToolworthyError(f"{path} cannot be read: {error}. Restore it, or run again.") from error
        if not isinstance(value, dict):
            raise ToolworthyError(f"{path} cannot be read: it is not a JSON object. Restore it, or run again.")
        version = value.get("schema")
        if version != SCHEMA or isinstance(version, bool):
            problem = f"has schema {json.dumps(version)}" if "schema" in value else "names no schema"
            raise ToolworthyError(
                f"{path} {problem}; toolworthy {__version__} reads schema {SCHEMA}. "
                f"Use the version that wrote it, {value.get('toolworthy', 'unknown')}."
            )
        clean = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")  # lone surrogates are harmless here
        try:
            return RunMeta.model_validate_json(clean, extra="ignore")
        except ValidationError as error:
            raise ToolworthyError(
                f"{path} does not fit its schema: {misfit(RunMeta, error)}. Restore it, or run again."
            ) from error

    @cached_property
    def redactor(self) -> Redactor:
        """Removes the keys of the run's endpoints."""
        try:
            return Redactor((*self.secrets, *self.meta.secrets(os.environ)))
        except ToolworthyError:
            return Redactor(self.secrets)

    @property
    def damage(self) -> str:
        """A line about unreadable results; empty if all are readable."""
        return f"{self._damage}; the {self._read_results().read} results that can be are used" if self._damage else ""

    @property
    def _damage(self) -> str:
        broken = len(self._read_results().broken)
        lines = f"{counted(broken, 'line')} cannot be read"
        return f"{self.path / RESULTS} is damaged: {lines}" if broken else ""

    @property
    def _remedy(self) -> str:
        """The remedy for unreadable lines."""
        lines = self._read_results()
        broken = lines.broken[: len(lines.broken) - lines.cut]
        which = f"{'lines' if broken[1:] else 'line'} {', '.join(map(str, broken[:3]))}"
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        cut = "It ends in the middle of a line. " if lines.cut else ""
        delete = f"Delete {which}{more}. " if broken else ""
        return f"{cut}{delete}Measure again what is lost: --resume {self.path}"

    @property
    def gate(self) -> GateReport | None:
        """The content of ``gate.json``; None if the run was not compared."""
        with contextlib.suppress(OSError, ValueError):
            return GateReport.model_validate_json((self.path / GATE).read_bytes(), extra="ignore")
        return None

    @property
    def triage(self) -> tuple[TriageEntry, ...]:
        """The entries of ``triage.toml``.

        Raises:
            ToolworthyError: it cannot be read, or is broken; one line.
        """
        return load_triage(self.path / TRIAGE)

    def decide(self, entries: Iterable[TriageEntry]) -> None:
        """Add entries to ``triage.toml``; one for the same finding is replaced.

        Raises:
            ToolworthyError: it is broken, or cannot be written.
        """
        if (held := self.triage) != (now := merged(held, entries)):
            self.write(TRIAGE, triage_text(now))

    def write_meta(self, meta: RunMeta) -> None:
        """Write ``run.json`` whole or not at all."""
        if "redactor" not in self.__dict__:
            self.redactor = Redactor((*self.secrets, *meta.secrets(os.environ)))
        self.write("run.json", meta.model_dump_json(by_alias=True, indent=2) + "\n")

    def update(self, **changes: object) -> None:
        """Rewrite ``run.json`` with some fields changed. Other threads may change others at the same time."""
        with self._meta:
            self.write_meta(RunMeta.model_validate({**dict(self.meta), **changes}))

    def write(self, name: str, text: str | Iterable[str]) -> Path:
        """Write a file of the run, a text or its parts, completely or not at all. Returns its path.

        Raises:
            ToolworthyError: the disk is full or the directory is gone.
        """
        target = self.path / name
        # Model output may hold lone surrogates; they become replacement characters, so that the file can be written.
        with whole(target) as partial, partial.open("w", encoding="utf-8", errors="replace") as file:
            file.writelines(self.redactor.parts([text] if isinstance(text, str) else text))
        return target

    def append(self, result: BaseModel) -> None:
        """Add one result. A killed process loses none; a power loss, those of the last moment.

        Raises:
            ToolworthyError: the disk is full or the directory is gone; the file stays complete.
        """
        line = self.redactor.data(result.model_dump_json().encode("utf-8", "replace")) + b"\n"
        path = self.path / RESULTS
        try:
            self.repair()
            with path.open("ab", buffering=0) as file:
                before = file.tell()
                try:
                    if file.write(line) != len(line):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    if time.monotonic() - self._synced >= SYNC_SECONDS:
                        os.fsync(file.fileno())
                        self._synced = time.monotonic()
                except OSError:
                    file.truncate(before)
                    raise
                self._end = before + len(line)
        except OSError as error:
            raise ToolworthyError(
                f"cannot write {path}: {error.strerror}. Results so far are kept; --resume continues."
            ) from error

    def repair(self) -> None:
        """Remove an incomplete last line that a killed run left; if it is a whole result, end the line instead.

        Raises:
            OSError: the file cannot be written.
        """
        path = self.path / RESULTS
        if not path.exists() or path.stat().st_size in (0, self._end):
            return
        with path.open("rb+") as file:
            last = last_line(file)
            if last.endswith(b"\n"):
                return
            if read_line(last.strip(BLANK)) or any(salvaged(last)):
                file.seek(0, os.SEEK_END)
                file.write(b"\n")
            else:
                file.truncate(file.seek(-len(last), os.SEEK_END))

    def sync(self) -> None:
        """Sync the latest results to disk."""
        with contextlib.suppress(OSError), (self.path / RESULTS).open("rb") as file:
            os.fsync(file.fileno())

    def results(self) -> tuple[TrialResult, ...]:
        """The latest result of every trial, in the order in which they were first written; torn lines are skipped."""
        return self.of(TrialResult)

    def probes(self) -> tuple[ProbeResult, ...]:
        """The latest result of every probe."""
        return self.of(ProbeResult)

    def cases(self) -> tuple[CaseResult, ...]:
        """The latest result of every case."""
        return self.of(CaseResult)

    def replays(self) -> tuple[ReplayResult, ...]:
        """The latest result of every replayed request."""
        return self.of(ReplayResult)

    def measured(self) -> tuple[Any, ...]:
        """All results of all suites."""
        return tuple(result for model in MODELS.values() for result in self.of(model))

    def of(self, model: type[_R]) -> tuple[_R, ...]:
        """The latest results of a kind of work."""
        return self._read_results().latest.get(model, ())

    def derived(self, make: Callable[[RunDirectory], _R]) -> _R:
        """The value of `make` for the run, cached until its files change."""
        files = [self.path / name for name in ("run.json", RESULTS, TRIAGE)]
        stamp = tuple((path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.exists())
        if make not in self._derived or self._derived[make][0] != stamp:
            self._derived[make] = stamp, make(self)
        value: _R = self._derived[make][1]
        return value

    def exchanges(self, file: str) -> tuple[Exchange, ...]:
        """The exchanges of a result; none if it has no file, or the file is gone."""
        path = self.path / file
        return read_all(path) if file and path.is_file() else ()

    def _read_results(self) -> ResultLines:
        """Cached until the file changes: pages read the same results many times."""
        path = self.path / RESULTS
        try:
            info = path.stat()
        except OSError:
            return NOTHING
        if not stat.S_ISREG(info.st_mode):
            raise ToolworthyError(f"{path} cannot be read: it is not a file. Restore it, or run again.")
        stamp = (info.st_size, info.st_mtime_ns)
        if self._stamp != stamp:
            self._stamp, self._held = stamp, read_lines(path)
        return self._held


def redactor_of(runs: Iterable[RunDirectory]) -> Redactor:
    """Removes the keys of the endpoints of several runs."""
    return Redactor(key for run in runs for key in (*run.secrets, *run.meta.secrets(os.environ)))


@cache
def _log(damage: str) -> None:
    """Logged without a handler it is a line on stderr."""
    logging.getLogger("toolworthy").warning("%s", damage)
