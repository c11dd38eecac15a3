"""The gate's answer, and its file ``gate.json``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.judgement.gate.baseline import FOLDER, find, load
from toolworthy.judgement.gate.decide import GateDecision, decide
from toolworthy.judgement.gate.policy import load_policy
from toolworthy.judgement.gate.sample import Sample
from toolworthy.records.gate import Answer, Criterion, GateReport, Looks
from toolworthy.records.store import GATE, RunDirectory

EXIT: dict[Answer, int] = {"pass": 0, "fail": 1, "inconclusive": 2}
_MEANING: dict[Answer, str] = {
    "pass": "the candidate may replace the baseline",
    "fail": "the candidate is worse than the policy allows",
    "inconclusive": "not enough data to decide",
}


def judge(baseline: Path, candidate: Path, policy: Path | None, folder: Path = FOLDER) -> GateReport:
    """The gate's answer, also written as ``gate.json`` into the candidate's run.

    Raises:
        ToolworthyError: one of them cannot be read, or the policy is broken.
    """
    before, after = load(baseline, folder), load(candidate, folder)
    gate = report(decide(before, after, load_policy(policy)), before, after.name)
    return keep(RunDirectory.open(candidate), gate, find(baseline, folder)) if candidate.is_dir() else gate


def keep(run: RunDirectory, gate: GateReport, baseline: Path, looks: Looks | None = None) -> GateReport:
    """Write ``gate.json``, with the path to the baseline."""
    gate = gate.model_copy(update={"baseline_run": way_to(baseline, run.path), "looks": looks})
    run.write(GATE, gate.model_dump_json(indent=2) + "\n")
    return gate


def report(decision: GateDecision, baseline: Sample, candidate: str) -> GateReport:
    """The report of a decision."""
    return GateReport(
        answer=decision.answer,
        meaning=_MEANING[decision.answer],
        baseline=baseline.name,
        baseline_started=baseline.started,
        candidate=candidate,
        policy=decision.policy,
        about=decision.about,
        confidence=decision.confidence,
        criteria=tuple(
            Criterion(name=one.name, answer=one.answer, said=one.figures, next=tuple(one.next))
            for one in decision.judged
        ),
        notes=tuple(decision.notes),
    )


def way_to(baseline: Path, candidate: Path) -> str:
    """The relative path from the candidate's run to the baseline's, if the baseline is a run directory.

    None if only the root of the file system contains both: the path would name this machine's folders.
    """
    baseline_path, candidate_path = baseline.resolve(), candidate.resolve()
    if not baseline_path.is_dir() or os.path.commonpath((baseline_path, candidate_path)) == candidate_path.anchor:
        return ""
    return Path(os.path.relpath(baseline_path, candidate_path)).as_posix()


@dataclass(frozen=True)
class Baseline:
    """The baseline of a run."""

    sample: Sample
    run: RunDirectory | None
    """Its run directory, if that still exists."""


def baseline_of(run: RunDirectory, folder: Path = FOLDER) -> Baseline | None:
    """The baseline in ``gate.json``, if it still exists and has not been replaced; else None."""
    gate = run.gate
    if gate is None:
        return None
    way = gate.baseline_run
    path = run.path / way if way and not Path(way).is_absolute() else Path(gate.baseline)
    try:
        sample = load(path, folder)
    except (ToolworthyError, OSError):
        return None
    if (sample.name, sample.started) != (gate.baseline, gate.baseline_started):
        return None
    return Baseline(sample, RunDirectory.open(path) if path.is_dir() else None)
