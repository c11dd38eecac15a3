"""A run that is cut short keeps what it measured, says how much that was, and how to go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import only_run, suites
from toolworthy.records.store import RunDirectory
from toolworthy.work.run.completeness import unfinished

pytestmark = pytest.mark.process


def test_a_spent_budget_is_told_and_a_whole_run_says_nothing(tmp_path: Path) -> None:
    some = ["--tier", "quick", "-k", "plain_answer or one_call", "--concurrency", "1"]
    told = suites(*some, "--budget-tokens", "1", cwd=tmp_path, suite="wire").stdout
    path = only_run(tmp_path)
    assert "of 8 probes measured; `toolworthy run wire --resume " in told
    told = suites("--resume", str(path), "--budget-tokens", "1M", cwd=tmp_path, suite="wire").stdout
    assert "go on with" not in told
    assert unfinished(RunDirectory.open(path)) == ""
