"""Two real runs that differ by a limit, by one item, by nothing: every door tells the same story."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run, suites

pytestmark = pytest.mark.process

EXIT = {"pass": 0, "fail": 1, "inconclusive": 2}
CASES = ("-q", "--agent", "builtin", "--agent", "codex", "--concurrency", "8", "-k", "file or change or among or label")
TASK = ("-q", "--task", "fix-failing-test")


def told(done: Any, path: Path, answer: str) -> str:
    """What the gate says of a run, the same in exit code, terminal, gate.json, summary, JUnit and page."""
    assert done.returncode == EXIT[answer], done.stdout[-3000:] + done.stderr
    assert f"gate: {answer.upper()}" in done.stdout
    gate = json.loads((path / "gate.json").read_text())
    assert gate["answer"] == answer
    assert f" {answer}**, {gate['meaning']}" in (path / "summary.md").read_text()
    (suite,) = (one for one in ET.parse(path / "junit.xml").iter("testsuite") if one.get("name") == "toolworthy.gate")
    assert (int(suite.get("failures", 0)) > 0) == (answer == "fail")
    assert gate["meaning"] in (path / "report.html").read_text()
    said = [line for one in gate["criteria"] for line in (one["said"], *one["next"])] + gate["notes"]
    assert all(line in done.stdout for line in said)
    return "\n".join(said)


def candidate(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of some cases."""
    folder = tmp_path_factory.mktemp("cases")
    assert suites(*CASES, "--out", "first", cwd=folder, suite="tools").returncode == 0
    (folder / "gate.toml").write_text('[metrics."tools.lenient"]\nmargin = 0.2\n')
    return folder


def test_two_runs_that_differ_by_nothing(cases: Path) -> None:
    baseline = str(candidate(cases / "first"))
    asked = ("--baseline", baseline, "--gate", "gate.toml", "--out", "same")
    done = suites(*CASES, *asked, cwd=cases, suite="tools")
    path = candidate(cases / "same")
    said = told(done, path, "pass")
    assert "not counted" not in said
    assert "limits" not in said
    again = run("toolworthy", "gate", baseline, str(path), "--policy", "gate.toml", cwd=cases)
    assert told(again, path, "pass") == said


def test_two_runs_that_differ_by_one_item(cases: Path, tmp_path: Path) -> None:
    baseline = candidate(cases / "first")
    path = tmp_path / baseline.name
    shutil.copytree(baseline, path)
    lines = (path / "results.jsonl").read_text().splitlines(keepends=True)
    (path / "results.jsonl").write_text("".join(lines[1:]))
    done = run("toolworthy", "gate", str(baseline), str(path), "--policy", str(cases / "gate.toml"), cwd=tmp_path)
    said = told(done, path, "pass")
    n = len(lines)
    assert (
        f"1 of {n} attempts of the candidate are not counted (1 not run): {(n - 1) / n:.1%} to 100.0% if they are"
        in said
    )
    strict = tmp_path / "strict.toml"
    strict.write_text('unmeasured = 0\n[metrics."tools.lenient"]\nmargin = 0.2\n')
    done = run("toolworthy", "gate", str(baseline), str(path), "--policy", str(strict), cwd=tmp_path)
    assert f"1 of {2 * n} attempts of both runs have no value (1 not run)" in told(done, path, "inconclusive")


@pytest.mark.parametrize(
    ("limit", "before", "after", "why"),
    [
        ("--max-turns", "60", "1", "1 turns limit"),
        ("--timeout-factor", "1.0", "0.0001", "1 time limit"),  # stopped before it could ask anything
    ],
)
def test_two_runs_that_differ_by_a_limit(limit: str, before: str, after: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "gate.toml").write_text('[metrics."tasks.pass"]\nmargin = 0.2\n')
    assert suites(*TASK, limit, before, "--out", "first", cwd=tmp_path).returncode == 0
    baseline = str(candidate(tmp_path / "first"))
    asked = (limit, after, "--baseline", baseline, "--gate", "gate.toml", "--out", "short")
    done = suites(*TASK, *asked, cwd=tmp_path)
    path = candidate(tmp_path / "short")
    said = told(done, path, "inconclusive")
    assert f"the limits of tasks differ: {limit} {before} in the baseline, {limit} {after} in the candidate" in said
    assert f"1 of 2 attempts of both runs have no value ({why})" in said
    again = run("toolworthy", "gate", baseline, str(path), "--policy", "gate.toml", cwd=tmp_path)
    assert told(again, path, "inconclusive") == said


def test_a_run_that_was_cut_is_refused_and_is_whole_again_once_it_is_resumed(cases: Path, tmp_path: Path) -> None:
    baseline = candidate(cases / "first")
    path = tmp_path / baseline.name
    shutil.copytree(baseline, path)
    results = path / "results.jsonl"
    results.write_bytes(results.read_bytes()[:-20])
    compared = ("toolworthy", "gate", str(baseline), str(path), "--policy", str(cases / "gate.toml"))
    done = run(*compared, cwd=tmp_path)
    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert line.endswith(f"It ends in the middle of a line. Measure again what is lost: --resume {path}")
    asked = ("--baseline", str(baseline), "--gate", str(cases / "gate.toml"))
    again = suites(*CASES, "--resume", str(path), *asked, cwd=tmp_path, suite="tools")
    said = told(again, path, "pass")
    assert "not counted" not in said
    assert told(run(*compared, cwd=tmp_path), path, "pass") == said
