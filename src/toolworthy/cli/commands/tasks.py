"""``toolworthy tasks list|check``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from toolworthy.base.counted import counted
from toolworthy.base.sanitize import show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.content.tasks import Task
from toolworthy.records.meta import SandboxKind
from toolworthy.sandbox import Sandbox, choose
from toolworthy.work.run.plan import choose_tasks
from toolworthy.work.trials.check import Proof, attack, check


def run(what: Literal["list", "check"], folders: list[Path], sandbox: SandboxKind) -> int:
    """List the tasks, or prove each in every way there is and plant every attack; exit code 1 if a proof fails."""
    tasks = choose_tasks([], folders)
    if what == "list":
        for task in tasks:
            show(f"{task.name:24} {task.config.metadata.difficulty:8} {task.config.metadata.title}")
        return 0
    return run_until_signal(_check(tasks, choose(sandbox)))


async def _check(tasks: Sequence[Task], sandbox: Sandbox) -> int:
    bad = 0
    for task in tasks:
        proofs = list(await check(task, sandbox))
        _tell(*proofs)
        if all(proof.ok for proof in proofs) and sandbox.name != "none":
            withstood = [proof async for proof in attack(task, sandbox)]
            proofs += withstood
            _tell(*(proof for proof in withstood if not proof.ok))
            good, most = sum(proof.ok for proof in withstood), len(withstood)
            show(f"{'ok  ' if good == most else 'BAD '} {task.name:24} {good} of {most} attacks fail")
        bad += not all(proof.ok for proof in proofs)
    show(
        f"{counted(len(tasks), 'task')}, {bad} bad"
        + ("; no attack was planted without a sandbox" * (sandbox.name == "none"))
    )
    return 1 if bad else 0


def _tell(*proofs: Proof) -> None:
    for proof in proofs:
        show(f"{'ok  ' if proof.ok else 'BAD '} {proof.task:24} {proof.way:10} {proof.detail}")
