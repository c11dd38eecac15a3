"""A run as a badge: an SVG, or the JSON for shields.io's endpoint badge."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters
from toolworthy.judgement.analysis import matrix
from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.matrix import Suite
from toolworthy.judgement.analysis.success import success
from toolworthy.judgement.analysis.tools import lenient
from toolworthy.judgement.analysis.verdict import WORKING, Word, verdicts
from toolworthy.records.case import CaseResult
from toolworthy.records.probe import ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult

SUITES = matrix.SUITES[::-1]
_COLOURS: dict[Word, tuple[str, str]] = {
    "works": ("brightgreen", "#287a35"),
    "works, fails when": ("yellow", "#8a6100"),
    "broken": ("red", "#b3261e"),
    "untested": ("lightgrey", "#5f6368"),
}
"""Colours of a verdict: shields' name, and our own with enough contrast for white text (above 4.5)."""
_WORST: tuple[Word, ...] = ("broken", "works, fails when", "untested", "works")
_NAMED = 3
"""The most agents that are named; more are counted together."""
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]+")


@dataclass(frozen=True)
class Badge:
    """A badge's label, message and verdict."""

    label: str
    message: str
    word: Word

    def svg(self) -> str:
        """An image with a title for screen readers."""
        left, right = (_width(text) for text in (self.label, self.message))
        title = f"{self.label}: {self.message} ({self.word})"
        texts = "".join(
            f'<text x="{x + 6}" y="14" textLength="{width - 12}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
            for x, width, text in ((0, left, self.label), (left, right, self.message))
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
            f" aria-label={quoteattr(title)}><title>{escape(title)}</title>"
            f'<rect width="{left + right}" height="20" rx="3" fill="{_COLOURS[self.word][1]}"/>'
            f'<path d="M3 0H{left}V20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#3c4043"/>'
            f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>\n'
        )

    def shields(self) -> str:
        """The JSON of shields.io's endpoint badge."""
        value = {"schemaVersion": 1, "label": self.label, "message": self.message, "color": _COLOURS[self.word][0]}
        return json.dumps(value, ensure_ascii=False) + "\n"


def badge(run: RunDirectory, suite: Suite | None = None) -> Badge:
    """The badge of a suite; of the first of tasks, tools and wire that the run has, if none is named.

    Raises:
        ToolworthyError: the run has no results of it.
    """
    model = run.meta.endpoint.model
    figures = suite_figures(run.results(), run.cases(), run.probes())
    for name in (suite,) if suite else SUITES:
        if name in figures:
            message, word = figures[name]
            return Badge(_printable(f"toolworthy: {model}"), _printable(message), word)
    raise ToolworthyError(f"{run.path} has no results{f' of {suite}' if suite else ''}. Give another run.")


def suite_figures(
    results: Sequence[TrialResult], cases: Sequence[CaseResult], probes: Sequence[ProbeResult]
) -> dict[Suite, tuple[str, Word]]:
    """For every suite with results, its figure in a few words, and its verdict."""
    figures = (_tasks(results), _tools(cases), _wire(probes))
    return {suite: figure for suite, figure in zip(SUITES, figures, strict=True) if figure is not None}


def _tasks(results: Sequence[TrialResult]) -> tuple[str, Word] | None:
    agents = verdicts(results)
    if not agents:
        return None
    worst = min((verdict.word for verdict in agents), key=_WORST.index)
    if len(agents) <= _NAMED:
        return " · ".join(f"{adapters.title(one.agent)} {one.rate.counts}" for one in agents), worst
    return f"{len(agents)} agents {success(results).counts}", worst


def _tools(results: Sequence[CaseResult]) -> tuple[str, Word] | None:
    """By the lenient reading: works if all are right or the interval is above 90 %, broken if it is below 50 %."""
    if not results:
        return None
    rate = lenient(results)
    text = f"tool calls {rate.counts}"
    if rate.estimate is None or rate.n == rate.ended:
        return text, "untested"
    alike = rate.ok == rate.n or rate.estimate.low >= 0.9
    return text, "works" if alike else "broken" if rate.estimate.high < 0.5 else "works, fails when"


def _wire(results: Sequence[ProbeResult]) -> tuple[str, Word] | None:
    agents = levels(results)
    if not results:
        return None
    if not agents:
        return "no wire API works", "broken"
    worst = min((level.word for level in agents), key=_WORST.index)
    fit = sum(level.word in WORKING for level in agents)
    return f"wire: {fit} of {len(agents)} agents work", worst


def _printable(text: str) -> str:
    return _UNFIT.sub(" ", text)[:80]


def _width(text: str) -> int:
    """The approximate width in Verdana at 11 pixels, with margins."""
    narrow = sum(text.count(mark) for mark in "fijlrtI.,:;!|'()[]/ ·-")
    wide = sum(text.count(mark) for mark in "mwMW@%") + sum(ord(mark) > 0x2E7F for mark in text)
    return round(6.9 * (len(text) - narrow - wide) + 4.2 * narrow + 11 * wide) + 12
