"""Prove a task: an untouched workspace and every known attack fail, and both solutions pass."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolworthy.base import tree
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.tasks import Step, Task
from toolworthy.records.trial import Verification
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, Limits, Mount
from toolworthy.work.trials import _workspace as workspaces
from toolworthy.work.trials._attacks import Attack, attacks
from toolworthy.work.trials._script import as_script
from toolworthy.work.trials._verify import verify

NOTHING, STEPS, SCRIPT = "nothing", "steps", "solve.sh"
_LIMITS = Limits(seconds=120)
_PATIENCE = 15.0
"""Time limit of a verifier under attack: it should give 0 without waiting for endless programs."""


@dataclass(frozen=True)
class Proof:
    """One attempt at a task, and whether the verifier judged it correctly."""

    task: str
    way: str
    """``nothing``, ``steps``, ``solve.sh``, or the id of an attack."""
    ok: bool
    detail: str
    seconds: float


async def check(task: Task, sandbox: Sandbox) -> tuple[Proof, ...]:
    """Try `task` untouched, by its neutral steps, and by its ``solve.sh``."""
    ways = [NOTHING]
    if task.steps:
        ways.append(STEPS)
    if (task.path / "solution" / "solve.sh").is_file():
        ways.append(SCRIPT)
    return tuple([await _prove(task, way, sandbox) for way in ways])


async def attack(task: Task, sandbox: Sandbox, which: Sequence[Attack] | None = None) -> AsyncIterator[Proof]:
    """Plant every attack (or those given), each in a workspace of its own.

    Raises:
        ToolworthyError: there is no sandbox, and they would hit this machine.
    """
    if sandbox.name == "none":
        raise ToolworthyError("attacks are planted in a sandbox only. Leave --sandbox none out.")
    room = asyncio.Semaphore(os.cpu_count() or 1)

    async def one(attack: Attack) -> Proof:
        async with room:
            return await _prove(task, attack, sandbox)

    trying = [asyncio.ensure_future(one(attack)) for attack in (attacks() if which is None else which)]
    try:
        for done in asyncio.as_completed(trying):
            yield await done
    finally:
        for proof in trying:
            proof.cancel()
        await asyncio.gather(*trying, return_exceptions=True)


async def _prove(task: Task, way: str | Attack, sandbox: Sandbox) -> Proof:
    name = way if isinstance(way, str) else way.id
    with tree.temporary() as folder:
        try:
            workspace = await workspaces.prepare(task, folder, sandbox)
            if isinstance(way, Attack):
                await play(way.steps(task.steps), workspace, folder, sandbox)
                task = _impatient(task)
            elif way == STEPS:
                await play(task.steps, workspace, folder, sandbox)
            elif way == SCRIPT:
                await _solve(task, workspace, folder, sandbox)
            verdict = await verify(task, workspace, folder, sandbox)
        except ToolworthyError as error:
            return Proof(task.name, name, False, str(error), 0.0)
    return Proof(task.name, name, _as_it_must(way, verdict), _detail(way, verdict), verdict.seconds)


def _impatient(task: Task) -> Task:
    seconds = min(_PATIENCE, task.config.verifier.timeout_sec)
    verifier = task.config.verifier.model_copy(update={"timeout_sec": seconds})
    return replace(task, config=task.config.model_copy(update={"verifier": verifier}))


def _as_it_must(way: str | Attack, verdict: Verification) -> bool:
    return verdict.reward == (1.0 if way in (STEPS, SCRIPT) else 0.0)


def _detail(way: str | Attack, verdict: Verification) -> str:
    if verdict.reward is None:
        return f"the verifier gave no reward ({verdict.ended}): {verdict.output.strip()[-300:]}"
    if _as_it_must(way, verdict):
        return f"reward {verdict.reward:g}"
    if isinstance(way, Attack):
        return f"the verifier is fooled, reward {verdict.reward:g}: {way.title}"
    if way == NOTHING:
        return f"an untouched workspace gets reward {verdict.reward:g}: the tests prove nothing"
    return f"reward {verdict.reward:g}: {verdict.output.strip()[-600:]}"


async def play(steps: tuple[Step, ...], workspace: Path, folder: Path, sandbox: Sandbox) -> None:
    """Execute `steps` in a workspace, in a sandbox.

    Raises:
        ToolworthyError: one fails.
    """
    home = folder / "steps-home"
    script = as_script(steps).encode()
    await _run("steps.toml", Command(("bash", "-s"), workspace, home, limits=_LIMITS, stdin=script), sandbox)


async def _solve(task: Task, workspace: Path, folder: Path, sandbox: Sandbox) -> None:
    solution = Mount(task.path / "solution", "/solution")
    argv = ("bash", f"{sandbox.shown(solution)}/solve.sh")
    await _run(SCRIPT, Command(argv, workspace, folder / "solve-home", mounts=(solution,), limits=_LIMITS), sandbox)


async def _run(name: str, command: Command, sandbox: Sandbox) -> None:
    command.home.mkdir()
    outcome = await sandbox.run(command)
    if outcome.exit_code != 0:
        tail = (outcome.stderr or outcome.stdout).decode(errors="replace").strip()[-300:]
        raise ToolworthyError(f"{name}: exit {outcome.exit_code} ({outcome.ended}): {tail}")
