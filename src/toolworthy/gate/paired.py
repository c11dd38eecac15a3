"""Is a rate worse by more than a margin? Two samples, paired by item and agent, with clusters.

The score test of N. Tango ("Equivalence test and confidence interval for the difference in proportions for the
paired-sample design", Statistics in Medicine 17, 1998), which holds its level with few or no discordant pairs, on as
many pairs as the sample is worth: attempts of one item, and one item in several agents' hands, are one cluster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

_PRIOR_CORRELATION = 0.3
_PRIOR_WEIGHT = 10.0
"""Discordant pairs that the prior is worth: with few of them nobody knows how far clusters hang together."""


@dataclass(frozen=True)
class Pair:
    """One item in the hands of one agent, in both runs."""

    cluster: str
    """The item: its agents and attempts share what makes it easy or hard."""
    before: tuple[float, ...]
    """Values between 0 and 1, one an attempt."""
    after: tuple[float, ...]

    @property
    def weight(self) -> float:
        """Attempts, as pairs: the harmonic mean of both sides'."""
        return 2 / (1 / len(self.before) + 1 / len(self.after))

    @property
    def lost(self) -> float:
        """Chance that an attempt before is better than one after, times how much."""
        return self._beyond(self.before, self.after)

    @property
    def won(self) -> float:
        """The other way round."""
        return self._beyond(self.after, self.before)

    def _beyond(self, first: Sequence[float], second: Sequence[float]) -> float:
        gaps = (max(0.0, one - other) for one in first for other in second)
        return sum(gaps) / (len(first) * len(second))


@dataclass(frozen=True)
class Drop:
    """How much worse the second sample is."""

    before: float
    after: float
    pairs: float
    """Attempts, as pairs."""
    clusters: int
    lost: float
    """Of the pairs that the sample is worth, those that were better before."""
    won: float
    worth: float
    """Independent pairs that the sample is worth."""

    @property
    def value(self) -> float:
        """The drop, in the metric's unit."""
        return self.before - self.after

    def p_borne(self, margin: float) -> float:
        """Chance of a result as good as this one if the true drop were `margin`: small says that it is less."""
        return self._below(-self._score(margin))

    def p_worse(self, margin: float) -> float:
        """Chance of a result as bad as this one if the true drop were `margin`: small says that it is more."""
        return self._below(self._score(margin))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Drops that either test, each at level `alpha`, does not refuse."""
        low = _root(lambda drop: self.p_worse(drop) - alpha, -1.0, self.value)
        high = _root(lambda drop: alpha - self.p_borne(drop), self.value, 1.0)
        return low, high

    def _below(self, score: float) -> float:
        """Upper tail of Student's t with as many degrees of freedom as there are clusters less one."""
        from scipy.special import stdtr  # type: ignore[import-untyped]

        return float(stdtr(max(1, self.clusters - 1), -score))

    def _score(self, drop: float) -> float:
        """Tango's statistic against a true drop."""
        n, b, c = self.worth, self.lost, self.won
        a2, a1, a0 = 2 * n, -b - c + (2 * n - b + c) * drop, -c * drop * (1 - drop)
        won = (sqrt(max(0.0, a1 * a1 - 4 * a2 * a0)) - a1) / (2 * a2)
        variance = n * (2 * won + drop * (1 - drop))
        gap = b - c - n * drop
        if variance <= 1e-12:
            return 0.0 if abs(gap) < 1e-9 else gap * 1e6
        return gap / sqrt(variance)


def drop(pairs: Sequence[Pair]) -> Drop | None:
    """The drop over all pairs; None where there are none."""
    if not pairs:
        return None
    n = sum(pair.weight for pair in pairs)

    def mean(of: str) -> float:
        return float(sum(pair.weight * getattr(pair, of) for pair in pairs) / n)

    lost, won = mean("lost"), mean("won")
    before = sum(pair.weight * sum(pair.before) / len(pair.before) for pair in pairs) / n
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[pair.cluster].append(pair)
    worth = n / _design_effect(list(groups.values()), n, lost, won)
    return Drop(before, before - (lost - won), n, len(groups), lost * worth, won * worth, worth)


def _design_effect(groups: Sequence[Sequence[Pair]], n: float, lost: float, won: float) -> float:
    """By how much the clusters make the variance of the mean larger than independent pairs would."""
    sizes = [sum(pair.weight for pair in group) for group in groups]
    size = sum(size * size for size in sizes) / n
    value = lost - won
    single = lost + won - value * value
    if size <= 1 or len(groups) < 2:
        return max(1.0, size)
    totals = [sum(pair.weight * (pair.lost - pair.won) for pair in group) for group in groups]
    spread = sum((total - own * value) ** 2 for total, own in zip(totals, sizes, strict=True))
    seen = spread * len(groups) / (len(groups) - 1) / (n * single) if single > 0 else 1.0
    correlation = min(1.0, max(0.0, (seen - 1) / (size - 1)))
    events = n * (lost + won)
    drawn = (events * correlation + _PRIOR_WEIGHT * _PRIOR_CORRELATION) / (events + _PRIOR_WEIGHT)
    return 1 + (size - 1) * max(correlation, drawn)


def _root(rising: object, low: float, high: float) -> float:
    """Where a rising function crosses zero, by halving; the end where it does not."""
    assert callable(rising)
    if rising(low) >= 0:
        return low
    if rising(high) <= 0:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
