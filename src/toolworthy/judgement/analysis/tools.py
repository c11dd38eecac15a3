"""The tool-call suite's figures: by category, by toolset, by kind of miss, each with n and an interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from toolworthy.judgement.analysis.success import counts, success
from toolworthy.records.case import CaseResult
from toolworthy.records.score import CallScores
from toolworthy.statistics.intervals import Estimate, clustered, mean_pass, pass_at_k, pass_hat_k
from toolworthy.statistics.rates import Rate, rate_of_counts
from toolworthy.work.cases.model import CATEGORIES


@dataclass(frozen=True)
class Figures:
    """The figures of some cases. One scenario in several toolsets and attempts is one cluster."""

    name: str
    strict: Rate
    lenient: Rate
    credit: Estimate | None
    """Partial credit, by the lenient reading."""


def figures(name: str, results: Sequence[CaseResult]) -> Figures:
    """The figures of these results."""
    return Figures(
        name=name,
        strict=success(results, lambda result: result.status == "right"),
        lenient=lenient(results),
        credit=clustered((one.key.item, 0.0 if one.limit else one.credit) for one in results if counts(one)),
    )


def lenient(results: Sequence[CaseResult]) -> Rate:
    """The share of cases that are right by the lenient reading."""
    return success(results)


def by_category(results: Sequence[CaseResult]) -> list[Figures]:
    """One row for each category."""
    names = dict.fromkeys([*CATEGORIES, *(result.category for result in results)])
    rows = [(name, [result for result in results if result.category == name]) for name in names]
    return [figures(name, own) for name, own in rows if own]


def by_toolset(results: Sequence[CaseResult]) -> list[Figures]:
    """One row for each agent whose tools the cases offered."""
    names = dict.fromkeys(result.key.toolset for result in results)
    return [figures(name, [result for result in results if result.key.toolset == name]) for name in names]


def kinds(results: Sequence[CaseResult]) -> list[tuple[str, int, int]]:
    """Kind of miss, how often it counts in both readings, how often only in the strict one; the most frequent first."""
    grave: Counter[str] = Counter(miss.kind for result in results for miss in result.misses if not miss.strict)
    every: Counter[str] = Counter(miss.kind for result in results for miss in result.misses)
    return [(kind, grave[kind], count - grave[kind]) for kind, count in every.most_common()]


def repeats(results: Sequence[CaseResult]) -> list[tuple[str, Estimate]]:
    """pass@k and pass^k for every k up to the number of attempts; nothing if there is one attempt only."""
    counted = [result for result in results if counts(result)]
    most = max((result.key.repeat for result in counted), default=1)
    trials = [((r.key.case, r.key.toolset), r.ok) for r in counted]
    rows = []
    for k in range(2, most + 1):
        for name, estimator in (("pass@", pass_at_k), ("pass^", pass_hat_k)):
            if (estimate := mean_pass(trials, k, estimator)) is not None:
                rows.append((f"{name}{k}", estimate))
    return rows


def call_rates(results: Sequence[CaseResult]) -> list[tuple[str, str, Rate]]:
    """Name, meaning and rate of each score of single calls. Calls of one case are a cluster."""
    rows = []
    for name, field in CallScores.model_fields.items():
        counts = [(one.key.case, getattr(one.score.call_scores, name)) for one in results]
        rate = rate_of_counts((case, count.ok, count.n) for case, count in counts)
        if rate.n:
            rows.append((name, field.description or "", rate))
    return rows
