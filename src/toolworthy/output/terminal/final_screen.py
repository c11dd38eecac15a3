"""The same truth as the report's, in a screenful: verdicts first, then why, then what it took."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from toolworthy.base.sanitize import one_line
from toolworthy.content.adapters import ProviderAdapter
from toolworthy.judgement.analysis.levels import Level, hints, levels, reasons
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.overall import Overall, overall
from toolworthy.judgement.analysis.remarks import remarks
from toolworthy.judgement.analysis.remedy import server_of
from toolworthy.output.terminal import _costs as costs
from toolworthy.output.terminal import gate, tools
from toolworthy.output.terminal.columns import cut, packed
from toolworthy.output.terminal.wire import tallies
from toolworthy.records.probe import ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.work.kinds import kind_lines
from toolworthy.work.probes.effects import Reason, weight
from toolworthy.work.run.completeness import unfinished

WIDTH = 120
"""Columns, where there is no terminal that says how many it has."""
_REASONS = 5
_CODES = 3
"""Reasons, and codes of one agent, in the terminal; all are in the report."""

Tone = Literal["good", "fair", "bad", ""]
"""How a line may be coloured; its words say it, too."""
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
    """What a run says, for a terminal of `width` columns; its exit code only where it has `ended` by itself."""
    meta = run.meta
    results, probes, cases = run.results(), run.probes(), run.cases()
    yield _line(f"endpoint {meta.endpoint.name} · model {meta.endpoint.model}")
    if cut_short := unfinished(run):
        yield _line(cut_short, "fair")
    for one in overall(results, probes):
        yield from _agent(one, width)
    for text in wire_lines(probes, server_of(meta, probes), width):
        yield _line(text)
    for text in remarks(run.measured()):
        yield _line(f"  {text}")
    for text in (*kind_lines(run), *tools.lines(cases, width), *costs.lines(results, cases)):
        yield _line(text)
    if run.gate is None and ended:
        yield _line(str(outcome(run.measured())))


def gate_lines(run: RunDirectory) -> Iterator[Line]:
    """The gate's answer, where there is one."""
    if told := run.gate:
        first, *rest = gate.lines(told)
        yield _line(first, _TONES[told.answer])
        for text in rest:
            yield _line(text)


def _line(text: str, tone: Tone = "") -> Line:
    """A line whose indentation is ours; what stands in it may come from anywhere."""
    indent = len(text) - len(text.lstrip(" "))
    return Line(text[:indent] + one_line(text), tone)


def _agent(one: Overall, width: int) -> Iterator[Line]:
    """An agent's verdict with what it was measured by, and why its tasks went as they did."""
    tone = _TONES.get(one.word, "")
    if one.tasks is None:
        assert one.wire is not None
        through = f", through {one.wire.api}" if one.wire.translated else ""
        said = f"  {one.title}{through}: {one_line(one.headline)}"
        yield from (_line(text, tone) for text in textwrap.wrap(said, width, subsequent_indent=" " * 6))
        return
    parts = [f"  {one.agent} {one.version}".rstrip() + f": {one.headline}", f"tasks {one.tasks.rate.figures}"]
    if one.tasks.translated:
        parts.append("through toolworthy's translation")
    if one.tasks.rate.notes:
        parts.append(one.tasks.rate.notes)
    yield from (_line(text, tone) for text in packed(parts, width, 6))
    if why := one.tasks.reasons:
        yield from (_line(text) for text in packed([f"      {why[0].text}", *(one.text for one in why[1:])], width, 6))


def wire_lines(results: Sequence[ProbeResult], server: ProviderAdapter, width: int) -> Iterator[str]:
    """What the probes say: a tally for every API, then each cause once, with what follows from it and what to do."""
    for api, tally in tallies(results):
        yield f"  wire, {api}: " + " · ".join(f"{count} {word}" for word, count in tally)
    found = levels(results)
    every = reasons(found)
    causes = [reason for reason in every if not reason.root]
    for cause in causes[:_REASONS]:
        yield cut(f"      {cause.code} {_harm(cause, found)}: {cause.title}: {one_line(cause.detail)}", width)
        if follows := [reason.code for reason in every if reason.root == cause.code]:
            more = f" and {len(follows) - _CODES} more" if len(follows) > _CODES else ""
            yield f"          so do fail: {', '.join(follows[:_CODES])}{more}"
        if hint := server.hints.get(cause.code):
            yield f"          fix ({server.title}): {hint}"
    if off := hints(results):
        yield cut(f"      hints: {' · '.join(off)}", width)
    if causes or off:
        left = len(causes) - _REASONS
        more = f"{left} more in the report; " if left > 0 else ""
        yield f"      {more}`toolworthy rules CODE` explains a rule"


def _harm(cause: Reason, found: Sequence[Level]) -> str:
    """Whom a cause breaks or fails, by itself or by what follows from it; "noted" where it harms none."""
    harmed: dict[str, list[str]] = {}
    for level in found:
        mine = [reason for reason in level.reasons if cause.code in (reason.code, reason.root)]
        worst = min(mine, key=lambda reason: weight(reason.effect), default=None)
        if worst is not None and worst.effect != "noted":
            when = f" {worst.when}" if worst.effect == "fails" else ""
            harmed.setdefault(f"{worst.effect} {{}}{when}", []).append(level.agent.title)
    return " and ".join(how.format(", ".join(names)) for how, names in harmed.items()) or "noted"
