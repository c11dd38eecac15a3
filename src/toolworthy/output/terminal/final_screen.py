"""The summary of a run on one screen: verdicts, then reasons, then costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from toolworthy.base.sanitize import one_line
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.overall import Overall, alike, overall
from toolworthy.judgement.analysis.remarks import remarks
from toolworthy.judgement.analysis.root_cause import RootCause, listed
from toolworthy.judgement.analysis.root_causes import causes_of
from toolworthy.output.terminal import gate, tools, wire
from toolworthy.output.terminal._costs import costs
from toolworthy.output.terminal.columns import cut, packed, wrapped
from toolworthy.records.store import RunDirectory
from toolworthy.work.kinds import kind_lines
from toolworthy.work.run.completeness import to_resume, unfinished

WIDTH = 120
"""Columns, if no terminal reports its width."""
_NOT_OURS = "the exit code is pytest's: a test of your own failed, or the run was stopped"
_FIRST = 3
"""The most root causes in the terminal; all are in the report."""
_DETAIL = 160
"""The most columns of an example."""

Tone = Literal["good", "fair", "bad", ""]
"""The colour of a line; its text says the same."""
_TONES: dict[str, Tone] = {
    "works": "good",
    "works, fails when": "fair",
    "broken": "bad",
    "pass": "good",
    "inconclusive": "fair",
    "fail": "bad",
}


class Line(NamedTuple):
    """One line of the summary."""

    text: str
    tone: Tone = ""


def summary_lines(run: RunDirectory, width: int = WIDTH, *, ended: bool = True) -> Iterator[Line]:
    """The summary of a run, for a terminal of `width` columns; with the exit code only if the run `ended` by itself."""
    meta = run.meta
    results, probes, cases = run.results(), run.probes(), run.cases()
    yield _line(f"endpoint {meta.endpoint.name} · model {meta.endpoint.model}")
    if cut_short := unfinished(run):
        yield _line(cut_short, "fair")
    for own in alike(overall(results, probes)):
        yield from _agent(own, width)
    for text in fix_first(causes_of(run), width):
        yield _line(text)
    for text in wire.lines(probes):
        yield from (_line(part) for part in wrapped(text, width, 6))
    for text in remarks(run.measured()):
        yield _line(f"  {text}")
    spent = (f"  cost of {cost.name}: {cost.whole} · {cost.each}" for cost in costs(results, cases))
    for text in (*kind_lines(run), *tools.lines(cases, width), *spent):
        yield _line(text)
    if run.gate is None:
        yield _line(str(outcome(run)) if ended else _NOT_OURS)


def next_step(run: RunDirectory) -> str:
    """The next step after a run."""
    code = outcome(run).exit_code
    if code == 2 and unfinished(run):
        return f"`{to_resume(run)}` measures the rest"
    if code:
        return f"`toolworthy evidence {run.path}` lists the findings and writes bug reports"
    return f"`toolworthy baseline save {run.path} NAME` saves this run as a baseline for later ones"


def gate_lines(run: RunDirectory) -> Iterator[Line]:
    """The gate's answer, if there is one."""
    if report := run.gate:
        first, *others = gate.lines(report)
        yield _line(first, _TONES[report.answer])
        for text in others:
            yield _line(text)


def _line(text: str, tone: Tone = "") -> Line:
    """A sanitized line: the text may contain a server's."""
    indent = len(text) - len(text.lstrip(" "))
    return Line(text[:indent] + one_line(text), tone)


def _agent(own: Sequence[Overall], width: int) -> Iterator[Line]:
    """The verdict on an agent, with its task results and their causes; or on several that are untested for the same
    reason."""
    first = own[0]
    tone = _TONES.get(first.word, "")
    if first.tasks is None:
        assert first.wire is not None
        through = f", through {first.wire.api}" if first.wire.translated else ""
        text = f"  {listed([each.title for each in own])}{through}: {one_line(first.headline)}"
        yield from (_line(line, tone) for line in wrapped(text, width, 6))
        return
    parts = [f"  {first.title} {first.version}".rstrip() + f": {first.headline}", f"tasks {first.tasks.rate.figures}"]
    if first.tasks.translated:
        parts.append("through toolworthy's translation")
    if first.tasks.rate.notes:
        parts.append(first.tasks.rate.notes)
    parts += [why.text for why in first.tasks.reasons]
    yield from (_line(text, tone) for text in packed(parts, width, 6))


def fix_first(causes: Sequence[RootCause], width: int, most: int = _FIRST) -> Iterator[str]:
    """Root causes, the most harmful first: agents, counts, remedies. For the first, also an example and the evidence.

    Args:
        causes: of a run.
        width: columns.
        most: how many are shown.
    """
    ours = [cause for cause in causes if cause.is_open]
    if ours:
        yield "fix first:"
    for number, cause in enumerate(ours[:most], 1):
        yield from wrapped(f"  {number}. {cause.name}", width, 5)
        yield from wrapped(f"     {cause.harm} ({cause.count})", width, 5)
        if number == 1:
            yield from wrapped(f"     seen: {cut(one_line(cause.detail), _DETAIL)}", width, 5)
            yield from wrapped(f"     how sure: {cause.evidence}", width, 5)
        yield from wrapped(f"     fix: {cause.remedy} {cause.unaffected}", width, 5)
        if decision := str(cause.triage):
            yield from wrapped(f"     {one_line(decision)}", width, 5)
    if (more := len(ours) - most) > 0:
        yield f"  {more} more in the report"
    for cause in causes:
        if cause.triage.known:
            yield from wrapped(f"  {cause.name} ({cause.count}). {one_line(cause.triage).capitalize()}", width, 5)
    if harmless := [f"{one.name} ({one.count})" for one in causes if not (one.harms or one.triage.known)]:
        yield cut(f"  harmless: {' · '.join(harmless)}", width)
