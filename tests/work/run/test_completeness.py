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
