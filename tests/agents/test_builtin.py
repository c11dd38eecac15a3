"""The built-in agent: what of the package it has in its sandbox."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from toolworthy.agents.builtin import mounts


@pytest.mark.process
def test_the_loop_runs_from_the_parts_that_are_mounted(tmp_path: Path) -> None:
    for mount in mounts():
        target = tmp_path / mount.target.partition("/opt/toolworthy/")[2]
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if mount.source.is_dir() else shutil.copy)(mount.source, target)
    # Without the folders of installed packages, and with every wire API, which are read only when they are asked for.
    code = "import toolworthy.agents.loop as loop; [loop.wire.api(name) for name in loop.wire.APIS]"
    asked = [sys.executable, "-S", "-c", code]
    done = subprocess.run(asked, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
