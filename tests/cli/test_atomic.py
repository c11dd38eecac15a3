"""What commands write is there whole or not at all, and what cannot be written is one line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import only_run, run, suites
from toolworthy.base.atomic import whole
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli.main import main
from toolworthy.records.store import RunDirectory

pytestmark = pytest.mark.process

COMMANDS = {
    "report": ("report", "RUN", "-o", "OUT"),
    "baseline": ("baseline", "save", "RUN", "kept", "--dir", "."),
    "csv": ("export", "RUN", "--csv", "OUT"),
    "schema": ("export", "--schema", "OUT"),
    "history": ("history", "RUN", "-o", "OUT"),
    "badge": ("badge", "RUN", "-o", "OUT"),
    "oracle": ("oracle", "--page", "OUT"),
    "rules": ("rules", "--pages", "."),
}
WRITES = {"baseline": "kept.json", "rules": "README.md"}
"""Those that choose a name of their own."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    done = suites("--case", "a-comment-forbids-the-change", cwd=folder, suite="tools")
    assert done.returncode == 0, done.stdout + done.stderr
    return only_run(folder)


def small_files() -> None:
    """As on a full disk: of any file only the first bytes can be written."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))


@pytest.mark.parametrize("name", COMMANDS)
def test_what_cannot_be_replaced_is_kept(recorded: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / WRITES.get(name, "old")
    target.write_text("as it was")
    argv = [{"RUN": str(recorded), "OUT": "old"}.get(part, part) for part in COMMANDS[name]]
    done = subprocess.run(
        [sys.executable, "-m", "toolworthy", *argv],
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=small_files,
    )
    assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
    assert "cannot write" in done.stderr
    assert target.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_a_link_stays_and_a_pipe_is_written_itself(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with whole(tmp_path / "link") as partial:
        partial.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    with whole(Path("/dev/null")) as partial:
        assert partial == Path("/dev/null")
    with pytest.raises(ToolworthyError, match="cannot write"), whole(tmp_path / "none" / "x") as partial:
        partial.write_text("")


@pytest.mark.parametrize("argv", [("rules",), ("tasks", "list"), ("run", "--help")], ids=" ".join)
def test_a_reader_that_goes_is_no_traceback(argv: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "toolworthy", *argv]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_a_full_standard_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "toolworthy", "tasks", "list"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
    assert "No space left on device" in done.stderr


def test_results_that_are_no_file_are_one_line(recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes((recorded / "run.json").read_bytes())
    (tmp_path / "results.jsonl").mkdir()
    done = run("toolworthy", "report", str(tmp_path), cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
    assert "results.jsonl cannot be read: it is not a file" in done.stderr


READERS = (
    ("report", "RUN", "-o", "out.html"),
    ("report", "RUN", "RUN", "-o", "both.html"),
    ("gate", "RUN", "RUN"),
    ("baseline", "save", "RUN", "kept", "--dir", "."),
    ("history", "RUN"),
    ("export", "RUN", "--csv", "out.csv"),
    ("export", "RUN", "--inspect", "out"),
    ("badge", "RUN"),
    ("evidence", "RUN"),
    ("replay", "RUN", "--endpoint", "http://127.0.0.1:1", "--model", "m"),
)
WRONG: tuple[Any, ...] = (5, True, "x", [5], {"x": []}, [{}], 1e300)


def _with(about: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    return {**about, name: value}


def _through(about: dict[str, Any], name: str, put: Callable[[Any], Any], value: Any) -> dict[str, Any]:
    return {**about, name: put(value)}


def changed(about: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Callable[[Any], Any]]]:
    """Every field of a JSON document but its version, and the document with another value there."""
    for name in about:
        if name != "schema":
            yield (*path, name), partial(_with, about, name)
        if isinstance(about[name], dict):
            for at, put in changed(about[name], (*path, name)):
                yield at, partial(_through, about, name, put)


def test_no_run_of_wrong_types_is_read(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By every command that reads one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(recorded, "run")
    for at, put in changed(json.loads((recorded / "run.json").read_text())):
        refused = 0
        for wrong in WRONG:
            Path("run/run.json").write_text(json.dumps(put(wrong)))
            with contextlib.suppress(ToolworthyError):
                RunDirectory.open(Path("run"))
                continue
            code = main(["badge", "run"])
            said = capsys.readouterr().err
            assert (code, said.count("\n")) == (4, 1)
            assert said.startswith(f"error: run/run.json does not fit its schema: {at[0]}"), (at, wrong)
            refused += 1
        assert refused >= len(WRONG) - 2, at  # a number may be an integer or none
    for command in READERS:
        code = main([{"RUN": "run"}.get(part, part) for part in command])
        said = capsys.readouterr().err
        assert (code, said.count("\n"), "run.json does not fit" in said) == (4, 1, True), (command, said)


@pytest.mark.parametrize("lost", [("endpoint",), ("endpoint", "started", "agents", "options", "toolworthy", "planned")])
def test_a_run_of_another_version_is_read(
    recorded: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lost: tuple[str, ...],
) -> None:
    """It may lack any field."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(recorded, "run")
    about = json.loads((recorded / "run.json").read_text())
    Path("run/run.json").write_text(json.dumps({name: about[name] for name in about if name not in lost}))
    for command in READERS:
        code = main([{"RUN": "run"}.get(part, part) for part in command])
        said = capsys.readouterr().err
        lines = [line for line in said.splitlines() if not line.startswith("next: ")]
        assert (code in (0, 1, 2, 4), len(lines)) == (True, code == 4), (command, said)


def test_a_run_of_wrong_types_is_not_gone_on_with(recorded: Path, tmp_path: Path) -> None:
    shutil.copytree(recorded, tmp_path / "run")
    about = json.loads((recorded / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps({**about, "options": 5}))
    done = run("toolworthy", "run", "tools", "--resume", "run", cwd=tmp_path)
    assert done.returncode == 4
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "run.json does not fit its schema: options: give a table" in done.stderr


@pytest.mark.parametrize("ignored", [False, True], ids=["", "behind &"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_an_event_loop_as_ctrl_c_does(number: signal.Signals, *, ignored: bool) -> None:
    """Between two steps of it: what is raised in the middle of one may be caught there."""
    from toolworthy.cli.interrupt import as_ctrl_c

    def busy() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(0.01)
        except BaseException:
            caught.append(number)

    async def work() -> None:
        if ignored:
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # goes on to do nothing
        asyncio.get_running_loop().call_soon(busy)
        await asyncio.sleep(20)

    caught: list[signal.Signals] = []
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if ignored else None
    try:
        with pytest.raises(KeyboardInterrupt), as_ctrl_c():
            asyncio.run(work())
        assert not ignored or signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    assert not caught


def test_a_ctrl_c_that_python_ignores_is_raised_again() -> None:
    """As in a destructor, and in callbacks of the import system."""
    from toolworthy.cli.interrupt import as_ctrl_c

    class Deaf:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def work() -> None:
        Deaf()
        time.sleep(20)

    with pytest.raises(KeyboardInterrupt), as_ctrl_c():
        work()
