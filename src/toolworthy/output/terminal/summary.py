"""``summary.md``: the verdict, the matrix and the reasons, short enough for a pull request; details are folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from toolworthy.content import adapters
from toolworthy.judgement.analysis.levels import Level, levels
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.overall import overall, sentence
from toolworthy.judgement.analysis.remarks import remarks
from toolworthy.judgement.analysis.root_causes import RootCause, causes_of
from toolworthy.judgement.analysis.verdict import WORDS, cell, verdicts
from toolworthy.output.exports.badge import said
from toolworthy.output.terminal import gate as gated
from toolworthy.output.terminal import tools
from toolworthy.output.terminal._costs import costs
from toolworthy.output.terminal.gate import plain
from toolworthy.records.probe import ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.work.kinds import kind_lines
from toolworthy.work.run.completeness import unfinished

LEGEND = "✓ passed · ~ passed sometimes · ✗ failed · ! ended by infrastructure or at a run limit · – cannot work here"
MARKS = {"pass": "✓", "flaky": "~", "fail": "✗", "error": "!", "cannot work": "–", None: ""}


_FIRST = 3
"""Root causes named at the top."""
_CODES = 8
"""Codes in a row."""
_ROWS = 60
"""Rows of the folded matrix, and reasons; all are in the report. GitHub takes 65,536 characters in a comment."""


def markdown(run: RunDirectory) -> str:
    """The page, as one string."""
    meta, gate = run.meta, run.gate
    results, probes, cases = run.results(), run.probes(), run.cases()
    found, causes = levels(probes), causes_of(run)
    figures = " · ".join(f"{WORDS[word]} {told} ({word})" for told, word in said(results, cases, probes).values())
    asked = list(tools.markdown(cases))
    first = asked.index("") if "" in asked else len(asked)
    parts = [
        [gated.headline(gate)] if gate else [],
        [f"**{plain(meta.endpoint.model)}** at {plain(meta.endpoint.name)}: {figures or 'nothing was measured'}"],
        [plain(cut_short)] if (cut_short := unfinished(run)) else [],
        _in_words(results, probes),
        _fix_first(causes),
        [plain(text) for text in remarks(run.measured())],
        [] if gate else [plain(str(outcome(run)))],
        gated.markdown(gate) if gate else [],
        _agents(results),
        _wire(found),
        asked[:first],
        [f"- {plain(text)}" for text in kind_lines(run)],
        _folded("What it cost", (f"- cost of {one.name}: {one.whole}; {one.each}" for one in costs(results, cases))),
        _folded("What would decide, and what was lost", gated.steps(gate) if gate else []),
        _folded("Tasks by agent", _matrix(results)),
        _folded("All root causes", _others(causes)),
        _folded("Tool calls by category", asked[first + 1 :]),
        [f"toolworthy {meta.toolworthy}, `{_code(meta.command)}`"],
    ]
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _code(text: str) -> str:
    return " ".join(text.split()).replace("`", "'")[:300]


def _in_words(results: Sequence[TrialResult], probes: Sequence[ProbeResult]) -> Iterator[str]:
    """Which agents work."""
    if said := sentence(overall(results, probes)):
        yield plain(said)


def _fix_first(causes: Sequence[RootCause]) -> Iterator[str]:
    """Root causes that harm agents, the first with all that is known of them."""
    ours = [cause for cause in causes if cause.harms and not cause.triage.known]
    if ours:
        yield from ("**Fix first**", "")
    for number, cause in enumerate(ours[:_FIRST], 1):
        yield f"{number}. **{plain(cause.name)}**: {plain(cause.harm)} ({plain(cause.count)}). {plain(cause.evidence)}."
        yield f"   Fix: {plain(cause.remedy, 800)} {plain(cause.unaffected)}".rstrip()
        if told := str(cause.triage):
            yield f"   {plain(told)}"
    if (more := len(ours) - _FIRST) > 0:
        yield f"\n{more} more below"
    if known := [cause for cause in causes if cause.triage.known]:
        yield from ("" if ours else "**Nothing open harms an agent**", "")
        yield from (f"- **{plain(one.name)}** ({plain(one.count)}). {plain(str(one.triage))}" for one in known)


def _others(causes: Sequence[RootCause]) -> Iterator[str]:
    """Every root cause in a line, with what follows from it."""
    for cause in causes[:_ROWS]:
        follows = f"; so do fail: {', '.join(cause.follows[:_CODES])}" if cause.follows else ""
        more = f" and {len(cause.follows) - _CODES} more" if len(cause.follows) > _CODES else ""
        said = f"{plain(cause.harm)}. {plain(cause.detail)}{plain(follows)}{more}"
        triage = f" [{plain(str(cause.triage))}]" if str(cause.triage) else ""
        yield f"- **{plain(cause.name)}** ({plain(cause.count)}): {said}{triage}"
    if len(causes) > _ROWS:
        yield f"- {len(causes) - _ROWS} more in report.html"


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
        codes = [*dict.fromkeys(reason.root or reason.code for reason in level.reasons)]
        more = f" and {len(codes) - _CODES} more" if len(codes) > _CODES else ""
        why = ", ".join(codes[:_CODES]) + more or "–"
        said = plain(str(level.headline))
        yield f"| {level.agent.title}{through} | {WORDS[level.word]} {said} | {why} |"


def _agents(results: Sequence[TrialResult]) -> Iterator[str]:
    if results:
        yield "| agent | verdict | tasks passed (95 % interval) | wire | reasons |"
        yield "|---|---|---|---|---|"
    for verdict in verdicts(results):
        wire = "through toolworthy's translation" if verdict.translated else "as it is"
        why = "; ".join(plain(reason.text) for reason in verdict.reasons) or "–"
        name = f"{adapters.title(verdict.agent)} {verdict.version}".strip()
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
    yield "| task | " + " | ".join(map(adapters.title, agents)) + " |"
    yield "|---|" + "---|" * len(agents)
    for task, cells in rows[:_ROWS]:
        yield f"| {plain(task)} | " + " | ".join(f"{MARKS[kind]} {figure}".strip() for kind, figure in cells) + " |"
    yield ""
    yield LEGEND + (f" · {len(rows) - _ROWS} more tasks in report.html" if len(rows) > _ROWS else "")
