"""A series of runs as numbers: how often every item was solved, run by run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Key = tuple[str, str, str]
"""Item, agent and digest: what is the same in two runs."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Attempts of one item by one agent."""

    ok: float = 0.0
    n: float = 0.0


Tallies = Mapping[Key, Tally]


@dataclass(frozen=True)
class Table:
    """Runs (rows, in time) by strata (columns, sorted): one item in the hands of one agent."""

    keys: tuple[Key, ...]
    ok: Floats
    n: Floats

    @classmethod
    def of(cls, runs: Sequence[Tallies]) -> Table:
        """What at least two runs asked; the order of a run's items does not matter."""
        counts = Counter(key for run in runs for key in run)
        keys = tuple(sorted(key for key, runs_ in counts.items() if runs_ > 1))
        cells = [[run.get(key, _NOTHING) for key in keys] for run in runs]
        shape = len(runs), len(keys)
        return cls(
            keys,
            np.array([[cell.ok for cell in row] for row in cells], float).reshape(shape),
            np.array([[cell.n for cell in row] for row in cells], float).reshape(shape),
        )

    def __len__(self) -> int:
        return len(self.n)

    def part(self, first: int, end: int) -> Table:
        """Some of the runs."""
        return Table(self.keys, self.ok[first:end], self.n[first:end])

    def without(self, agents: set[str]) -> Table:
        """The strata of other agents."""
        remaining = [number for number, (_, agent, _) in enumerate(self.keys) if agent not in agents]
        return Table(tuple(self.keys[number] for number in remaining), self.ok[:, remaining], self.n[:, remaining])

    @property
    def starts(self) -> NDArray[Any]:
        """The first column of every item."""
        groups = groupby(range(len(self.keys)), key=lambda number: self.keys[number][0])
        return np.array([next(numbers) for _, numbers in groups], int)


_NOTHING = Tally()
