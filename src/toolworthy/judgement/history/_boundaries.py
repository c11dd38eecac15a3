"""Test every boundary between two runs: whether attempts before it were solved more often than after it, beyond chance.

The test of N. Mantel and W. Haenszel compares all attempts before a boundary with all after it ("Statistical
aspects of the analysis of data from retrospective studies of disease", JNCI 22, 1959). A stratum is one item with one
agent. If nothing changed, chance alone puts the solved attempts of a stratum before or after
(hypergeometric), so mean, variance and skewness of their sum are known exactly, even if they are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolworthy.judgement.history.table import Floats, Table


@dataclass(frozen=True)
class Boundaries:
    """One entry per boundary; entry 0 is between the first and the second run."""

    surplus: Floats
    """Solved attempts before the boundary in excess of the expected number: above 0 if the rate dropped."""
    variance: Floats
    """Of the surplus."""
    right: Floats
    """Third central moment of the strata that are skewed towards a larger surplus."""
    left: Floats
    """The same for those skewed towards a smaller one, as a positive number."""
    weight: Floats
    """The divisor that turns a surplus into a difference of rates; 0 if no stratum is on both sides."""


class Window:
    """The runs since the series began."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._asked = np.cumsum(table.n, axis=0)
        self._solved = np.cumsum(table.ok, axis=0)
        self._powers = [self._asked, self._asked**2, self._asked**3]
        self._rows = np.cumsum(table.ok.sum(axis=1))

    def until(self, runs: int) -> Boundaries:
        """All boundaries between the first `runs` runs."""
        n, solved = self._asked[runs - 1], self._solved[runs - 1]
        rate = solved / np.maximum(n, 1)
        first, second, third = (power[: runs - 1] for power in self._powers)
        scale = rate * (1 - rate) / np.maximum(n - 1, 1) * (n > 1)
        skew = scale * (1 - 2 * rate) / np.maximum(n - 2, 1) * (n > 2)
        signed = np.stack([np.maximum(skew, 0), np.maximum(-skew, 0)], axis=1)
        many = n[:, None]
        third_moment = first @ (signed * many**2) - 3 * second @ (signed * many) + 2 * third @ signed
        mostly_wrong, mostly_right = third_moment.T
        return Boundaries(
            surplus=self._rows[: runs - 1] - first @ rate,
            variance=np.maximum(first @ (scale * n) - second @ scale, 0.0),
            right=np.maximum(mostly_wrong, 0) + np.maximum(-mostly_right, 0),
            left=np.maximum(-mostly_wrong, 0) + np.maximum(mostly_right, 0),
            weight=np.maximum(first.sum(axis=1) - second @ (1 / np.maximum(n, 1)), 0.0),
        )
