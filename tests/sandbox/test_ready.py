"""A sandbox that does not work ends a run at once, in one line that says why and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import suites

pytestmark = pytest.mark.process

WHY = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
FAILS = """#!/bin/sh
echo >> %(count)s
for argument in "$@"; do
    [ "$argument" = --proc ] && [ "$(wc -l < %(count)s)" -gt %(first)d ] && { echo "%(why)s" >&2; exit 1; }
done
exec %(bwrap)s "$@"
"""


FULL = """
import resource
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import choose

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    choose("bubblewrap")
except ToolworthyError as error:
    print(error)
"""


def run(tmp_path: Path, first: int) -> Any:
    """A run of three trials, with a bubblewrap that makes namespaces, but mounts only until the `first` command."""
    (tmp_path / "bin").mkdir()
    values = {"count": tmp_path / "count", "first": first, "why": WHY, "bwrap": shutil.which("bwrap")}
    (tmp_path / "bin" / "bwrap").write_text(FAILS % values)
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    arguments = ("-k", "fix-failing-test", "--agent", "builtin", "--trials", "3", "--sandbox", "bubblewrap")
    return suites(*arguments, cwd=tmp_path, env=env)


@pytest.mark.parametrize("first", [0, 3])
def test_it_ends_the_run_in_one_line(tmp_path: Path, first: int) -> None:
    done = run(tmp_path, first)
    said = done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, said
    assert said.count("Can't mount proc") == 1
    (line,) = (line for line in said.splitlines() if "Can't mount proc" in line)
    assert "docs/ci.md" in line
    assert "--sandbox none" in line
    assert "Traceback" not in said
    assert not any(path.read_text() for path in tmp_path.glob("reports/*/results.jsonl"))


def test_a_full_temporary_folder_is_one_line(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FULL], env=env, capture_output=True, text=True, check=False)
    told = f"cannot make a sandbox in {tmp_path} (File too large). Make room there, or set TMPDIR.\n"
    assert (done.stdout, done.stderr) == (told, "")
