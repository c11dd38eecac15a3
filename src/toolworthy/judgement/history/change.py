"""Detects changes of a rate in a series of runs, with a test after every run.

After every run each boundary between two runs so far is tested (``boundaries``). A series without a change may raise a
false alarm once in ``NIGHTS`` runs: every run may err by one in so many, of which the boundary that has k runs after it
gets 1 / (k · (k + 1)). These shares add up to 1, however long the series is, and recent boundaries, where a change is
news, get most. So it does not matter how often, or for how long, the series is looked at.

Where a change is found, the series begins anew with the last run that may have been its first. What attempts of one run
have in common is measured (``spread``). How often all this errs: ``benchmarks/history.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolworthy.judgement.history._boundaries import Boundaries, Window
from toolworthy.judgement.history._spread import Ints, together
from toolworthy.judgement.history.significance import NIGHTS, Chance, least
from toolworthy.judgement.history.table import Floats, Table, Tallies
from toolworthy.statistics.intervals import Z_POWER

_NEAR = 3.84
"""Squared scores below the best by less than this fit nearly as well: 95 % of chi-squared with one degree."""
_LEAST = 0.25
"""Minimum variance of a count, for the question what could be found."""


@dataclass(frozen=True)
class Shift:
    """The runs after a boundary compared with those before it."""

    at: int
    """Number of the first run after it."""
    before: float
    after: float
    low: float
    """Of the drop; 0 is between these two where the test finds no change."""
    high: float
    nights: float
    """In how many runs a series without a change raises such an alarm once."""
    items: int
    """That both sides have."""

    @property
    def drop(self) -> float:
        """By how much the rate is lower; below 0 for a rise."""
        return self.before - self.after

    @property
    def significant(self) -> bool:
        """Whether it is rarer than a false alarm may be."""
        return self.nights >= NIGHTS


@dataclass(frozen=True)
class Change:
    """A detected change, with all that is known by now."""

    shift: Shift
    first: int
    """The first and the last boundary that fit nearly as well."""
    last: int
    night: int
    """The run after which it was detected."""
    start: int
    """The runs that are compared: from this one on"""
    end: int
    """and before this one."""


@dataclass(frozen=True)
class Watch:
    """The state of the series, and its detected changes."""

    changes: tuple[Change, ...]
    start: int
    """The run with which the series began anew; 0 for one without a change."""
    boundaries: int
    """That can be tested since then."""
    reach: float | None
    """The smallest drop since then that would have been found four times in five, at the best boundary."""


@dataclass(frozen=True)
class _Alarm:
    at: int
    first: int
    last: int
    night: int


def watch(runs: Sequence[Tallies] | Table) -> Watch:
    """Test a series after each of its runs."""
    table = runs if isinstance(runs, Table) else Table.of(runs)
    alarms: list[_Alarm] = []
    start, until = 0, 2
    window = Window(table)
    while until <= len(table):
        alarm = _look(window, until - start, start)
        if alarm is not None:
            alarms.append(alarm)
            start = alarm.last
            window = Window(table.part(start, len(table)))
        until = max(until + 1, start + 2)
    changes = tuple(_settled(table, alarms, number) for number in range(len(alarms)))
    boundaries, reach = _open(window, len(table) - start)
    return Watch(changes, start, boundaries, reach)


def shift(table: Table, at: int) -> Shift | None:
    """All attempts before a boundary against all after it; None if they share no item."""
    seen = Window(table).until(len(table))
    weight = float(seen.weight[at - 1])
    if not weight > 0:
        return None
    drop = float(seen.surplus[at - 1]) / weight
    chance = Chance(table, seen, np.array([at]), together(table, at))
    wide = float(chance.critical(chance.surplus)[0]) / weight
    old, new = table.n[:at].sum(axis=0), table.n[at:].sum(axis=0)
    shared = old * new / np.maximum(old + new, 1)
    before = float(shared @ (table.ok[:at].sum(axis=0) / np.maximum(old, 1))) / weight
    items = {key[0] for key, both in zip(table.keys, shared, strict=True) if both}
    low, high = max(-1.0, drop - wide), min(1.0, drop + wide)
    return Shift(at, before, before - drop, low, high, chance.nights(), len(items))


def _look(window: Window, runs: int, start: int) -> _Alarm | None:
    """What is found after so many runs of a window that begins with the run `start`."""
    seen = window.until(runs)
    # No spread makes chance reach less far, so most nights end here.
    likely = (seen.weight > 0) & (np.abs(seen.surplus) > least(runs) * np.sqrt(seen.variance))
    if not likely.any():
        return None
    table = window.table.part(0, runs)
    places = np.flatnonzero(likely) + 1
    naive = np.abs(seen.surplus) / np.sqrt(np.maximum(seen.variance, 1e-12))
    factor = together(table, int(places[np.argmax(naive[places - 1])]))
    chance = Chance(table, seen, places, factor)
    alarming = np.abs(chance.surplus) >= chance.critical(chance.surplus)
    if not alarming.any():
        return None
    at = int(places[np.argmax(np.where(alarming, np.abs(chance.surplus) / np.sqrt(chance.variance), 0))])
    near = _near(table, seen, at, factor)
    return _Alarm(start + at, start + int(near[0]), start + int(near[-1]), start + runs - 1)


def _near(table: Table, seen: Boundaries, at: int, factor: float, among: Ints | None = None) -> Ints:
    """The boundaries that fit nearly as well as this one."""
    places = np.arange(1, len(table)) if among is None else among
    scores = _scores(table, seen, places, factor)
    best = scores[places == at][0]
    near: Ints = places[(scores * best > 0) & (best**2 - scores**2 <= _NEAR)]
    return near


def _scores(table: Table, seen: Boundaries, places: Ints, factor: float) -> Floats:
    chance = Chance(table, seen, places, factor)
    scores: Floats = chance.surplus / np.sqrt(np.maximum(chance.variance, 1e-12))
    return scores


def _settled(table: Table, alarms: Sequence[_Alarm], number: int) -> Change:
    """A change that was found, placed by all runs up to the next one."""
    alarm = alarms[number]
    start = alarms[number - 1].last if number else 0
    end = alarms[number + 1].first if number + 1 < len(alarms) else len(table)
    end = max(end, alarm.last + 1)
    part = table.part(start, end)
    seen = Window(part).until(len(part))
    among = np.arange(alarm.first, alarm.last + 1) - start
    factor = together(part, alarm.at - start)
    at = int(among[np.argmax(np.abs(_scores(part, seen, among, factor)))])
    near = _near(part, seen, at, factor, among)
    change = shift(part, at)
    assert change is not None
    return Change(replace(change, at=start + at), start + int(near[0]), start + int(near[-1]), alarm.night, start, end)


def _open(window: Window, runs: int) -> tuple[int, float | None]:
    """How many boundaries can be tested, and the smallest drop that would have been found four times in five.

    A drop brings its own variance and skewness: one of r takes rates above a half r/2 nearer to where they vary most.
    """
    seen = window.until(runs) if runs > 1 else None
    if seen is None or not (seen.weight > 0).any():
        return 0, None
    table = window.table.part(0, runs)
    places = np.flatnonzero(seen.weight > 0) + 1
    naive = np.abs(seen.surplus) / np.sqrt(np.maximum(seen.variance, 1e-12))
    chance = Chance(table, seen, places, together(table, int(places[np.argmax(naive[places - 1])])))
    rate = float(table.ok.sum() / table.n.sum())
    own = np.maximum(chance.variance, chance.factor * _LEAST)
    detectable = np.zeros(len(places))
    for _ in range(50):
        half = np.minimum(0.5, detectable / 2)
        more = np.maximum(0, half * (2 * rate - 1) - half**2)
        variance = own + chance.factor * more * chance.weight
        lean = (1 - 2 * chance.after / runs) * (1 - 2 * (rate - half)) * chance.factor
        surplus = chance.critical(np.ones(len(places)), variance, np.maximum(chance.skew(np.ones(len(places))), lean))
        detectable = (surplus + Z_POWER * np.sqrt(variance)) / chance.weight
    return len(places), float(detectable.min())
