"""The test of whether a rate reaches a floor, independent of the baseline.

Of these items: attempts are independent draws with unlike chances, and their sum strays less than a binomial one of the
same mean (W. Hoeffding, "On the distribution of the number of successes in independent trials", Annals of Mathematical
Statistics 27, 1956). Items count alike. Where they were not tried equally often, each counts as if it had been tried as
often as the one that was tried least, so that no more is claimed than was seen. Of all items like these: with the
intervals of clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

from toolworthy.judgement.gate.paired import Pair
from toolworthy.records.gate import About
from toolworthy.statistics.intervals import Estimate, clustered, exact, worth


@dataclass(frozen=True)
class Reached:
    """A rate with its effective sample size."""

    estimate: Estimate
    draws: float
    """The effective sample size."""

    def p_borne(self, floor: float) -> float:
        """The p-value of so high a rate if the true one were `floor`, which is above 0."""
        from scipy.special import betainc  # type: ignore[import-untyped]

        ok = self.estimate.value * self.draws
        return float(betainc(ok, self.draws - ok + 1, floor)) if ok > 1e-9 else 1.0

    def best(self, floor: float) -> float:
        """The ``p_borne`` of a perfect result with the same effective sample size."""
        return float(floor**self.draws)

    def p_worse(self, floor: float) -> float:
        """The p-value of so low a rate if the true one were `floor`."""
        from scipy.special import betainc

        ok = self.estimate.value * self.draws
        return float(betainc(self.draws - ok, ok + 1, 1 - floor)) if self.draws - ok > 1e-9 else 1.0


def reached(pairs: Sequence[Pair], about: About) -> Reached:
    """The candidate's rate over all pairs; there must be at least one."""
    if about == "these":
        value = fsum(sorted(fsum(sorted(pair.after)) / len(pair.after) for pair in pairs)) / len(pairs)
        value, draws = round(value, 12), len(pairs) * min(len(pair.after) for pair in pairs)
        attempts = sum(len(pair.after) for pair in pairs)
        return Reached(Estimate(value, *exact(value * draws, draws), attempts, len(pairs)), draws)
    values = [(pair.cluster, value) for pair in pairs for value in pair.after]
    estimate = clustered(values)
    assert estimate is not None
    return Reached(estimate, worth(values)[1])
