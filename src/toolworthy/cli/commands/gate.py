"""``toolworthy gate BASELINE CANDIDATE``."""

from __future__ import annotations

from pathlib import Path

from toolworthy.base.visible import show
from toolworthy.judgement.gate.answer import EXIT, judge
from toolworthy.judgement.gate.baseline import FOLDER
from toolworthy.judgement.gate.policy import DEFAULT
from toolworthy.output.terminal.gate import lines
from toolworthy.output.write import write_report
from toolworthy.records.store import RunDirectory


def run(baseline: Path, candidate: Path, policy: Path | None, folder: Path = FOLDER) -> int:
    """Compare two runs or baseline files; prints the answer, writes it into the candidate's run, and is the exit code.

    Raises:
        UserError: one of them cannot be read, or the policy is broken.
    """
    gate = judge(baseline, candidate, policy, folder)
    if candidate.is_dir():
        write_report(RunDirectory.open(candidate))
    show("\n".join(lines(gate)))
    return EXIT[gate.answer]


def default_policy() -> int:
    """Print the default policy, to be changed and kept."""
    show(DEFAULT.read_text(encoding="utf-8"), end="")
    return 0
