"""Tasks are proved: ours, and a user's, whose faults are named."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.commands import run
from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.tasks import Task, load_task, load_tasks
from toolworthy.sandbox import choose
from toolworthy.work.trials._script import as_script
from toolworthy.work.trials._workspace import diff
from toolworthy.work.trials.check import check

OURS = load_tasks(content.FIXTURES / "tasks")


@pytest.mark.process
@pytest.mark.parametrize("task", OURS, ids=lambda task: task.name)
def test_our_tasks_are_sound(task: Task) -> None:
    proofs = asyncio.run(check(task, choose("auto")))
    assert [(proof.way, proof.ok, proof.detail) for proof in proofs] == [
        ("nothing", True, "reward 0"),
        ("steps", True, "reward 1"),
        ("solve.sh", True, "reward 1"),
    ]


@pytest.mark.parametrize("task", OURS, ids=lambda task: task.name)
def test_both_solutions_are_the_same(task: Task) -> None:
    made = as_script(task.steps).splitlines()[2:]
    kept = (task.path / "solution" / "solve.sh").read_text().splitlines()[2:]
    assert kept == made or task.name == "fix-failing-test"
    assert task.steps[-1].say


def test_ten_tasks_each_with_an_instruction_of_its_own() -> None:
    assert len(OURS) == 10
    assert len({task.instruction for task in OURS}) == 10
    assert not any("/app" in task.instruction for task in OURS)


def write(folder: Path, *, test: str = "echo 1", steps: str = '[[step]]\nsay = "x"\n') -> Path:
    for name in ("environment/app", "tests", "solution"):
        (folder / name).mkdir(parents=True)
    (folder / "environment" / "app" / "a").write_text("x")
    (folder / "task.toml").write_text('version = "1.0"\n')
    (folder / "instruction.md").write_text("Do it.")
    (folder / "tests" / "test.sh").write_text(f'{test} > "$LOGS_DIR/reward.txt"')
    (folder / "solution" / "steps.toml").write_text(steps)
    return folder


@pytest.mark.process
def test_tests_that_prove_nothing_are_found(tmp_path: Path) -> None:
    done = run("toolworthy", "tasks", "check", str(write(tmp_path / "t")), cwd=tmp_path)
    assert done.returncode == 1
    assert "an untouched workspace gets reward 1: the tests prove nothing" in done.stdout


@pytest.mark.process
def test_an_edit_that_does_not_fit_is_found(tmp_path: Path) -> None:
    steps = '[[step]]\nedit = "a"\nold = "nowhere"\nnew = "y"\n'
    done = run("toolworthy", "tasks", "check", str(write(tmp_path / "t", test="echo 0", steps=steps)), cwd=tmp_path)
    assert done.returncode == 1
    assert "found 0 times" in done.stdout


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ('[[step]]\nrun = "a"\nread = "b"\n', "a step has run and read. Give one of run"),
        ('[[step]]\nwrite = "a"\n', "takes content. This one has neither."),
        ('[[step]]\nsing = "a"\n', "sing"),
        ("[[step", "Expected"),
    ],
)
def test_broken_steps_name_their_file(tmp_path: Path, steps: str, says: str) -> None:
    with pytest.raises(ToolworthyError) as caught:
        load_task(write(tmp_path / "t", steps=steps))
    assert str(caught.value).startswith(str(tmp_path / "t" / "solution" / "steps.toml"))
    assert says in str(caught.value)


def test_a_diff_shows_what_changed() -> None:
    text = diff({"a": b"1\n2\n", "b": b"\0", "c": b"x"}, {"a": b"1\n3\n", "b": b"\0\0", "d": b"y\n"})
    assert "-2\n+3\n" in text
    assert "binary file b changed" in text
    assert "--- a/c\n+++ /dev/null" in text
    assert "\\ no newline at end of file" in text


def test_a_task_that_is_changed_is_another_task(tmp_path: Path) -> None:
    folder = write(tmp_path / "t")
    before = load_task(folder).digest
    (folder / "tests" / "test.sh").write_text("x")
    assert load_task(folder).digest != before
