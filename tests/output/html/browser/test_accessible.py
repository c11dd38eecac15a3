"""axe-core finds nothing serious, in any view, by day and by night."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support import made
from tests.support.look import Visit, broken, unfold
from toolworthy.cli.commands.history import run as write_history
from toolworthy.cli.commands.report import run as write_page
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules that look at colours; most of axe-core's time goes into them."""
VIEWS = [
    "",
    "#/tasks",
    "#/tools?q=case-00",
    "#/wire?kind=fail",
    "#/at/0/tasks/task-000/codex%231?step=0",
    "#/at/0/tools/case-002/claude-code%231",
    "#/at/0/wire/probe-3/chat-stream?step=0",
    "#/at/0/tasks/task-000/codex%231?with=0%2Ftasks%2Ftask-000%2Fopencode%231",
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view(visit: Visit, few: Path, view: str) -> None:
    page = visit(few, view)
    if "/at/" in view:
        page.wait_for_selector(".subject .facts")
    if not view:
        assert not broken(page)  # as the page opens, before all is unfolded
    unfold(page)
    everywhere(page)


def test_a_real_run(visit: Visit, real: Path) -> None:
    page = visit(real)
    unfold(page)
    everywhere(page)


def test_two_runs_beside_each_other(visit: Visit, tmp_path: Path) -> None:
    runs = [made.ordinary(tmp_path / name, tasks=12) for name in ("before", "after")]
    for number in range(0, 12, 4):
        runs[1].append(made.trial(f"task-{number:03}", "codex", "passed"))
    out = tmp_path / "beside.html"
    assert write_page([run.path for run in runs], out=out) == 0
    page = visit(out, "#/at/1/tasks/task-000/codex%231?with=0%2Ftasks%2Ftask-000%2Fcodex%231")
    page.wait_for_selector(".two .facts")
    everywhere(page)


def everywhere(page: Page) -> None:
    """By day and by night, which has other colours; and on a telephone, where more scrolls and must be reached by keys,
    and fingers want targets of 24 px, or room around them.
    """
    page.emulate_media(color_scheme="light")
    assert not broken(page)
    page.emulate_media(color_scheme="dark")
    assert not broken(page, COLOURS)
    page.set_viewport_size({"width": 360, "height": 740})
    assert not broken(page, but=COLOURS)


def test_the_history(visit: Visit, tmp_path: Path) -> None:
    for day in range(6):
        run = RunDirectory(tmp_path / f"day{day}")
        run.begin(
            RunMeta.model_validate(
                {**made.about(), "started": made.START + day * 86_400, "agents": {"codex": f"0.{day // 3}"}}
            )
        )
        for task in range(8):
            key = TrialKey(suite="tasks", task=f"t{task}", agent="codex")
            run.append(TrialResult(key=key, status="passed" if task % (day + 1) else "failed", task_digest="d"))
    out = tmp_path / "history.html"
    assert write_history([tmp_path], out=out) == 0
    page = visit(out)
    page.wait_for_selector(".chart svg")
    everywhere(page)


def test_axe_sees_what_is_wrong(visit: Visit, few: Path) -> None:
    """So that the tests above can fail."""
    page = visit(few)
    page.evaluate("document.querySelector('.exit').style.color = '#ccc'")
    page.evaluate("document.querySelector('#sift').parentElement.replaceWith(document.querySelector('#sift'))")
    assert "color-contrast" in " ".join(broken(page, COLOURS))
    assert "label" in " ".join(broken(page, but=COLOURS))
