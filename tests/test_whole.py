"""What commands write is there whole or not at all, and what cannot be written is one line."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import run, suites

from toolworthy.errors import UserError
from toolworthy.whole import whole

sys.path.insert(0, str(Path(__file__).parent))
from conftest import only_run

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
    with pytest.raises(UserError, match="cannot write"), whole(tmp_path / "none" / "x") as partial:
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
    assert "results.jsonl cannot be read: it is no file" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_an_event_loop_as_ctrl_c_does(number: signal.Signals) -> None:
    """Between two steps of it: what is raised in the middle of one may be caught there."""
    from toolworthy.interrupt import as_ctrl_c

    def busy() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(0.01)
        except BaseException:
            caught.append(number)

    async def work() -> None:
        asyncio.get_running_loop().call_soon(busy)
        await asyncio.sleep(20)

    caught: list[signal.Signals] = []
    with pytest.raises(KeyboardInterrupt), as_ctrl_c():
        asyncio.run(work())
    assert not caught
