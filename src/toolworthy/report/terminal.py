"""The same truth as the report's, in a screenful."""

from __future__ import annotations

from collections.abc import Iterator

from toolworthy.report.verdict import verdicts
from toolworthy.runs.result import TrialResult
from toolworthy.runs.store import RunDirectory

_TAIL = 1_200


def summary_lines(run: RunDirectory) -> Iterator[str]:
    """The verdict per agent, one or two lines each."""
    about = run.about
    endpoint = about.get("endpoint", {})
    yield f"endpoint {endpoint.get('name')} · model {endpoint.get('model')}"
    for verdict in verdicts(run.results()):
        name = f"{verdict.agent} {verdict.version}".strip()
        through = " · through toolworthy's translation" if verdict.translated else ""
        errors = f" · {verdict.errors} not measured (infrastructure or a limit of ours)" if verdict.errors else ""
        yield f"  {name}: {verdict.word} · tasks {verdict.rate}{through}{errors}"
        for reason in verdict.reasons:
            yield f"      {reason}"


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
