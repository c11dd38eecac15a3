"""Rights are dropped twice, by bubblewrap and by what comes after it; each is tested without the other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.boxed import run
from toolworthy.sandbox._owner import Owner

SETGID, SETUID, SETPCAP = 6, 7, 8
"""Numbers of capabilities: capabilities(7)."""


@pytest.mark.process
@pytest.mark.skipif(os.getuid() != 0, reason="only root gives up rights")
def test_bubblewrap_keeps_no_capability_but_those_to_give_up_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Owner, "command", lambda _: [])
    lines = run("grep -E '^Cap(Prm|Eff)' /proc/self/status", tmp_path).stdout.decode().splitlines()
    assert [int(line.split()[1], 16) for line in lines] == [1 << SETGID | 1 << SETUID | 1 << SETPCAP] * 2


@pytest.mark.parametrize("closed", [False, True])
def test_for_an_ordinary_user_bubblewrap_is_told_to_keep_none(closed: bool) -> None:
    """Kernels of today leave it none anyway."""
    argv = Owner(1000, closed=closed).arguments()
    assert argv[argv.index("--cap-drop") + 1] == "ALL"
    assert "--cap-add" not in argv
    assert ("--disable-userns" in argv) is closed
