"""A further kind of work is one module and one registration; it is planned, run, resumed and reported like others."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import listing
from tests.support.commands import environment, only_run, results, run

pytestmark = pytest.mark.process

TRIALS = 3
OWN = ("test_listing.py", "-p", "toolworthy.plugin", "-p", "no:cacheprovider")


def folder(path: Path) -> Path:
    """A user's own folder of tests, with the kind of work in it."""
    shutil.copy(Path(listing.__file__), path / OWN[0])
    return path


def test_a_fourth_kind_is_planned_run_and_reported(tmp_path: Path) -> None:
    done = run("pytest", *OWN, "--trials", str(TRIALS), cwd=folder(tmp_path))
    path = only_run(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 4 passed" in done.stdout
    assert "test_listing.py::test_listing[models-messages-2]" in done.stdout
    assert "  listing: 6 listings, 4 listed, 2 failed\n" in done.stdout
    assert "exit 1: 2 of 6 listings failed" in done.stdout
    lines = results(path)
    assert [line["key"] for line in lines[:1]] == [{"suite": "listing", "item": "models", "asker": "chat", "repeat": 1}]
    meta = json.loads((path / "run.json").read_text())
    assert meta["planned"] == {"listing": 6}
    assert len(meta["selected"]) == 6
    assert "listing: 6 listings, 4 listed, 2 failed" in (path / "summary.md").read_text()
    table = [*csv.DictReader((path / "results.csv").read_text().splitlines())]
    assert [(row["suite"], row["item"], row["agent"], row["status"]) for row in table].count(
        ("listing", "models", "chat", "listed")
    ) == 2
    assert 'testsuite name="toolworthy.listing"' in (path / "junit.xml").read_text()


def test_a_fourth_kind_goes_on_after_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", *OWN, "--trials", str(TRIALS), "--concurrency", "1"]
    with subprocess.Popen(command, cwd=folder(tmp_path), env=environment(), stdout=subprocess.DEVNULL) as process:
        path = begun(tmp_path)
        process.send_signal(signal.SIGKILL)
    before = results(path)
    assert 0 < len(before) < 2 * TRIALS
    again = run("pytest", *OWN, "--resume", str(path), cwd=tmp_path)
    assert "2 failed, 4 passed" in again.stdout, again.stdout
    after = results(path)
    assert after[: len(before)] == before
    assert len(after) == 2 * TRIALS


def test_who_does_not_know_a_kind_leaves_its_results_and_says_so(tmp_path: Path) -> None:
    run("pytest", *OWN, cwd=folder(tmp_path))
    path = only_run(tmp_path)
    told = run("toolworthy", "report", str(path), cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "listing" in told.stderr
    assert "damaged" not in told.stderr
    assert len(results(path)) == 2


def begun(parent: Path) -> Path:
    """The run, once two of its results are there."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for file in parent.glob("reports/*/results.jsonl"):
            if file.read_bytes().count(b"\n") >= 2:
                return file.parent
        time.sleep(0.02)
    raise AssertionError("no run has begun")
