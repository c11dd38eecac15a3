"""Whatever a workspace holds after a trial, and whatever lies where a reward should be, is looked at safely."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from toolworthy.content.tasks import Task, load_task
from toolworthy.records.trial import Verification
from toolworthy.sandbox import choose
from toolworthy.work.trials._verify import verify
from toolworthy.work.trials._workspace import diff, forget, snapshot


def task(folder: Path, test: str) -> Task:
    for name in ("environment/app", "tests", "solution"):
        (folder / name).mkdir(parents=True)
    (folder / "task.toml").write_text('version = "1.0"\n[verifier]\ntimeout_sec = 30\n')
    (folder / "instruction.md").write_text("Do it.")
    (folder / "tests" / "test.sh").write_text(test)
    (folder / "solution" / "steps.toml").write_text('[[step]]\nsay = "x"\n')
    return load_task(folder)


def judged(tmp_path: Path, test: str) -> Verification:
    workspace = tmp_path / "workspace"
    workspace.mkdir(exist_ok=True)
    return asyncio.run(verify(task(tmp_path / "task", test), workspace, tmp_path, choose("bubblewrap")))


@pytest.mark.process
@pytest.mark.parametrize(
    ("test", "reward"),
    [
        ("echo 0.5 > $LOGS_DIR/reward.txt", 0.5),
        ("echo '{\"reward\": 1}' > $LOGS_DIR/reward.json", 1.0),
        ("ln -s /proc/kmsg $LOGS_DIR/reward.txt", None),
        ("echo 1 > $LOGS_DIR/x; ln -s x $LOGS_DIR/reward.txt", None),
        ("mkfifo $LOGS_DIR/reward.txt", None),
        ("mkdir $LOGS_DIR/reward.txt", None),
        ("truncate -s 4G $LOGS_DIR/reward.txt", None),
        ("echo 1 > /app/r; rmdir $LOGS_DIR; ln -s /app $LOGS_DIR", None),
        ("echo nan > $LOGS_DIR/reward.txt", None),
        ("echo inf > $LOGS_DIR/reward.txt", None),
        ("echo 1.5 > $LOGS_DIR/reward.txt", None),
        ("echo -0.5 > $LOGS_DIR/reward.txt", None),
        ("echo '{\"reward\": true}' > $LOGS_DIR/reward.json", None),
        ("python3 -c 'print(\"[\" * 9000)' > $LOGS_DIR/reward.json", None),
        ("python3 -c 'print(\"[\" * 100000)' > $LOGS_DIR/reward.json", None),
        ('python3 -c \'print("{\\"reward\\": " + "1" * 6000 + "}")\' > $LOGS_DIR/reward.json', None),
        ("printf '\\377' > $LOGS_DIR/reward.txt", None),
    ],
)
def test_a_reward_is_a_number_from_0_to_1_or_none(tmp_path: Path, test: str, reward: float | None) -> None:
    assert judged(tmp_path, test).reward == reward


@pytest.mark.process
def test_a_workspace_of_any_kind_is_judged(tmp_path: Path) -> None:
    """What is left out is said; the rest is judged."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "done").write_text("yes")
    (workspace / os.fsdecode(b"\xff")).write_text("x")
    (workspace / "host").symlink_to("/etc/passwd")
    os.mkfifo(workspace / "pipe")
    with (workspace / "hole").open("wb") as file:
        file.truncate(2**40)
    folder = workspace
    for _ in range(100):
        folder = folder / "d"
    folder.mkdir(parents=True)
    verdict = judged(tmp_path, "cat done; test -e pipe || echo 1 > $LOGS_DIR/reward.txt")
    assert verdict.reward == 1.0
    assert verdict.output.startswith("yes")
    assert "2 entries were left out" in verdict.output


def test_a_diff_shows_any_name_and_only_plain_files(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).write_text("x\n")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(2**32)
    text = diff({}, snapshot(tmp_path))
    assert text.encode() == "--- /dev/null\n+++ b/\ufffd\n@@ -0,0 +1 @@\n+x\n".encode()


def test_long_files_are_not_compared_line_by_line() -> None:
    text = diff({"a": b"a\n" * 100_000}, {"a": b"b\n" * 100_000})
    assert text == "a changed, 100000 and 100000 lines\n"


def test_what_an_agent_leaves_of_its_own_is_removed_unless_the_task_has_it(tmp_path: Path) -> None:
    for name in (".mine/deep", ".mine.log", "notes", ".own", "result"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("x")
    (tmp_path / ".link").symlink_to(tmp_path / "outside")
    forget(tmp_path, [".mine*", ".own", ".link"], frozenset({".own"}))
    assert {path.name for path in tmp_path.iterdir()} == {"notes", ".own", "result", "outside"}
    assert (tmp_path / "outside" / "kept").exists()
