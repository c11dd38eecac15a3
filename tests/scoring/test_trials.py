"""What whole trials are said to have failed of, from the command line on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from toolworthy import content

sys.path.insert(0, str(Path(__file__).parents[1]))
from conftest import only_run, results, suites

TASK = "fix-failing-test"


def test_our_limit_of_turns_is_not_the_models_failure(tmp_path: Path) -> None:
    suites("--agent", "builtin", "--task", TASK, "--max-turns", "2", cwd=tmp_path)
    (line,) = results(only_run(tmp_path))
    assert (line["status"], line["agent_ended"], line["agent_exit"]) == ("error", "exit", 2)
    assert (line["cause"]["kind"], line["cause"]["fault"]) == ("budget", "our limit")
    assert line["cause"]["detail"].startswith("stopped by our limit of 2 turns")


@pytest.mark.parametrize(("reward", "status"), [("0.5", "failed"), ("0.999", "failed"), ("1", "passed"), ("", "error")])
def test_only_a_whole_reward_is_a_pass(tmp_path: Path, reward: str, status: str) -> None:
    task = tmp_path / "tasks" / TASK
    shutil.copytree(content.FIXTURES / "tasks" / TASK, task)
    (task / "tests" / "test.sh").write_text(f'echo {reward} > "$LOGS_DIR/reward.txt"')
    suites("--tasks", str(task.parent), cwd=tmp_path)
    (line,) = results(only_run(tmp_path))
    assert line["status"] == status
    assert line["verification"]["reward"] == (float(reward) if reward else None)
    if status == "failed":
        assert (line["cause"]["kind"], line["cause"]["fault"]) == ("wrong result", "model")
