"""How far chance reaches at a boundary, and how rarely further.

Every run may err by one in ``NIGHTS``; the boundary that has k runs after it gets 1 / (k · (k + 1)) of that. These
shares add up to 1 however long a series is, and recent boundaries, where a change is news, get most.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit  # type: ignore[import-untyped]

from toolworthy.judgement.history._boundaries import Boundaries
from toolworthy.judgement.history._spread import Ints, days
from toolworthy.judgement.history.table import Floats, Table

NIGHTS = 3650
"""Runs without a change in which at most one false alarm is expected: ten years, and 5 % in half a year."""
_TAILS = 10.0
"""What runs have of their own is not normal: it strays as what is known from so many runs, however many were seen."""
_KNOWN = 4.0
"""Degrees of freedom a run, at most: whether runs have anything of their own is known from them alone."""


class Chance:
    """How far chance reaches at some boundaries. Arrays have an entry for each."""

    def __init__(self, table: Table, seen: Boundaries, places: Ints, factor: float) -> None:
        entries = places - 1
        self.surplus, self.weight = seen.surplus[entries], seen.weight[entries]
        self.factor = factor
        self._right, self._left = seen.right[entries], seen.left[entries]
        self.after: Floats = len(table) - places.astype(float)
        size = table.n.sum(axis=1)
        many, squares = np.cumsum(size)[entries], np.cumsum(size**2)[entries]
        day, runs = days(table, places, factor)
        apart = squares / np.maximum(many, 1) ** 2
        apart = apart + ((size**2).sum() - squares) / np.maximum(size.sum() - many, 1) ** 2
        self.daily: Floats = day * self.weight**2 * apart
        self.variance: Floats = factor * seen.variance[entries] + self.daily
        self._runs = runs

    def critical(self, sign: Floats, variance: Floats | None = None, skew: Floats | None = None) -> Floats:
        """The surplus, up or down, from which on a boundary raises an alarm."""
        used = self.variance if variance is None else variance
        score = -stdtrit(self._freedom(used), _level(self.after) / 2)
        return _surplus(score, used, self.skew(sign) if skew is None else skew, self.factor / 2)

    def nights(self) -> float:
        """In how many runs a series without a change raises an alarm like that of the first boundary once."""
        score = _score(self.surplus, self.variance, self.skew(self.surplus), self.factor / 2)
        p = 2 * stdtr(self._freedom(self.variance), -score)
        return NIGHTS * float(_level(self.after)[0] / max(p[0], 1e-15))

    def skew(self, sign: Floats) -> Floats:
        """Third moment by variance, towards more or less surplus."""
        third = self.factor**2 * np.where(sign > 0, self._right, self._left)
        skew: Floats = third / np.maximum(self.variance, 1e-12)
        return skew

    def _freedom(self, variance: Floats) -> Floats:
        """What runs have of their own is known from few, and counts as the part of the variance that it is."""
        share = np.maximum(self.daily / np.maximum(variance, 1e-12), 1e-3)
        freedom: Floats = np.minimum(_TAILS / share**2, _KNOWN * self._runs)
        return freedom


def least(runs: int) -> Floats:
    """The score that raises an alarm if only chance varies, for every boundary between so many runs."""
    scores: Floats = -ndtri(_level(np.arange(runs - 1, 0, -1.0)) / 2)
    return scores


def _level(after: Floats) -> Floats:
    """How often a boundary with so many runs after it may raise a false alarm, after one run."""
    return 1 / (NIGHTS * after * (after + 1))


def _score(surplus: Floats, variance: Floats, skew: Floats, half: float) -> Floats:
    """A surplus in standard deviations of a normal law that is as rare.

    The law is that of rare events (Poisson's, scaled to the variance and the skewness; G. Bennett, "Probability
    inequalities for the sum of independent random variables", JASA 57, 1962), less half a step, since the surplus moves
    in steps of one attempt, or of those that are alike.
    """
    size = np.maximum(np.abs(surplus) - half, 0)
    variance, skew = np.maximum(variance, 1e-12), np.maximum(skew, 1e-9)
    u = skew * size / variance
    exponent = np.where(u < 1e-4, u**2 / 2, (1 + u) * np.log1p(u) - u) * variance / skew**2
    score: Floats = np.sqrt(2 * exponent)
    return score


def _surplus(score: Floats, variance: Floats, skew: Floats, half: float) -> Floats:
    """The surplus that has this score: the inverse of `_score`."""
    skew = np.maximum(skew, 1e-6)
    wanted = score**2 / 2 * skew**2 / np.maximum(variance, 1e-12)
    u = wanted / 3 + np.sqrt(wanted**2 / 9 + 2 * wanted)
    for _ in range(6):
        u = np.maximum(u - ((1 + u) * np.log1p(u) - u - wanted) / np.maximum(np.log1p(u), 1e-12), 0)
    surplus: Floats = half + u * variance / skew
    return surplus
