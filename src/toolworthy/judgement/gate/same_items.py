"""The drop for exactly the items that were run, for one comparison or for arrays of comparisons.

The items are fixed, and each has its own success rates before and after. Only their attempts are random; they are
independent. The drop is the mean over the pairs of item and agent ("cells"). All cells have equal weight,
whatever the number of their attempts.

Both sides have limits of their own (``limits``): for the largest drop, successes after and failures before may be fewer
than counted; for the smallest drop, failures after and successes before. Single attempts do not show how much
they vary. If both sides made one attempt at every cell, the discordant pairs show it: their number is at least the
variance of the difference. Otherwise, the single attempts of a side are pooled as if they were of one item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import variance
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr  # type: ignore[import-untyped]

from toolworthy.judgement.gate._limits import Array, LimitCount, distance, within
from toolworthy.judgement.gate.paired import Drop, Pair, root
from toolworthy.statistics.intervals import Z_POWER

_COIN = 0.25
"""Largest variance of one attempt."""
_HALF = 0.5
_FAR = 8.0
"""Normal quantile beyond which probabilities are treated as equal."""


class _Side(NamedTuple):
    """One run's attempts, weighted in units of an attempt at the cells with the fewest attempts."""

    well: Any
    """Successes."""
    badly: Any
    """Failures."""
    variance: Any
    """Of either, in attempts²."""
    unit: Any
    """The weight of an attempt in the metric."""

    @property
    def rate(self) -> Any:
        """The metric."""
        return self.unit * self.well

    @property
    def done(self) -> LimitCount:
        """The count of successes, for a lower limit."""
        return LimitCount(self.well, np.minimum(self.variance, self.well), self.unit)

    @property
    def failed(self) -> LimitCount:
        """The count of failures, for a lower limit."""
        return LimitCount(self.badly, np.minimum(self.variance, self.badly), self.unit)


class Apart(NamedTuple):
    """The difference of two runs."""

    drop: Any
    more: tuple[LimitCount, LimitCount]
    """The counts that may be too high if the true drop is larger."""
    less: tuple[LimitCount, LimitCount]
    """The same if it is smaller."""

    def most(self, alpha: ArrayLike) -> Array:
        """The largest drop that is not rejected at level `alpha`."""
        return np.asarray(np.minimum(1.0, self.drop + distance(self.more, alpha)))

    def least(self, alpha: ArrayLike) -> Array:
        """The smallest drop that is not rejected at level `alpha`."""
        return np.asarray(np.maximum(-1.0, self.drop - distance(self.less, alpha)))


def side(ok: ArrayLike, attempts: ArrayLike, items: ArrayLike) -> _Side:
    """The side of one run.

    Args:
        ok: successes of each cell, the last axis.
        attempts: of each cell.
        items: a number for each cell's item.
    """
    done, n = np.asarray(ok, float), np.asarray(attempts, float)
    share = n.min() / n
    unit = 1 / (n.min() * len(n))
    many = n > 1
    varied = [share[many] ** 2 * within(done[..., many], n[many])] if many.any() else []
    varied += [_together(done[..., cells])[..., None] for cells in _singles(n, np.asarray(items))]
    return _Side(_sum(share * done), _sum(share * (n - done)), _sum(np.concatenate(varied, -1)), unit)


def _singles(attempts: Array, items: Array) -> list[Array]:
    """Pool the cells with one attempt by item; items with only one such cell are pooled together."""
    single = np.flatnonzero(attempts == 1)
    names, counts = np.unique(items[single], return_counts=True)
    alone = np.isin(items[single], names[counts == 1])
    groups = [single[items[single] == name] for name in names[counts > 1]]
    return [*groups, *([single[alone]] if alone.any() else [])]


def _together(ok: Array) -> Array:
    size = ok.shape[-1]
    return within(_sum(ok), size) if size > 1 else np.full(ok.shape[:-1], _COIN)


def apart(before: _Side, after: _Side) -> Apart:
    """The difference from both sides' counts."""
    return Apart(before.rate - after.rate, (after.done, before.failed), (after.failed, before.done))


def apart_by_pairs(lost: ArrayLike, won: ArrayLike, cells: int) -> Apart:
    """The difference from totals of discordant pairs, with one attempt each."""
    minus, plus, unit = np.asarray(lost, float), np.asarray(won, float), 1 / cells
    fewer = [LimitCount(one, one, unit) for one in (plus, minus)]
    further = [LimitCount(np.where(one > 0, np.inf, cells), one, unit) for one in (minus, plus)]
    return Apart((minus - plus) * unit, (further[0], fewer[0]), (further[1], fewer[1]))


class _Compared(NamedTuple):
    """Two runs, and their difference."""

    by_pairs: bool
    """Whether both made one attempt at every cell."""
    was: _Side
    now: _Side
    apart: Apart


def compared(before: ArrayLike, tried: ArrayLike, after: ArrayLike, retried: ArrayLike, items: ArrayLike) -> _Compared:
    """Both runs.

    Args:
        before: successes of each cell, the last axis.
        tried: attempts of each cell.
        after: successes of the candidate.
        retried: attempts of the candidate.
        items: a number for each cell's item.
    """
    was, now = side(before, tried, items), side(after, retried, items)
    if max(np.max(tried), np.max(retried)) > 1:
        return _Compared(False, was, now, apart(was, now))
    gap = np.subtract(before, after)
    lost, won = _sum(np.maximum(gap, 0.0)), _sum(np.maximum(-gap, 0.0))
    each = (lost + won) / 2
    was, now = (one._replace(variance=np.minimum(one.variance, each)) for one in (was, now))
    return _Compared(True, was, now, apart_by_pairs(lost, won, gap.shape[-1]))


@dataclass(frozen=True)
class These(Drop):
    """A drop for exactly these items."""

    was: _Side
    now: _Side
    apart: Apart
    by_pairs: bool
    """Whether both sides made one attempt at every cell."""
    uneven: float
    """The variance of the loss of one random item, in squares of the metric's unit."""

    def p_borne(self, margin: float) -> float:
        borne = _chance(margin - self.apart.drop, self.apart.more)
        return borne if borne < _HALF else 1 - _chance(self.apart.drop - margin, self.apart.less)

    def p_worse(self, margin: float) -> float:
        worse = _chance(self.apart.drop - margin, self.apart.less)
        return worse if worse < _HALF else 1 - _chance(margin - self.apart.drop, self.apart.more)

    def interval(self, alpha: float) -> tuple[float, float]:
        return float(self.apart.least(alpha)), float(self.apart.most(alpha))

    def findable(self, margin: float, alpha: float) -> float | None:
        def detected(true: float) -> bool:
            count = self._as_before().done
            fewer = count.less(true / count.unit)
            after = _expected(self.before - true, fewer.variance, count.unit)
            return _would_decide(self._expected_difference(after, true * true), margin, alpha)

        most = self.before
        return root(detected, margin, most) if most > margin and detected(most) else None

    def findable_items(self, margin: float, alpha: float) -> int | None:
        whole = self._as_before()
        for lost in range(1, self.clusters + 1):
            left = 1 - lost / self.clusters
            after = _expected(left * self.before, left * whole.variance, whole.unit)
            chosen = lost * left * self.uneven
            seen = self._expected_difference(after, self.before - after.rate)
            if seen.drop > margin and _would_decide(seen, margin, alpha, chosen):
                return lost
        return None

    def decides(self, margin: float, alpha: float, times: float) -> bool:
        after = self.now if self.value > 0 else self._as_before()
        if times == 1:
            return _would_decide(self._expected_difference(after, self.value**2), margin, alpha)
        return _would_decide(apart(_repeated(self.was, times), _repeated(after, times)), margin, alpha)

    def _as_before(self) -> _Side:
        """The expected results of the candidate's attempts if nothing changed."""
        return _expected(self.before, self.was.variance * self.was.unit / self.now.unit, self.now.unit)

    def _expected_difference(self, after: _Side, squares: float) -> Apart:
        """The expected results of a candidate, where `squares` is the mean square of the items' losses."""
        if not self.by_pairs:
            return apart(self.was, after)
        cells = 1 / after.unit
        discordant = self.was.variance + after.variance + squares * cells
        drop = (self.before - after.rate) * cells
        return apart_by_pairs((discordant + drop) / 2, max(0.0, discordant - drop) / 2, round(cells))


def these(pairs: Sequence[Pair]) -> These:
    """The drop over all pairs; there must be at least one."""
    names = {name: number for number, name in enumerate(sorted({pair.cluster for pair in pairs}))}
    items = [names[pair.cluster] for pair in pairs]
    before, after = ([fsum(getattr(pair, of)) for pair in pairs] for of in ("before", "after"))
    tried, retried = ([len(getattr(pair, of)) for pair in pairs] for of in ("before", "after"))
    by_pairs, was, now, seen = compared(before, tried, after, retried, items)
    worth: dict[int, list[float]] = defaultdict(list)
    for item, ok, n in zip(items, before, tried, strict=True):
        worth[item].append(ok / n / len(pairs))
    return These(
        before=float(was.rate),
        after=float(now.rate),
        pairs=fsum(pair.weight for pair in pairs),
        clusters=len(names),
        was=was,
        now=now,
        apart=seen,
        by_pairs=by_pairs,
        uneven=variance([fsum(own) for own in worth.values()]) if len(worth) > 1 else 0.0,
    )


def _expected(rate: float, varied: float, unit: float) -> _Side:
    return _Side(rate / unit, (1 - rate) / unit, varied, unit)


def _repeated(side: _Side, times: float) -> _Side:
    """Multiply the attempts; half a success or failure may be missing by chance."""
    return _Side(times * side.well, times * side.badly, times * (side.variance + _COIN), side.unit / times)


def _would_decide(seen: Apart, margin: float, alpha: float, more: float = 0.0) -> bool:
    """Whether the sample decides in four of five runs.

    Args:
        seen: the expected results.
        margin: the tested drop.
        alpha: level of the claim.
        more: variance of the drop in addition to that of the attempts.
    """
    parts = seen.less if seen.drop > margin else seen.more
    varied = [part.variance * part.unit**2 for part in parts]
    error = Z_POWER * sqrt(sum(varied) + more)
    shares = [one / (sum(varied) or 1.0) for one in varied]
    first, second = (part.less(error * share / part.unit) for part, share in zip(parts, shares, strict=True))
    return bool(distance((first, second), alpha) <= abs(seen.drop - margin) - error)


def _chance(gap: float, parts: tuple[LimitCount, LimitCount]) -> float:
    """The p value for a result at this distance from the tested drop; one half at no distance."""
    if gap <= 0 or distance(parts, _HALF) > gap:
        return _HALF
    low, high = 0.0, 1.0
    while high < _FAR and distance(parts, ndtr(-high)) <= gap:
        low, high = high, 2 * high
    for _ in range(36):
        middle = (low + high) / 2
        low, high = (middle, high) if distance(parts, ndtr(-middle)) <= gap else (low, middle)
    return float(ndtr(-low))


def _sum(values: Array) -> Array:
    """Sum in an order that does not depend on the order of the items."""
    return np.asarray(np.sort(values, -1).sum(-1))
