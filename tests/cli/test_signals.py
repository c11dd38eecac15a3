"""Signals: each command ends in one line that names what stopped it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.commands import environment

pytestmark = pytest.mark.process

BEGINS = """
import os, sys
from toolworthy.cli.main import main

class Tell:
    def find_spec(self, name, *_):
        if name == os.environ["AT"]:
            os.write(1, b".")

sys.meta_path.insert(0, Tell())
raise SystemExit(main())
"""
"""The command, which writes a dot when it begins to import AT."""


@pytest.mark.parametrize("command", ["run wire", "doctor --endpoint oracle", "rules", "agents check"])
@pytest.mark.parametrize("after", [0.0, 0.1, 0.3])
def test_ctrl_c_is_one_line_from_the_start(tmp_path: Path, command: str, after: float) -> None:
    """From the first line of ours on: until then it is the interpreter's to say."""
    with subprocess.Popen(
        [sys.executable, "-c", BEGINS, *command.split()],
        cwd=tmp_path,
        env={**environment(), "AT": "toolworthy.cli._dispatch"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        time.sleep(after)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    if process.returncode == 0:
        return  # it was over before
    assert process.returncode == 130
    assert re.fullmatch(r"(error: .*|stopped by Ctrl-C.*)\n", err.decode())


EARLY = """
import os, sys

class Interrupted:
    def __del__(self):
        if os.environ["LOST"]:
            self.send()

    def send(self):
        os.kill(os.getpid(), 2)
        for _ in range(1000):
            pass

class Finder:
    def find_spec(self, name, *_):
        if name == os.environ["MODULE"]:
            if os.environ["LOST"]:
                Interrupted()
            else:
                Interrupted().send()

for name in ("enum", "signal"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Finder())
from toolworthy.cli.main import main
raise SystemExit(main())
"""
"""The command, with Ctrl-C at the import of one module; LOST: where Python can only print the exception."""


@pytest.mark.parametrize(
    ("module", "lost"), [("signal", ""), ("toolworthy.cli._dispatch", ""), ("toolworthy.cli._dispatch", "1")]
)
def test_ctrl_c_during_an_early_import_is_one_line(tmp_path: Path, module: str, lost: str) -> None:
    environ = {**environment(), "MODULE": module, "LOST": lost}
    command = [sys.executable, "-c", EARLY, "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped by Ctrl-C\n")


@pytest.mark.parametrize(("number", "name"), [(2, "Ctrl-C"), (15, "SIGTERM"), (1, "SIGHUP")])
@pytest.mark.parametrize(
    ("command", "at", "after"),
    [
        ("rules", "toolworthy.cli.commands.rules", 0.0),
        ("cases check", "toolworthy.cli.commands.cases", 1.0),
        ("doctor --endpoint {silent} --model m", "toolworthy.cli.commands.doctor", 1.0),
        ("check {silent} --model m", "toolworthy.cli.commands.check", 1.0),
        ("run wire --collect-only", "toolworthy.work.run.merge_options", 0.0),
    ],
)
def test_the_line_names_the_signal(tmp_path: Path, command: str, at: str, after: float, number: int, name: str) -> None:
    """Whether the command runs plain functions, an event loop or pytest."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        with subprocess.Popen(
            [sys.executable, "-c", BEGINS, *command.format(silent=url).split()],
            cwd=tmp_path,
            env={**environment(), "AT": at},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.read(1) == "."
            time.sleep(after)
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
    assert (process.returncode, err.splitlines()[-1:]) == (130, [f"stopped by {name}"])
    assert "Traceback" not in err
