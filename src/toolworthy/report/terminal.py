"""The same truth as the report's, in a screenful: verdicts first, then why, then what it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from toolworthy import adapters
from toolworthy.analysis.levels import Level, Reason, levels, reasons
from toolworthy.analysis.overall import Overall, overall
from toolworthy.analysis.remarks import remarks
from toolworthy.probes import ProbeResult
from toolworthy.report import costs, gate, tools
from toolworthy.report.columns import cut, packed
from toolworthy.report.wire import tallies
from toolworthy.runs.result import TrialResult
from toolworthy.runs.store import RunDirectory
from toolworthy.visible import one_line

WIDTH = 120
"""Columns, where there is no terminal that says how many it has."""
_TAIL = 1_200
_REASONS = 5
_CODES = 3
"""Reasons, and codes of one agent, in the terminal; all are in the report."""

Tone = Literal["good", "fair", "bad", ""]
"""How a line may be coloured; its words say it, too."""
_TONES: dict[str, Tone] = {
    "works": "good",
    "works with caveats": "fair",
    "broken": "bad",
    "pass": "good",
    "inconclusive": "fair",
    "fail": "bad",
}


class Line(NamedTuple):
    """One line of the summary."""

    text: str
    tone: Tone = ""


def summary_lines(run: RunDirectory, width: int = WIDTH) -> Iterator[Line]:
    """What a run says, for a terminal of `width` columns."""
    endpoint = run.about.get("endpoint", {})
    results, probes, cases = run.results(), run.probes(), run.cases()
    yield _line(f"endpoint {endpoint.get('name')} · model {endpoint.get('model')}")
    for one in overall(results, probes):
        yield from _agent(one, width)
    for text in wire_lines(probes, str(endpoint.get("provider", "generic")), width):
        yield _line(text)
    for text in remarks(results, probes, cases):
        yield _line(f"  {text}")
    for text in (*tools.lines(cases, width), *costs.lines(results, cases)):
        yield _line(text)


def gate_lines(run: RunDirectory) -> Iterator[Line]:
    """The gate's answer, where there is one."""
    if told := run.gate:
        first, *rest = gate.lines(told)
        yield _line(first, _TONES[told["answer"]])
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
        yield _line(f"  {one.title}{through}: {one.word}{_codes(one.wire)}", tone)
        return
    parts = [f"  {one.agent} {one.version}".rstrip() + f": {one.word}", f"tasks {one.tasks.rate}"]
    if one.tasks.translated:
        parts.append("through toolworthy's translation")
    if one.tasks.errors:
        parts.append(f"{one.tasks.errors} not measured (infrastructure or a limit of ours)")
    if one.wire and one.wire.word != "untested":
        parts.append(f"wire: {one.wire.word}{_codes(one.wire)}")
    yield from (_line(text, tone) for text in packed(parts, width, 6))
    if why := one.tasks.reasons:
        yield from (_line(text) for text in packed([f"      {why[0].text}", *(one.text for one in why[1:])], width, 6))


def _codes(level: Level) -> str:
    codes = level.deciding
    more = f", {len(codes) - _CODES} more" if len(codes) > _CODES else ""
    return f" ({', '.join(codes[:_CODES])}{more})" if codes else ""


def wire_lines(results: Sequence[ProbeResult], provider: str, width: int) -> Iterator[str]:
    """What the probes say: a tally for every API, and what to do about the worst."""
    for api, tally in tallies(results):
        yield f"  wire, {api}: " + " · ".join(f"{count} {word}" for word, count in tally)
    every = reasons(levels(results))
    shown = _telling(every)
    hints = adapters.provider(provider).hints
    for reason in shown:
        yield cut(f"      {reason.code} ({reason.severity}) {reason.title}: {one_line(reason.detail)}", width)
        if hint := hints.get(reason.code):
            yield f"          mend it: {hint}"
    if shown:
        more = f"{len(every) - len(shown)} more in the report; " if len(every) > len(shown) else ""
        yield f"      {more}`toolworthy rules CODE` explains a rule"


def _telling(every: Sequence[Reason]) -> list[Reason]:
    """The first few, without probes that say nothing but what a rule above them says."""
    shown: list[Reason] = []
    for reason in every:
        if len(shown) < _REASONS and not any(other.code in reason.detail.split() for other in shown):
            shown.append(reason)
    return shown


def explain(result: TrialResult) -> str:
    """Why a trial failed, and how to see more, for a test's message."""
    if result.cause is None:
        return f"{result.key}: {result.status}"
    where = f" (exchange {result.cause.exchange})" if result.cause.exchange is not None else ""
    lines = [f"{result.cause.kind}, fault of {result.cause.fault}{where}: {result.cause.detail}"]
    for finding in result.score.findings:
        if finding.severity == "blocks":
            lines.append(f"{finding.code} {finding.title}: {finding.detail}")
    if result.verification and result.verification.output.strip():
        lines.append("hidden tests:\n" + result.verification.output.strip()[-_TAIL:])
    if result.reproduce:
        lines.append(f"again: {result.reproduce}")
    return "\n".join(lines)
