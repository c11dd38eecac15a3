"""Is a rate worse by more than a margin? Two samples, paired by item and agent, with clusters.

Attempts of one item, and one item in several agents' hands, are one cluster. The arithmetic is in ``tango``; here
are its inputs, and what a sample of another size would find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from toolworthy.gate import tango

About = Literal["these", "like-these"]
"""What a drop is claimed of: the very items that were run, or all items like these, of which they are a sample."""
POWER = 0.8
"""How sure one wants to be to find what is said to be findable."""
_Z_POWER = 0.8416212335729143


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
    size: float = 1.0
    """Pairs in a cluster, as if all were alike."""
    correlation: float = 0.0
    """Of pairs within a cluster, as it was seen."""

    @property
    def value(self) -> float:
        """The drop, in the metric's unit."""
        return self.before - self.after

    def p_borne(self, margin: float) -> float:
        """Chance of a result as good as this one if the true drop were `margin`: small says that it is less."""
        return float(tango.p_borne(self.worth, self.lost / self.worth, self.won / self.worth, self.clusters, margin))

    def p_worse(self, margin: float) -> float:
        """Chance of a result as bad as this one if the true drop were `margin`: small says that it is more."""
        return float(tango.p_worse(self.worth, self.lost / self.worth, self.won / self.worth, self.clusters, margin))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Drops that either test, each at level `alpha`, does not refuse."""
        low = _root(lambda drop: self.p_worse(drop) > alpha, -1.0, self.value)
        high = _root(lambda drop: self.p_borne(drop) <= alpha, self.value, 1.0)
        return low, high

    def findable(self, margin: float, alpha: float) -> float | None:
        """The smallest drop that a sample like this one would show to be beyond `margin` in four of five runs."""

        def found(true: float) -> bool:
            lost, won = self._shifted(true)
            return self._shown(lost, won, margin, alpha, 1.0)

        most = min(1.0, max(self.before, margin))
        return _root(found, margin, most) if found(most) else None

    def decides(self, margin: float, alpha: float, times: float) -> bool:
        """Whether `times` as many attempts would decide in four of five runs, if what was seen is the truth.

        Save that no candidate is taken to be better than what there is: a lucky first look would ask for too few.
        """
        lost, won = self._shifted(max(0.0, self.value))
        return self._shown(lost, won, margin, alpha, times)

    def _shifted(self, true: float) -> tuple[float, float]:
        """Shares lost and won if the drop were `true`. Half a pair is added: what was not seen may still be.

        Who succeeds less often wins less often, too.
        """
        less = (self.before - true) / self.after if self.after > 0 else 1.0
        won = (self.won + 0.5) / (self.worth + 1) * min(1.0, max(0.0, less))
        won = max(won, -true)
        return min(1 - won, won + true), won

    def _shown(self, lost: float, won: float, margin: float, alpha: float, times: float) -> bool:
        """Whether chance that is unkind once in five runs leaves a sample that decides."""
        n = float(tango.worth(self.pairs * times, tango.Seen(lost, won, self.size * times, self.correlation)))
        value = lost - won
        error = _Z_POWER * sqrt(max(0.0, lost + won - value * value) / n)
        if value > margin:
            moved = min(error, lost)
            p = tango.p_worse(n, lost - moved, min(1.0, won + error - moved), self.clusters, margin)
        else:
            p = tango.p_borne(n, min(1 - won, lost + error), won, self.clusters, margin)
        return bool(p <= alpha)


def drop(pairs: Sequence[Pair], about: About = "these") -> Drop | None:
    """The drop over all pairs; None where there are none."""
    if not pairs:
        return None
    groups: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    n = before = 0.0
    for pair in pairs:
        weight = pair.weight
        groups[pair.cluster].append((weight, weight * pair.lost, weight * pair.won))
        n += weight
        before += weight * sum(pair.before) / len(pair.before)
    sizes, minus, plus = zip(
        *([sum(column) for column in zip(*rows, strict=True)] for rows in groups.values()), strict=True
    )
    seen = tango.seen(sizes, minus, plus)
    before /= n
    worth, lost, won = float(tango.worth(n, seen)), float(seen.lost), float(seen.won)
    size, correlation = float(seen.size), float(seen.correlation)
    return Drop(before, before - (lost - won), n, len(groups), lost * worth, won * worth, worth, size, correlation)


def _root(beyond: Callable[[float], bool], low: float, high: float) -> float:
    """Where a condition that holds from some point on begins to, by halving; an end where it does nowhere between."""
    if beyond(low):
        return low
    if not beyond(high):
        return high
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (low, middle) if beyond(middle) else (middle, high)
    return (low + high) / 2
