"""Since when is a rate another one? A change point in a series of runs, tested at every boundary between two of them.

All attempts before a boundary are compared with all after it, item by item, by the test of N. Mantel and W. Haenszel
("Statistical aspects of the analysis of data from retrospective studies of disease", JNCI 22, 1959), each item in the
hands of each agent being a stratum. The gate asks whether a drop is within a margin, and must fear that items drop
differently (Tango's test); here the null hypothesis is that nothing changed, under which attempts of one stratum are
alike whenever they were made. Its variance is the same at all boundaries, so the best of them is where the change is.
What attempts of one run have in common all the same is measured between the runs of one side, and the sample is worth
less. Bonferroni's correction pays for looking at every boundary. How often it errs: ``benchmarks/history.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

ALPHA = 0.05
"""How often a series without a change may be said to have one."""
_Z_POWER = 0.8416212335729143
"""For four times in five."""
_NEAR = 3.84
"""Squared scores below the best by less than this fit nearly as well: 95 % of chi-squared with one degree."""
_LEAST = 0.25
"""Variance of what was counted, at least."""
_PRIOR_CORRELATION, _PRIOR_WEIGHT = 0.3, 4.0
"""Of attempts of one item in one run, as in ``statistics``."""
_DAYS = 2.0
"""Days without a mood of their own that are believed in beforehand."""

Key = tuple[str, str, str]
"""Item, agent and the item's digest: what is the same in two runs."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts of one item by one agent."""

    ok: float = 0.0
    n: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.ok + other.ok, self.n + other.n)


Tallies = Mapping[Key, Tally]
_NOTHING = Tally()


@dataclass(frozen=True)
class Shift:
    """What is after a boundary against what is before it."""

    at: int
    """Number of the first run after it."""
    before: float
    after: float
    error: float
    """Standard error of the drop if nothing changed."""
    weight: float
    """Pairs of attempts, half: the harmonic sum of both sides' over all strata."""
    items: int
    """That both sides have."""
    spread: float = 1.0
    """By how much the variance is larger than that of independent attempts."""
    freedom: float = 1e9
    """Degrees of freedom: what differs from day to day is known from few days."""

    @property
    def drop(self) -> float:
        """By how much the rate is lower; below 0 for a rise."""
        return self.before - self.after

    @property
    def score(self) -> float:
        """The drop in standard errors."""
        return self.drop / (self.error * sqrt(self.spread)) if self.error > 0 else 0.0

    @property
    def p(self) -> float:
        """Chance of a change as large as this one if there was none; two-sided, of this boundary alone."""
        from scipy.special import stdtr  # type: ignore[import-untyped]

        return min(1.0, 2 * float(stdtr(self.freedom, -abs(self.score))))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Around the drop; 0 is in it where the test at level `alpha` finds no change."""
        half = self._quantile(alpha) * self.error * sqrt(self.spread)
        return max(-1.0, self.drop - half), min(1.0, self.drop + half)

    def reach(self, alpha: float) -> float:
        """How large a change is found four times in five.

        A change brings its own variance: a drop of r takes rates above one half r/2 nearer to where they vary most.
        """
        scores = (self._quantile(alpha) + _Z_POWER) * sqrt(self.spread)
        rate = (self.before + self.after) / 2
        found = scores * self.error
        for _ in range(50):
            half = min(0.5, found / 2)
            more = max(0.0, half * (2 * rate - 1) - half * half)
            found = scores * sqrt(self.error**2 + more / self.weight)
        return found

    def _quantile(self, alpha: float) -> float:
        """Two-sided, of Student's t."""
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, 1 - alpha / 2))


@dataclass(frozen=True)
class Change:
    """A change that was found."""

    shift: Shift
    low: float
    """Of the drop, at a level that pays for all boundaries."""
    high: float
    first: int
    """The first and the last boundary that fit nearly as well."""
    last: int


@dataclass(frozen=True)
class Search:
    """What was looked at, and what was found."""

    boundaries: int
    """That could be tested."""
    change: Change | None
    reach: float | None
    """The smallest change that would have been found four times in five, at the best boundary."""


def search(runs: Sequence[Tallies], alpha: float = ALPHA) -> Search:
    """The one boundary, if any, at which the rate changed most surely."""
    found = list(shifts(runs))
    if not found:
        return Search(0, None, None)
    level = alpha / len(found)
    spread, freedom = spread_of(runs, max(found, key=lambda one: abs(one.score)).at)
    tested = [replace(one, spread=spread, freedom=freedom) for one in found]
    best = max(tested, key=lambda one: abs(one.score))
    change = None
    if best.p <= level:
        low, high = best.interval(level)
        near = [one.at for one in tested if one.score * best.score > 0 and best.score**2 - one.score**2 <= _NEAR]
        change = Change(best, low, high, min(near), max(near))
    return Search(len(tested), change, min(one.reach(level) for one in tested))


def shifts(runs: Sequence[Tallies]) -> Iterator[Shift]:
    """Every boundary that can be tested: some items are on both sides."""
    after = pooled(runs)
    before: dict[Key, Tally] = {}
    for number, run in enumerate(runs[:-1], 1):
        for key, tally in run.items():
            before[key] = before.get(key, _NOTHING) + tally
            after[key] = Tally(after[key].ok - tally.ok, after[key].n - tally.n)
        found = shift(before, after, number)
        if found is not None:
            yield found


def pooled(runs: Iterable[Tallies]) -> dict[Key, Tally]:
    """All attempts of several runs."""
    out: dict[Key, Tally] = {}
    for run in runs:
        for key, tally in run.items():
            out[key] = out.get(key, _NOTHING) + tally
    return out


def shift(before: Tallies, after: Tallies, at: int) -> Shift | None:
    """All attempts before against all after; None where they share no item."""
    total = was = now = variance = 0.0
    items: set[str] = set()
    for key, old in before.items():
        new = after.get(key, _NOTHING)
        if not (old.n and new.n):
            continue
        n = old.n + new.n
        weight = old.n * new.n / n
        rate = (old.ok + new.ok) / n
        total += weight
        was += weight * old.ok / old.n
        now += weight * new.ok / new.n
        variance += weight * rate * (1 - rate) * n / (n - 1)
        items.add(key[0])
    if not items:
        return None
    # With fewer than a few surprises nobody knows the variance; what half a surprise would make of it is the least.
    return Shift(at, was / total, now / total, sqrt(max(variance, _LEAST)) / total, total, len(items))


def spread_of(runs: Sequence[Tallies], at: int) -> tuple[float, float]:
    """By how much runs on one side of a boundary differ more than independent attempts would, at least 1; and the
    degrees of freedom that this leaves, by Satterthwaite's rule.

    First attempts of one item in one run, which may all be served alike; then whole runs, which have days of their own.
    """
    cells: dict[tuple[int, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for first, side in ((0, runs[:at]), (at, runs[at:])):
        whole = pooled(side)
        for number, run in enumerate(side, first):
            for key, tally in run.items():
                every = whole[key]
                if every.n > tally.n:
                    rate = every.ok / every.n
                    cell = cells[number, key[0]]
                    cell[0] += tally.ok - tally.n * rate
                    cell[1] += tally.n * rate * (1 - rate) * (every.n - tally.n) / (every.n - 1)
                    cell[2] += tally.n
    sizes = _sizes(runs)
    together = _together(list(cells.values()), sizes)
    days: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (number, _), (rest, variance, _) in cells.items():
        days[number][0] += rest
        days[number][1] += variance * together
    seen = [rest * rest / variance for rest, variance in days.values() if variance > 0]
    days_own = max(1.0, (sum(seen) + _DAYS) / (len(seen) + _DAYS))
    freedom = max(1, len(runs) - 2) * (days_own / max(days_own - 1, 1e-4)) ** 2
    return together * days_own, freedom


def _sizes(runs: Sequence[Tallies]) -> float:
    """Attempts of one item in one run, as if all were alike."""
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for number, run in enumerate(runs):
        for key, tally in run.items():
            counts[number, key[0]] += tally.n
    return sum(n * n for n in counts.values()) / sum(counts.values())


def _together(cells: Sequence[Sequence[float]], size: float) -> float:
    """The same for attempts of one item in one run; a prior stands in while little was seen."""
    if size <= 1:
        return 1.0
    variance = sum(cell[1] for cell in cells)
    ratio = sum(cell[0] ** 2 for cell in cells) / variance if variance > 0 else 1.0
    seen = min(1.0, max(0.0, (ratio - 1) / (size - 1)))
    drawn = (variance * seen + _PRIOR_WEIGHT * _PRIOR_CORRELATION) / (variance + _PRIOR_WEIGHT)
    return 1 + (size - 1) * max(seen, drawn)
