"""Whose fault it is that a verifier did not come to its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from toolworthy.base import tree
from toolworthy.content.tasks import Task, load_task
from toolworthy.records.trial import Verification
from toolworthy.sandbox import choose
from toolworthy.work.trials import _verify
from toolworthy.work.trials import _workspace as workspaces

pytestmark = pytest.mark.process
TEST = "echo 0 > $LOGS_DIR/reward.txt; bash a; echo 1 > $LOGS_DIR/reward.txt"
"""As our own verifiers: 0 until all has gone well."""


def task(folder: Path, test: str) -> Task:
    for name in ("environment/app", "tests"):
        (folder / name).mkdir(parents=True)
    (folder / "environment" / "app" / "a").write_text("true\n")
    (folder / "task.toml").write_text('version = "1.0"\n[verifier]\ntimeout_sec = 2\n')
    (folder / "instruction.md").write_text("Do it.")
    (folder / "tests" / "test.sh").write_text(test)
    return load_task(folder)


def verdict(tmp_path: Path, test: str, left: str) -> Verification:
    """What the verifier `test` says, if the agent left `left` in the file a."""

    async def judged() -> Verification:
        made, sandbox = task(tmp_path / "task", test), choose("auto")
        with tree.temporary() as folder:
            workspace = await workspaces.prepare(made, folder, sandbox)
            (workspace / "a").write_text(left)
            return await _verify.verify(made, workspace, folder, sandbox)

    return asyncio.run(judged())


def test_code_that_hangs_under_test_is_the_models_failure(tmp_path: Path) -> None:
    hung = verdict(tmp_path, TEST, "sleep 60\n")
    assert (hung.reward, hung.ended) == (0.0, "timeout")
    assert "exceeded the run limit on time; for the untouched workspace it gives one" in hung.reason


def test_a_verifier_that_is_too_slow_for_any_workspace_is_nobodys_failure(tmp_path: Path) -> None:
    slow = verdict(tmp_path, TEST.replace("bash a", "sleep 60"), "true\n")
    assert (slow.reward, slow.ended, slow.reason) == (None, "timeout", "")


@pytest.mark.parametrize(("left", "reward"), [("true\n", 1.0), ("exit 1\n", 0.0)])
def test_a_machine_that_was_busy_once_changes_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str, reward: float
) -> None:
    runs: list[Verification] = []
    real = _verify._verify

    async def busy(*given: object) -> Verification:
        runs.append(await real(*given))
        return runs[-1].model_copy(update={"reward": None, "ended": "timeout"}) if len(runs) == 1 else runs[-1]

    monkeypatch.setattr(_verify, "_verify", busy)
    again = verdict(tmp_path, TEST.replace("bash a", "bash a || exit 0"), left)
    assert (again.reward, again.ended, len(runs)) == (reward, "exit", 2)
