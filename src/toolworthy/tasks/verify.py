"""Run a task's hidden tests on a clean copy of the workspace, in a sandbox of their own."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from pathlib import Path

from toolworthy import tree
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, Limits, Mount
from toolworthy.sandbox.watch import through
from toolworthy.tasks.model import Task

_OUTPUT_CHARACTERS = 20_000
_LEAST_ROOM_MB = 2048
_REWARD_BYTES = 10_000


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
    room = max(_LEAST_ROOM_MB, task.config.environment.storage_mb) * 2**20
    left = await through(asyncio.to_thread(tree.copy, workspace, judged, room))
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
    if left:
        text += f"\n(of the workspace, {left} entries were left out: no plain files, too deep, or too much)\n"
    return Verdict(await asyncio.to_thread(_reward, logs), text, outcome.ended, outcome.seconds)


def _reward(logs: Path) -> float | None:
    """Harbor's two forms: ``reward.txt`` with a number, ``reward.json`` with ``{"reward": number}``.

    A number in [0, 1] or none: whoever writes anything else is not heard.
    """
    try:
        if (text := tree.read(logs, "reward.txt", _REWARD_BYTES)) is not None:
            reward = float(text.decode("ascii").strip())
        elif (text := tree.read(logs, "reward.json", _REWARD_BYTES)) is not None:
            found = json.loads(text)["reward"]
            reward = math.nan if isinstance(found, bool) else float(found)
        else:
            return None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return reward if 0 <= reward <= 1 else None
