"""A full disk is nobody's failure but the disk's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.commands import only_run, results
from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.work.trials import _disk_space as room

_MOUNTS = shutil.which("unshare") is not None and (
    subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    ).returncode
    == 0
)


def _free(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=left))


def test_a_trial_does_not_begin_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _free(monkeypatch, room.LEAST)
    room.check(tmp_path / "trial")
    _free(monkeypatch, room.LEAST - 1)
    with pytest.raises(ToolworthyError, match=r"has 63 MiB left, and a trial needs 64. Make room, or set TMPDIR."):
        room.check(tmp_path / "trial")


def test_who_filled_the_disk_decides_whose_failure_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _free(monkeypatch, 0)
    assert "it ran full during the trial" in room.ran_out(tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "large").write_bytes(os.urandom(2**20) * 65)
    assert not room.ran_out(tmp_path)  # the model's own doing
    (tmp_path / "app" / "large").unlink()
    _free(monkeypatch, 2**30)
    assert not room.ran_out(tmp_path)


@pytest.mark.process
@pytest.mark.skipif(not _MOUNTS, reason="no file system can be mounted here")
@pytest.mark.parametrize("size", ["8m", "64k"])
def test_a_run_on_a_full_disk_says_so(tmp_path: Path, size: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    suite = content.SUITES / "tasks"
    asked = (
        f"{sys.executable} -m pytest -p no:cacheprovider {suite} --task fix-failing-test --sandbox auto --out reports"
    )
    script = f"mount -t tmpfs -o size={size} none {small} && TMPDIR={small} {asked}"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    (result,) = results(only_run(tmp_path))
    assert (result["status"], result["cause"]["fault"]) == ("error", "infrastructure"), done.stdout
    assert "set TMPDIR" in result["cause"]["detail"]
    assert "set TMPDIR" in done.stdout
