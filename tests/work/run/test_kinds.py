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
from xml.etree import ElementTree as ET

import pytest

from tests.support.commands import LISTING, environment, only_run, results, run

pytestmark = pytest.mark.process

TRIALS = 3
OWN = ("test_listing.py", "-p", "toolworthy.plugin", "-p", "no:cacheprovider")


def folder(path: Path) -> Path:
    """A user's own folder of tests, with the kind of work in it."""
    shutil.copy(LISTING, path / OWN[0])
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
    junit = ET.parse(path / "junit.xml").getroot()
    (suite,) = (one for one in junit.iter("testsuite") if one.get("name") == "toolworthy.listing")
    assert (suite.get("tests"), suite.get("failures")) == ("6", "2")
    assert exported(path) == EXPORTED


PROGRAM = """
import json, sys
from pathlib import Path
from tests.support import listing
from toolworthy.judgement.gate.difference import compare
from toolworthy.judgement.gate.sample import from_run
from toolworthy.output.exports.inspect import logs
from toolworthy.output.html._items import items
from toolworthy.output.html.page import parts
from toolworthy.records.store import RunDirectory

run = RunDirectory.open(Path(sys.argv[1]))
sample = from_run(run)
told = {
    "inspect": [[log.agent, *(one["name"] for one in log.head()["eval"]["scorers"])] for log in logs(run)],
    "samples": [len(json.loads("".join(log.parts()))["samples"]) for log in logs(run)],
    "page": [[row[name] for name in ("suite", "item", "agent", "kind", "ok", "n")] for row in items(0, run)],
    "shell": "</html>" in "".join(parts([run])),
    "units": [[unit.suite, unit.agent, unit.values] for unit in sample.units],
    "difference": sorted({row.metric for row in compare(sample, sample).rows}),
}
print(json.dumps(told))
"""
"""What the outputs that must know the kind say of it, where a user's plugin has registered it."""
EXPORTED = {
    "inspect": [["chat", "ok"], ["messages", "ok"]],
    "samples": [3, 3],
    "page": [["listing", "models", "chat", "flaky", 2, 3], ["listing", "models", "messages", "flaky", 2, 3]],
    "shell": True,
    "units": [["listing", "chat", {"ok": [1.0, 0.0, 1.0]}], ["listing", "messages", {"ok": [1.0, 0.0, 1.0]}]],
    "difference": ["listing.ok"],
}


def exported(path: Path) -> object:
    root = Path(__file__).parents[3]
    environ = {**environment(), "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", PROGRAM, str(path)]
    return json.loads(subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout)


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
