"""Commands in a small world: real processes, a real repository, and notes of what only seems to be there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from toolworthy.sandbox import choose
from toolworthy.work.cases.world import Commit, Effects, Repository, State, World
from toolworthy.work.cases.world._repository import only_looks

pytestmark = pytest.mark.process

STATE = State({"a.txt": "one\ntwo\n", "src/b.py": "print(1)\n# one\n"})


@pytest.fixture(scope="module")
def world() -> World:
    return World(choose("auto"))


def run(world: World, command: str, state: State = STATE, folder: str = "/app", **more: object) -> Effects:
    return asyncio.run(world.run(state, command, folder, **more))


def repository(world: World, command: str, state: State = STATE) -> tuple[Repository | None, Repository | None]:
    """Before and after a command."""

    async def both() -> tuple[Repository | None, Repository | None]:
        furnished, before = await world.with_repository(state)
        return before, (await world.run(furnished, command)).repository

    return asyncio.run(both())


def test_files_output_and_exit_code_are_seen(world: World) -> None:
    done = run(world, "cat a.txt | head -n 1; echo x > new; rm a.txt; chmod +x src/b.py; ln -s new link; false")
    assert (done.output, done.code) == ("one\n", 1)
    assert done.state.files == {"src/b.py": "print(1)\n# one\n", "new": "x\n"}
    assert done.state.executable == {"src/b.py"}
    assert done.state.links == {"link": "new"}


def test_the_folder_is_that_of_the_call(world: World) -> None:
    assert run(world, "cat b.py", folder="/app/src").output.startswith("print")
    assert "No such file" in run(world, "cat src/b.py", folder="/app/src").output
    assert "nowhere" in run(world, "true", folder="/app/nowhere").output


def test_calls_of_stand_ins_are_noted_however_they_are_made(world: World) -> None:
    done = run(
        world,
        "kubectl -n shop delete pod/x; sudo -n systemctl restart fetcher; python -m pytest -q tests; "
        "cat <<E | kubectl apply -f -\nhi\nE\nbash -c 'cd src && make SUITE=1'; X=1 make; kill 5; nobody-knows --it",
    )
    said = [(call.program, call.operands) for call in done.calls]
    assert said == [
        ("kubectl", ("delete", "pod", "x")),
        ("systemctl", ("restart", "fetcher")),
        ("pytest", ("/app/tests",)),
        ("kubectl", ("apply",)),
        ("make", ("SUITE=1",)),
        ("make", ("X=1",)),
        ("kill", ("5",)),
        ("nobody-knows", ("--it",)),
    ]
    assert done.calls[3].stdin == "hi"
    assert done.calls[4].folder == "/app/src"
    assert "nobody-knows: command not found" in done.output


def test_stand_ins_say_what_the_case_has_them_say(world: World) -> None:
    done = run(world, "make check | tail -n 1 || true; make check", outputs={"make": "a\nb\n"}, fails={"make": "check"})
    assert (done.output, done.code) == ("b\na\nb\n", 1)


def test_processes_that_are_left_are_seen(world: World) -> None:
    assert len(run(world, "sleep 300 & disown; echo hi").left) == 1
    assert run(world, "sleep 0 & wait").left == ()


def test_one_state_of_the_repository_whoever_made_it(world: World) -> None:
    state = State(
        {"a": "2\n", "b": "x\n"},
        history=(
            Commit("One", {"a": "1\n"}),
            Commit("Two", {"a": "2\n"}, "9c3d017"),
            Commit("Three", {"a": "2\n", "b": "x\n"}),
        ),
    )
    before, first = repository(world, "git revert --no-edit 9c3d017", state)
    assert first is not None
    assert first != before
    second = repository(
        world, "GIT_EDITOR=true GIT_AUTHOR_DATE=2001-01-01T00:00:00Z git -C /app revert 9c3d017; git log -1", state
    )
    assert second[1] == first
    assert repository(world, "git revert --no-commit 9c3d017", state)[1] not in (before, first)


@pytest.mark.parametrize(
    "command",
    [
        "git commit -qm x --allow-empty",
        "git push -q origin main:other",
        "git switch -qc x",
        "git tag t",
        "git rm -q a.txt",
        "echo >> a.txt && git add a.txt",
        "echo >> a.txt && git stash -q",
        "git branch --unset-upstream",
    ],
)
def test_every_change_of_a_repository_is_seen(command: str, world: World) -> None:
    before, after = repository(world, command)
    assert before is not None
    assert after is not None
    assert before != after


@pytest.mark.parametrize(
    "command", ["git status", "git log --oneline | cat", "git diff; git branch -a", "git -C src log"]
)
def test_looks_leave_a_repository_as_it_is(command: str, world: World) -> None:
    before, after = repository(world, command)
    assert before == after


@pytest.mark.parametrize(
    ("arguments", "looks"),
    [
        ("status", True),
        ("-C /app log", True),
        ("branch", True),
        ("branch -a", True),
        ("branch new", False),
        ("tag", True),
        ("tag -l", True),
        ("tag v1", False),
        ("stash", False),
        ("stash list", True),
        ("config user.name", False),
        ("config --get user.name", True),
        ("push", False),
        ("push --dry-run", True),
        ("remote -v", True),
        ("remote add x y", False),
        ("commit -m x", False),
        ("", True),
    ],
)
def test_what_git_only_shows(arguments: str, looks: bool) -> None:
    assert only_looks(tuple(arguments.split())) == looks


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("rg one", {"a.txt:one", "src/b.py:# one"}),
        ("rg -n one a.txt", {"1:one"}),
        ("rg --files | rg py", {"src/b.py"}),
        ("rg -l one -g '*.py'", {"src/b.py"}),
        ("cat a.txt | rg -c o", {"2"}),
        ("fd b", {"src/b.py"}),
        ("bat -p -r 2:2 a.txt", {"two"}),
        ("tree -L 1 --noreport | tail -n 1", {"└── src"}),
    ],
)
def test_looks_that_a_machine_may_lack(command: str, shown: set[str], world: World) -> None:
    assert set(run(world, command).output.splitlines()) == shown


def test_nothing_is_left_on_this_machine(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(os.listdir("/tmp"))
    run(world, "echo > /tmp/here-and-gone-of-a-world; echo > ../outside; kubectl delete pod x")
    assert not Path("/tmp/here-and-gone-of-a-world").exists()
    assert not [name for name in set(os.listdir("/tmp")) - before if "world" in name]


def test_a_command_without_end_is_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from toolworthy.work.cases.world import _running as running

    monkeypatch.setattr(running, "_LIMITS", replace(running._LIMITS, seconds=1.0))
    assert run(world, "while :; do :; done").code is None
