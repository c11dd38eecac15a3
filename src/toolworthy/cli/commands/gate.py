"""``toolworthy gate BASELINE CANDIDATE``."""

from __future__ import annotations

from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.judgement.gate.answer import EXIT, judge
from toolworthy.judgement.gate.policy import DEFAULT
from toolworthy.output.terminal.gate import lines
from toolworthy.output.write import write_report
from toolworthy.records.store import RunDirectory
from toolworthy.records.triage import triage_of


def run(
    baseline: Path | None,
    candidate: Path | None,
    policy: Path | None,
    show_policy: bool,
    triage: Path | None,
    folder: Path,
) -> int:
    """Compare two runs or baseline files, print the answer, and write it into the candidate's run; or print the default
    policy. Returns the exit code.

    Raises:
        ToolworthyError: a run is missing or cannot be read, or the policy is broken.
    """
    if show_policy:
        show(DEFAULT.read_text(encoding="utf-8"), end="")
        return 0
    if baseline is None or candidate is None:
        raise ToolworthyError("two runs are needed. Type `toolworthy gate BASELINE CANDIDATE`.")
    if candidate.is_dir():
        RunDirectory.open(candidate, whole=True).decide(triage_of(triage, Path.cwd()))
    gate = judge(baseline, candidate, policy, folder)
    if candidate.is_dir():
        write_report(RunDirectory.open(candidate))
    show("\n".join(lines(gate)))
    return EXIT[gate.answer]
