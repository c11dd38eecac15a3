"""By how much attempts vary together: those of one item in one run, and whole runs, which have days of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolworthy.judgement.gate.score_test import PRIOR_CORRELATION, PRIOR_WEIGHT
from toolworthy.judgement.history.table import Floats, Table

Ints = NDArray[Any]

DAY = 0.02
"""Standard deviation of the rate from run to run, believed in until runs show theirs."""
_DAYS = 5.0
"""Runs that this belief is worth."""


def together(table: Table, at: int) -> float:
    """By how much the results of one item in one run vary more than independent attempts would: between runs of one
    side of a boundary against within a run. A prior replaces it while there is little data."""
    per_item = np.add.reduceat(table.n, table.starts, axis=1)
    size = float((per_item**2).sum() / per_item.sum())
    if size <= 1:
        return 1.0
    squares = variance = 0.0
    for side in (slice(0, at), slice(at, None)):
        rest, chance = _residuals(table.ok[side], table.n[side])
        squares += float((np.add.reduceat(rest, table.starts, axis=1) ** 2).sum())
        variance += float(chance.sum())
    ratio = squares / variance if variance > 0 else 1.0
    seen = min(1.0, max(0.0, (ratio - 1) / (size - 1)))
    drawn = (variance * seen + PRIOR_WEIGHT * PRIOR_CORRELATION) / (variance + PRIOR_WEIGHT)
    return 1 + (size - 1) * max(seen, drawn)


def days(table: Table, places: Ints, factor: float) -> tuple[Floats, Floats]:
    """For every boundary in `places`: the variance of the rate from run to run on its two sides, beyond chance; and in
    how many runs it was seen.

    The equation is that of R. C. Paule and J. Mandel ("Consensus values and weighting factors", J. Res. NBS 87, 1982);
    the belief counts as some runs more.
    """
    every, size = table.n.sum(axis=0), table.n.sum(axis=1)
    rate = table.ok.sum(axis=0) / np.maximum(every, 1)
    chance = factor * (table.n @ (rate * (1 - rate) * every / np.maximum(every - 1, 1)))
    beyond = table.ok.sum(axis=1) - table.n @ rate
    asked, solved = (np.cumsum(values)[places - 1][:, None] for values in (size, beyond))
    later = np.arange(len(size)) >= places[:, None]
    side = np.where(later, size.sum() - asked, asked)
    mean = np.where(later, -solved, solved) / np.maximum(side, 1)
    square = (beyond - size * mean) ** 2
    # The mean of its side, to which a run belongs, leaves a share of its square.
    share = np.where(size > 0, 1 - size / np.maximum(side, 1), 0.0)
    seen = share.sum(axis=1)
    if not chance.sum():
        return np.zeros(len(places)), seen + _DAYS
    typical = float(chance.sum() / size.sum() / np.median(size[size > 0]))
    believed = typical + DAY**2
    low, high = np.zeros(len(places)), np.ones(len(places))
    for _ in range(30):
        day = (low + high) / 2
        expected = share * (chance + day[:, None] * size**2)
        runs = (share * square / np.maximum(expected, 1e-9)).sum(axis=1)
        more = runs + _DAYS * believed / (typical + day) > seen + _DAYS
        low, high = np.where(more, day, low), np.where(more, high, day)
    return low, seen + _DAYS


def _residuals(ok: Floats, n: Floats) -> tuple[Floats, Floats]:
    """Of every stratum in every run against the mean of all these runs; and their variances by chance."""
    every = n.sum(axis=0)
    rate = ok.sum(axis=0) / np.maximum(every, 1)
    return ok - n * rate, n * (rate * (1 - rate) / np.maximum(every - 1, 1)) * (every - n)
