"""The registry of all kinds of work. Runs and reports go through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from toolworthy.records.conditions import declare
from toolworthy.records.lines import MODELS
from toolworthy.records.result import Result, ResultKey
from toolworthy.records.store import RunDirectory
from toolworthy.work.cases.kind import Cases
from toolworthy.work.kind import Kind
from toolworthy.work.probes.kind import Probes
from toolworthy.work.replay.kind import Replays
from toolworthy.work.trials.kind import Trials

KINDS: dict[str, Kind[Any, Any]] = {}
"""By suite."""


def register(kind: Kind[Any, Any]) -> None:
    """Register a kind of work, so that it is planned, run and reported like the others."""
    KINDS[kind.suite] = kind
    declare(kind.suite, kind.options)
    MODELS[kind.result.model_fields["kind"].default] = kind.result


def suites() -> list[str]:
    """Names of the suites that `toolworthy run` takes."""
    return [suite for suite, kind in KINDS.items() if kind.fixture]


def kind_of(key: ResultKey) -> Kind[Any, Any]:
    """The kind of work that a key belongs to."""
    return KINDS[key.suite]


def by_kind(results: Iterable[Result]) -> Iterator[tuple[Kind[Any, Any], list[Any]]]:
    """Results, grouped by kind."""
    every = [*results]
    return ((kind, [result for result in every if isinstance(result, kind.result)]) for kind in KINDS.values())


def kind_lines(run: RunDirectory) -> Iterator[str]:
    """The lines that kinds of work add to the report of a run."""
    return (f"  {line}" for kind, own in by_kind(run.measured()) for line in kind.lines(own))


for _kind in (Trials(), Cases(), Probes(), Replays()):
    register(_kind)
