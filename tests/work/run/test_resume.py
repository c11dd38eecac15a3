"""What a resumed run takes over, and what it replaces."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.content.providers import Prices
from toolworthy.endpoint.target import resolve
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.meta import Budget
from toolworthy.work.run._lock import Hold
from toolworthy.work.run._resume import kept, open_run
from toolworthy.work.run.plan import Options

OLD, NEW = Prices(input=1, output=2), Prices(input=3, output=4)
FIRST = Options(resolve("oracle").priced(OLD), (), (), budget=Budget(tokens=5), concurrency=2)


def test_a_new_run_is_locked(tmp_path: Path) -> None:
    run, hold = open_run(replace(FIRST, out=tmp_path))
    with closing(hold):
        assert run.path.parent == tmp_path
        assert hold.in_place()
        with pytest.raises(ToolworthyError, match="another process is writing this run"):
            open_run(replace(FIRST, resume=run.path))


def test_a_run_that_is_gone_or_held_is_refused_and_nothing_stays_open(tmp_path: Path) -> None:
    with closing(Hold(tmp_path)):
        before = os.listdir("/proc/self/fd")
        with pytest.raises(ToolworthyError, match="another process"):
            Hold(tmp_path)
        with pytest.raises(ToolworthyError, match=r"cannot open .*gone: No such file or directory"):
            Hold(tmp_path / "gone")
        (tmp_path / "file").touch()
        with pytest.raises(ToolworthyError, match="Not a directory"):
            Hold(tmp_path / "file")
        assert os.listdir("/proc/self/fd") == before


def test_a_hold_is_in_place_while_its_directory_is_at_its_path(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    with closing(Hold(path)) as hold:
        assert hold.in_place()
        path.rename(tmp_path / "moved")
        assert not hold.in_place()
        path.mkdir()
        assert not hold.in_place(), "another directory of that name"


def test_a_resumed_run_loses_the_line_that_broke_off(tmp_path: Path) -> None:
    run, hold = open_run(replace(FIRST, out=tmp_path))
    hold.close()
    results = run.path / "results.jsonl"
    results.write_text('{"broken')
    _, hold = open_run(replace(FIRST, resume=run.path))
    hold.close()
    assert results.read_text() == ""


def test_a_resumed_run_takes_the_new_budget_and_prices_and_nothing_else(tmp_path: Path) -> None:
    run, hold = open_run(replace(FIRST, out=tmp_path))
    hold.close()
    before = run.meta
    more = replace(FIRST, endpoint=resolve("oracle").priced(NEW), budget=Budget(usd=7.0), concurrency=9)
    again, hold = open_run(replace(more, resume=run.path))
    hold.close()
    assert again.path == run.path
    options = before.options.model_copy(update={"budget": Budget(usd=7.0), "prices": NEW})
    assert again.meta == before.model_copy(update={"options": options})


def test_a_resumed_run_keeps_what_is_final(tmp_path: Path) -> None:
    run, hold = open_run(replace(FIRST, out=tmp_path))
    hold.close()
    done, later = (
        CaseResult(key=CaseKey(case=case, toolset="builtin"), category="", status=status, unasked=status != "right")
        for case, status in (("done", "right"), ("later", "unmeasured"))
    )
    run.append(done)
    run.append(later)
    assert list(kept(run)) == [done]


def test_a_run_records_a_command_that_can_be_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/lib/toolworthy/__main__.py", "run", "wire"])
    assert FIRST.meta().command == "toolworthy run wire"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest", "suites"])
    assert FIRST.meta().command == "pytest suites"
    assert replace(FIRST, command="toolworthy.run(…)").meta().command == "toolworthy.run(…)"
