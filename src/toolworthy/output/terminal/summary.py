"""``summary.md``: the verdict, the matrix and the reasons, short enough for a pull request; details are folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from toolworthy.judgement.analysis.breaking import breaking
from toolworthy.judgement.analysis.levels import Level, hints, levels, reasons
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.overall import overall, sentence
from toolworthy.judgement.analysis.remarks import remarks
from toolworthy.judgement.analysis.verdict import WORDS, cell, verdicts
from toolworthy.output.exports.badge import said
from toolworthy.output.terminal import _costs as costs
from toolworthy.output.terminal import gate as gated
from toolworthy.output.terminal import tools
from toolworthy.output.terminal.gate import plain
from toolworthy.records.probe import ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.work.kinds import kind_lines
from toolworthy.work.run.completeness import unfinished

LEGEND = (
    "✓ passed · ~ passed sometimes · ✗ failed · ! ended by infrastructure or at a limit of ours · – cannot work here"
)
MARKS = {"pass": "✓", "flaky": "~", "fail": "✗", "error": "!", "cannot work": "–", None: ""}


_BREAKING = 3
"""What breaks agents, named at the top."""
_ROWS = 60
"""Rows of the folded matrix, and reasons; all are in the report. GitHub takes 65,536 characters in a comment."""


def markdown(run: RunDirectory) -> str:
    """The page, as one string."""
    meta, gate = run.meta, run.gate
    results, probes, cases = run.results(), run.probes(), run.cases()
    found = levels(probes)
    figures = " · ".join(f"{WORDS[word]} {told} ({word})" for told, word in said(results, cases, probes).values())
    asked = list(tools.markdown(cases))
    first = asked.index("") if "" in asked else len(asked)
    parts = [
        [gated.headline(gate)] if gate else [],
        [f"**{plain(meta.endpoint.model)}** at {plain(meta.endpoint.name)}: {figures or 'nothing was measured'}"],
        [plain(cut_short)] if (cut_short := unfinished(run)) else [],
        _in_words(results, probes, found),
        [plain(text) for text in remarks(run.measured())],
        [] if gate else [plain(str(outcome(run.measured())))],
        gated.markdown(gate) if gate else [],
        _agents(results),
        _wire(found),
        asked[:first],
        [f"- {plain(text)}" for text in kind_lines(run)],
        _folded("What it cost", costs.markdown(results, cases)),
        _folded("What would decide, and what was lost", gated.steps(gate) if gate else []),
        _folded("Tasks by agent", _matrix(results)),
        _folded("Why on the wire", _reasons(found, probes)),
        _folded("Tool calls by category", asked[first + 1 :]),
        [f"toolworthy {meta.toolworthy}, `{_code(meta.command)}`"],
    ]
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _code(text: str) -> str:
    return " ".join(text.split()).replace("`", "'")[:300]


def _in_words(results: Sequence[TrialResult], probes: Sequence[ProbeResult], found: Sequence[Level]) -> Iterator[str]:
    """Which agents work, and what breaks the others."""
    if said := sentence(overall(results, probes)):
        every = breaking(results, found)
        more = f"; and {len(every) - _BREAKING} more" if len(every) > _BREAKING else ""
        yield plain(said)
        if every:
            yield plain("; ".join(map(str, every[:_BREAKING])) + more) + "."


def _folded(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Details behind their title; nothing where there are none."""
    inner = list(lines)
    if inner:
        yield from (f"<details><summary>{title}</summary>", "", *inner, "", "</details>")


def _wire(found: Sequence[Level]) -> Iterator[str]:
    if found:
        yield from ("| agent | the wire | why |", "|---|---|---|")
    for level in found:
        through = f" through {level.api}" if level.translated else ""
        codes = [reason.code for reason in level.reasons if not reason.root]
        more = f" and {len(codes) - 8} more" if len(codes) > 8 else ""
        why = ", ".join(codes[:8]) + more or "–"
        said = plain(str(level.headline))
        yield f"| {level.agent.title}{through} | {WORDS[level.word]} {said} | {why} |"


def _reasons(found: Sequence[Level], probes: Sequence[ProbeResult]) -> Iterator[str]:
    every = reasons(found)
    for reason in every[:_ROWS]:
        follows = f", follows from {reason.root}" if reason.root else ""
        yield f"- **{reason.code}** ({reason.effect}{follows}) {plain(reason.title)}: {plain(reason.detail)}"
    yield from (f"- hint: {plain(told)}" for told in hints(probes))
    if len(every) > _ROWS:
        yield f"- {len(every) - _ROWS} more in report.html"


def _agents(results: Sequence[TrialResult]) -> Iterator[str]:
    if results:
        yield "| agent | verdict | tasks passed (95 % interval) | wire | reasons |"
        yield "|---|---|---|---|---|"
    for verdict in verdicts(results):
        wire = "through toolworthy's translation" if verdict.translated else "as it is"
        why = "; ".join(plain(reason.text) for reason in verdict.reasons) or "–"
        name = f"{verdict.agent} {verdict.version}".strip()
        yield f"| {name} | {WORDS[verdict.word]} {verdict.headline} | {verdict.rate} | {wire} | {why} |"


def _matrix(results: Sequence[TrialResult]) -> Iterator[str]:
    """Tasks by agents; of very many, those first that did not always pass."""
    agents = list(dict.fromkeys(result.key.agent for result in results))
    rows = []
    for task in dict.fromkeys(result.key.task for result in results):
        cells = [cell([r for r in results if r.key.task == task and r.key.agent == agent]) for agent in agents]
        rows.append((task, cells))
    if not rows:
        return
    if len(rows) > _ROWS:
        rows.sort(key=lambda row: all(kind == "pass" for kind, _ in row[1]))
    yield "| task | " + " | ".join(agents) + " |"
    yield "|---|" + "---|" * len(agents)
    for task, cells in rows[:_ROWS]:
        yield f"| {plain(task)} | " + " | ".join(f"{MARKS[kind]} {figure}".strip() for kind, figure in cells) + " |"
    yield ""
    yield LEGEND + (f" · {len(rows) - _ROWS} more tasks in report.html" if len(rows) > _ROWS else "")
