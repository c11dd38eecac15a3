"""How much of its plan a run has measured."""

from __future__ import annotations

from collections.abc import Mapping

from toolworthy.records.result import NOT_RUN
from toolworthy.records.store import RunDirectory
from toolworthy.work.kinds import KINDS, by_kind


def done(run: RunDirectory) -> Mapping[str, tuple[int, int]]:
    """By suite: how many items ran, and how many were planned."""
    planned = run.meta.planned
    ran = {kind.suite: sum(result.uncounted != NOT_RUN for result in own) for kind, own in by_kind(run.measured())}
    return {suite: (ran[suite], planned[suite]) for suite in ran if planned.get(suite)}


def unfinished(run: RunDirectory) -> str:
    """How much of an interrupted run was measured, and how to continue it; empty for a complete run."""
    counts = done(run)
    if all(ran >= planned for ran, planned in counts.values()):
        return ""
    parts = [f"{ran} of {planned} {KINDS[suite].many}" for suite, (ran, planned) in counts.items()]
    return f"{', '.join(parts)} measured; `{to_resume(run)}` continues"


def to_resume(run: RunDirectory) -> str:
    """The command that continues a run."""
    words = dict.fromkeys(word for suite in done(run) for word in KINDS[suite].command)
    return f"toolworthy {' '.join(words)} --resume {run.path}"
