"""The rate of leaked calls, over all suites."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from toolworthy.records.case import CaseResult
from toolworthy.records.result import Result
from toolworthy.records.score import Leaks
from toolworthy.records.trial import TrialResult
from toolworthy.statistics.rates import Rate, rate_of_counts
from toolworthy.work.scoring.lost_calls import LEAKS


def leak_rate(results: Sequence[Result]) -> Rate | None:
    """The share of responses with a call in which the server left a call in the text, over all results; None if the
    model made no call. Calls of one task, case or probe are a cluster.

    A rate of 0 is a measurement, too; outputs show a line only if ``ok`` is above 0.
    """
    return leak_rate_of((f"{result.key.suite}/{result.key.item}", result.leaks) for result in results)


def leak_rate_of(counted: Iterable[tuple[str, Leaks]]) -> Rate | None:
    """The same rate for counts, each with its cluster."""
    rate = rate_of_counts((cluster, leaks.leaked, leaks.calls) for cluster, leaks in counted)
    return rate if rate.n else None


def left_in_text(result: Result) -> bool:
    """Whether it failed because the server left a call in the text."""
    if isinstance(result, CaseResult):
        return result.status == "wrong" and any(miss.kind == "leaked call" for miss in result.misses)
    cause = result.cause if isinstance(result, TrialResult) and result.status == "failed" else None
    return cause is not None and cause.rule in LEAKS
