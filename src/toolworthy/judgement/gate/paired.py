"""Paired samples, and the interface of the drop between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import fsum


@dataclass(frozen=True)
class Pair:
    """One item with one agent, in both runs."""

    cluster: str
    """The item: its agents and attempts share what makes it easy or hard."""
    before: tuple[float, ...]
    """Values between 0 and 1, one per attempt."""
    after: tuple[float, ...]
    before_missing: int = 0
    """Attempts without a value, for reasons that say nothing about the model."""
    after_missing: int = 0

    def filled(self, against: bool) -> Pair:
        """The pair with its missing attempts filled in, as badly for the candidate as possible, or as well."""
        before, after = (1.0, 0.0) if against else (0.0, 1.0)
        return Pair(
            self.cluster,
            self.before + (before,) * self.before_missing,
            self.after + (after,) * self.after_missing,
        )

    @property
    def weight(self) -> float:
        """The number of pairs of attempts: the smaller side's."""
        return float(min(len(self.before), len(self.after)))

    @property
    def lost(self) -> float:
        """The mean amount by which an attempt before is better than one after."""
        return _beyond(self.before, self.after)

    @property
    def won(self) -> float:
        """The mean amount by which an attempt after is better than one before."""
        return _beyond(self.after, self.before)


def _beyond(first: Sequence[float], second: Sequence[float]) -> float:
    """The mean excess of the first over all pairs of values; independent of their order."""
    lower = sorted(second)
    below = list(accumulate(lower, initial=0.0))
    gaps = (value * (n := bisect_left(lower, value)) - below[n] for value in first)
    return fsum(gaps) / (len(first) * len(second))


@dataclass(frozen=True)
class Drop(ABC):
    """How much worse the second sample is, with tests."""

    before: float
    after: float
    pairs: float
    """The number of pairs of attempts."""
    clusters: int
    """The number of items."""

    @property
    def value(self) -> float:
        """The drop, in the metric's unit."""
        return self.before - self.after

    @abstractmethod
    def p_borne(self, margin: float) -> float:
        """The p-value of a result at least as good if the true drop were `margin`: a small one means that the drop is
        smaller."""

    @abstractmethod
    def p_worse(self, margin: float) -> float:
        """The p-value of a result at least as bad if the true drop were `margin`: a small one means that the drop is
        larger."""

    @abstractmethod
    def interval(self, alpha: float) -> tuple[float, float]:
        """The drops that neither test, each at level `alpha`, rejects."""

    @abstractmethod
    def findable(self, margin: float, alpha: float) -> float | None:
        """The minimum detectable drop beyond `margin` (80 % power), spread evenly over the items; None if there is
        none."""

    @abstractmethod
    def findable_items(self, margin: float, alpha: float) -> int | None:
        """The same as a number of items that are lost entirely, with the others unchanged."""

    @abstractmethod
    def decides(self, margin: float, alpha: float, times: float) -> bool:
        """Whether `times` as many attempts would decide with 80 % power, if the measured values are the true ones.

        A candidate is never assumed to be better than the baseline: after a lucky first analysis, that would suggest
        too few attempts.
        """


def root(beyond: Callable[[float], bool], low: float, high: float) -> float:
    """The point from which on a condition holds, by bisection; an end of the range if it does not change in between."""
    if beyond(low):
        return low
    if not beyond(high):
        return high
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2
