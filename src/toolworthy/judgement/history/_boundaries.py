"""Every boundary between two runs at once: what was solved before it more often than after, and how far chance reaches.

All attempts before a boundary are compared with all after it by the test of N. Mantel and W. Haenszel ("Statistical
aspects of the analysis of data from retrospective studies of disease", JNCI 22, 1959), one item in the hands of one
agent being a stratum. If nothing changed, the solved attempts of a stratum lie before or after by chance alone
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
    """Solved before the boundary beyond what chance puts there, in attempts: above 0 if the rate dropped."""
    variance: Floats
    """Of the surplus."""
    right: Floats
    """Third central moment, of the strata that are skewed to more surplus."""
    left: Floats
    """The same of those that are skewed to less, above 0."""
    weight: Floats
    """By which a surplus is divided to be a difference of rates; 0 if no stratum is on both sides."""


class Window:
    """The runs since the series began, seen from any night."""

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
