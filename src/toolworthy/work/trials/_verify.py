"""Run a task's hidden tests on a clean copy of the workspace, in a sandbox of their own."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path

from toolworthy.base import tree
from toolworthy.base.cancelling import through
from toolworthy.content.tasks import Task
from toolworthy.records.trial import Verification
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import EXCEEDED, Command, Limits, Mount
from toolworthy.work.trials._isolated_commands import VARIABLE, Children, copy
from toolworthy.work.trials._workspace import prepare

_OUTPUT_CHARACTERS = 20_000
_REWARD_BYTES = 10_000


async def verify(task: Task, workspace: Path, folder: Path, sandbox: Sandbox) -> Verification:
    """Run the hidden tests on a copy of `workspace`; `folder` is for temporary files.

    The agent never saw ``tests/``; the verifier sees only a copy of the agent's workspace. If the verifier gives no
    reward here, but gives one for the untouched workspace, the agent's workspace prevented it. A verifier that runs out
    of time is retried: the machine may have been busy.

    Raises:
        ToolworthyError: no judgement is possible; includes SandboxError.
        OSError: the same.
    """
    verdict = await _verify(task, workspace, folder, sandbox)
    if verdict.ended == "timeout":
        with tree.temporary() as again:
            verdict = await _verify(task, workspace, again, sandbox)
    if verdict.reward is not None:
        return verdict
    with tree.temporary() as elsewhere:
        untouched = await prepare(task, elsewhere, sandbox)
        if (await _verify(task, untouched, elsewhere, sandbox)).reward is None:
            return verdict
    how = (
        "it ended without one" if verdict.ended == "exit" else f"it exceeded the run limit on {EXCEEDED[verdict.ended]}"
    )
    reason = f"what the agent left kept the verifier from a reward: {how}; for the untouched workspace it gives one"
    return verdict.model_copy(update={"reward": 0.0, "reason": reason})


async def _verify(task: Task, workspace: Path, folder: Path, sandbox: Sandbox) -> Verification:
    judged, home, logs = folder / "judged", folder / "verifier-home", folder / "verifier-logs"
    left_out = await through(asyncio.to_thread(copy, workspace, judged, task))
    home.mkdir()
    logs.mkdir()
    tests = Mount(task.path / "tests", "/tests")
    out = Mount(logs, "/logs/verifier", writable=True)
    children = Children(task, workspace, folder, sandbox)
    env = {"TESTS_DIR": sandbox.shown(tests), "LOGS_DIR": sandbox.shown(out), "PYTHONDONTWRITEBYTECODE": "1"}
    command = Command(
        ("bash", f"{sandbox.shown(tests)}/test.sh"),
        judged,
        home,
        env={**env, VARIABLE: f"127.0.0.1:{children.port}"},
        mounts=(tests, out),
        limits=Limits(seconds=task.config.verifier.timeout_sec, memory_mb=task.config.environment.memory_mb),
    )
    try:
        outcome = await sandbox.run(command, children.listen, children.port)
    finally:
        await children.close()
    if children.failure is not None:
        raise children.failure
    text = (outcome.stdout + outcome.stderr).decode(errors="replace")[-_OUTPUT_CHARACTERS:]
    if left_out:
        text += f"\n(of the workspace, {left_out} entries were left out: no plain files, too deep, or too much)\n"
    reward = await asyncio.to_thread(_reward, logs)
    if outcome.ended != "exit":
        reward = None  # its result was not final
    return Verification(reward=reward, output=text, ended=outcome.ended, seconds=outcome.seconds)


def _reward(logs: Path) -> float | None:
    """Harbor's two forms: ``reward.txt`` with a number, ``reward.json`` with ``{"reward": number}``.

    A number in [0, 1], or None for anything else.
    """
    try:
        if (text := tree.read(logs, "reward.txt", _REWARD_BYTES)) is not None:
            reward = float(text.decode("ascii").strip())
        elif (text := tree.read(logs, "reward.json", _REWARD_BYTES)) is not None:
            value = json.loads(text)["reward"]
            reward = math.nan if isinstance(value, bool) else float(value)
        else:
            return None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return reward if 0 <= reward <= 1 else None
