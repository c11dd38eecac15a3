"""A run that is cut short keeps what it measured, says how much that was, and how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolworthy import content
from toolworthy.runs.planned import done, unfinished
from toolworthy.runs.store import RunDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))
from conftest import only_run, suites


def mind_ctrl_c() -> None:
    """In a child: take SIGINT as a terminal would send it, even where this test's own parent ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_writes_its_report(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "pytest", str(content.SUITES / "tools"), "--concurrency", "1", "-q"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True, preexec_fn=mind_ctrl_c
    ) as process:
        until = time.monotonic() + 120
        while time.monotonic() < until and not list(tmp_path.glob("reports/*/results.jsonl")):
            time.sleep(0.05)
        process.send_signal(number)
        told, _ = process.communicate(timeout=120)
    assert process.returncode not in (0, -number), told
    run = RunDirectory.open(only_run(tmp_path))
    ran, planned = done(run)["tools"]
    assert 0 < ran < planned
    assert f"{ran} of {planned} cases measured; go on with `toolworthy run tools --resume " in told
    assert (run.path / "report.html").is_file()


def test_a_spent_budget_is_told_and_a_whole_run_says_nothing(tmp_path: Path) -> None:
    some = ["--tier", "quick", "-k", "plain_answer or one_call", "--concurrency", "1"]
    told = suites(*some, "--budget-tokens", "1", cwd=tmp_path, suite="wire").stdout
    path = only_run(tmp_path)
    assert "of 6 probes measured; go on with `toolworthy run wire --resume " in told
    told = suites("--resume", str(path), "--budget-tokens", "1M", cwd=tmp_path, suite="wire").stdout
    assert "go on with" not in told
    assert unfinished(RunDirectory.open(path)) == ""
