"""Rights are dropped twice, by bubblewrap and by what comes after it; each is tested without the other."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.boxed import run
from toolworthy.base.errors import ToolworthyError
from toolworthy.sandbox import _owner
from toolworthy.sandbox._owner import Owner, Spaces

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


def test_root_gets_into_a_namespace_that_nobody_has_and_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter((7, 8))
    monkeypatch.setattr(_owner, "_user_namespace", lambda uid: next(numbers) if uid == 5 else None)
    owner = Owner(5, Spaces(5))

    async def way() -> tuple[list[str], list[str], list[str]]:
        async with owner.enter() as one, owner.enter() as other:
            pass
        async with owner.enter() as again:
            return one, other, again

    one, other, again = asyncio.run(way())
    path = f"--user=/proc/{os.getpid()}/fd"
    assert one == ["/usr/bin/nsenter", f"{path}/7", "--preserve-credentials", "--"]
    assert (other[1], again[1]) == (f"{path}/8", f"{path}/7")
    kept = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP")
    assert owner.arguments() == ["--cap-drop", "ALL", *kept]
    rights = ("--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    assert owner.command() == ["/usr/bin/setpriv", "--reuid=1000", "--regid=1000", *rights, "--"]


def test_an_ordinary_user_stays_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def way(owner: Owner) -> list[str]:
        async with owner.enter() as argv:
            return argv

    monkeypatch.setattr("os.geteuid", lambda: 1234)
    assert _owner.find() == Owner(1234)
    assert asyncio.run(way(Owner(1234))) == Owner(1234).command() == []
    assert Owner(1234).arguments() == ["--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]


@pytest.mark.parametrize(
    ("ranges", "uid"),
    [
        ("0 0 4294967295", 60_999),
        ("0 0 60999", 60_998),
        ("0 0 61000", 60_999),
        ("0 1000 1\n60999 5 1", 60_999),
        ("0 1000 1\n1 100000 65536", 60_999),
        ("0 1000 1\n1 100000 9\n10 7 5", 14),
        ("0 1000 1\n61000 7 1", 61_000),
        ("0 1000 1", 0),
        ("0 0 1", None),
    ],
)
def test_root_becomes_a_user_that_is_mapped_and_best_one_that_nobody_is(
    monkeypatch: pytest.MonkeyPatch, ranges: str, uid: int | None
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.path.exists", lambda path: True)
    monkeypatch.setattr(Path, "stat", lambda path, **_: SimpleNamespace(st_mode=0o755))
    monkeypatch.setattr(Path, "read_text", lambda path: ranges)
    monkeypatch.setattr(_owner, "_user_namespace", lambda uid: uid)
    if uid is None:
        with pytest.raises(ToolworthyError, match="no other user is mapped"):
            _owner.find()
        return
    owner = _owner.find()
    assert owner.uid == uid
    assert (None if owner.spaces is None else owner.spaces._free) == (None if uid == 0 else [uid])


@pytest.mark.parametrize(
    ("missing", "mode", "says"),
    [
        ("/usr/bin/nsenter", 0o755, "root gives up its rights by /usr/bin/nsenter, which is missing"),
        ("/usr/bin/setpriv", 0o755, "root gives up its rights by /usr/bin/setpriv, which is missing"),
        ("", 0o750, "and root alone may read"),
    ],
)
def test_what_root_needs_to_give_up_its_rights_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str, mode: int, says: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.path.exists", lambda path: path != missing)
    monkeypatch.setattr(Path, "stat", lambda path, **_: SimpleNamespace(st_mode=mode))
    with pytest.raises(ToolworthyError, match=says):
        _owner.find()
