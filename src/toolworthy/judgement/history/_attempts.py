"""Which attempts of a series' runs count: the same rule as the gate's, over all runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from toolworthy.judgement.gate.sample import Sample, Unit, always_fails
from toolworthy.judgement.history.table import Key, Tallies, Tally
from toolworthy.judgement.metrics import main_metric
from toolworthy.records.conditions import unlike
from toolworthy.records.score import Limit

Above = frozenset[tuple[str, str]]
"""Items, with the agents whose ceiling they are above."""
Beyond = dict[Limit, tuple[str, str]]
"""Limits that differ between the runs of a series, with two of their values."""


def beyond(samples: Sequence[Sample], suite: str) -> Beyond:
    """The limits whose attempts count in no run: they might have been solved within another run's limits."""
    out: Beyond = {}
    for sample in samples[1:]:
        out = unlike(samples[0].limits, sample.limits, suite) | out
    return out


def above_ceiling(samples: Sequence[Sample], suite: str) -> Above:
    """The items that an agent fails with every model: they say nothing about this one."""
    grouped: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for sample in samples:
        for unit in sample.of(suite):
            grouped[unit.item, unit.agent].append(unit)
    return frozenset(key for key, units in grouped.items() if always_fails(units))


def below(sample: Sample, above: Above) -> Sample:
    """A run without what is above the ceiling."""
    kept = tuple(unit for unit in sample.units if (unit.item, unit.agent) not in above)
    return sample.model_copy(update={"units": kept})


def tallies(sample: Sample, suite: str, without: Collection[Limit] = ()) -> Tallies:
    """The counted attempts of a run, by item, agent and digest; identical attempts count once."""
    out: dict[Key, Tally] = {}
    for unit in sample.of(suite):
        if values := counted(unit, without):
            n = max(1, len(values) - unit.repeated)
            out[unit.item, unit.agent, unit.digest] = Tally(sum(values) / len(values) * n, n)
    return out


def counted(unit: Unit, without: Collection[Limit]) -> list[float]:
    """The values of a unit for the rate, one per attempt."""
    return unit.counted(main_metric(unit.suite), without)


def notes(samples: Sequence[Sample], suite: str, without: Beyond, above: Above) -> Iterator[str]:
    """Notes on the attempts of a series."""
    for agent in sorted({agent for _, agent in above}):
        items = sorted(item for item, other in above if other == agent)
        yield f"{agent} fails {len(items)} of the tasks with every model, left out of all runs: {', '.join(items)}"
    units = [unit for sample in samples for unit in sample.of(suite)]
    for was, other in dict.fromkeys(without.values()):
        limits = [limit for limit, pair in without.items() if pair == (was, other)]
        ended = sum(unit.ended()[limit] for unit in units for limit in limits)
        note = f"the limits differ between runs ({was}, {other})"
        if ended:
            note += f": {ended} attempts that ended at them count in no run. Measure within the same limits"
        yield note
    if repeated := sum(unit.repeated for unit in units):
        every = sum(len(counted(unit, without)) for unit in units)
        yield f"{repeated} of {every} attempts are identical to another attempt at the same item, and count once"
