"""How much of what a run was to measure it has measured."""

from __future__ import annotations

from collections.abc import Mapping

from toolworthy.records.store import RunDirectory

_NAMES = {"tasks": "trials", "tools": "cases", "wire": "probes"}


def done(run: RunDirectory) -> Mapping[str, tuple[int, int]]:
    """By suite: what was run, whatever came of it, and what was planned."""
    ran = {
        "tasks": sum(one.status != "unmeasured" for one in run.results()),
        "tools": sum(not one.unasked for one in run.cases()),
        "wire": sum(not one.unasked for one in run.probes()),
    }
    planned = run.meta.planned
    return {suite: (ran[suite], planned[suite]) for suite in _NAMES if planned.get(suite)}


def unfinished(run: RunDirectory) -> str:
    """What a run that was cut short has to say of itself; empty where it ran to its end."""
    told = done(run)
    if all(ran >= planned for ran, planned in told.values()):
        return ""
    parts = [f"{ran} of {planned} {_NAMES[suite]}" for suite, (ran, planned) in told.items()]
    return f"{', '.join(parts)} measured; go on with `toolworthy run {' '.join(told)} --resume {run.path}`"
