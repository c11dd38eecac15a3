"""The tool-call suite's figures: by category, by vocabulary, by kind of miss, each with n and an interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from toolworthy.cases.model import CATEGORIES
from toolworthy.cases.result import CaseResult, Miss
from toolworthy.report import verifier
from toolworthy.scoring.model import CallScores
from toolworthy.statistics import Estimate, clustered, mean_pass, pass_at_k, pass_hat_k

_EXAMPLES = 40
"""Misses shown side by side in the report; all are in results.jsonl."""


@dataclass(frozen=True)
class Figures:
    """What is said of some cases. One scenario in several vocabularies and attempts is one cluster."""

    name: str
    n: int
    """Judged."""
    unmeasured: int
    strict: Estimate | None
    lenient: Estimate | None
    credit: Estimate | None
    """Partial credit, by the lenient reading."""


def figures(name: str, results: Sequence[CaseResult]) -> Figures:
    """The figures of these results."""
    judged = [result for result in results if result.status != "unmeasured"]

    def over(value: Callable[[CaseResult], float]) -> Estimate | None:
        return clustered([(result.key.case, value(result)) for result in judged])

    return Figures(
        name=name,
        n=len(judged),
        unmeasured=len(results) - len(judged),
        strict=over(lambda result: result.status == "right"),
        lenient=over(lambda result: result.status in ("right", "lenient")),
        credit=over(lambda result: result.credit),
    )


def by_category(results: Sequence[CaseResult]) -> list[Figures]:
    """One row for each category that was asked."""
    names = dict.fromkeys([*CATEGORIES, *(result.category for result in results)])
    rows = [(name, [result for result in results if result.category == name]) for name in names]
    return [figures(name, own) for name, own in rows if own]


def by_vocabulary(results: Sequence[CaseResult]) -> list[Figures]:
    """One row for each agent in whose words cases were asked."""
    names = dict.fromkeys(result.key.vocabulary for result in results)
    return [figures(name, [result for result in results if result.key.vocabulary == name]) for name in names]


def kinds(results: Sequence[CaseResult]) -> list[tuple[str, int, int]]:
    """Kind of miss, how often it is grave, how often only the strict reading minds; the most frequent first."""
    grave: Counter[str] = Counter(miss.kind for result in results for miss in result.misses if not miss.strict)
    every: Counter[str] = Counter(miss.kind for result in results for miss in result.misses)
    return [(kind, grave[kind], count - grave[kind]) for kind, count in every.most_common()]


def on_the_wire(results: Sequence[CaseResult]) -> list[tuple[str, str, int]]:
    """Code and title of each rule that was broken, and in how many cases: a server's fault may look like a model's."""
    found = Counter(
        pair for result in results for pair in {(finding.code, finding.title) for finding in result.score.findings}
    )
    return [(code, title, count) for (code, title), count in found.most_common()]


def repeats(results: Sequence[CaseResult]) -> list[tuple[str, Estimate]]:
    """pass@k and pass^k for every k up to the number of attempts; nothing where there is one attempt only."""
    judged = [result for result in results if result.status != "unmeasured"]
    most = max((result.key.repeat for result in judged), default=1)
    trials = [((r.key.case, r.key.vocabulary), r.status != "wrong") for r in judged]
    rows = []
    for k in range(2, most + 1):
        for name, estimator in (("pass@", pass_at_k), ("pass^", pass_hat_k)):
            if (found := mean_pass(trials, k, estimator)) is not None:
                rows.append((f"{name}{k}", found))
    return rows


def call_scores(results: Sequence[CaseResult]) -> CallScores:
    """The calls of all cases, judged as those of trials are."""
    total: dict[str, Any] = {name: getattr(CallScores(), name) for name in CallScores.model_fields}
    for result in results:
        for name in total:
            total[name] = total[name] + getattr(result.score.call_scores, name)
    return CallScores(**total)


def percent(found: Estimate | None) -> str:
    """``93% (88%–96%)``, or a dash."""
    return "–" if found is None else f"{found.value:.0%} ({found.low:.0%}–{found.high:.0%})"


def lines(results: Sequence[CaseResult]) -> Iterator[str]:
    """The same for a terminal."""
    for name, figure in verifier.told(results):
        yield f"  {name}: {figure}"
    results = _cases(results)
    if not results:
        return
    whole = figures("all", results)
    unmeasured = f" · {whole.unmeasured} unmeasured" if whole.unmeasured else ""
    right = f"right {percent(whole.strict)} strictly, {percent(whole.lenient)} leniently"
    yield f"  tool calls: {right} · n {whole.n}{unmeasured}"
    for row in by_vocabulary(results):
        yield f"      in the words of {row.name}: {percent(row.lenient)} · n {row.n}"
    weak = [row for row in by_category(results) if row.lenient and row.lenient.value < 1]
    if weak:
        worst = sorted(weak, key=lambda row: row.lenient.value if row.lenient else 1.0)[:5]
        yield "      weakest: " + ", ".join(f"{row.name} {percent(row.lenient)}" for row in worst)
    told = [f"{kind} {grave}" for kind, grave, _ in kinds(results) if grave]
    if told:
        yield f"      misses: {', '.join(told)}"
    for code, title, count in on_the_wire(results)[:3]:
        yield f"      on the wire: {code} {title}, in {count} cases"
    for name, found in repeats(results):
        yield f"      {name}: {percent(found)}"


def markdown(results: Sequence[CaseResult]) -> Iterator[str]:
    """The same for summary.md: categories by vocabularies."""
    for name, figure in verifier.told(results):
        yield f"- {name}: {figure}"
    results = _cases(results)
    if not results:
        return
    whole = figures("all", results)
    yield f"Tool calls: right {percent(whole.strict)} strictly, {percent(whole.lenient)} leniently, n {whole.n}."
    yield ""
    words = list(dict.fromkeys(result.key.vocabulary for result in results))
    yield "| category | " + " | ".join(words) + " | all (95 % interval) |"
    yield "|---|" + "---|" * (len(words) + 1)
    for row in by_category(results):
        own = [result for result in results if result.category == row.name]
        cells = [_share([result for result in own if result.key.vocabulary == word]) for word in words]
        yield f"| {row.name} | " + " | ".join(cells) + f" | {percent(row.lenient)} |"
    if kinds(results):
        yield ""
        yield "Misses: " + ", ".join(f"{kind} {grave + mild}" for kind, grave, mild in kinds(results)) + "."


def _cases(results: Sequence[CaseResult]) -> list[CaseResult]:
    """Those that have a right answer: a verifier's requests have a reference's instead."""
    return [result for result in results if result.noted is None]


def _share(results: Sequence[CaseResult]) -> str:
    judged = [result for result in results if result.status != "unmeasured"]
    return f"{sum(result.status != 'wrong' for result in judged)}/{len(judged)}" if judged else "–"


def section(results: Sequence[CaseResult]) -> dict[str, Any] | None:
    """What the report's template shows; None where no case was asked."""
    if not results:
        return None
    verified, results = verifier.told(results), _cases(results)
    words = list(dict.fromkeys(result.key.vocabulary for result in results))
    rows = []
    for row in by_category(results):
        own = [result for result in results if result.category == row.name]
        cells = [_share([result for result in own if result.key.vocabulary == word]) for word in words]
        rows.append((row, CATEGORIES.get(row.name, row.name), cells))
    return {
        "verifier": verified,
        "whole": figures("all", results),
        "words": words,
        "rows": rows,
        "vocabularies": by_vocabulary(results),
        "kinds": kinds(results),
        "repeats": repeats(results),
        "wire": on_the_wire(results),
        "calls": [(name, count) for name, count in call_scores(results) if count.n],
        "examples": _examples(results),
        "missed": sum(result.status == "wrong" for result in results),
        "percent": percent,
    }


def _examples(results: Sequence[CaseResult]) -> list[tuple[CaseResult, Miss]]:
    """Misses to look at: the grave first, one of each kind before a second of any."""
    every = [(result, miss) for result in results for miss in result.misses]
    seen: Counter[tuple[bool, str]] = Counter()
    ranked: list[tuple[bool, int, int, CaseResult, Miss]] = []
    for result, miss in every:
        ranked.append((miss.strict, seen[miss.strict, miss.kind], len(ranked), result, miss))
        seen[miss.strict, miss.kind] += 1
    ranked.sort(key=lambda row: row[:3])
    return [(result, miss) for *_, result, miss in ranked[:_EXAMPLES]]
