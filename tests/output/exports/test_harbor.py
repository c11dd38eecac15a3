"""Harbor's own models take our tasks and our trajectories."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import only_run, suites
from toolworthy import content

pytestmark = pytest.mark.process

# Harbor asks for Python 3.12; of what that brought, its models use this one name.
PRELUDE = "import sys, typing, pathlib\ntyping.override = getattr(typing, 'override', lambda f: f)\n"
TASKS = sorted(path.parent for path in (content.FIXTURES / "tasks").glob("*/task.toml"))


def harbor(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-W", "ignore", "-c", PRELUDE + program, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("task", TASKS, ids=lambda path: path.name)
def test_harbor_takes_our_tasks(task: Path) -> None:
    program = (
        "from harbor.models.task.task import Task\n"
        "task = Task(pathlib.Path(sys.argv[1]))\n"
        "assert task.instruction.strip(), 'no instruction'\n"
        "assert Task.is_valid_dir(sys.argv[1]) if hasattr(Task, 'is_valid_dir') else True\n"
        "print(task.config.verifier.timeout_sec)\n"
    )
    done = harbor(program, str(task))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "60.0"
    for name in ("environment/Dockerfile", "tests/test.sh", "solution/solve.sh", "solution/steps.toml"):
        assert (task / name).is_file()


def test_harbor_takes_our_trajectories(tmp_path: Path) -> None:
    done = suites("--task", "rename-api", "--task", "server-process", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    files = sorted((only_run(tmp_path) / "atif").glob("*.json"))
    assert len(files) == 2
    program = (
        "from harbor.models.trajectories import Trajectory\n"
        "for path in sys.argv[1:]:\n"
        "    made = Trajectory.model_validate_json(pathlib.Path(path).read_text())\n"
        "    calls = [call for step in made.steps for call in step.tool_calls or []]\n"
        "    seen = [r for step in made.steps if step.observation for r in step.observation.results]\n"
        "    assert len(calls) == len(seen) > 3, (len(calls), len(seen))\n"
        "    assert made.steps[-1].message\n"
    )
    checked = harbor(program, *map(str, files))
    assert checked.returncode == 0, checked.stderr
