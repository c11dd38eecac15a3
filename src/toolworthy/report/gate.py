"""The gate's answer as people read it: a reader of ``gate.json``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


def lines(gate: dict[str, Any]) -> Iterator[str]:
    """For a terminal: the answer, each criterion with its figures, and what to do next."""
    yield f"gate: {gate['answer'].upper()}: {gate['meaning']}"
    yield f"  {gate['baseline']} → {gate['candidate']}, {gate['policy']}, confidence {gate['confidence']:.0%}"
    for one in gate["criteria"]:
        yield f"  {MARKS[one['answer']]} {one['name']}: {one['said']}"
        for step in one["next"]:
            yield f"      {step}"
    if not gate["criteria"]:
        yield "  nothing that the policy names was measured in both runs"
    for note in gate["notes"]:
        yield f"  note: {note}"


def markdown(gate: dict[str, Any]) -> Iterator[str]:
    """For summary.md and a pull request."""
    yield f"**Gate: {MARKS[gate['answer']]} {gate['answer']}**, {gate['meaning']} (baseline {gate['baseline']})."
    yield ""
    if gate["criteria"]:
        yield "| criterion | answer | figures |"
        yield "|---|---|---|"
        for one in gate["criteria"]:
            said = one["said"].replace("|", "\\|")
            yield f"| {one['name']} | {MARKS[one['answer']]} {one['answer']} | {said} |"
    for one in gate["criteria"]:
        if one["answer"] != "pass":
            for step in one["next"]:
                yield f"- {one['name']}: {step}"
    for note in gate["notes"]:
        yield f"- note: {note}"
