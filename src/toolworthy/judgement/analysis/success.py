"""The success rate of attempts: the one rule of what counts, for every rate of a suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from toolworthy.records.result import Result
from toolworthy.records.trial import TrialResult
from toolworthy.statistics.rates import Rate, rate_of

_R = TypeVar("_R", bound=Result)


def success(results: Sequence[_R], good: Callable[[_R], bool] = lambda result: result.ok) -> Rate:
    """The share of successful attempts. Attempts at one task or case are a cluster.

    An attempt that ended at a run limit counts as not solved, whoever is at fault, and the rate gives their number.
    Attempts that say nothing about the model are not counted, and the rate gives the reasons.
    """
    return rate_of(
        ((result.key.item, result.limit is None and good(result)) for result in results if counts(result)),
        limited=(result.limit for result in results if result.limit),
        uncounted=(result.uncounted for result in results if not counts(result)),
        above=sum(isinstance(result, TrialResult) and result.above_ceiling and counts(result) for result in results),
    )


def counts(result: Result) -> bool:
    """Whether an attempt is part of a rate."""
    return result.limit is not None or result.judged
