"""A run that holds little, or holds it badly, has a page that opens and says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import made
from tests.support.commands import only_run
from tests.support.commands import run as command
from tests.support.look import Visit, expect_rows
from toolworthy.cli.commands.report import run as write_page
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory


def text(page: Page) -> str:
    return " ".join(page.locator("body").inner_text().split())


def test_nothing_was_run(visit: Visit, tmp_path: Path) -> None:
    page = visit(made.page(made.begun(tmp_path)), "#/tasks")
    assert "No agent ran and no probe was asked" in text(page)
    assert "Nothing was measured." in text(page)
    assert "toolworthy run --endpoint hosted" in text(page)
    assert "None" not in text(page)


def test_hardly_anything_was_written_down(visit: Visit, tmp_path: Path) -> None:
    """A ``run.json`` of an older version, or one written by hand."""
    run = RunDirectory.create(
        tmp_path, RunMeta.model_validate({"started": made.START, "endpoint": {"name": "n", "model": "m"}})
    )
    run.append(made.trial("t", "codex"))
    out = tmp_path / "page.html"
    assert write_page([run.path], out=out) == 0
    page = visit(out, "#/at/0/tasks/t/codex%231")
    page.wait_for_selector(".subject .facts")
    assert page.title() == "toolworthy: m at n"
    assert "None" not in text(page)


def test_a_run_cut_short(visit: Visit, tmp_path: Path) -> None:
    """By kill -9: a torn line, a torn record, a file that is gone."""
    run = made.ordinary(tmp_path, tasks=2)
    first, second = run.results()[0], run.results()[1]
    results = run.path / "results.jsonl"
    results.write_bytes(results.read_bytes()[:-40])
    torn = run.path / first.exchanges
    torn.write_bytes(torn.read_bytes()[:-10])
    (run.path / second.exchanges).unlink()
    page = visit(made.page(run), "#/at/0/tasks/task-000/codex%231")
    page.wait_for_selector(".subject .facts")
    expect(page.locator(".subject .step")).to_have_count(1)
    page.evaluate("location.hash = '#/at/0/tasks/task-000/codex%232'")
    expect(page.locator(".subject")).to_contain_text("No request is on record.")
    page.evaluate("location.hash = '#/wire'")
    expect_rows(page, 11, 11)


def test_nothing_that_was_tried_could_be_judged(visit: Visit, tmp_path: Path) -> None:
    run = made.begun(tmp_path)
    for status in ("error", "refused", "unmeasured"):
        run.append(made.trial(f"task-{status}", "codex", status))
    run.append(made.case("c", status="unmeasured", detail="no answer"))
    run.append(made.probe("p", verdict="unmeasured"))
    page = visit(made.page(run))
    expect_rows(page, 3, 3)
    assert "NaN" not in text(page)
    assert "None" not in text(page)


@pytest.mark.parametrize(
    ("suite", "result", "tab"),
    [
        ("tasks", lambda: made.trial("task-000", "codex"), "Tasks"),
        ("tools", lambda: made.case("case-000"), "Tool calls"),
        ("wire", lambda: made.probe("probe-0"), "Wire probes"),
    ],
)
def test_one_suite_alone(visit: Visit, tmp_path: Path, suite: str, result: Callable[[], made.Result], tab: str) -> None:
    run = made.begun(tmp_path)
    run.append(result())
    page = visit(made.page(run))
    expect(page.locator(".tabs a")).to_have_text([f"{tab} 1"])
    expect_rows(page, 1, 1)
    page.locator(".frame td a").first.click()
    page.wait_for_selector(".subject .facts")
    assert page.locator(".places a").all_inner_texts()[-1] == "This run"


def test_a_replay(visit: Visit, real: Path, tmp_path: Path) -> None:
    done = command("toolworthy", "replay", str(real.parent), "--endpoint", "oracle", cwd=tmp_path)
    page = visit(made.page(RunDirectory.open(only_run(tmp_path))))
    told = page.get_by_role("group", name="replay").inner_text().splitlines()
    assert told[0].startswith("replay of ")
    assert set(told[:4]) <= set(done.stdout.splitlines())
    assert page.locator(".places a").first.inner_text() == "Replay"


def test_two_runs_beside_each_other(visit: Visit, tmp_path: Path) -> None:
    runs = [made.ordinary(tmp_path / name, tasks=6).path for name in ("before", "after")]
    out = tmp_path / "beside.html"
    assert write_page(runs, out=out) == 0
    page = visit(out, "#/tasks?run=1&q=task-000+codex")
    expect_rows(page, 1, 36)
    page.locator("details").evaluate_all("(every) => every.forEach((one) => (one.open = false))")
    page.locator(".frame").get_by_role("link", name="TW201").click()
    expect(page.locator("#finding-1-TW201")).to_have_attribute("open", "")
    page.locator(".frame td a").first.click()
    page.locator(".subject").get_by_label("beside it").select_option("tasks/task-000/codex#1")
    expect(page.locator(".two > section .steps")).to_have_count(2)


def test_a_run_that_was_moved(visit: Visit, tmp_path: Path) -> None:
    """A page is one file: it needs nothing beside it."""
    path = made.page(made.ordinary(tmp_path, tasks=2))
    moved = tmp_path / "elsewhere é #1.html"
    shutil.move(path, moved)
    shutil.rmtree(path.parent)
    page = visit(moved, "#/at/0/tasks/task-000/codex%231?step=0")
    page.wait_for_selector(".step.wanted mark")
