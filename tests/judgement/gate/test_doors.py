"""The gate through its doors: the command line and pytest, with exit codes that a pipeline can use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import suites
from tests.support.examples import ABOUT
from toolworthy.cli.main import main
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult


def made(parent: Path, passed: int, failed: int) -> str:
    """A run of so many trials, each of its own task."""
    run = RunDirectory.create(parent, RunMeta.model_validate(ABOUT))
    for number, status in enumerate(["passed"] * passed + ["failed"] * failed):
        key = TrialKey(suite="tasks", task=f"t{number}", agent="codex")
        run.append(TrialResult(key=key, status=status, task_digest="d", seconds=1.5))
    return str(run.path)


def test_the_exit_code_is_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, few = made(tmp_path, 40, 0), made(tmp_path, 20, 20), made(tmp_path / "few", 5, 0)
    assert main(["gate", good, good]) == 0
    assert "gate: PASS: the candidate may replace the baseline" in capsys.readouterr().out
    assert main(["gate", good, bad]) == 1
    told = capsys.readouterr().out
    assert "gate: FAIL: the candidate is worse than the policy allows" in told
    assert "tasks.pass: 100.0% → 50.0%" in told
    assert json.loads((Path(bad) / "gate.json").read_text())["answer"] == "fail"
    assert main(["gate", few, few]) == 2
    assert "gate: INCONCLUSIVE: not enough data to decide" in capsys.readouterr().out


def test_a_policy_of_your_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, worse = made(tmp_path, 40, 0), made(tmp_path, 36, 4)
    policy = tmp_path / "gate.toml"
    policy.write_text('[metrics."tasks.pass"]\nmargin = 0.3\n')
    assert main(["gate", good, worse, "--policy", str(policy)]) == 0
    assert "30.0 points are allowed" in capsys.readouterr().out
    assert main(["gate", "--show-policy"]) == 0
    policy.write_text(capsys.readouterr().out)
    assert main(["gate", good, good, "--policy", str(policy)]) == 2
    assert "the baseline has no value for it" in capsys.readouterr().out


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = made(tmp_path, 5, 0)
    policy = tmp_path / "gate.toml"
    policy.write_text('[metrics."task.pass"]\nmargin = 0.1\n')
    for arguments, said in (
        ([good], "two runs are needed"),
        ([good, good, "--policy", str(policy)], "no metric is called 'task.pass'; did you mean 'tasks.pass'?"),
        ([good, good, "--policy", str(tmp_path / "none.toml")], "No such file"),
        ([good, str(tmp_path / "none")], "none"),
    ):
        assert main(["gate", *arguments]) == 4
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1


ASKED = ("-q", "--agent", "builtin", "--agent", "codex", "--concurrency", "8")
SOME = ("-k", "file or change or thinking or among or label or issue")


@pytest.mark.process
def test_pytest_with_a_baseline(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text('[metrics."tools.lenient"]\nmargin = 0.2\neach_agent = true\n')
    first = suites(*ASKED, *SOME, "--out", "first", cwd=tmp_path, suite="tools")
    assert first.returncode == 0, first.stdout[-3000:]
    (baseline,) = (tmp_path / "first").iterdir()
    asked = (*ASKED, "--baseline", str(baseline), "--gate", "gate.toml")
    same = suites(*asked, *SOME, "--out", "same", cwd=tmp_path, suite="tools")
    assert same.returncode == 0, same.stdout[-3000:]
    assert "gate: PASS" in same.stdout
    assert "tools.lenient [codex]" in same.stdout
    leak = ("--endpoint", "oracle:doubao-seed-tool-call-leak")
    worse = suites(*asked, *SOME, *leak, "--out", "worse", cwd=tmp_path, suite="tools")
    assert worse.returncode == 1, worse.stdout[-3000:]
    assert "gate: FAIL" in worse.stdout
    few = suites(*asked, "--case", "read-one-file", "--out", "few", cwd=tmp_path, suite="tools")
    assert few.returncode == 2, few.stdout[-3000:]
    assert "gate: INCONCLUSIVE" in few.stdout
    assert "not run" in few.stdout


@pytest.mark.process
def test_a_broken_policy_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text('[metrics."tools.lenint"]\nmargin = 0.05\n')
    done = suites("--baseline", made(tmp_path, 5, 0), "--gate", "gate.toml", cwd=tmp_path, suite="tools")
    assert done.returncode == 4
    assert "did you mean 'tools.lenient'?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
