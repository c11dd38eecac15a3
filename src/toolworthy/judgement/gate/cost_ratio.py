"""The ratio of typical costs of two samples, paired by item and agent; ``total_cost`` compares the sums.

What is compared is a typical attempt: the geometric mean, whose ratio does not depend on how many attempts either side
made, and which one outlier cannot carry. Student's t over items, each with the mean of its logarithms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped]

from toolworthy.judgement.gate.paired import Pair


@dataclass(frozen=True)
class Ratio:
    """A geometric mean of ratios over items, with the spread of its logarithm."""

    before: float
    """Cost of a typical attempt, in the metric's unit."""
    after: float
    log_mean: float
    log_error: float
    clusters: int

    @property
    def value(self) -> float:
        """The candidate's cost divided by the baseline's."""
        return exp(self.log_mean)

    def p_borne(self, limit: float) -> float:
        """The p-value of so small a ratio if the true one were `limit`."""
        return self._tail(log(limit) - self.log_mean)

    def p_worse(self, limit: float) -> float:
        """The p-value of so large a ratio if the true one were `limit`."""
        return self._tail(self.log_mean - log(limit))

    def interval(self, alpha: float) -> tuple[float, float]:
        """The ratios that neither test, each at level `alpha`, rejects."""
        half = float(stdtrit(max(1, self.clusters - 1), 1 - alpha)) * self.log_error
        return exp(self.log_mean - half), exp(self.log_mean + half)

    def _tail(self, gap: float) -> float:
        return float(stdtr(max(1, self.clusters - 1), -gap / max(self.log_error, 1e-9)))


def ratio(pairs: Sequence[Pair]) -> Ratio | None:
    """The ratio over all pairs; None for fewer than two items. An item without costs has no ratio."""
    groups: dict[str, list[float]] = defaultdict(list)
    logs: list[tuple[list[float], list[float]]] = []
    for pair in pairs:
        before, after = _logs(pair.before), _logs(pair.after)
        if before and after:
            groups[pair.cluster].append(_mean(after) - _mean(before))
            logs.append((before, after))
    if len(groups) < 2:
        return None
    means = [_mean(own) for own in groups.values()]
    mean = _mean(means)
    variance = sum((value - mean) ** 2 for value in means) / (len(means) - 1)
    first, then = (_mean([_mean(row[side]) for row in logs]) for side in (0, 1))
    return Ratio(exp(first), exp(then), mean, sqrt(variance / len(means)), len(means))


def typical(values: Sequence[float]) -> float | None:
    """The geometric mean of all costs above 0; None if there are none."""
    logs = _logs(values)
    return exp(_mean(logs)) if logs else None


def _logs(values: Sequence[float]) -> list[float]:
    return [log(value) for value in values if value > 0]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
