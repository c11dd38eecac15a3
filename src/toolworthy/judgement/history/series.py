"""The history of one endpoint and model as JSON data: one row per run, and the changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from toolworthy.judgement.gate.sample import Sample, Unit
from toolworthy.judgement.history._attempts import Beyond, above_ceiling, below, beyond, counted, notes, tallies
from toolworthy.judgement.history._context import Moves, moves
from toolworthy.judgement.history.change import Change, Shift, Watch, shift, watch
from toolworthy.judgement.history.load import LoadedRuns, RunGroup
from toolworthy.judgement.history.significance import NIGHTS
from toolworthy.judgement.history.table import Table, Tallies
from toolworthy.judgement.metrics import main_metric, main_metrics
from toolworthy.statistics.intervals import clustered
from toolworthy.statistics.rates import Rate

ERROR = f"at most one false alarm in {NIGHTS:,} nights"


def history(runs: LoadedRuns, suites: Sequence[str] = ()) -> dict[str, Any]:
    """All groups with their suites, their runs, and what changed; of all suites if none is named."""
    groups = [_group(group, suites or tuple(main_metrics())) for group in runs.groups]
    return {"groups": [group for group in groups if group["suites"]], "skipped": runs.skipped}


def _group(group: RunGroup, suites: Sequence[str]) -> dict[str, Any]:
    return {
        "endpoint": group.endpoint,
        "model": group.model,
        "wire": group.wire,
        "suites": [series for suite in suites if (series := _suite(group.samples, suite))],
    }


def _suite(samples: Sequence[Sample], suite: str) -> dict[str, Any] | None:
    """One suite's series; None if no run measured it."""
    metric = main_metric(suite)
    above = above_ceiling(samples, suite)
    samples = [below(sample, above) for sample in samples]
    ran = [sample for sample in samples if any(counted(unit, ()) for unit in sample.of(suite))]
    without = beyond(ran, suite)
    ran = [sample for sample in ran if any(counted(unit, without) for unit in sample.of(suite))]
    if not ran:
        return None
    series = [tallies(sample, suite, without) for sample in ran]
    moved = moves(ran, suite)
    rows = [_row(sample, suite, moves_, without) for sample, moves_ in zip(ran, moved, strict=True)]
    for (before, after), row in zip(pairwise(series), rows[1:], strict=True):
        row["shared"] = len(_items(before) & _items(after))
    table = Table.of(series)
    looked = watch(table)
    changes = [_change(change, table, ran, moved, suite) for change in looked.changes]
    return {
        "suite": suite,
        "metric": metric,
        "runs": rows,
        "since": changes[-1] if changes else {"found": False, "said": _nothing(looked, series)},
        "earlier": changes[-2::-1],
        "notes": list(notes(ran, suite, without, above)),
        "nights_per_false_alarm": NIGHTS,
    }


def _items(run: Tallies) -> set[tuple[str, str]]:
    return {(item, digest) for item, _, digest in run}


def _row(sample: Sample, suite: str, moved: Moves, without: Beyond) -> dict[str, Any]:
    units = [unit for unit in sample.of(suite) if counted(unit, without)]
    values = [(unit.item, value) for unit in units for value in counted(unit, without)]
    rate = clustered(values)
    assert rate is not None
    ended = sum((unit.ended(without) for unit in units), Counter[str]())
    missing = sum((unit.uncounted(without) for unit in sample.of(suite)), Counter[str]())
    return {
        "run": sample.name,
        "started": sample.started,
        "date": _date(sample),
        "rate": round(rate.value, 4),
        "low": round(rate.low, 4),
        "high": round(rate.high, 4),
        "n": rate.n,
        "items": rate.clusters,
        "shared": None,
        "missing": missing.total(),
        "ended": ended.total(),
        "left_out": Rate(sum(value == 1 for _, value in values), rate, ended, missing).notes,
        "agents": {name: version for name, version in sample.agents.items() if suite == "tasks"},
        "agents_moved": moved.agent_lines,
        "measure_moved": moved.measure,
        "server_moved": moved.server,
        "seconds": _mean(units, "seconds", without),
        "tokens": _mean(units, "tokens", without),
    }


def _mean(units: Sequence[Unit], name: str, without: Beyond) -> float | None:
    """Of an item's mean over its attempts."""
    means = [sum(values) / len(values) for unit in units if (values := unit.counted(name, without))]
    return round(sum(means) / len(means), 3) if means else None


def _date(sample: Sample) -> str:
    try:
        return datetime.fromtimestamp(sample.started, UTC).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return "?"


def _change(
    change: Change, table: Table, samples: Sequence[Sample], moved: Sequence[Moves], suite: str
) -> dict[str, Any]:
    """One detected change, as figures and as text."""
    move = change.shift
    lane, why = _lane(change, table, moved, suite)
    low, high = (move.low, move.high) if move.drop >= 0 else (-move.high, -move.low)
    text = (
        f"since {_where(samples, move.at)}: {_percent(move.before)} → {_percent(move.after)}, "
        f"a {'drop' if move.drop >= 0 else 'rise'} of {100 * abs(move.drop):.1f} points "
        f"({100 * low:.1f} to {100 * high:.1f}) on {_shared(move, table)}"
    )
    if change.first != change.last:
        text += (
            f"; it may have happened anywhere from {_where(samples, change.first)} to {_where(samples, change.last)}"
        )
    after = f"found after run {samples[change.night].name} ({ERROR})"
    if not move.significant:
        after += ", but the runs up to now do not confirm it"
    return {
        "found": True,
        "at": move.at,
        "run": samples[move.at].name,
        "before": round(move.before, 4),
        "after": round(move.after, 4),
        "drop": round(move.drop, 4),
        "low": round(move.low, 4),
        "high": round(move.high, 4),
        "first": change.first,
        "last": change.last,
        "seen": change.night,
        "once_in_nights": int(move.nights),
        "lane": lane,
        "said": f"{text}; {why}; {after}",
    }


def _percent(rate: float) -> str:
    return f"{100 * rate:.1f} %"


def _where(samples: Sequence[Sample], at: int) -> str:
    return f"{_date(samples[at])} (run {samples[at].name})"


def _shared(move: Shift, table: Table) -> str:
    every = len({item for item, _, _ in table.keys})
    return f"{move.items} items" if move.items == every else f"the {move.items} of {every} items that both sides have"


def _nothing(looked: Watch, series: Sequence[Tallies]) -> str:
    if len(series) < 2:
        return "only one run, so nothing to compare"
    if not looked.boundaries or looked.reach is None:
        return f"none of {len(series)} runs shares an item with the runs before it, so nothing to compare"
    attempts = sum(tally.n for run in series for tally in run.values())
    text = f"no change that n = {attempts:g} attempts in {len(series)} runs could have found"
    if looked.reach >= 1:
        return f"{text}: too few to find any ({ERROR})"
    return f"{text}. Minimum detectable drop (80 % power): {100 * looked.reach:.1f} points ({ERROR})"


def _lane(change: Change, table: Table, moved: Sequence[Moves], suite: str) -> tuple[str, str]:
    """The side that the change comes from, and why: anything that changed at a possible first run of it cannot be
    separated."""
    window = range(change.first, change.last + 1)
    server = list(dict.fromkeys(line for at in window for line in moved[at].server))
    suffix = f" ({'; '.join(server)})" if server else ""
    measure = [line for at in window for line in moved[at].measure]
    changed = {agent for at in window for agent in moved[at].agents}
    lines = list(dict.fromkeys(line for at in window for line in moved[at].agent_lines))
    if measure:
        return (
            "unclear",
            f"it changed at the same time as {', '.join([*measure, *lines])}, so these cannot be separated",
        )
    if not lines:
        steady = {"tasks": "the agents did not change, so ", "tools": "the tools offered did not change, so "}
        return "endpoint", f"{steady.get(suite, '')}it comes from the endpoint{suffix}"
    same = table.part(change.start, change.end).without(changed)
    others = shift(same, change.shift.at - change.start) if same.keys else None
    if others and others.significant and others.drop * change.shift.drop > 0:
        names = ", ".join(sorted({agent for _, agent, _ in same.keys}))
        return "endpoint", (
            f"{', '.join(lines)} at the same time, but the change shows with {names} too, which did not change "
            f"({_percent(others.before)} → {_percent(others.after)}), so it comes from the endpoint{suffix}"
        )
    return "unclear", f"it changed at the same time as {', '.join(lines)}, so the two cannot be separated{suffix}"
