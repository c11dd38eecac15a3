"""Whatever ends a run: what it measured is kept, one line says how to go on, and nothing else is left behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import random
import resource
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import only_run, results, suites
from toolworthy import content
from toolworthy.records.store import RunDirectory
from toolworthy.work.run.completeness import done, unfinished

pytestmark = pytest.mark.process

_LONG = ("--agent", "builtin", "--agent", "codex")
"""For a run of the tools suite that goes on for some time, and can be brought to its end."""
_MAKES_A_SMALL_DISK = ["unshare", "--user", "--map-root-user", "--mount"]


def mind_signals() -> None:
    """In a child: take signals as a terminal would send them, even where this test's own parent ignores them."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def running(
    tmp_path: Path,
    *more: str,
    suite: str = "tools",
    before: tuple[str, ...] = (),
    prepare: Callable[[], None] = mind_signals,
    **given: Any,
) -> Iterator[subprocess.Popen[str]]:
    """A run that goes on, with its temporary folders in a place of its own."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "TMPDIR": str(tmp_path / "tmp")}
    slowly = () if "--concurrency" in more else ("--concurrency", "1")
    command = [*before, sys.executable, "-m", "pytest", str(content.SUITES / suite), "-q", *slowly, *more]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": tmp_path, **given}
    process = subprocess.Popen(command, env=env, text=True, preexec_fn=prepare, **pipe)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def begun(process: subprocess.Popen[str], tmp_path: Path, many: int = 1) -> Path:
    """The run's directory, once it holds so many results."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        for path in tmp_path.glob("reports/*/results.jsonl"):
            if path.read_bytes().count(b"\n") >= many:
                return path.parent
        time.sleep(0.02)
    said = told(process) if process.poll() is not None else ""
    raise AssertionError(f"no results came; exit {process.returncode}: {said}")


def told(process: subprocess.Popen[str]) -> str:
    """All that it says until its end."""
    return process.communicate(timeout=120)[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_run_with_its_report_and_a_line(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as process:
        path = begun(process, tmp_path)
        process.send_signal(number)
        said = told(process)
    assert process.returncode == 130, said
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert f"stopped by {name}. Continue with `toolworthy run --resume {path}`." in said
    ran, planned = done(RunDirectory.open(path))["tools"]
    assert 0 < ran < planned
    assert f"{ran} of {planned} cases measured; `toolworthy run tools --resume " in said
    assert "KeyboardInterrupt" not in said
    assert "\nexit " not in said  # that of a run that came to its end
    assert "Traceback" not in said
    assert (path / "report.html").is_file()
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_before_the_first_trial_is_one_line(tmp_path: Path, number: signal.Signals) -> None:
    """While pytest collects: nothing is measured yet, and nothing is said of our own code."""
    collected = tmp_path / "collected"
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "def pytest_pycollect_makemodule():\n"
        f"    pathlib.Path({str(collected)!r}).touch()\n"
        "    time.sleep(60)\n"
    )
    with running(tmp_path, "-p", "slow", before=("env", f"PYTHONPATH={tmp_path}")) as process:
        while not collected.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(number)
        said = told(process)
    assert process.returncode == 130, said
    assert f"stopped by {'Ctrl-C' if number == signal.SIGINT else number.name}" in said
    assert "KeyboardInterrupt" not in said
    assert "Traceback" not in said
    assert not (tmp_path / "reports").exists()


def test_a_second_ctrl_c_leaves_at_once_and_loses_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        path = begun(process, tmp_path, 3)
        process.send_signal(signal.SIGINT)
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        said = told(process)
    assert process.returncode == 130, said
    assert said.rstrip().endswith("ended without a report; results are kept, and --resume continues")
    assert "Traceback" not in said
    assert len(results(path)) >= 3


def test_a_terminal_that_hangs_up_does_not_cost_the_report(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        mind_signals()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    terminal = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
    with running(tmp_path, prepare=take_terminal, **terminal) as process:
        os.close(theirs)
        path = begun(process, tmp_path)
        os.close(ours)
        assert process.wait(timeout=120) == 130
    assert (path / "report.html").is_file()
    assert unfinished(RunDirectory.open(path))


def test_a_run_is_one_process_s_at_a_time(tmp_path: Path) -> None:
    with running(tmp_path, *_LONG) as process:
        path = begun(process, tmp_path)
        before = len(results(path))
        second = suites("--resume", str(path), cwd=tmp_path, suite="tools")
        assert second.returncode == 4
        assert f"{path}: another process is writing this run. Wait for it, or stop it." in second.stdout + second.stderr
        assert "Traceback" not in second.stdout + second.stderr
        assert process.poll() is None
        process.kill()
        process.wait()
    third = suites("--resume", str(path), cwd=tmp_path, suite="tools")  # who is dead holds nothing
    assert third.returncode == 0, third.stdout
    assert len({json.dumps(line["key"]) for line in results(path)}) == len(results(path)) > before


def delete(path: Path) -> None:
    """Delete a folder into which another process may write meanwhile."""
    for _ in range(1_000):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
    raise AssertionError(f"{path} comes again and again")


def test_a_run_whose_directory_is_deleted_stops_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        path = begun(process, tmp_path, 2)
        delete(path)
        said = told(process)
    assert process.returncode == 4, said
    assert said.count("error: ") == 1
    assert f"{path.name} is gone: it was moved or deleted" in said or "No such file or directory" in said
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    assert not path.exists()


def test_a_file_that_cannot_grow_ends_a_run_in_one_line(tmp_path: Path) -> None:
    with running(tmp_path, prepare=partial(limit_files, 100_000)) as process:
        said = told(process)
    assert_full(tmp_path, process.returncode, said, "File too large")


@pytest.mark.skipif(
    subprocess.run([*_MAKES_A_SMALL_DISK, "true"], capture_output=True, check=False).returncode != 0,
    reason="no file system can be mounted here",
)
def test_a_full_disk_ends_a_run_in_one_line(tmp_path: Path) -> None:
    """And what had room is there, for the next run to go on with."""
    (tmp_path / "reports").mkdir()
    kept = 'mount -t tmpfs -o size=300k none reports && { "$@"; code=$?; cp -a reports kept; exit $code; }'
    with running(tmp_path, *_LONG, before=(*_MAKES_A_SMALL_DISK, "sh", "-c", kept, "sh")) as process:
        said = told(process)
    shutil.rmtree(tmp_path / "reports")
    (tmp_path / "kept").rename(tmp_path / "reports")
    assert_full(tmp_path, process.returncode, said, "No space left on device")
    again = suites("--resume", str(only_run(tmp_path)), cwd=tmp_path, suite="tools")
    assert again.returncode == 0, again.stdout
    assert unfinished(RunDirectory.open(only_run(tmp_path))) == ""


def test_a_run_that_passed_and_has_no_report_is_no_success(tmp_path: Path) -> None:
    """A CI job that takes the report or junit.xml from a run must not be told that all is well."""
    more = ("--case", "a-comment-forbids-the-change", "--toolset", "builtin")
    with running(tmp_path, *more, prepare=partial(limit_files, 60_000)) as process:
        said = told(process)
    assert "no report: cannot write " in said
    assert process.returncode == pytest.ExitCode.USAGE_ERROR, said
    assert unfinished(RunDirectory.open(only_run(tmp_path))) == ""


def assert_full(tmp_path: Path, code: int, said: str, why: str) -> None:
    """A run has ended for want of room, and what it measured before is there."""
    assert code == 4, said
    assert said.count("error: cannot write ") == 1
    assert why in said
    assert "no report: cannot write " in said
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    run = RunDirectory.open(only_run(tmp_path))
    assert run.damage == ""
    assert len(run.cases()) >= 1
    assert unfinished(run)


def test_the_next_run_removes_what_killed_ones_left(tmp_path: Path) -> None:
    """And nothing of a run that goes on, nor what only has such a name."""
    (tmp_path / "tmp" / "toolworthy-mine").mkdir(parents=True)
    some = ["--task", "fix-failing-test", "--task", "rename-api", "--trials", "3"]
    with running(tmp_path, *some, suite="tasks") as killed:
        begun(killed, tmp_path)
        (left,) = temporary_folders(tmp_path)
        killed.kill()
        killed.wait()
    assert left.is_dir()
    with running(tmp_path, *some, suite="tasks", cwd=new(tmp_path / "other")) as process:
        begun(process, tmp_path / "other")
        assert not left.exists()
        (used,) = temporary_folders(tmp_path)
        with running(tmp_path, *some[:2], suite="tasks", cwd=new(tmp_path / "third")) as beside:
            told(beside)
        assert used.is_dir()
        process.send_signal(signal.SIGTERM)
        told(process)
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["toolworthy-mine"]


def temporary_folders(tmp_path: Path) -> list[Path]:
    """Those of processes."""
    return [path for path in (tmp_path / "tmp").iterdir() if (path / ".toolworthy").is_file()]


def new(path: Path) -> Path:
    """A folder, made now."""
    path.mkdir()
    return path


def test_faults_at_random_moments_change_no_result(tmp_path: Path) -> None:
    """Signals, kill -9 and full disks in a row; the last run goes on with what all of them left."""
    chance = random.Random(16)
    (tmp_path / "whole").mkdir()
    assert suites("--concurrency", "8", cwd=tmp_path / "whole", suite="tools").returncode == 0
    path: Path | None = None
    for fault in chance.sample(["TERM", "HUP", "INT", "INT INT", "KILL", "KILL", "full", "full"], 8):
        more = ["--resume", str(path)] if path else []
        there = (path / "results.jsonl").stat().st_size if path else 0
        prepare = partial(limit_files, max(there, 100_000) + 20_000) if fault == "full" else mind_signals
        with running(tmp_path, "--concurrency", "4", *more, prepare=prepare) as process:
            path = begun(process, tmp_path, len(lines(path)) + chance.randint(1, 9) if path else 1)
            for name in fault.split() if fault != "full" else []:
                time.sleep(chance.random() / 10)
                process.send_signal(signal.Signals[f"SIG{name}"])
            said = told(process)
        assert "Traceback" not in said, (fault, said)
        assert "INTERNALERROR" not in said, (fault, said)
    again = suites("--resume", str(path), cwd=tmp_path, suite="tools")
    assert again.returncode == 0, again.stdout
    assert verdicts(only_run(tmp_path)) == verdicts(only_run(tmp_path / "whole"))


def limit_files(size: int) -> None:
    """In a child: no file grows beyond `size` bytes."""
    mind_signals()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def lines(path: Path) -> list[bytes]:
    """Of a run's results, whole ones."""
    return (path / "results.jsonl").read_bytes().splitlines(keepends=True)


def verdicts(path: Path) -> dict[str, str]:
    """What a run says of every case, of what it measured in the end."""
    return {str(case.key): case.status for case in RunDirectory.open(path).cases()}


def test_a_clock_that_jumps_changes_no_duration(tmp_path: Path) -> None:
    (tmp_path / "jumps.py").write_text(
        "import itertools, time\n"
        "def jumping(real=time.time, count=itertools.count()):\n"
        "    return real() + (36_000 if next(count) % 2 else -36_000)\n"
        "time.time = jumping\n"
    )
    some = ["--task", "fix-failing-test", "-p", "jumps"]
    done = suites(*some, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stdout
    run = RunDirectory.open(only_run(tmp_path))
    (result,) = run.results()
    assert 0 < result.seconds < 600
    assert all(0 < exchange.seconds < 600 for exchange in run.exchanges(result.exchanges))
