"""Which attempts of a series' runs count: the same rule as the gate's, over all runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from toolworthy.judgement.gate.sample import Sample, Unit
from toolworthy.judgement.history.table import Key, Tallies, Tally
from toolworthy.judgement.metrics import main_metric
from toolworthy.records.conditions import unlike
from toolworthy.records.score import Limit

Beyond = dict[Limit, tuple[str, str]]
"""Limits that the runs of a series do not have in common, with two ways in which they were set."""


def beyond(samples: Sequence[Sample], suite: str) -> Beyond:
    """Attempts that ended at these might have been solved within another run's: they count in no run."""
    out: Beyond = {}
    for sample in samples[1:]:
        out = unlike(samples[0].limits, sample.limits, suite) | out
    return out


def tallies(sample: Sample, suite: str, without: Collection[Limit] = ()) -> Tallies:
    """What a run counted, by item, agent and digest; attempts that repeat another one count once."""
    out: dict[Key, Tally] = {}
    for unit in sample.of(suite):
        if values := counted(unit, without):
            n = max(1, len(values) - unit.repeated)
            out[unit.item, unit.agent, unit.digest] = Tally(sum(values) / len(values) * n, n)
    return out


def counted(unit: Unit, without: Collection[Limit]) -> list[float]:
    """The rate's values of a unit, one an attempt."""
    return unit.counted(main_metric(unit.suite), without)


def notes(samples: Sequence[Sample], suite: str, without: Beyond) -> Iterator[str]:
    """What is to be known of the attempts of a series."""
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
