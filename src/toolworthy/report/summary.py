"""``summary.md``: the verdict, the matrix and the reasons, for people who read Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toolworthy.report.verdict import cell, verdicts
from toolworthy.runs.result import TrialResult

LEGEND = (
    "✓ passed · ~ passed sometimes · ✗ failed · ! not measured (infrastructure or a limit of ours) · – cannot work here"
)
MARKS = {"pass": "✓", "flaky": "~", "fail": "✗", "error": "!", "cannot work": "–", None: ""}


def markdown(about: dict[str, Any], results: Sequence[TrialResult]) -> str:
    """The page, as one string."""
    return "\n".join(_lines(about, results)) + "\n"


def _lines(about: dict[str, Any], results: Sequence[TrialResult]) -> Iterator[str]:
    endpoint = about["endpoint"]
    yield f"# {endpoint['name']} · {endpoint['model']}"
    yield ""
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
    yield ""
    yield f"toolworthy {about['toolworthy']}, `{_plain(str(about['command']))}`"


def _plain(text: str) -> str:
    """One table cell: no pipes, no line breaks, no markup of a model's making."""
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
    return line[:300]
