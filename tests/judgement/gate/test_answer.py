"""The way from a run to what it was compared with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from toolworthy.judgement.gate import baseline
from toolworthy.judgement.gate.answer import baseline_of, judge, way_to
from toolworthy.judgement.gate.interim import InterimAnalyses
from toolworthy.judgement.gate.sample import from_run
from toolworthy.judgement.gate.sequential import plan
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.run.waves import Next


def made(parent: Path, started: float = 1.5) -> RunDirectory:
    """A run of three trials."""
    run = RunDirectory.create(
        parent,
        RunMeta.model_validate(
            {
                "toolworthy": "0.1.0",
                "started": started,
                "endpoint": {"name": "e", "model": "m"},
                "agents": {"codex": "1"},
            }
        ),
    )
    for task in ("a", "b", "c"):
        run.append(TrialResult(key=TrialKey(suite="tasks", task=task, agent="codex"), status="passed"))
    return run


def told(run: RunDirectory) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((run.path / "gate.json").read_text())
    return value


def test_a_baselines_run_is_found_from_the_candidates_wherever_both_are_moved(tmp_path: Path) -> None:
    before, after = made(tmp_path / "here" / "before"), made(tmp_path / "here" / "reports")
    judge(before.path, after.path, None)
    assert told(after)["baseline_run"] == f"../../before/{before.path.name}"
    moved = (tmp_path / "here").rename(tmp_path / "there")
    found = baseline_of(RunDirectory.open(moved / "reports" / after.path.name))
    assert found is not None
    assert found.run is not None
    assert found.run.path.resolve() == moved / "before" / before.path.name
    assert len(found.sample.units) == len(found.run.results()) == 3


def test_looks_tell_it_too(tmp_path: Path) -> None:
    before, after = made(tmp_path), made(tmp_path)
    InterimAnalyses(before.path, None, 2, lambda _: None)(after, 1, frozenset({"tasks"}))
    assert told(after)["baseline_run"] == f"../{before.path.name}"


def test_a_look_says_whether_more_attempts_would_decide_it(tmp_path: Path) -> None:
    before, after = made(tmp_path), made(tmp_path)
    heard: list[str] = []
    look = InterimAnalyses(before.path, None, 3, heard.append)
    assert look.gate is None
    assert look(after, 1, frozenset({"tasks"})) == Next(frozenset({"tasks"}), "decided after 1 attempt")
    planned = plan(0.05, 3)
    looks = told(after)["looks"]
    assert (looks["taken"], looks["most"]) == (1, 3)
    assert looks["alphas"] == pytest.approx([one.alpha for one in planned])
    assert looks["alpha"] == pytest.approx(planned[0].alpha)
    of_this_look = f"{100 * planned[0].alpha:.2g} % of runs, in 5 % over all analyses"
    assert told(after)["notes"][-1] == (
        f"interim analysis 1 of at most 3: each claim may be wrong in {of_this_look}; intervals are widened accordingly"
    )
    stuck = "undecided after 2 attempts, and more attempts would not help"
    assert look(after, 2, frozenset()) == Next(frozenset(), stuck)
    assert told(after)["looks"]["alpha"] == pytest.approx(planned[1].alpha)
    assert heard == [
        "interim analysis 1 of at most 3: inconclusive; continues with tasks",
        "interim analysis 2 of at most 3: inconclusive",
    ]
    assert look.gate is not None
    assert look.gate.looks is not None
    assert look.gate.looks.taken == 2


def test_a_probe_that_was_not_measured_is_missing_once(tmp_path: Path) -> None:
    run = made(tmp_path)
    for name, verdict in (("one", "supported"), ("two", "unmeasured")):
        run.append(ProbeResult(key=ProbeKey(probe=name, api="chat"), title="", verdict=verdict))
    told = {unit.item: (unit.values, sum(unit.missing.values())) for unit in from_run(run).of("wire")}
    assert told == {"one": ({"supported": [1.0]}, 0), "two": ({}, 1)}


def test_no_way_leads_over_the_root_of_the_file_system(tmp_path: Path) -> None:
    """It would name every folder of this machine down to the baseline."""
    run = made(tmp_path)
    assert os.path.commonpath((tmp_path.resolve(), "/")) == "/"
    assert way_to(run.path, Path("/usr/lib")) == ""


def test_a_named_baseline_is_found_by_its_name(tmp_path: Path) -> None:
    before, after, folder = made(tmp_path, 1.0), made(tmp_path), tmp_path / "baselines"
    baseline.save(before.path, "main", folder)
    judge(Path("main"), after.path, None, folder)
    assert told(after)["baseline_run"] == ""
    found = baseline_of(after, folder)
    assert found is not None
    assert (found.sample.name, found.run) == ("main", None)
    baseline.save(made(tmp_path, 2.0).path, "main", folder)
    assert baseline_of(after, folder) is None, "another run has taken the name since"


def test_what_is_gone_is_not_found(tmp_path: Path) -> None:
    before, after = made(tmp_path), made(tmp_path)
    assert baseline_of(after) is None
    judge(before.path, after.path, None)
    (before.path / "run.json").unlink()
    assert baseline_of(after) is None


@pytest.mark.parametrize("way", ["ABSOLUTE", "../nowhere", 7, None, "", "x" * 5000])
def test_a_gate_that_was_tampered_with_leads_nowhere(tmp_path: Path, way: object) -> None:
    before, after = made(tmp_path), made(tmp_path)
    judge(before.path, after.path, None)
    gate = {**told(after), "baseline_run": str(before.path) if way == "ABSOLUTE" else way}
    (after.path / "gate.json").write_text(json.dumps(gate))
    assert baseline_of(after, tmp_path / "baselines") is None
