"""The tool-call suite's part of pages and terminal output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from toolworthy.judgement.analysis import verifier
from toolworthy.judgement.analysis.tools import (
    Figures,
    by_category,
    by_toolset,
    call_rates,
    figures,
    kinds,
    lenient,
    repeats,
)
from toolworthy.output.terminal.columns import packed
from toolworthy.records.case import CaseResult, Miss
from toolworthy.statistics.rates import percents
from toolworthy.work.cases.model import CATEGORIES

_EXAMPLES = 40
"""Misses shown side by side in the report; all are in results.jsonl."""


def lines(results: Sequence[CaseResult], width: int) -> Iterator[str]:
    """For a terminal of `width` columns."""
    for name, figure in verifier.figures_of(results):
        yield f"  {name}: {figure}"
    results = _cases(results)
    if not results:
        return
    whole = figures("all", results)
    yield from packed([f"  tool calls: right {_both(whole)}", *filter(None, [whole.lenient.notes])], width, 10)
    words = [f"{row.name} {row.lenient.share} n {row.lenient.n}" for row in by_toolset(results)]
    yield from _listed("by toolset", words, width)
    weak = [row for row in by_category(results) if row.lenient.ok < row.lenient.n]
    if weak:
        worst = sorted(weak, key=lambda row: row.lenient.ok / row.lenient.n)[:5]
        yield from _listed("weakest:", [f"{row.name} {row.lenient.share}" for row in worst], width)
    yield from _listed("misses:", [f"{kind} {grave}" for kind, grave, _ in kinds(results) if grave], width)
    rates = [f"{name} {percents(estimate)}" for name, estimate in repeats(results)[-2:]]
    yield from _listed("of several attempts:", rates, width)


def _listed(title: str, parts: Sequence[str], width: int) -> Iterator[str]:
    """`parts` in as few lines as there may be."""
    if parts:
        yield from packed([f"      {title} {parts[0]}", *parts[1:]], width, 10)


def _cases(results: Sequence[CaseResult]) -> list[CaseResult]:
    """The cases with expected calls: a verifier's requests have a reference's instead."""
    return [result for result in results if result.noted is None]


def _by_words(results: Sequence[CaseResult]) -> tuple[list[str], list[tuple[Figures, list[str]]]]:
    """Toolsets; and each category, with what is right with each."""
    words = list(dict.fromkeys(result.key.toolset for result in results))
    rows = []
    for row in by_category(results):
        own = {word: [r for r in results if (r.category, r.key.toolset) == (row.name, word)] for word in words}
        rows.append((row, [lenient(cases).counts if cases else "–" for cases in own.values()]))
    return words, rows


def _both(whole: Figures) -> str:
    return f"{whole.strict.share} strictly, {whole.lenient.share} leniently, n {whole.lenient.n}"


def section(results: Sequence[CaseResult]) -> dict[str, Any] | None:
    """What the templates of the report and of summary.md show; None if no case was asked."""
    if not results:
        return None
    verified, results = verifier.figures_of(results), _cases(results)
    words, rows = _by_words(results)
    return {
        "verifier": verified,
        "whole": figures("all", results),
        "words": words,
        "rows": [(row, CATEGORIES.get(row.name, row.name), cells) for row, cells in rows],
        "toolsets": by_toolset(results),
        "kinds": kinds(results),
        "repeats": repeats(results),
        "calls": call_rates(results),
        "examples": _examples(results),
        "missed": sum(result.status == "wrong" for result in results),
        "percent": percents,
    }


def _examples(results: Sequence[CaseResult]) -> list[tuple[CaseResult, Miss]]:
    """Examples of misses: the grave ones first, one of each kind before a second of any."""
    counts: Counter[tuple[bool, str]] = Counter()
    ranked: list[tuple[tuple[bool, int], CaseResult, Miss]] = []
    for result, miss in [(one, miss) for one in results for miss in one.misses]:
        ranked.append(((miss.strict, counts[miss.strict, miss.kind]), result, miss))
        counts[miss.strict, miss.kind] += 1
    ranked.sort(key=lambda row: row[0])
    return [(result, miss) for _, result, miss in ranked[:_EXAMPLES]]
