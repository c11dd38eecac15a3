"""Without a sandbox: what a command gets, and how much of it can be ended."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from tests.support.boxed import run
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import _bare, choose
from toolworthy.sandbox._bare import Bare
from toolworthy.sandbox.model import Command, Limits


@pytest.mark.process
def test_it_gets_its_own_environment_and_nothing_of_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "1")
    out = run("env", tmp_path, sandbox=Bare(), env={"GIVEN": "yes", "TZ": "CET"}).stdout.decode()
    given = dict(line.split("=", 1) for line in out.splitlines())
    names = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM", "GIVEN", "TOOLWORTHY_TRIAL"}
    assert given.keys() - {"PWD", "SHLVL", "OLDPWD", "_"} == names
    assert (given["HOME"], given["TZ"], given["PWD"]) == (f"{tmp_path}/h", "CET", f"{tmp_path}/w")


@pytest.mark.process
@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_a_listener_has_any_free_port_unless_one_is_named(tmp_path: Path, kind: str) -> None:
    ports: list[int] = []

    def on_listener(listener: socket.socket) -> None:
        ports.append(listener.getsockname()[1])
        listener.close()

    with socket.create_server(("127.0.0.1", 0)) as free:
        named = free.getsockname()[1]
    for name in ("w", "h"):
        (tmp_path / name).mkdir()
    command = Command(("true",), tmp_path / "w", tmp_path / "h", limits=Limits(20))
    assert asyncio.run(choose(kind).run(command, on_listener)).exit_code == 0
    assert asyncio.run(choose(kind).run(command, on_listener, named)).exit_code == 0
    assert ports[0] > 1024
    assert ports[1] == named


@pytest.mark.process
def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    command = Command(("/no/such/program", "argument"), tmp_path, tmp_path)
    with pytest.raises(ToolworthyError, match=r"^cannot start /no/such/program: No such file or directory$"):
        asyncio.run(Bare().run(command))


@pytest.mark.process
@pytest.mark.parametrize(
    "script",
    [
        "sleep {0} & exit 0",
        "env -i sleep {0} & exit 0",
        "setsid sleep {0} & sleep 0.3; exit 0",
        "env -i setsid sleep {0} & sleep 60",
    ],
    ids=["orphan", "of its group", "with its mark", "descendant"],
)
def test_it_is_ended_by_its_group_its_mark_or_its_parent(tmp_path: Path, script: str) -> None:
    seconds = f"{30_000 + os.getpid()}.5"
    run(script.format(seconds), tmp_path, sandbox=Bare(), limits=Limits(1))
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if seconds in _text(path)]
    assert left == []


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


def test_each_process_is_killed_once_and_its_group_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[object, ...]] = []
    monkeypatch.setattr(_bare, "family", lambda pid: ([pid, 8], [pid, 8, 9]))
    monkeypatch.setattr("os.kill", lambda *given: killed.append(given))
    monkeypatch.setattr("os.killpg", lambda *given: killed.append(("group", *given)))
    _bare._kill(7, "a mark that nobody has")
    assert killed == [(7, 9), (8, 9), ("group", 7, 9)]
