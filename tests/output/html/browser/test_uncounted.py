"""The page says beside each rate what ended at a limit, what was not counted, and what that leaves open."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.support import made
from tests.support.look import Visit
from toolworthy.records.score import Cause

LIMIT = Cause(kind="budget", fault="our limit", detail="stopped by timeout", limit="time")
LOST = Cause(kind="infrastructure", fault="infrastructure", detail="no disk")


def test_a_rate_names_what_it_leaves_out(visit: Visit, tmp_path: Path) -> None:
    run = made.begun(tmp_path)
    run.append(made.trial("t", "codex"))
    run.append(made.trial("t", "codex", "error", 2, cause=LIMIT))
    run.append(made.trial("t", "codex", "error", 3, cause=LOST))
    written = made.page(run)
    page = visit(written, "#/tasks")
    notes = "the other one ended at a run limit (time), 1 not counted (1 infrastructure): 33% to 67% if they are"
    row = page.locator("tbody tr", has=page.locator("a[href*='tasks/t/codex']")).first
    expect(row).to_contain_text("50% (1%–99%)")
    expect(row.get_by_title(notes)).to_have_text(notes)
    page = visit(written)
    cell = page.locator("a[href='#/tasks?agent=codex']")
    expect(cell).to_contain_text("50%<0.1%–>99.9%, n 2")
    expect(cell).to_contain_text(notes)
