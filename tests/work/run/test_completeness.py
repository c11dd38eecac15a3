"""How much of its plan a run has measured, and how to continue it."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.work.run.completeness import done, unfinished


@pytest.mark.parametrize(("ran", "planned"), [(1, 3), (2, 2), (2, 3), (0, 1)])
def test_what_was_not_run_is_not_measured(tmp_path: Path, ran: int, planned: int) -> None:
    run = RunDirectory.create(tmp_path, RunMeta(planned={"tools": planned}))
    for number in range(ran):
        run.append(CaseResult(key=CaseKey(case=f"c{number}", toolset="a"), category="", status="right"))
    run.append(CaseResult(key=CaseKey(case="x", toolset="a"), category="", status="unmeasured", unasked=True))
    assert done(run) == {"tools": (ran, planned)}
    said = f"{ran} of {planned} cases measured; `toolworthy run tools --resume {run.path}` continues"
    assert unfinished(run) == ("" if ran == planned else said)


def test_a_run_of_several_suites_is_continued_by_one_command(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, RunMeta(planned={"tools": 2, "tasks": 1, "wire": 0}))
    run.append(CaseResult(key=CaseKey(case="c", toolset="a"), category="", status="right"))
    assert done(run) == {"tasks": (0, 1), "tools": (1, 2)}
    said = "0 of 1 trials, 1 of 2 cases measured; `toolworthy run tasks tools --resume"
    assert unfinished(run) == f"{said} {run.path}` continues"
