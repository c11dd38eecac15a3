"""The ratio of two total costs, with equal weight for every item and agent.

A bill is a sum, and a few outliers can be most of it. So the test is of arithmetic means; its spread is that of
the attempts, or of the items where an item has one attempt only; and whoever could be wrong about attempts that did not
show up says nothing:

* the mean is taken to miss two more attempts like the dearest one, as Poisson's upper limit does of rare events, at
  the item that it hit or at one of usual size;
* Student's t has as few degrees of freedom as there are attempts that make up the spread (from its kurtosis);
* at level alpha, an outlier in one of ten attempts must have had the chance to show, and the sum must be carried by so
  many attempts (Kish) that a share of one fifth would have shown.

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
"""Share of attempts whose outliers must have had the chance to show; also what a tail may hold."""
_CARRIED = 0.2
"""The same, of attempts that carry the sum."""
_AGAIN = 2.0
"""How many more attempts like the dearest one are taken to be missing."""
_POWER = 1.1
"""Errors of the sum that four runs of five stay below, somewhat more than the normal 0.84: the spread varies, too."""
_MOST = 1e4
_STEPS = 30


@dataclass(frozen=True)
class _Noise:
    variance: float
    """Of the sum after less `limit` times the sum before."""
    freedom: float
    dear_after: float
    """What the dearest attempt adds to the sum."""
    dear_before: float


@dataclass(frozen=True)
class _Side:
    """All attempts of one run."""

    sum: float
    """Of the means of all cells."""
    attempts: int
    worth: float
    """Attempts, where each counts for as much as its cell lets it."""
    carried: float
    """How many attempts of one size would make up the sum as evenly (Kish)."""
    square: float
    """Sum of squared deviations, each as it counts in the sum."""
    fourth: float
    free: int
    dearest: float


@dataclass(frozen=True)
class Bill:
    """Two sums of costs, in the metric's unit."""

    first: _Side
    then: _Side
    groups: tuple[tuple[float, float], ...]
    """Sums of each item (or cell), before and after, if the spread is that of items; empty if it is of attempts."""
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
        """Chance of so small a ratio if the true one were `limit`."""
        noise = self._noise(limit)
        return max(_p(limit * self.first.sum - self.then.sum, noise, noise.dear_after), _unshown(self.then))

    def p_worse(self, limit: float) -> float:
        """Chance of so large a ratio if the true one were `limit`."""
        noise = self._noise(limit)
        return max(_p(self.then.sum - limit * self.first.sum, noise, noise.dear_before), _unshown(self.first))

    def unseen(self, alpha: float) -> tuple[float, float]:
        """Shares of attempts up to which outliers would not have shown, before and after: no claim is about them."""
        before, after = (1 - alpha ** (1 / side.carried) for side in (self.first, self.then))
        return before, after

    def interval(self, alpha: float) -> tuple[float, float]:
        """Ratios that either test, each at level `alpha`, does not refuse; 0 or infinity if nothing is refused."""
        value = max(self.value, 1 / _MOST)
        low = _edge(lambda times: self.p_worse(value / times) <= alpha)
        high = _edge(lambda times: self.p_borne(value * times) <= alpha)
        return value / low, value * high

    def findable(self, limit: float, alpha: float) -> float | None:
        """The ratio that a sample like this one would show to be beyond `limit` in four of five runs."""

        def detected(times: float) -> bool:
            dearer = self._scaled(limit * times / self.value)
            noise = dearer._noise(limit)
            gap = dearer.then.sum - limit * self.first.sum - _POWER * sqrt(noise.variance)
            return bool(max(_p(gap, noise, noise.dear_before), _unshown(self.first)) <= alpha)

        times = _edge(detected)
        return None if times == inf else limit * times

    def decides(self, limit: float, alpha: float, times: float) -> bool:
        """Whether `times` as many attempts would decide in four of five runs, if what was seen is the truth."""
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
        """Share of the variance that more attempts would lessen; all of it if that is unknown."""
        if not self.groups or not (self.first.free and self.then.free and noise.variance):
            return 1.0
        return min(1.0, (self.then.square + limit**2 * self.first.square) / noise.variance)

    def _scaled(self, times: float) -> Bill:
        """As if every attempt after had cost `times` as much."""
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
    """The ratio over all pairs; None if the baseline cost nothing, or the spread comes from a single item."""
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
        """Chance of so few if `RARE` of all attempts did: exact (Hoeffding: unlike chances only make it smaller)."""
        return float(bdtr(self.beyond, self.attempts, RARE))

    def p_worse(self) -> float:
        """Chance of so many."""
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
    """Each value's from the mean of its cell, as it counts in the sum."""
    mean, counts = _mean(own), sqrt(len(own) * (len(own) - 1))
    return [(value - mean) / counts for value in own]


def _dearest(own: Sequence[float], usual: float) -> float:
    """What the dearest attempt of a cell adds to the sum: here, or in a cell of the `usual` size, whichever is more."""
    top = max(own)
    others = (fsum(own) - top) / (len(own) - 1)
    return max((top - others) / len(own), (top / others - 1) * usual / len(own) if others > 0 else 0.0)


def _beyond(sides: Iterable[tuple[float, float]]) -> float:
    """The farthest that one side's item is beyond the other's, in times of it, taken to an item of usual size."""
    sums = list(sides)
    usual = fsum(other for _, other in sums) / len(sums)
    return max((total / other - 1) * usual for total, other in sums if other > 0)


def _unshown(side: _Side) -> float:
    """Chance that outliers which decide the sum did not show."""
    return float(max((1 - RARE) ** side.worth, (1 - _CARRIED) ** side.carried))


def _freedom(square: float, fourth: float, free: int, count: int) -> float:
    """Degrees of freedom of a variance whose deviations have this kurtosis, at most `free`."""
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
    """The smallest factor from 1 up at which a condition begins to hold, by halving its logarithm; or infinity."""
    if not holds(_MOST):
        return inf
    low, high = 0.0, log(_MOST)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(exp(middle)) else (middle, high)
    return exp(high)


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
