"""Runs beside each other: the comparisons of the page, and what their charts show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from toolworthy.gate.answer import baseline_of
from toolworthy.gate.difference import Change, Comparison, compare
from toolworthy.gate.sample import from_run
from toolworthy.report.page.items import subject
from toolworthy.report.page.side import Side

MARKS = {"better": "▲", "worse": "▼", "same": "=", "unclear": "?"}
CHANGED = 60
"""Items with another outcome that the page names; all are in the table of results."""


@dataclass(frozen=True)
class Beside:
    """A baseline and a candidate."""

    number: int
    comparison: Comparison
    before: int | None
    """Number of the baseline's run on the page; None where only its figures are there."""
    after: int

    def place(self, change: Change) -> tuple[str, str] | None:
        """The ids of two trials that can be opened side by side; None where the page has but one of them."""
        if self.before is None:
            return None
        way = f"/{change.agent}" if change.suite == "wire" else f"/{change.agent}#1"
        key = f"{change.suite}/{change.item}{way}"
        return subject(self.after, key), subject(self.before, key)


def beside(sides: Sequence[Side]) -> tuple[Beside, ...]:
    """Every run with the first one; a run alone with the baseline that its gate names, if that is still there."""
    samples = [from_run(side.run) for side in sides]
    if len(sides) > 1:
        pairs = [(compare(samples[0], sample), 0, number) for number, sample in enumerate(samples) if number]
        return tuple(Beside(at, found, before, after) for at, (found, before, after) in enumerate(pairs))
    baseline = baseline_of(sides[0].run)
    return (Beside(0, compare(baseline.sample, samples[0]), None, 0),) if baseline else ()


def drawn(compared: Sequence[Beside]) -> list[dict[str, Any]]:
    """The rows of the charts."""
    return [row for one in compared for row in _drawn(one)]


def _drawn(one: Beside) -> Iterator[dict[str, Any]]:
    for row in one.comparison.rows:
        if row.change is not None and row.low is not None and row.high is not None:
            yield {
                "of": one.number,
                "name": row.metric + (f" {row.agent}" if row.agent else ""),
                "value": row.change,
                "low": row.low,
                "high": row.high,
                "word": row.word,
                "ratio": row.kind == "ratio",
            }
