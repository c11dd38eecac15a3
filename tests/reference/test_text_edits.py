"""The reference server's edits as text: applied in order, they make what its steps make."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from toolworthy.content.tasks import Task, known_tasks
from toolworthy.reference._next_step import next_answer
from toolworthy.wire.ir import Message, Request, Text
from toolworthy.wire.text_edits import read_text_edits

SYSTEM = Message("system", (Text("Write *SEARCH/REPLACE blocks*."),))
WHOLE = [task for task in known_tasks() if task.name in ("add-feature", "fix-failing-test", "rename-api")]


def answer(task: Task, *shown: str) -> str:
    texts = (task.instruction, *shown)
    return next_answer(Request("m", (SYSTEM, *(Message("user", (Text(text),)) for text in texts))), [task], []).text


@pytest.mark.parametrize("task", WHOLE, ids=lambda task: task.name)
def test_edits_replace_whole_lines_that_stand_in_the_file_once(task: Task, tmp_path: Path) -> None:
    shutil.copytree(task.path / "environment" / "app", tmp_path / "app")
    expected = shutil.copytree(tmp_path / "app", tmp_path / "expected")
    for step in task.steps:
        if step.write:
            (expected / step.write).write_text(step.content or "")
        if step.edit:
            old = (expected / step.edit).read_text()
            assert old.count(step.old or "") == 1
            (expected / step.edit).write_text(old.replace(step.old or "", step.new or ""))
    edits = read_text_edits(answer(task))
    assert edits
    for edit in edits:
        path = tmp_path / "app" / edit.path
        before = path.read_text() if path.exists() else ""
        assert edit.problem == ""
        assert not edit.old or f"\n{before}".count(f"\n{edit.old}") == 1
        path.write_text(before.replace(edit.old, edit.new) if edit.old else edit.new)
        assert path.read_bytes() == (tmp_path / "app" / edit.path).read_bytes()
    for path in sorted(expected.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "app" / path.relative_to(expected)).read_bytes()


def test_a_file_that_the_agent_shows_is_known() -> None:
    task = next(task for task in known_tasks() if task.name == "unicode-crlf-edit")
    step = next(step for step in task.steps if step.edit)
    line = f"before {step.old} behind"
    (edit,) = read_text_edits(answer(task, f"katalog.txt\n```\n{line}\n```"))
    assert edit.old == line + "\n"
    assert edit.new == line.replace(step.old or "", step.new or "") + "\n"
