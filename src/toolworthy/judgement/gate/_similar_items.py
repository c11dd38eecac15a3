"""The drop of a rate over all similar items: two samples, paired, with clusters.

Attempts of one item, and one item in several agents' hands, are one cluster. The arithmetic is in ``tango``; here
are its inputs, and what a sample of another size would find.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import variance

from toolworthy.judgement.gate import score_test as tango
from toolworthy.judgement.gate.paired import Drop, Pair, root
from toolworthy.statistics.intervals import Z_POWER


@dataclass(frozen=True)
class Alike(Drop):
    """A drop over all similar items."""

    seen: tango.PairShares
    uneven: float = 0.0
    """Variance of what the loss of one item, drawn by chance, would cost; in squares of the metric's unit."""

    def p_borne(self, margin: float) -> float:
        n = self._effective_pairs(changed=margin <= 0)
        return float(tango.p_borne(n, self.seen.lost, self.seen.won, self.clusters, margin))

    def p_worse(self, margin: float) -> float:
        n = self._effective_pairs(changed=margin >= 0)
        return float(tango.p_worse(n, self.seen.lost, self.seen.won, self.clusters, margin))

    def _effective_pairs(self, changed: bool) -> float:
        """Independent pairs that the sample is worth to a claim that something changed, or that nothing did."""
        if changed:
            return float(tango.pairs_for_change(self.pairs, self.seen))
        return float(tango.pairs_for_no_change(self.pairs, self.seen, self.clusters))

    def interval(self, alpha: float) -> tuple[float, float]:
        low = root(lambda drop: self.p_worse(drop) > alpha, -1.0, self.value)
        high = root(lambda drop: self.p_borne(drop) <= alpha, self.value, 1.0)
        return low, high

    def findable(self, margin: float, alpha: float) -> float | None:
        def detected(true: float) -> bool:
            lost, won = self._shifted(true)
            return self._would_decide(lost, won, margin, alpha)

        most = min(1.0, max(self.before, margin))
        return root(detected, margin, most) if detected(most) else None

    def findable_items(self, margin: float, alpha: float) -> int | None:
        for lost in range(1, self.clusters + 1):
            true = self.before * lost / self.clusters
            if true > margin and self._would_decide(*self._shifted(true), margin, alpha, lost_items=lost):
                return lost
        return None

    def decides(self, margin: float, alpha: float, times: float) -> bool:
        lost, won = self._shifted(max(0.0, self.value))
        return self._would_decide(lost, won, margin, alpha, times=times)

    def _shifted(self, true: float) -> tuple[float, float]:
        """Shares lost and won if the drop were `true`. Half a pair is added: what was not seen may still be.

        Who succeeds less often wins less often, too.
        """
        less = (self.before - true) / self.after if self.after > 0 else 1.0
        n = self._effective_pairs(changed=True)
        won = (n * self.seen.won + 0.5) / (n + 1) * min(1.0, max(0.0, less))
        won = max(won, -true)
        return min(1 - won, won + true), won

    def _would_decide(
        self, lost: float, won: float, margin: float, alpha: float, times: float = 1.0, lost_items: int = 0
    ) -> bool:
        """Whether chance that is unkind once in five runs leaves a sample that decides.

        With `lost_items` whole ones are lost: their pairs go together, and chance is in which ones, and in the others.
        """
        seen = tango.PairShares(lost, won, self.seen.size * times, 1.0 if lost_items else self.seen.correlation)
        pairs, value = self.pairs * times, lost - won
        fails = value > margin
        n = float(
            tango.pairs_for_change(pairs, seen) if fails else tango.pairs_for_no_change(pairs, seen, self.clusters)
        )
        varied = (lost + won - value * value) / n
        if lost_items:
            varied = 2 * won / self.pairs + lost_items * (1 - lost_items / self.clusters) * self.uneven
        error = Z_POWER * sqrt(max(0.0, varied))
        if fails:
            moved = min(error, lost)
            p = tango.p_worse(n, lost - moved, min(1.0, won + error - moved), self.clusters, margin)
        else:
            p = tango.p_borne(n, min(1 - won, lost + error), won, self.clusters, margin)
        return bool(p <= alpha)


def alike(pairs: Sequence[Pair]) -> Alike:
    """The drop over all pairs; there must be at least one."""
    groups: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for pair in pairs:
        shares = (1.0, pair.lost, pair.won, fsum(pair.before) / len(pair.before))
        groups[pair.cluster].append(tuple(pair.weight * share for share in shares))
    sizes, minus, plus, right = zip(
        *sorted(tuple(map(fsum, zip(*own, strict=True))) for own in groups.values()), strict=True
    )
    n = fsum(sizes)
    before = fsum(right) / n
    seen = tango.PairShares(*map(float, tango.seen(sizes, minus, plus)))
    uneven = variance(one / n for one in right) if len(right) > 1 else 0.0
    return Alike(before, before - (seen.lost - seen.won), n, len(groups), seen, uneven)
