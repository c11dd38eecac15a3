"""Lower confidence limits of expected counts, for one sample or for arrays of them.

A count over items that differ varies less than one over items that are alike (W. Hoeffding, "On the distribution of the
number of successes in independent trials", Annals of Mathematical Statistics 27, 1956). Its variance is estimated from
the attempts within each item. The limit is that of C. J. Clopper and E. S. Pearson ("The use of confidence or fiducial
limits illustrated in the case of the binomial", Biometrika 26, 1934) for the binomial that has the same mean and
variance. It is exact if nothing varied: n successes of n attempts.

Another item's success never lowers a limit. Calibrated with ``benchmarks/gate.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, gammainccinv, gammaincinv, ndtri  # type: ignore[import-untyped]

Array = NDArray[np.float64]
_TINY = 1e-9
_FREE = 0.78
"""Where the square of the normal quantile is less than four times this, one attempt more never lowers a limit."""


class LimitCount(NamedTuple):
    """A count with the data for a lower limit of its expected value."""

    count: Any
    """In attempts; infinite for what may grow without a bound."""
    variance: Any
    """In attempts², at most the count."""
    unit: Any
    """What an attempt is worth, in the metric's unit."""

    def less(self, attempts: float) -> LimitCount:
        """As if so many had not come, and all items had kept their shares."""
        if np.isinf(self.count):
            return self._replace(variance=self.variance + attempts)
        left = max(0.0, 1 - attempts / self.count) if self.count > 0 else 0.0
        varied = left * (left * self.variance + (1 - left) * self.count)
        return self._replace(count=left * self.count, variance=varied)


def within(ok: ArrayLike, attempts: ArrayLike) -> Array:
    """Estimated variance of the successes of `attempts` (two or more) at one item, in attempts².

    Without bias for whole successes. Between whole numbers it is drawn as a line, which is never too little and never
    grows by more than the successes do.
    """
    n = np.asarray(attempts, float)
    whole, part = np.divmod(np.asarray(ok, float), 1.0)
    return np.asarray((whole * (n - whole) + part * (n - 2 * whole - 1)) / (n - 1))


def distance(parts: tuple[LimitCount, LimitCount], alpha: ArrayLike) -> Array:
    """How far a difference of two counts may lie beyond what was seen, in the metric's unit, but for a chance `alpha`.

    Limits of the two counts are joined as by R. G. Newcombe ("Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17, 1998): the root of the sum of squares.
    """
    return np.asarray(np.hypot(*(part.unit * _short(part.count, part.variance, alpha) for part in parts)))


def _short(count: ArrayLike, variance: ArrayLike, alpha: ArrayLike) -> Array:
    """How much less a count may be.

    At small levels an exact limit may fall where one success more makes another item vary: then the lower one holds.
    """
    level = np.asarray(alpha, float)
    seen, varied = np.broadcast_arrays(np.asarray(count, float), np.asarray(variance, float))
    steps = int(np.ceil(max(0.0, np.max(ndtri(level) ** 2, initial=0.0) / 4 - _FREE)))
    low = np.min([_limit(seen + more, varied + more, level) + more for more in range(steps + 1)], axis=0)
    return np.asarray(np.where(seen > 0, np.maximum(0.0, -low), 0.0))


def _limit(seen: Array, varied: Array, level: Array) -> Array:
    """The limit of a count, less the count."""
    endless, poisson = np.isinf(seen), varied >= seen * (1 - _TINY)
    some = np.where(endless, 1.0, np.maximum(seen, _TINY))
    size = some * some / np.where(endless | poisson, some, some - varied)
    matched = size * betaincinv(some, size - some + 1, level) - some
    bounded = np.where(poisson, gammaincinv(some, level) - some, matched)
    return np.asarray(np.where(endless, varied - gammainccinv(varied + 1, level), bounded))
