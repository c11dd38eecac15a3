"""The gate's answer, and the file that keeps it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolworthy.base.errors import UserError
from toolworthy.judgement.gate.baseline import FOLDER, find, load
from toolworthy.judgement.gate.criteria.judged import Answer
from toolworthy.judgement.gate.decide import Decision, decide
from toolworthy.judgement.gate.policy import load_policy
from toolworthy.judgement.gate.sample import Sample
from toolworthy.work.run.store import GATE, RunDirectory

EXIT: dict[Answer, int] = {"pass": 0, "fail": 1, "inconclusive": 2}
_MEANING: dict[Answer, str] = {
    "pass": "the candidate may replace the baseline",
    "fail": "the candidate is worse than the policy allows",
    "inconclusive": "the evidence does not suffice",
}


def judge(baseline: Path, candidate: Path, policy: Path | None, folder: Path = FOLDER) -> dict[str, Any]:
    """The gate's answer, also written as ``gate.json`` into the candidate's run.

    Raises:
        UserError: one of them cannot be read, or the policy is broken.
    """
    before, after = load(baseline, folder), load(candidate, folder)
    gate = about(decide(before, after, load_policy(policy)), before, after.name)
    if candidate.is_dir():
        gate |= beside(find(baseline, folder), candidate)
        keep(RunDirectory.open(candidate), gate)
    return gate


def keep(run: RunDirectory, gate: dict[str, Any]) -> None:
    """Write ``gate.json``."""
    run.write(GATE, json.dumps(gate, indent=2, ensure_ascii=False) + "\n")


def about(decision: Decision, baseline: Sample, candidate: str) -> dict[str, Any]:
    """The content of ``gate.json``."""
    return {
        "answer": decision.answer,
        "meaning": _MEANING[decision.answer],
        "baseline": baseline.name,
        "baseline_started": baseline.started,
        "candidate": candidate,
        "policy": decision.policy,
        "about": decision.about,
        "confidence": decision.confidence,
        "criteria": [
            {"name": one.name, "answer": one.answer, "said": one.said, "next": one.next} for one in decision.judged
        ],
        "notes": decision.notes,
    }


def beside(baseline: Path, candidate: Path) -> dict[str, str]:
    """``baseline_run``: the way from the candidate's run to the baseline's, where the baseline is a run directory.

    Nothing where only the root of the file system holds both: the way would tell all of this machine's folders.
    """
    there, here = baseline.resolve(), candidate.resolve()
    if not there.is_dir() or os.path.commonpath((there, here)) == here.anchor:
        return {}
    return {"baseline_run": Path(os.path.relpath(there, here)).as_posix()}


@dataclass(frozen=True)
class Baseline:
    """What a run was compared with."""

    sample: Sample
    run: RunDirectory | None
    """With its traffic, where that is still to be had."""


def baseline_of(run: RunDirectory, folder: Path = FOLDER) -> Baseline | None:
    """What ``gate.json`` names, if it is still there and has not been replaced since; else None."""
    gate = run.gate
    if gate is None:
        return None
    name, way = gate.get("baseline"), gate.get("baseline_run")
    given = run.path / way if isinstance(way, str) and not Path(way).is_absolute() else Path(str(name))
    try:
        sample = load(given, folder)
    except (UserError, OSError):
        return None
    if sample.name != name or sample.started != gate.get("baseline_started"):
        return None
    return Baseline(sample, RunDirectory.open(given) if given.is_dir() else None)
