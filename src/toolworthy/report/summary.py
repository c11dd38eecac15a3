"""``summary.md``: the verdict, the matrix and the reasons, for people who read Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toolworthy.cases.result import CaseResult
from toolworthy.probes import ProbeResult
from toolworthy.report import gate as gated
from toolworthy.report import tools
from toolworthy.report.levels import levels, reasons
from toolworthy.report.verdict import cell, verdicts
from toolworthy.runs.result import TrialResult

LEGEND = (
    "✓ passed · ~ passed sometimes · ✗ failed · ! not measured (infrastructure or a limit of ours) · – cannot work here"
)
MARKS = {"pass": "✓", "flaky": "~", "fail": "✗", "error": "!", "cannot work": "–", None: ""}


def markdown(
    about: dict[str, Any],
    results: Sequence[TrialResult],
    probes: Sequence[ProbeResult] = (),
    cases: Sequence[CaseResult] = (),
    gate: dict[str, Any] | None = None,
) -> str:
    """The page, as one string."""
    endpoint = about["endpoint"]
    lines = [f"# {endpoint['name']} · {endpoint['model']}", ""]
    if gate:
        lines += [*gated.markdown(gate), ""]
    if probes:
        lines += [*_wire(probes), ""]
    if cases:
        lines += [*tools.markdown(cases), ""]
    if results:
        lines += [*_trials(results), ""]
    lines.append(f"toolworthy {about['toolworthy']}, `{_plain(str(about['command']))}`")
    return "\n".join(lines) + "\n"


def _wire(probes: Sequence[ProbeResult]) -> Iterator[str]:
    yield "| agent | the wire | why |"
    yield "|---|---|---|"
    found = levels(probes)
    for level in found:
        through = f" through {level.api}" if level.translated else ""
        yield f"| {level.agent.title}{through} | **{level.word}** | {', '.join(r.code for r in level.reasons) or '–'} |"
    for reason in reasons(found):
        yield ""
        yield f"- **{reason.code}** ({reason.severity}) {reason.title}: {_plain(reason.detail)}"


def _trials(results: Sequence[TrialResult]) -> Iterator[str]:
    yield "| agent | verdict | tasks passed (95 % interval) | wire | reasons |"
    yield "|---|---|---|---|---|"
    for verdict in verdicts(results):
        wire = "through toolworthy's translation" if verdict.translated else "as it is"
        reasons = "; ".join(_plain(reason) for reason in verdict.reasons) or "–"
        name = f"{verdict.agent} {verdict.version}".strip()
        yield f"| {name} | **{verdict.word}** | {verdict.rate} | {wire} | {reasons} |"
    yield ""
    agents = list(dict.fromkeys(result.key.agent for result in results))
    yield "| task | " + " | ".join(agents) + " |"
    yield "|---|" + "---|" * len(agents)
    for task in dict.fromkeys(result.key.task for result in results):
        cells = [cell([r for r in results if r.key.task == task and r.key.agent == agent]) for agent in agents]
        yield f"| {task} | " + " | ".join(f"{MARKS[kind]} {figure}".strip() for kind, figure in cells) + " |"
    yield ""
    yield LEGEND


def _plain(text: str) -> str:
    """One table cell: no pipes, no line breaks, no markup of a model's making."""
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
    return line[:300]
