"""How often the server left a call of the model's in the text: a rate, whichever suite met it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolworthy.cases.result import CaseResult
from toolworthy.probes import ProbeResult
from toolworthy.runs.result import Result, TrialResult
from toolworthy.scoring.lost import LEAKS
from toolworthy.scoring.model import Leaks
from toolworthy.statistics import Estimate, clustered, figures


@dataclass(frozen=True)
class LeakRate:
    """The share of the model's calls that the server left in the text."""

    leaks: Leaks
    estimate: Estimate
    """Answers of one task, case or probe are a cluster."""

    @property
    def rate(self) -> str:
        """``3/40 · 8% (2%–20%)``."""
        return figures(self.leaks.leaked, self.leaks.calls, self.estimate.low, self.estimate.high)

    def __str__(self) -> str:
        return f"calls that the server left in the text: {self.rate}"


def leak_rate(results: Sequence[Result]) -> LeakRate | None:
    """Over all results, of one suite or several; None where the model made no call.

    A rate of 0 is a measurement, too: only one with ``leaks.leaked`` is worth a line.
    """
    return rate_of((_cluster(result), leaks_of(result)) for result in results)


def rate_of(counted: Iterable[tuple[str, Leaks]]) -> LeakRate | None:
    """The same of counts, each with the cluster that it belongs to."""
    total = Leaks()
    values: list[tuple[str, float]] = []
    for cluster, leaks in counted:
        total += leaks
        values += [(cluster, 1.0)] * leaks.leaked + [(cluster, 0.0)] * (leaks.calls - leaks.leaked)
    estimate = clustered(values)
    return None if estimate is None else LeakRate(total, estimate)


def leaks_of(result: Result) -> Leaks:
    """What one result counted."""
    return result.leaks if isinstance(result, ProbeResult) else result.score.leaks


def left_in_text(result: TrialResult | CaseResult) -> bool:
    """Whether it failed since the server left a call in the text."""
    if isinstance(result, CaseResult):
        return result.status == "wrong" and any(miss.kind == "leaked call" for miss in result.misses)
    return result.status == "failed" and result.cause is not None and result.cause.code in LEAKS


def _cluster(result: Result) -> str:
    if isinstance(result, ProbeResult):
        return f"wire/{result.key.probe}"
    return f"tools/{result.key.case}" if isinstance(result, CaseResult) else f"tasks/{result.key.task}"
