"""Pairs of samples, and what is asked of the drop between them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import fsum


@dataclass(frozen=True)
class Pair:
    """One item in the hands of one agent, in both runs."""

    cluster: str
    """The item: its agents and attempts share what makes it easy or hard."""
    before: tuple[float, ...]
    """Values between 0 and 1, one an attempt."""
    after: tuple[float, ...]
    before_missing: int = 0
    """Attempts that gave no value for a reason that says nothing about the model."""
    after_missing: int = 0

    def filled(self, against: bool) -> Pair:
        """As if every missing attempt had gone as badly for the candidate as can be, or else as well."""
        before, after = (1.0, 0.0) if against else (0.0, 1.0)
        return Pair(
            self.cluster,
            self.before + (before,) * self.before_missing,
            self.after + (after,) * self.after_missing,
        )

    @property
    def weight(self) -> float:
        """Attempts, as pairs: those of the side that made fewer."""
        return float(min(len(self.before), len(self.after)))

    @property
    def lost(self) -> float:
        """Chance that an attempt before is better than one after, times how much."""
        return _beyond(self.before, self.after)

    @property
    def won(self) -> float:
        """The other way round."""
        return _beyond(self.after, self.before)


def _beyond(first: Sequence[float], second: Sequence[float]) -> float:
    """Mean over all pairs of by how much the first is more; the same in whatever order the values come."""
    lower = sorted(second)
    below = list(accumulate(lower, initial=0.0))
    gaps = (value * (n := bisect_left(lower, value)) - below[n] for value in first)
    return fsum(gaps) / (len(first) * len(second))


@dataclass(frozen=True)
class Drop(ABC):
    """How much worse the second sample is, and what can be claimed of it."""

    before: float
    after: float
    pairs: float
    """Attempts, as pairs."""
    clusters: int
    """Items."""

    @property
    def value(self) -> float:
        """The drop, in the metric's unit."""
        return self.before - self.after

    @abstractmethod
    def p_borne(self, margin: float) -> float:
        """Chance of a result as good as this one if the true drop were `margin`: small says that it is less."""

    @abstractmethod
    def p_worse(self, margin: float) -> float:
        """Chance of a result as bad as this one if the true drop were `margin`: small says that it is more."""

    @abstractmethod
    def interval(self, alpha: float) -> tuple[float, float]:
        """Drops that either test, each at level `alpha`, does not refuse."""

    @abstractmethod
    def findable(self, margin: float, alpha: float) -> float | None:
        """The smallest drop, spread evenly over the items, that would be shown to be beyond `margin` in four of five
        runs like this one; None if none would."""

    @abstractmethod
    def findable_items(self, margin: float, alpha: float) -> int | None:
        """How many items that are right no more, the others being as they were, would show the same."""

    @abstractmethod
    def decides(self, margin: float, alpha: float, times: float) -> bool:
        """Whether `times` as many attempts would decide in four of five runs, if what was seen is the truth.

        Save that no candidate is taken to be better than what there is: a lucky first look would ask for too few.
        """


def root(beyond: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that holds from some point on begins to, by halving; an end where it does nowhere between."""
    if beyond(low):
        return low
    if not beyond(high):
        return high
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2
