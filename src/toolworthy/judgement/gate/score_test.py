"""Tests of a drop between two paired samples: the arithmetic, for one comparison or for arrays of comparisons.

The score test of N. Tango ("Equivalence test and confidence interval for the difference in proportions for the
paired-sample design", Statistics in Medicine 17, 1998) with the effective number of pairs, and two corrections
where it is anticonservative. With few discordant pairs, the p value is at least the binomial one of a candidate that
wins no pair. And Student's t replaces the normal distribution, with as many degrees of freedom as there are clusters or
discordant pairs, whichever are fewer; a claim that nothing changed beyond a margin has more, since the margin
itself determines how much such pairs vary. Calibrated with ``benchmarks/gate.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, stdtr  # type: ignore[import-untyped]

Array = NDArray[np.float64]

_ALL_OR_NOTHING = 2.0
"""The weight, in clusters with discordant pairs, of the prior that a cluster is lost or won as a whole."""
PRIOR_CORRELATION, PRIOR_WEIGHT = 0.3, 4.0
"""The prior correlation of lost pairs, and its weight in discordant pairs."""
_MORE_FREEDOM = 15.0
"""Additional degrees of freedom of a claim that nothing changed."""
_NONE = 1e-12


class PairShares(NamedTuple):
    """Shares of pairs, and the correlation of pairs within a cluster."""

    lost: Any
    """Share of pairs that were better before."""
    won: Any
    size: Any
    """Pairs per cluster, as if all clusters had the same size."""
    correlation: Any
    """Within clusters, from 0 to 1."""


def seen(sizes: ArrayLike, lost: ArrayLike, won: ArrayLike) -> PairShares:
    """Shares from totals of clusters (the last axis): pairs, lost pairs and won pairs."""
    pairs, minus, plus = np.broadcast_arrays(np.asarray(sizes, float), np.asarray(lost, float), np.asarray(won, float))
    n, clusters = pairs.sum(-1), pairs.shape[-1]
    share_lost, share_won = minus.sum(-1) / n, plus.sum(-1) / n
    size = (pairs**2).sum(-1) / n
    value = share_lost - share_won
    single = share_lost + share_won - value**2
    spread = ((minus - plus - pairs * value[..., None]) ** 2).sum(-1) * clusters / max(1, clusters - 1)
    effect = np.where(single > _NONE, spread / np.maximum(n * single, _NONE), size if clusters < 2 else 1.0)
    correlation = np.clip((effect - 1) / np.maximum(size - 1, _NONE), 0.0, 1.0)
    return PairShares(share_lost, share_won, size, np.where(size > 1 + 1e-9, 1.0 if clusters < 2 else correlation, 0.0))


def pairs_for_no_change(pairs: ArrayLike, shares: PairShares, clusters: ArrayLike) -> Array:
    """The effective number of independent pairs among `pairs`, for a claim that nothing changed beyond a margin.

    Clusters count as lost or won as a whole until the data show otherwise: none of 10 items lost, however often
    tried, counts as none of 10 draws.
    """
    return _effective_pairs(
        pairs, shares, np.asarray(clusters, float) * (shares.lost + shares.won), 1.0, _ALL_OR_NOTHING
    )


def pairs_for_change(pairs: ArrayLike, shares: PairShares) -> Array:
    """The same for a claim that something changed."""
    return _effective_pairs(
        pairs, shares, np.asarray(pairs, float) * (shares.lost + shares.won), PRIOR_CORRELATION, PRIOR_WEIGHT
    )


def _effective_pairs(pairs: ArrayLike, shares: PairShares, events: Array, prior: float, weight: float) -> Array:
    """The effective number of pairs. With few events, the prior can raise the correlation, but never lower it."""
    drawn = (events * shares.correlation + weight * prior) / (events + weight)
    spread = np.maximum(shares.size - 1, 0.0) * np.maximum(shares.correlation, drawn)
    return np.asarray(np.asarray(pairs, float) / (1 + spread))


def p_worse(n: ArrayLike, lost: ArrayLike, won: ArrayLike, clusters: ArrayLike, drop: ArrayLike) -> Array:
    """The p value for a result as bad as this one at a true drop of `drop`: if small, the true drop is larger.

    Args:
        n: independent pairs.
        lost: share of them that were better before.
        won: share of them that are better now.
        clusters: how many clusters they come from.
        drop: the tested drop.
    """
    return p_borne(n, won, lost, clusters, np.negative(drop))


def p_borne(n: ArrayLike, lost: ArrayLike, won: ArrayLike, clusters: ArrayLike, drop: ArrayLike) -> Array:
    """The p value for a result as good as this one at a true drop of `drop`: if small, the true drop is smaller."""
    more = np.where(np.asarray(drop) <= 0, 0.0, _MORE_FREEDOM)
    events = np.multiply(n, np.add(lost, won)) + more
    freedom = np.maximum(1.0, np.minimum(np.asarray(clusters, float) - 1, events))
    tail = stdtr(freedom, _score(n, lost, won, drop))
    return np.asarray(np.maximum(tail, _one_sided(n, np.subtract(lost, won), drop)))


def _one_sided(n: ArrayLike, value: ArrayLike, drop: ArrayLike) -> Array:
    """The binomial p value for a candidate that wins no pair (or, with a drop below zero, loses none)."""
    many, tested = np.asarray(n, float), np.asarray(drop, float)
    events = many * np.minimum(np.asarray(value, float) * np.where(tested < 0, -1.0, 1.0), 1.0)
    some = np.maximum(events, 1e-9)
    at_most = np.where(events >= -1e-9, betainc(np.maximum(many - some, 1e-9), some + 1, 1 - np.abs(tested)), 0.0)
    at_least = np.where(events > 1e-9, betainc(some, many - some + 1, np.abs(tested)), 1.0)
    return np.asarray(np.where(tested < 0, at_least, at_most))


def _score(pairs: ArrayLike, lost: ArrayLike, won: ArrayLike, drop: ArrayLike) -> Array:
    """Tango's statistic for a true drop of `drop`."""
    n, share_lost, share_won, d = (np.asarray(x, float) for x in (pairs, lost, won, drop))
    b, c = n * share_lost, n * share_won
    a2, a1, a0 = 2 * n, (2 * n - b + c) * d - b - c, -c * d * (1 - d)
    likely = (np.sqrt(np.maximum(0.0, a1 * a1 - 4 * a2 * a0)) - a1) / (2 * a2)
    variance = n * (2 * likely + d * (1 - d))
    gap = b - c - n * d
    bold = np.where(np.abs(gap) < 1e-9, 0.0, np.sign(gap) * 1e6)
    return np.where(variance > _NONE, gap / np.sqrt(np.maximum(variance, _NONE)), bold)
