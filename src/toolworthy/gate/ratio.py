"""Does the candidate cost more? Ratios of two samples, paired by item and agent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from toolworthy.gate.paired import Pair


@dataclass(frozen=True)
class Ratio:
    """A geometric mean of ratios over items, with the spread of its logarithm."""

    before: float
    """Mean, in the metric's unit."""
    after: float
    log_mean: float
    log_error: float
    clusters: int

    @property
    def value(self) -> float:
        """After by before."""
        return exp(self.log_mean)

    def p_borne(self, limit: float) -> float:
        """Chance of so small a ratio if the true one were `limit`."""
        return self._tail(log(limit) - self.log_mean)

    def p_worse(self, limit: float) -> float:
        """Chance of so large a ratio if the true one were `limit`."""
        return self._tail(self.log_mean - log(limit))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Ratios that either test, each at level `alpha`, does not refuse."""
        from scipy.special import stdtrit  # type: ignore[import-untyped]

        half = float(stdtrit(max(1, self.clusters - 1), 1 - alpha)) * self.log_error
        return exp(self.log_mean - half), exp(self.log_mean + half)

    def _tail(self, gap: float) -> float:
        from scipy.special import stdtr

        return float(stdtr(max(1, self.clusters - 1), -gap / max(self.log_error, 1e-9)))


def ratio(pairs: Sequence[Pair]) -> Ratio | None:
    """The ratio over all pairs; None where fewer than two items tell it."""
    groups: dict[str, list[float]] = defaultdict(list)
    told: list[tuple[float, float]] = []
    for pair in pairs:
        before, after = sum(pair.before) / len(pair.before), sum(pair.after) / len(pair.after)
        if before > 0 and after > 0:
            groups[pair.cluster].append(log(after / before))
            told.append((before, after))
    if len(groups) < 2:
        return None
    means = [sum(own) / len(own) for own in groups.values()]
    mean = sum(means) / len(means)
    variance = sum((value - mean) ** 2 for value in means) / (len(means) - 1)
    return Ratio(
        sum(before for before, _ in told) / len(told),
        sum(after for _, after in told) / len(told),
        mean,
        sqrt(variance / len(means)),
        len(means),
    )
