"""The gate's answer, and the file that keeps it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toolworthy.gate.baseline import FOLDER, load
from toolworthy.gate.decide import Answer, Decision, decide
from toolworthy.gate.policy import load_policy
from toolworthy.runs.store import GATE, RunDirectory

EXIT: dict[Answer, int] = {"pass": 0, "fail": 1, "inconclusive": 2}
_MEANING: dict[Answer, str] = {
    "pass": "the candidate may replace the baseline",
    "fail": "the candidate is worse than the policy bears",
    "inconclusive": "the evidence does not suffice",
}


def judge(baseline: Path, candidate: Path, policy: Path | None, folder: Path = FOLDER) -> dict[str, Any]:
    """The gate's answer, also written as ``gate.json`` into the candidate's run.

    Raises:
        UserError: one of them cannot be read, or the policy is broken.
    """
    before, after = load(baseline, folder), load(candidate, folder)
    gate = about(decide(before, after, load_policy(policy)), before.name, after.name)
    if candidate.is_dir():
        keep(RunDirectory.open(candidate), gate)
    return gate


def keep(run: RunDirectory, gate: dict[str, Any]) -> None:
    """Write ``gate.json``."""
    run.write(GATE, json.dumps(gate, indent=2, ensure_ascii=False) + "\n")


def about(decision: Decision, baseline: str, candidate: str) -> dict[str, Any]:
    """The content of ``gate.json``."""
    return {
        "answer": decision.answer,
        "meaning": _MEANING[decision.answer],
        "baseline": baseline,
        "candidate": candidate,
        "policy": decision.policy,
        "confidence": decision.confidence,
        "criteria": [
            {"name": one.name, "answer": one.answer, "said": one.said, "next": one.next} for one in decision.judged
        ],
        "notes": decision.notes,
    }
