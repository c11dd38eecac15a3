"""``toolworthy tasks list|check``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from toolworthy.sandbox import Sandbox, choose
from toolworthy.tasks.check import check
from toolworthy.tasks.model import Task


def run(what: Literal["list", "check"], tasks: Sequence[Task], sandbox: Literal["auto", "bubblewrap", "none"]) -> int:
    """List the tasks, or prove each in every way there is; exit code 1 where a proof fails."""
    if what == "list":
        for task in tasks:
            print(f"{task.name:24} {task.config.metadata.difficulty:8} {task.config.metadata.title}")
        return 0
    return asyncio.run(_check(tasks, choose(sandbox)))


async def _check(tasks: Sequence[Task], sandbox: Sandbox) -> int:
    bad = 0
    for task in tasks:
        for proof in await check(task, sandbox):
            bad += not proof.ok
            print(f"{'ok  ' if proof.ok else 'BAD '} {task.name:24} {proof.way:10} {proof.detail}", flush=True)
    print(f"{len(tasks)} tasks, {bad} bad")
    return 1 if bad else 0
