"""Comparisons of runs, and the data of their charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolworthy.content import adapters
from toolworthy.judgement.gate.answer import baseline_of
from toolworthy.judgement.gate.difference import Comparison, ItemChange, Row, compare
from toolworthy.judgement.gate.sample import from_run
from toolworthy.output.html._run_view import RunView

MARKS = {"better": "▲", "worse": "▼", "same": "=", "unclear": "?", "not judged": "·"}
CHANGED = 60
"""The most items with a changed outcome that the page names; all are in the table of results."""


@dataclass(frozen=True)
class SideBySide:
    """A baseline and a candidate."""

    number: int
    comparison: Comparison
    before: int | None
    """Number of the baseline's run on the page; None if only its figures are there."""
    after: int
    attempts: Mapping[tuple[int | None, str, str, str], str]
    """Run, suite, item and agent to the id of the attempt to open."""

    @property
    def telling(self) -> list[Row]:
        """Rows over all agents, and the changed rows of single agents, which are many."""
        return [row for row in self.comparison.rows if _tells(row)]

    @property
    def others(self) -> list[Row]:
        """The rest."""
        return [row for row in self.comparison.rows if not _tells(row)]

    def place(self, change: ItemChange) -> tuple[str, str] | None:
        """The ids of two trials that can be opened side by side; None if the page does not have both."""
        key = (change.suite, change.item, change.agent)
        after, before = self.attempts.get((self.after, *key)), self.attempts.get((self.before, *key))
        return (after, before) if after and before else None


def side_by_side(sides: Sequence[RunView], rows: Sequence[Mapping[str, Any]]) -> tuple[SideBySide, ...]:
    """Every run with the first one; a run alone with the baseline that its gate names, if that is still there.

    Args:
        sides: the runs.
        rows: the page's items, for the attempts that tell most.
    """
    samples = [from_run(side.run) for side in sides]
    attempts = {(row["run"], row["suite"], row["item"], row["agent"]): row["telling"] for row in rows}
    if len(sides) > 1:
        others = enumerate(samples[1:], 1)
        return tuple(SideBySide(at - 1, compare(samples[0], other), 0, at, attempts) for at, other in others)
    baseline = baseline_of(sides[0].run)
    return (SideBySide(0, compare(baseline.sample, samples[0]), None, 0, {}),) if baseline else ()


def _tells(row: Row) -> bool:
    return row.agent is None or row.word in ("better", "worse")


def drawn(compared: Sequence[SideBySide]) -> list[dict[str, Any]]:
    """The rows of the charts."""
    return [
        {
            "of": one.number,
            "name": row.metric + (f" {adapters.title(row.agent)}" if row.agent else ""),
            "value": row.change,
            "low": row.low,
            "high": row.high,
            "word": row.word,
            "ratio": row.kind == "ratio",
        }
        for one in compared
        for row in one.telling
        if None not in (row.change, row.low, row.high)
    ]
