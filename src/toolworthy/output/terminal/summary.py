"""``summary.md``: the verdict, the matrix and the reasons, short enough for a pull request; details are folded."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.content import adapters
from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.overall import overall, sentence
from toolworthy.judgement.analysis.remarks import remarks
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.judgement.analysis.verdict import WORDS, cell, verdicts
from toolworthy.output._markdown import render
from toolworthy.output.exports.badge import suite_figures
from toolworthy.output.terminal import tools, wire
from toolworthy.output.terminal._costs import costs
from toolworthy.output.terminal.gate import MARKS as GATE
from toolworthy.output.terminal.gate import plain
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.work.kinds import kind_lines
from toolworthy.work.run.completeness import unfinished

LEGEND = "✓ passed · ~ passed sometimes · ✗ failed · ! ended by infrastructure or at a run limit · – cannot work here"
MARKS = {"pass": "✓", "flaky": "~", "fail": "✗", "error": "!", "cannot work": "–", None: ""}


_FIRST = 3
"""The most root causes at the top."""
_CODES = 8
"""Codes in a row."""
_ROWS = 60
"""Rows of the folded matrix, and reasons; all are in the report. GitHub takes 65,536 characters in a comment."""


def markdown(run: RunDirectory) -> str:
    """The page, as one string."""
    meta, gate = run.meta, run.gate
    results, probes, cases = run.results(), run.probes(), run.cases()
    causes, criteria = causes_of(run), gate.criteria if gate else ()
    columns = list(dict.fromkeys(result.key.agent for result in results))
    return render(
        "summary",
        meta=meta,
        gate=gate,
        figures=" · ".join(
            f"{WORDS[word]} {figure}" + (f" ({word})" if suite != "wire" else "")
            for suite, (figure, word) in suite_figures(results, cases, probes).items()
        ),
        cut_short=unfinished(run),
        in_words=sentence(overall(results, probes)),
        open=[cause for cause in causes if cause.is_open],
        known=[cause for cause in causes if cause.triage.known],
        causes=causes,
        remarks=list(remarks(run.measured())),
        outcome=outcome(run),
        agents=verdicts(results),
        levels=[(one, list(dict.fromkeys(why.root or why.code for why in one.reasons))) for one in levels(probes)],
        probes=[text.strip() for text in wire.lines(probes)],
        asked=tools.section(cases),
        kinds=list(kind_lines(run)),
        costs=list(costs(results, cases)),
        steps=[(one.name, step) for one in criteria if one.answer != "pass" for step in one.next],
        columns=[adapters.title(agent) for agent in columns],
        tasks=_tasks(results, columns),
        command=" ".join(meta.command.split()).replace("`", "'")[:300],
        plain=plain,
        title=adapters.title,
        GATE=GATE,
        WORDS=WORDS,
        LEGEND=LEGEND,
        FIRST=_FIRST,
        CODES=_CODES,
        ROWS=_ROWS,
    )


def _tasks(results: Sequence[TrialResult], agents: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Each task with its result for every agent; if there are very many, those that did not always pass come first."""
    rows = []
    for task in dict.fromkeys(result.key.task for result in results):
        cells = [cell([r for r in results if r.key.task == task and r.key.agent == agent]) for agent in agents]
        rows.append((task, cells))
    if len(rows) > _ROWS:
        rows.sort(key=lambda row: all(kind == "pass" for kind, _ in row[1]))
    return [(task, [f"{MARKS[kind]} {figure}".strip() for kind, figure in cells]) for task, cells in rows]
