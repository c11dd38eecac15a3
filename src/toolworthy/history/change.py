"""Since when is a rate another one? A change point in a series of runs, tested at every boundary between two of them.

All attempts before a boundary are compared with all after it, item by item, by the score test of N. Tango ("Equivalence
test and confidence interval for the difference in proportions for the paired-sample design", Statistics in Medicine 17,
1998). The gate, which uses it too, asks whether a drop is within a margin, and must fear that items drop differently.
Here the null hypothesis is that nothing changed: then attempts of one item are alike whenever they were made, so pairs
of them are independent, whatever items have in common. Where agents and attempts of one item turn out to move together
all the same, the sample is worth less. Bonferroni's correction pays for looking at every boundary. How often it errs:
``benchmarks/history.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import erfc, sqrt

ALPHA = 0.05
"""How often a series without a change may be said to have one."""
POWER = 0.8
"""How sure one wants to be to find what is said to be findable."""
_NEAR = 3.84
"""Squared scores below the best by less than this fit nearly as well: 95 % of chi-squared with one degree."""

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


@dataclass(frozen=True)
class Shift:
    """What is after a boundary against what is before it."""

    at: int
    """Number of the first run after it."""
    before: float
    after: float
    lost: float
    """Share of pairs of attempts, of one item each, that were better before."""
    won: float
    worth: float
    """Independent pairs that the sample is worth."""
    items: int
    """That both sides have."""
    units: int
    """Pairs of an item and an agent that both sides have."""

    @property
    def drop(self) -> float:
        """By how much the rate is lower; below 0 for a rise."""
        return self.before - self.after

    @property
    def p(self) -> float:
        """Chance of a change as large as this one if there was none; two-sided, of this boundary alone."""
        return min(1.0, 2 * self._beyond(abs(self.score(0.0))))

    def score(self, drop: float) -> float:
        """Tango's statistic against a true drop: standard deviations by which more was lost."""
        n, b, c = self.worth, self.lost * self.worth, self.won * self.worth
        a2, a1, a0 = 2 * n, (2 * n - b + c) * drop - b - c, -c * drop * (1 - drop)
        likely = (sqrt(max(0.0, a1 * a1 - 4 * a2 * a0)) - a1) / (2 * a2)
        variance = n * (2 * likely + drop * (1 - drop))
        gap = b - c - n * drop
        if variance <= 1e-12:
            return 0.0 if abs(gap) < 1e-9 else gap * 1e6
        return gap / sqrt(variance)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Drops that a two-sided test at level `alpha` does not refuse."""
        low = _root(lambda true: self.score(true) < 0 or self._beyond(self.score(true)) > alpha / 2, -1.0, self.drop)
        high = _root(lambda true: self._beyond(-self.score(true)) <= alpha / 2, self.drop, 1.0)
        return low, high

    def reach(self, alpha: float) -> float:
        """How large a change is found four times in five."""
        from scipy.special import ndtri  # type: ignore[import-untyped]

        single = max(self.lost + self.won, 2 / self.worth)
        return float(ndtri(1 - alpha / 2) + ndtri(POWER)) * sqrt(single / self.worth)

    def _beyond(self, score: float) -> float:
        return erfc(score / sqrt(2)) / 2


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
    tested = list(shifts(runs))
    if not tested:
        return Search(0, None, None)
    level = alpha / len(tested)
    best = min(tested, key=lambda one: -abs(one.score(0.0)))
    change = None
    if best.p <= level:
        low, high = best.interval(level)
        top = best.score(0.0)
        near = [one.at for one in tested if one.score(0.0) * top > 0 and top**2 - one.score(0.0) ** 2 <= _NEAR]
        change = Change(best, low, high, min(near), max(near))
    return Search(len(tested), change, min(shift.reach(level) for shift in tested))


def shifts(runs: Sequence[Tallies]) -> Iterator[Shift]:
    """Every boundary that can be tested: some items are on both sides."""
    after: dict[Key, Tally] = defaultdict(Tally)
    for run in runs:
        for key, tally in run.items():
            after[key] += tally
    before: dict[Key, Tally] = defaultdict(Tally)
    for number, run in enumerate(runs[:-1], 1):
        for key, tally in run.items():
            before[key] += tally
            after[key] = Tally(after[key].ok - tally.ok, after[key].n - tally.n)
        found = shift(before, after, number)
        if found is not None:
            yield found


def shift(before: Tallies, after: Tallies, at: int) -> Shift | None:
    """All attempts before against all after; None where they share no item."""
    rows: list[tuple[str, float, float, float, float]] = []
    for key, old in before.items():
        new = after.get(key)
        if old.n and new and new.n:
            was, now = old.ok / old.n, new.ok / new.n
            rows.append((key[0], 2 / (1 / old.n + 1 / new.n), was, was * (1 - now), now * (1 - was)))
    if not rows:
        return None
    n = sum(weight for _, weight, *_ in rows)
    was = sum(weight * rate for _, weight, rate, _, _ in rows) / n
    lost = sum(weight * share for _, weight, _, share, _ in rows) / n
    won = sum(weight * share for _, weight, _, _, share in rows) / n
    worth = n / _together([(item, weight, lost - won) for item, weight, _, lost, won in rows], n, lost, won)
    return Shift(at, was, was - (lost - won), lost, won, worth, len({item for item, *_ in rows}), len(rows))


def _together(rows: Sequence[tuple[str, float, float]], n: float, lost: float, won: float) -> float:
    """By how much items that move together make the variance larger than independent pairs would; at least 1."""
    totals: dict[str, float] = defaultdict(float)
    sizes: dict[str, float] = defaultdict(float)
    for item, weight, gap in rows:
        totals[item] += weight * gap
        sizes[item] += weight
    value = lost - won
    single = lost + won - value * value
    if len(totals) < 2 or single <= 0:
        return 1.0
    spread = sum((total - sizes[item] * value) ** 2 for item, total in totals.items())
    return max(1.0, spread * len(totals) / (len(totals) - 1) / (n * single))


def _root(beyond: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that holds from some point on begins to, by halving; else the end that is meant."""
    if beyond(low):
        return low
    if not beyond(high):
        return high
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2
