"""All kinds of work that there are: runs, and what is said of them, go through this list."""

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
    """Have a kind of work planned, run and reported like all others."""
    KINDS[kind.suite] = kind
    declare(kind.suite, kind.options)
    MODELS[kind.result.model_fields["kind"].default] = kind.result


def suites() -> list[str]:
    """Names of the suites that `toolworthy run` takes."""
    return [suite for suite, kind in KINDS.items() if kind.fixture]


def kind_of(key: ResultKey) -> Kind[Any, Any]:
    """The kind of work that a key is of."""
    return KINDS[key.suite]


def by_kind(results: Iterable[Result]) -> Iterator[tuple[Kind[Any, Any], list[Any]]]:
    """Results, those of each kind together."""
    every = [*results]
    return ((kind, [result for result in every if isinstance(result, kind.result)]) for kind in KINDS.values())


def kind_lines(run: RunDirectory) -> Iterator[str]:
    """What kinds of work have to say of a run themselves."""
    return (f"  {line}" for kind, own in by_kind(run.measured()) for line in kind.lines(own))


for _kind in (Trials(), Cases(), Probes(), Replays()):
    register(_kind)
