"""Prove a task: doing nothing fails, and both of its solutions pass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolworthy import tree
from toolworthy.errors import UserError
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Command, Limits, Mount
from toolworthy.tasks import workspace as workspaces
from toolworthy.tasks.model import Step, Task
from toolworthy.tasks.script import as_script
from toolworthy.tasks.verify import Verdict, verify

Way = Literal["nothing", "steps", "solve.sh"]


@dataclass(frozen=True)
class Proof:
    """One way a task was tried, and whether the verifier said what it must."""

    task: str
    way: Way
    ok: bool
    detail: str
    seconds: float


async def check(task: Task, sandbox: Sandbox) -> tuple[Proof, ...]:
    """Try `task` in every way there is: untouched, by its neutral steps, by its ``solve.sh``."""
    ways: list[Way] = ["nothing"]
    if task.steps:
        ways.append("steps")
    if (task.path / "solution" / "solve.sh").is_file():
        ways.append("solve.sh")
    return tuple([await _prove(task, way, sandbox) for way in ways])


async def _prove(task: Task, way: Way, sandbox: Sandbox) -> Proof:
    with tree.temporary() as folder:
        try:
            workspace = await workspaces.prepare(task, folder, sandbox)
            if way == "steps":
                await _play(task.steps, workspace, folder, sandbox)
            elif way == "solve.sh":
                await _solve(task, workspace, folder, sandbox)
            verdict = await verify(task, workspace, folder, sandbox)
        except UserError as error:
            return Proof(task.name, way, False, str(error), 0.0)
    return Proof(task.name, way, _as_it_must(way, verdict), _detail(way, verdict), verdict.seconds)


def _as_it_must(way: Way, verdict: Verdict) -> bool:
    return verdict.reward == (0.0 if way == "nothing" else 1.0)


def _detail(way: Way, verdict: Verdict) -> str:
    if verdict.reward is None:
        return f"the verifier gave no reward ({verdict.ended}): {verdict.output.strip()[-300:]}"
    if _as_it_must(way, verdict):
        return f"reward {verdict.reward:g}"
    if way == "nothing":
        return f"an untouched workspace gets reward {verdict.reward:g}: the tests prove nothing"
    return f"reward {verdict.reward:g}: {verdict.output.strip()[-600:]}"


async def _play(steps: tuple[Step, ...], workspace: Path, folder: Path, sandbox: Sandbox) -> None:
    home = folder / "steps-home"
    home.mkdir()
    script = as_script(steps).encode()
    outcome = await sandbox.run(Command(("bash", "-s"), workspace, home, limits=Limits(seconds=120), stdin=script))
    if outcome.exit_code != 0:
        tail = (outcome.stderr or outcome.stdout).decode(errors="replace").strip()[-300:]
        raise UserError(f"steps.toml: exit {outcome.exit_code} ({outcome.ended}): {tail}")


async def _solve(task: Task, workspace: Path, folder: Path, sandbox: Sandbox) -> None:
    home = folder / "solve-home"
    home.mkdir()
    solution = Mount(task.path / "solution", "/solution")
    argv = ("bash", f"{sandbox.shown(solution)}/solve.sh")
    outcome = await sandbox.run(Command(argv, workspace, home, mounts=(solution,), limits=Limits(seconds=120)))
    if outcome.exit_code != 0:
        tail = (outcome.stderr or outcome.stdout).decode(errors="replace").strip()[-300:]
        raise UserError(f"solve.sh: exit {outcome.exit_code} ({outcome.ended}): {tail}")
