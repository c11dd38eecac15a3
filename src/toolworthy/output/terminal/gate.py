"""The gate's answer as text, from ``gate.json``."""

from __future__ import annotations

from collections.abc import Iterator

from toolworthy.records.gate import GateReport

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


def lines(gate: GateReport) -> Iterator[str]:
    """For a terminal: the answer, each criterion with its figures, and next steps."""
    yield f"gate: {gate.answer.upper()}: {gate.meaning}"
    yield f"  {gate.baseline} → {gate.candidate}, {gate.policy}, confidence {gate.confidence:.0%}"
    for criterion in gate.criteria:
        yield f"  {MARKS[criterion.answer]} {criterion.name}: {criterion.said}"
        for step in criterion.next:
            yield f"      {step}"
    if not gate.criteria:
        yield "  the two runs share no measurement that the policy names"
    for note in gate.notes:
        yield f"  note: {note}"


def plain(text: str, most: int = 300) -> str:
    """Text for one cell or line of Markdown, without pipes, line breaks, markup, links, images and mentions."""
    line = " ".join(str(text).split())[:most]
    for mark, harmless in (("|", "\\|"), ("<", "&lt;"), ("`", "'"), ("[", "\\["), ("@", "@\u200b")):
        line = line.replace(mark, harmless)
    return line
