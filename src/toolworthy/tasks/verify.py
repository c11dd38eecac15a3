"""Run a task's hidden tests on a clean copy of the workspace, in a sandbox of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, Limits, Mount
from toolworthy.tasks.model import Task
from toolworthy.tasks.workspace import copy

_OUTPUT_CHARACTERS = 20_000


@dataclass(frozen=True)
class Verdict:
    """What the hidden tests said."""

    reward: float | None
    """1.0 is solved; None where the verifier gave no reward."""
    output: str
    ended: str
    seconds: float


async def verify(task: Task, workspace: Path, folder: Path, sandbox: Sandbox) -> Verdict:
    """Judge `workspace`, which stays as it is; `folder` is for working files.

    The agent never saw ``tests/``; the verifier sees a copy of what the agent left and nothing else of it.
    """
    judged, home, logs = folder / "judged", folder / "verifier-home", folder / "verifier-logs"
    copy(workspace, judged)
    home.mkdir()
    logs.mkdir()
    tests = Mount(task.path / "tests", "/tests")
    out = Mount(logs, "/logs/verifier", writable=True)
    command = Command(
        ("bash", f"{sandbox.shown(tests)}/test.sh"),
        judged,
        home,
        env={"TESTS_DIR": sandbox.shown(tests), "LOGS_DIR": sandbox.shown(out), "PYTHONDONTWRITEBYTECODE": "1"},
        mounts=(tests, out),
        limits=Limits(seconds=task.config.verifier.timeout_sec, memory_mb=task.config.environment.memory_mb),
    )
    outcome = await sandbox.run(command)
    text = (outcome.stdout + outcome.stderr).decode(errors="replace")[-_OUTPUT_CHARACTERS:]
    return Verdict(_reward(logs), text, outcome.ended, outcome.seconds)


def _reward(logs: Path) -> float | None:
    """Harbor's two forms: ``reward.txt`` with a number, ``reward.json`` with ``{"reward": number}``."""
    try:
        if (logs / "reward.txt").is_file():
            return float((logs / "reward.txt").read_text().strip())
        if (logs / "reward.json").is_file():
            return float(json.loads((logs / "reward.json").read_text())["reward"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None
