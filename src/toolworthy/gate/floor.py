"""Does a rate reach a floor, whatever the baseline did?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolworthy.statistics import Estimate, clustered, worth


@dataclass(frozen=True)
class Reached:
    """A rate, with what its sample is worth."""

    estimate: Estimate
    draws: float
    """Independent draws that the sample is worth."""

    def p_borne(self, floor: float) -> float:
        """Chance of so high a rate if the true one were `floor`."""
        from scipy.special import betainc  # type: ignore[import-untyped]

        ok = self.estimate.value * self.draws
        return float(betainc(ok, self.draws - ok + 1, floor)) if ok > 1e-9 and floor > 0 else float(floor > 0)

    def best(self, floor: float) -> float:
        """What ``p_borne`` would be if every value were the best, the sample being worth as much."""
        return float(floor**self.draws)

    def p_worse(self, floor: float) -> float:
        """Chance of so low a rate if the true one were `floor`."""
        from scipy.special import betainc

        ok = self.estimate.value * self.draws
        return float(betainc(self.draws - ok, ok + 1, 1 - floor)) if self.draws - ok > 1e-9 else 1.0


def reached(values: Sequence[tuple[str, float]]) -> Reached | None:
    """The rate of values, each with its cluster; None where there are none."""
    found = clustered(values)
    return None if found is None else Reached(found, worth(values)[1])
