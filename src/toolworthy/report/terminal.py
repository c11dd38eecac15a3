"""The same truth as the report's, in a screenful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import get_args

from toolworthy import adapters
from toolworthy.analysis.levels import levels, reasons, served_apis
from toolworthy.analysis.verdict import verdicts
from toolworthy.probes import ProbeResult, Verdict
from toolworthy.report import costs, gate, tools
from toolworthy.runs.result import TrialResult
from toolworthy.runs.store import RunDirectory

_TAIL = 1_200
_REASONS = 8
"""Reasons in the terminal; all are in the report."""


def summary_lines(run: RunDirectory) -> Iterator[str]:
    """The verdict per agent, one or two lines each."""
    about = run.about
    endpoint = about.get("endpoint", {})
    yield f"endpoint {endpoint.get('name')} · model {endpoint.get('model')}"
    yield from wire_lines(run.probes(), str(endpoint.get("provider", "generic")))
    yield from tools.lines(run.cases())
    for verdict in verdicts(run.results()):
        name = f"{verdict.agent} {verdict.version}".strip()
        through = " · through toolworthy's translation" if verdict.translated else ""
        errors = f" · {verdict.errors} not measured (infrastructure or a limit of ours)" if verdict.errors else ""
        yield f"  {name}: {verdict.word} · tasks {verdict.rate}{through}{errors}"
        for reason in verdict.reasons:
            yield f"      {reason}"
    yield from costs.lines(run.results(), run.cases())


def gate_lines(run: RunDirectory) -> Iterator[str]:
    """The gate's answer, where there is one."""
    if told := run.gate:
        yield from gate.lines(told)


def wire_lines(results: Sequence[ProbeResult], provider: str) -> Iterator[str]:
    """What the probes say: a tally for every API, a level for every agent, and what to do about the worst."""
    for api in served_apis(results):
        counted = Counter(result.verdict for result in results if result.key.api == api)
        yield f"  wire, {api}: " + " · ".join(f"{counted[word]} {word}" for word in get_args(Verdict) if counted[word])
    found = levels(results)
    for level in found:
        yield f"  {level.line}"
    shown = reasons(found)
    hints = adapters.provider(provider).hints
    for reason in shown[:_REASONS]:
        yield f"      {reason.code} ({reason.severity}) {reason.title}: {' '.join(reason.detail.split())[:160]}"
        if hint := hints.get(reason.code):
            yield f"          mend it: {hint}"
    if shown:
        more = f"{len(shown) - _REASONS} more in the report; " if len(shown) > _REASONS else ""
        yield f"      {more}`toolworthy rules CODE` explains a rule"


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
