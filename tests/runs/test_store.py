"""A run directory loses nothing that was measured."""

from pathlib import Path

import pytest

from toolworthy.errors import UserError
from toolworthy.runs.result import TrialKey, TrialResult
from toolworthy.runs.store import RunDirectory


def result(task: str, status: str = "passed") -> TrialResult:
    return TrialResult(key=TrialKey(suite="tasks", task=task, agent="a"), status=status)  # type: ignore[arg-type]


def test_the_latest_result_of_a_trial_counts(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, {"x": 1})
    for one in (result("a", "error"), result("b"), result("a")):
        run.append(one)
    assert [(r.key.task, r.status) for r in RunDirectory.open(run.path).results()] == [("a", "passed"), ("b", "passed")]
    assert run.about["x"] == 1


def test_a_torn_line_is_fenced_off(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, {})
    run.append(result("a"))
    with (run.path / "results.jsonl").open("ab") as file:
        file.write(b'{"key": {"suite": "ta')
    run.append(result("b"))
    assert [r.key.task for r in run.results()] == ["a", "b"]


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no run directory"):
        RunDirectory.open(tmp_path)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write a run directory"):
        RunDirectory.create(tmp_path / "file", {})


def test_a_disk_that_refuses_is_one_line() -> None:
    full = RunDirectory(Path("/nonexistent"))
    with pytest.raises(UserError, match="results so far are kept"):
        full.append(result("a"))


def test_lone_surrogates_of_a_model_do_not_stop_a_page(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, {})
    assert run.write("page", "a\ud800b").read_text() == "a?b"
