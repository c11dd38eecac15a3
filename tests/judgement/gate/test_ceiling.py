"""What an agent tool fails with every model tells nothing of a model, and everyone who reads a run learns that."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.support.examples import ABOUT
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.judgement.analysis.verdict import verdicts
from toolworthy.judgement.gate.baseline import load, save
from toolworthy.judgement.gate.decide import decide
from toolworthy.judgement.gate.policy import Policy, Requirement
from toolworthy.judgement.gate.sample import from_run
from toolworthy.output.exports.badge import badge
from toolworthy.output.terminal.final_screen import summary_lines
from toolworthy.output.write import write_report
from toolworthy.records.meta import RunMeta
from toolworthy.records.score import Cause
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.scoring.words import cause

POLICY = Policy(metrics={"tasks.pass": Requirement(margin=0.10, floor=0.9)}, no_new_blocks_for=())
WHY = "its edits turn $$ into $"
OWN = cause("above the ceiling", "agent", 3, said=WHY)
WRONG = cause("tests fail", "model", 3)
BROKE = Cause(kind="wire defect", fault="server", detail="d", rule="TW101")
ABOVE = ("t0", "t1")
"""Of ten tasks, those that the agent cannot pass."""
NOTE = "this agent cannot pass 2 of these with any model"


def run(
    folder: Path,
    failed: dict[str, Cause] | None = None,
    passed: tuple[str, ...] = (),
    ceiling: tuple[str, ...] = ABOVE,
    attempts: int = 1,
) -> RunDirectory:
    """Ten tasks that all pass, but for those above the ceiling and those that `failed`."""
    made = RunDirectory.create(folder, RunMeta.model_validate(ABOUT))
    causes = {**dict.fromkeys(ABOVE, OWN if ceiling else WRONG), **(failed or {})}
    for number in range(10 * attempts):
        task = f"t{number % 10}"
        key = TrialKey(suite="tasks", task=task, agent="nanocoder", repeat=number // 10 + 1)
        why = None if task in passed else causes.get(task)
        status = "failed" if why else "passed"
        above = WHY if task in ceiling else ""
        made.append(TrialResult(key=key, status=status, cause=why, task_digest="d", ceiling=above))
    return made


def test_the_score_says_what_is_possible_wherever_it_is_shown(tmp_path: Path) -> None:
    made = run(tmp_path / "run")
    (verdict,) = verdicts(made.results())
    assert (verdict.word, verdict.passed, verdict.judged) == ("works", 8, 10)
    assert str(verdict.headline) == "works in 8 of 10 trials: the others failed by the agent tool"
    assert outcome(made).exit_code == 0
    write_report(made)
    with (made.path / "results.csv").open() as file:
        rows = {row["item"]: row for row in csv.DictReader(file)}
    assert [(rows[task]["fault"], rows[task]["ceiling"]) for task in ABOVE] == [("agent", WHY)] * 2
    assert rows["t2"]["ceiling"] == ""
    shown = "\n".join(line.text for line in summary_lines(made, 500))
    for text in (shown, *((made.path / name).read_text() for name in ("summary.md", "junit.xml"))):
        assert NOTE in text
        assert "8/10" in text
    assert NOTE in (made.path / "report.html").read_text()
    assert badge(made).message == "Nanocoder 8/10 (ceiling 8)"
    junit = (made.path / "junit.xml").read_text()
    assert 'failures="0"' in junit
    assert junit.count("<skipped") == 2


@pytest.mark.parametrize(
    ("failed", "exit_code", "headline"),
    [
        ({"t2": WRONG}, 1, "works, fails in 1 of 10 trials"),
        ({"t0": BROKE}, 1, "works, fails in 1 of 10 trials"),  # above the ceiling, and yet the server's fault
        ({f"t{number}": OWN for number in range(10)}, 2, "untested: 10 failed by the agent tool"),
    ],
)
def test_what_is_not_the_agent_tools_fault_still_fails_the_run(
    tmp_path: Path, failed: dict[str, Cause], exit_code: int, headline: str
) -> None:
    made = run(tmp_path, failed)
    (verdict,) = verdicts(made.results())
    assert (outcome(made).exit_code, str(verdict.headline)) == (exit_code, headline)


def test_who_passes_above_the_ceiling_refutes_it_and_that_is_said(tmp_path: Path) -> None:
    made = run(tmp_path, passed=("t1",))
    said = "passed above the ceiling, so the agent's adapter is out of date: nanocoder t1"
    assert said in "\n".join(line.text for line in summary_lines(made, 500))
    (verdict,) = verdicts(made.results())
    assert (verdict.rate.counts, verdict.rate.above) == ("9/10 (ceiling 9)", 1)


def test_the_gate_compares_only_what_a_model_can_pass(tmp_path: Path) -> None:
    """Eight of ten stay below a floor of 90 %; eight of the eight that can be passed do not."""
    before, after = from_run(run(tmp_path / "a", attempts=10)), from_run(run(tmp_path / "b", attempts=10))
    found = decide(before, after, POLICY)
    assert found.answer == "pass"
    assert "100.0% → 100.0%" in found.judged[0].figures
    assert "nanocoder fails t0, t1 with every model: not compared" in found.notes


@pytest.mark.parametrize("marked", ["before", "after"])
def test_one_run_that_knows_of_the_ceiling_is_enough(tmp_path: Path, marked: str) -> None:
    """Ceilings are measured later than baselines are saved. A baseline file keeps them."""
    ceilings = {"before": (ABOVE, ()), "after": ((), ABOVE)}[marked]
    made = run(tmp_path / "a", ceiling=ceilings[0], attempts=10)
    save(made.path, "old", tmp_path / "baselines")
    after = from_run(run(tmp_path / "b", ceiling=ceilings[1], attempts=10))
    for before in (from_run(made), load(Path("old"), tmp_path / "baselines")):
        assert decide(before, after, POLICY).answer == "pass"


def test_a_task_above_the_ceiling_that_either_run_passed_is_compared(tmp_path: Path) -> None:
    before, after = run(tmp_path / "a", passed=("t1",), attempts=10), run(tmp_path / "b", attempts=10)
    found = decide(from_run(before), from_run(after), POLICY)
    assert "100.0% → 88.9%" in found.judged[0].figures
    assert "nanocoder fails t0 with every model: not compared" in found.notes
