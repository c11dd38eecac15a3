"""No task is passed without its work, and none ends without a verdict: the attacks, in the real sandbox."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.support.commands import run
from toolworthy import content
from toolworthy.base import tree
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.tasks import Step, Task, load_task, load_tasks
from toolworthy.records.trial import Verification
from toolworthy.sandbox import Sandbox, choose
from toolworthy.sandbox.model import Command, Mount, SandboxError
from toolworthy.work.trials import _workspace as workspaces
from toolworthy.work.trials._attacks import Attack, attacks
from toolworthy.work.trials._verify import verify
from toolworthy.work.trials.check import Proof, attack, play

pytestmark = pytest.mark.process

OURS = {task.name: task for task in load_tasks(content.FIXTURES / "tasks")}
FEW = ("pytest-module", "sitecustomize", "exit", "write-reward", "kill-verifier", "closed")
"""What every task is tried with here, one of them daily; `toolworthy tasks check` tries it with all."""


def tried(task: Task, which: tuple[Attack, ...]) -> list[Proof]:
    async def all_of_them() -> list[Proof]:
        return [proof async for proof in attack(task, choose("bubblewrap"), which)]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("which", attacks(), ids=lambda which: which.id)
def test_every_attack_fails(which: Attack) -> None:
    assert [(proof.ok, proof.detail) for proof in tried(OURS["fix-failing-test"], (which,))] == [(True, "reward 0")]


@pytest.mark.parametrize("name", sorted(OURS))
def test_one_of_the_worst_attacks_fails_in_every_task(name: str) -> None:
    """The tasks take turns with them."""
    chosen = FEW[sorted(OURS).index(name) % len(FEW)]
    which = tuple(one for one in attacks() if one.id == chosen)
    assert [proof.ok for proof in tried(OURS[name], which)] == [True]


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(OURS))
def test_the_worst_attacks_fail_in_every_task(name: str) -> None:
    which = tuple(one for one in attacks() if one.id in FEW)
    assert len(which) == len(FEW)
    assert [proof for proof in tried(OURS[name], which) if not proof.ok] == []


def solved(task: Task, which: str, sandbox: Sandbox) -> Verification:
    """What is said of a workspace in which the task was done, besides what an attack leaves."""

    async def judged() -> Verification:
        with tree.temporary() as folder:
            workspace = await workspaces.prepare(task, folder, sandbox)
            planted = next(one for one in attacks() if one.id == which)
            await play((*task.steps, *planted.steps(task.steps)), workspace, folder, sandbox)
            return await verify(task, workspace, folder, sandbox)

    return asyncio.run(judged())


@pytest.mark.parametrize("which", ["innocent-module", "standard-library", "conftest", "pytest-raises", "deep-folders"])
def test_who_did_the_work_passes_whatever_else_lies_there(which: str) -> None:
    """Nothing but the code that is asked for is imported."""
    assert solved(OURS["fix-failing-test"], which, choose("bubblewrap")).reward == 1.0


@pytest.mark.parametrize("name", ["test.sh", "workspace.py"])
def test_all_tasks_judge_in_one_way(name: str) -> None:
    assert len({(task.path / "tests" / name).read_bytes() for task in OURS.values()}) == 1


@pytest.mark.parametrize("name", sorted(OURS))
def test_no_verifier_imports_what_it_judges(name: str) -> None:
    """At the top of a file only what is ours or Python's: the workspace is imported elsewhere."""
    task = OURS[name]
    found = set(re.findall(r"^(?:import|from) (\w+)", (task.path / "tests" / "test_outcome.py").read_text(), re.M))
    assert found <= {"workspace", "pytest", *sys.stdlib_module_names}


def task(folder: Path, test: str) -> Task:
    for name in ("environment/app", "tests", "solution"):
        (folder / name).mkdir(parents=True)
    (folder / "environment" / "app" / "a").write_text("x")
    (folder / "task.toml").write_text('version = "1.0"\n[verifier]\ntimeout_sec = 5\n')
    (folder / "instruction.md").write_text("Do it.")
    (folder / "tests" / "test.sh").write_text(test)
    (folder / "solution" / "steps.toml").write_text('[[step]]\nrun = "echo y > a"\n')
    return load_task(folder)


def said(tmp_path: Path, test: str, left: str) -> Verification:
    """What a verifier of others says of a workspace that holds what `left` leaves there."""

    async def judged() -> Verification:
        made, sandbox = task(tmp_path / "t", test), choose("bubblewrap")
        with tree.temporary() as folder:
            workspace = await workspaces.prepare(made, folder, sandbox)
            await play((Step(run=left),), workspace, folder, sandbox)
            return await verify(made, workspace, folder, sandbox)

    return asyncio.run(judged())


@pytest.mark.parametrize(
    ("test", "left"),
    [
        ("python3 -c 'import types' || exit 1; echo 0 > $LOGS_DIR/reward.txt", "echo 'raise ImportError' > types.py"),
        ("cat a > /dev/null; echo 0 > $LOGS_DIR/reward.txt", "ln -sf /dev/zero a"),
        ("bash a; echo 0 > $LOGS_DIR/reward.txt", "echo 'kill -9 $PPID' > a"),
        ("bash a; echo 0 > $LOGS_DIR/reward.txt", "echo 'echo 7 > $LOGS_DIR/reward.txt; kill -9 $PPID' > a"),
        ("echo 1 > $LOGS_DIR/reward.txt; bash a; echo 0 > $LOGS_DIR/reward.txt", "echo 'sleep 60' > a"),
    ],
)
def test_whoever_keeps_a_verifier_of_others_from_its_verdict_has_failed(tmp_path: Path, test: str, left: str) -> None:
    verdict = said(tmp_path, test, left)
    assert verdict.reward == 0.0
    assert "what the agent left kept the verifier from a reward" in verdict.reason


def test_a_verifier_that_never_gives_a_reward_is_our_trouble(tmp_path: Path) -> None:
    verdict = said(tmp_path, "exit 3", "true")
    assert (verdict.reward, verdict.reason) == (None, "")


def test_a_verifier_of_others_may_say_what_it_will(tmp_path: Path) -> None:
    assert said(tmp_path, "grep -q y a; echo $((1 - $?)) > $LOGS_DIR/reward.txt", "echo y > a").reward == 1.0


def test_what_runs_for_a_verifier_sees_neither_tests_nor_reward(tmp_path: Path) -> None:
    """It has only its own processes, the workspace, and the folder it was given."""
    look = "ls /tests /logs; ls /proc | grep -c '^[0-9]'; ls /work; cat /app/a; env | grep -c TOOLWORTHY; touch $APP/b"
    asked = (
        "import os, sys; os.environ['APP'] = '/app'; sys.path.insert(0, '/tests'); import workspace;"
        f"print(workspace.run('sh', '-c', {look!r}, files={{'in/f': b'x'}}));"
        "print(os.path.exists('/app/b'))"
    )
    test = f"cd /tests; python3 -I -B -c {shlex.quote(asked)}; echo 0 > $LOGS_DIR/reward.txt"
    made = task(tmp_path / "t", test)
    (made.path / "tests" / "workspace.py").write_bytes((OURS["log-report"].path / "tests/workspace.py").read_bytes())

    async def judged() -> Verification:
        with tree.temporary() as folder:
            sandbox = choose("bubblewrap")
            workspace = await workspaces.prepare(made, folder, sandbox)
            return await verify(made, workspace, folder, sandbox)

    output = asyncio.run(judged()).output
    assert re.search(r"stdout='\d\\nin\\nx0\\n'", output), output
    assert "'/tests': No such file" in output
    assert "'/logs': No such file" in output
    assert "files={'in/f': b'x'}" in output
    assert output.endswith("False\n")


def test_a_sandbox_that_does_not_work_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = choose("bubblewrap")
    was = type(sandbox).run

    async def broken(self, command, *more):  # type: ignore[no-untyped-def]
        if command.argv[0] == "sh":
            raise SandboxError("no room")
        return await was(self, command, *more)

    monkeypatch.setattr(type(sandbox), "run", broken)
    with pytest.raises(ToolworthyError, match="no room"):
        solved(OURS["fix-failing-test"], "innocent-module", sandbox)


def test_a_task_that_can_be_fooled_is_found(tmp_path: Path) -> None:
    naive = "grep -q y a || test -e pytest.py; echo $((1 - $?)) > $LOGS_DIR/reward.txt"
    done = run("toolworthy", "tasks", "check", str(task(tmp_path / "t", naive).path), cwd=tmp_path)
    assert done.returncode == 1
    assert "the verifier is fooled, reward 1: a pytest.py that ends at once, all well" in done.stdout


@pytest.mark.parametrize("way", ["nothing", "solution", "exit"])
@pytest.mark.parametrize("name", ["add-feature", "shell-pipeline", "sqlite-migration"])
def test_our_verifiers_judge_without_us(name: str, way: str) -> None:
    """As Harbor starts them: nobody runs the workspace's code for them."""
    made, sandbox = OURS[name], choose("bubblewrap")
    exits = next(one for one in attacks() if one.id == "exit")
    steps = {"nothing": (), "solution": made.steps, "exit": exits.steps(made.steps)}[way]

    async def judged() -> str:
        with tree.temporary() as folder:
            workspace = await workspaces.prepare(made, folder, sandbox)
            await play(steps, workspace, folder, sandbox)
            (folder / "home").mkdir()
            (folder / "logs").mkdir()
            mounts = (Mount(made.path / "tests", "/tests"), Mount(folder / "logs", "/logs/verifier", writable=True))
            command = Command(("bash", "/tests/test.sh"), workspace, folder / "home", mounts=mounts)
            outcome = await sandbox.run(command)
            print(outcome.stdout.decode(), outcome.stderr.decode())
            return (folder / "logs" / "reward.txt").read_text().strip()

    assert asyncio.run(judged()) == ("1" if way == "solution" else "0")


def test_no_attack_is_planted_without_a_sandbox(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="in a sandbox only"):
        asyncio.run(anext(attack(OURS["log-report"], choose("none"))))
    at = str(OURS["log-report"].path)
    done = run("toolworthy", "tasks", "check", at, "--sandbox", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("1 task, 0 bad; no attack was planted without a sandbox\n")
