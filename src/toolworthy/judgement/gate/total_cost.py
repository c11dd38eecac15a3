"""The ratio of two total costs, with equal weight for every item and agent.

A bill is a sum, and a few outliers can make up most of it. So the test compares arithmetic means. Its variance is that
of the attempts, or of the items if these have only one attempt each. Where rare attempts that are missing from the
sample could change the result, there is no claim:

* the test assumes that two more attempts like the dearest one are missing, as in Poisson's upper limit for rare events,
  at the same item or at one of usual size;
* Student's t has as many degrees of freedom as there are attempts that make up the variance (from the kurtosis);
* the sample must be large enough to contain, at level alpha, outliers that occur in one of ten attempts, and the sum
  must come from enough attempts (Kish's effective size) to contain those of one in five.

Rarer outliers cannot be excluded by any number of attempts; `Bill.unseen` says how rare. Calibrated with
``benchmarks/costs.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp, fsum, inf, log, sqrt

from scipy.special import bdtr, bdtrc, stdtr  # type: ignore[import-untyped]

from toolworthy.judgement.gate.paired import Pair
from toolworthy.records.gate import About

RARE = 0.1
"""The rarest outliers that a sample must be large enough to contain, as a share of attempts; also the accepted tail."""
_CARRIED = 0.2
"""The same, among the effective number of attempts in the sum."""
_AGAIN = 2.0
"""The number of attempts like the dearest one that are assumed to be missing."""
_POWER = 1.1
"""Standard errors that the sum exceeds in one of five runs: above the normal 0.84, since the variance varies, too."""
_MOST = 1e4
_STEPS = 30


@dataclass(frozen=True)
class _Noise:
    variance: float
    """Of the sum after minus `limit` times the sum before."""
    freedom: float
    dear_after: float
    """The largest contribution of one attempt to the sum."""
    dear_before: float


@dataclass(frozen=True)
class _Side:
    """All attempts of one run."""

    sum: float
    """Of the means of all cells."""
    attempts: int
    worth: float
    """The number of attempts, weighted by cell."""
    carried: float
    """The effective number of attempts in the sum (Kish)."""
    square: float
    """Sum of squared deviations, weighted as in the sum."""
    fourth: float
    free: int
    dearest: float


@dataclass(frozen=True)
class Bill:
    """Two sums of costs, in the metric's unit."""

    first: _Side
    then: _Side
    groups: tuple[tuple[float, float], ...]
    """Sums of each item (or cell), before and after, if items determine the variance; empty if attempts do."""
    clusters: int
    cells: int

    @property
    def before(self) -> float:
        """Of an attempt, on average over cells."""
        return self.first.sum / self.cells

    @property
    def after(self) -> float:
        """Of an attempt, on average over cells."""
        return self.then.sum / self.cells

    @property
    def value(self) -> float:
        """The candidate's total divided by the baseline's."""
        return self.then.sum / self.first.sum

    def p_borne(self, limit: float) -> float:
        """The p value for so small a ratio at a true ratio of `limit`."""
        noise = self._noise(limit)
        return max(_p(limit * self.first.sum - self.then.sum, noise, noise.dear_after), _unshown(self.then))

    def p_worse(self, limit: float) -> float:
        """The p value for so large a ratio at a true ratio of `limit`."""
        noise = self._noise(limit)
        return max(_p(self.then.sum - limit * self.first.sum, noise, noise.dear_before), _unshown(self.first))

    def unseen(self, alpha: float) -> tuple[float, float]:
        """The shares below which outliers may be missing from the samples, before and after: no claim covers them."""
        before, after = (1 - alpha ** (1 / side.carried) for side in (self.first, self.then))
        return before, after

    def interval(self, alpha: float) -> tuple[float, float]:
        """The ratios that neither test rejects at level `alpha`; 0 or infinity if a test rejects none."""
        value = max(self.value, 1 / _MOST)
        low = _edge(lambda times: self.p_worse(value / times) <= alpha)
        high = _edge(lambda times: self.p_borne(value * times) <= alpha)
        return value / low, value * high

    def findable(self, limit: float, alpha: float) -> float | None:
        """The ratio that a sample like this one detects to be beyond `limit` in four of five runs."""

        def detected(times: float) -> bool:
            dearer = self._scaled(limit * times / self.value)
            noise = dearer._noise(limit)
            gap = dearer.then.sum - limit * self.first.sum - _POWER * sqrt(noise.variance)
            return bool(max(_p(gap, noise, noise.dear_before), _unshown(self.first)) <= alpha)

        times = _edge(detected)
        return None if times == inf else limit * times

    def decides(self, limit: float, alpha: float, times: float) -> bool:
        """Whether `times` as many attempts would decide in four of five runs, if the observed values are true."""
        noise = self._noise(limit)
        share = self._of_attempts(limit, noise)
        variance = noise.variance * (share / times + 1 - share)
        more = replace(noise, variance=variance, freedom=noise.freedom * (times if share == 1 else 1))
        gap = abs(self.then.sum - limit * self.first.sum) - _POWER * sqrt(variance)
        side, dear = (self.then, noise.dear_after) if self.value < limit else (self.first, noise.dear_before)
        return bool(max(_p(gap, more, dear / times), _unshown(side) ** times) <= alpha)

    def _noise(self, limit: float) -> _Noise:
        return self._of_items(limit) if self.groups else self._within(limit)

    def _within(self, limit: float) -> _Noise:
        first, then = self.first, self.then
        square = then.square + limit**2 * first.square
        fourth = then.fourth + limit**4 * first.fourth
        free, count = first.free + then.free, first.attempts + then.attempts
        return _Noise(square, _freedom(square, fourth, free, count), then.dearest, limit * first.dearest)

    def _of_items(self, limit: float) -> _Noise:
        n = len(self.groups)
        gaps = [after - limit * before for before, after in self.groups]
        mean = fsum(gaps) / n
        moved = [gap - mean for gap in gaps]
        square = fsum(gap**2 for gap in moved) * n / (n - 1)
        fourth = fsum(gap**4 for gap in moved) * (n / (n - 1)) ** 2
        dear_after = max(max(moved), _beyond((after, limit * before) for before, after in self.groups))
        dear_before = max(-min(moved), _beyond((limit * before, after) for before, after in self.groups))
        return _Noise(square, _freedom(square, fourth, n - 1, n), dear_after, dear_before)

    def _of_attempts(self, limit: float, noise: _Noise) -> float:
        """The share of the variance that more attempts would reduce; all of it if unknown."""
        if not self.groups or not (self.first.free and self.then.free and noise.variance):
            return 1.0
        return min(1.0, (self.then.square + limit**2 * self.first.square) / noise.variance)

    def _scaled(self, times: float) -> Bill:
        """The bill if every attempt after had cost `times` as much."""
        then = self.then
        dearer = replace(
            then,
            sum=then.sum * times,
            square=then.square * times**2,
            fourth=then.fourth * times**4,
            dearest=then.dearest * times,
        )
        return replace(self, then=dearer, groups=tuple((before, after * times) for before, after in self.groups))


def bill(pairs: Sequence[Pair], about: About = "these") -> Bill | None:
    """The ratio over all pairs; None if the baseline cost nothing, or a single item determines the variance."""
    first, then = (_side([getattr(pair, side) for pair in pairs]) for side in ("before", "after"))
    if not first.sum:
        return None
    groups: dict[object, list[tuple[float, float]]] = defaultdict(list)
    alone = any(len(side) < 2 for pair in pairs for side in (pair.before, pair.after))
    if alone or about == "like-these":
        for index, pair in enumerate(pairs):
            groups[pair.cluster if about == "like-these" else index].append((_mean(pair.before), _mean(pair.after)))
        if len(groups) < 2:
            return None
    sums = tuple(sorted((fsum(was for was, _ in own), fsum(now for _, now in own)) for own in groups.values()))
    return Bill(first, then, sums, len({pair.cluster for pair in pairs}), len(pairs))


@dataclass(frozen=True)
class Tail:
    """How many attempts cost more than a multiple of the item's average in the baseline."""

    beyond: int
    attempts: int

    def p_borne(self) -> float:
        """The exact p value for so few if a share `RARE` of attempts did (Hoeffding: unequal rates only lower it)."""
        return float(bdtr(self.beyond, self.attempts, RARE))

    def p_worse(self) -> float:
        """The p value for so many."""
        return float(bdtrc(self.beyond - 1, self.attempts, RARE)) if self.beyond else 1.0


def tail(pairs: Sequence[Pair], limit: float) -> Tail:
    """The candidate's attempts beyond `limit` times the baseline's mean of the same item and agent, as measured."""
    bounds = [limit * _mean(pair.before) for pair in pairs]
    beyond = sum(value > bound for pair, bound in zip(pairs, bounds, strict=True) for value in pair.after)
    return Tail(beyond, sum(len(pair.after) for pair in pairs))


def _side(cells: Sequence[Sequence[float]]) -> _Side:
    parts = [value / len(own) for own in cells for value in own]
    deviations = [gap for own in cells if len(own) > 1 for gap in _deviations(own)]
    squares = fsum(part**2 for part in parts)
    total = fsum(parts)
    return _Side(
        sum=total,
        attempts=len(parts),
        worth=len(cells) ** 2 / fsum(1 / len(own) for own in cells) if cells else 0.0,
        carried=total**2 / squares if squares else len(parts),
        square=fsum(gap**2 for gap in deviations),
        fourth=fsum(gap**4 for gap in deviations),
        free=sum(len(own) - 1 for own in cells),
        dearest=max((_dearest(own, total / len(cells)) for own in cells if len(own) > 1), default=0.0),
    )


def _deviations(own: Sequence[float]) -> list[float]:
    """Each value's deviation from the mean of its cell, weighted as in the sum."""
    mean, counts = _mean(own), sqrt(len(own) * (len(own) - 1))
    return [(value - mean) / counts for value in own]


def _dearest(own: Sequence[float], usual: float) -> float:
    """The largest contribution of an attempt of a cell: here, or in a cell of the `usual` size, whichever is larger."""
    top = max(own)
    others = (fsum(own) - top) / (len(own) - 1)
    return max((top - others) / len(own), (top / others - 1) * usual / len(own) if others > 0 else 0.0)


def _beyond(sides: Iterable[tuple[float, float]]) -> float:
    """The largest relative excess of one side's item over the other's, times the usual size of an item."""
    sums = list(sides)
    usual = fsum(other for _, other in sums) / len(sums)
    return max((total / other - 1) * usual for total, other in sums if other > 0)


def _unshown(side: _Side) -> float:
    """The probability that the sample missed outliers that decide the sum."""
    return float(max((1 - RARE) ** side.worth, (1 - _CARRIED) ** side.carried))


def _freedom(square: float, fourth: float, free: int, count: int) -> float:
    """The degrees of freedom of a variance whose deviations have this kurtosis, at most `free`."""
    if not fourth:
        return float(free)
    makers = square**2 / fourth * free / count
    return free if makers >= free else min(free, 2 * makers / (1 - makers / free))


def _p(gap: float, noise: _Noise, dearest: float) -> float:
    """The level at which `gap` just suffices: gap = t·spread + AGAIN·(t² + 2)/3·dearest, solved for t."""
    curve, spread = _AGAIN * dearest / 3, sqrt(noise.variance)
    rest = gap - 2 * curve
    root = sqrt(max(0.0, spread**2 + 4 * curve * rest))
    t = 2 * rest / (spread + root) if spread + root else inf if rest > 0 else -inf
    return float(stdtr(noise.freedom, -t))


def _edge(holds: Callable[[float], bool]) -> float:
    """The smallest factor of at least 1 that satisfies a condition, by bisection of its logarithm; or infinity."""
    if not holds(_MOST):
        return inf
    low, high = 0.0, log(_MOST)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(exp(middle)) else (middle, high)
    return exp(high)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
