"""The gate's answer as people read it: a reader of ``gate.json``."""

from __future__ import annotations

from collections.abc import Iterator

from toolworthy.records.gate import GateReport

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


def lines(gate: GateReport) -> Iterator[str]:
    """For a terminal: the answer, each criterion with its figures, and what to do next."""
    yield f"gate: {gate.answer.upper()}: {gate.meaning}"
    yield f"  {gate.baseline} → {gate.candidate}, {gate.policy}, confidence {gate.confidence:.0%}"
    for one in gate.criteria:
        yield f"  {MARKS[one.answer]} {one.name}: {one.said}"
        for step in one.next:
            yield f"      {step}"
    if not gate.criteria:
        yield "  the two runs share no measurement that the policy names"
    for note in gate.notes:
        yield f"  note: {note}"


def headline(gate: GateReport) -> str:
    """The answer in one line of Markdown."""
    return f"**Gate: {MARKS[gate.answer]} {gate.answer}**, {gate.meaning} (baseline {plain(gate.baseline)})."


def markdown(gate: GateReport) -> Iterator[str]:
    """The criteria, and what was not compared, for summary.md and a pull request."""
    if gate.criteria:
        yield "| criterion | answer | figures |"
        yield "|---|---|---|"
        for one in gate.criteria:
            yield f"| {one.name} | {MARKS[one.answer]} {one.answer} | {plain(one.said)} |"
    else:
        yield "The two runs share no measurement that the policy names."
    if gate.notes:
        yield ""
    for note in gate.notes:
        yield f"- note: {plain(note)}"


def steps(gate: GateReport) -> Iterator[str]:
    """What would decide the criteria that are not held, and what was lost."""
    for one in gate.criteria:
        if one.answer != "pass":
            yield from (f"- {one.name}: {plain(step)}" for step in one.next)


def plain(text: str, most: int = 300) -> str:
    """Text in one cell or line of Markdown: no pipes, breaks, markup, links, images or mentions of a model's making."""
    line = " ".join(str(text).split())[:most]
    for mark, harmless in (("|", "\\|"), ("<", "&lt;"), ("`", "'"), ("[", "\\["), ("@", "@\u200b")):
        line = line.replace(mark, harmless)
    return line
