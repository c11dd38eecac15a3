"""How often attempts went well: the one rule of what counts, for every rate of a suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from toolworthy.judgement.analysis.uncounted import uncounted
from toolworthy.records.case import CaseResult
from toolworthy.records.trial import TrialResult
from toolworthy.statistics.rates import Rate, rate_of

_R = TypeVar("_R", TrialResult, CaseResult)


def success(results: Sequence[_R], good: Callable[[_R], bool]) -> Rate:
    """The share of attempts that went well. Attempts at one task or case are a cluster.

    One that ended at a limit of ours was not solved within the limits, whoever's fault that is: it counts, and the
    rate says how many did. What tells nothing of the model does not count, and the rate says why.
    """
    return rate_of(
        ((item(result), result.limit is None and good(result)) for result in results if counts(result)),
        limited=(result.limit for result in results if result.limit),
        uncounted=(uncounted(result) for result in results if not counts(result)),
    )


def solved(results: Sequence[TrialResult]) -> Rate:
    """The share of trials that passed."""
    return success(results, lambda result: result.status == "passed")


def counts(result: TrialResult | CaseResult) -> bool:
    """Whether an attempt is part of a rate."""
    return result.limit is not None or not uncounted(result)


def item(result: TrialResult | CaseResult) -> str:
    """The task, or the case."""
    return result.key.case if isinstance(result, CaseResult) else result.key.task
