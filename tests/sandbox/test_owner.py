"""Rights are dropped twice, by bubblewrap and by what comes after it; each is tested without the other."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.boxed import run
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import FIXTURES, PACKAGE
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
        ("", None),
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


@pytest.mark.parametrize("secret", [PACKAGE / "wire" / "__init__.py", FIXTURES / "tasks", Path(sys.executable)])
def test_each_path_that_others_must_read_is_named(monkeypatch: pytest.MonkeyPatch, secret: Path) -> None:
    modes = {secret: 0o750}
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.path.exists", lambda path: True)
    monkeypatch.setattr(Path, "exists", lambda path: True)
    monkeypatch.setattr(Path, "stat", lambda path, **_: SimpleNamespace(st_mode=modes.get(path, 0o755)))
    monkeypatch.setattr(_owner, "_user_namespace", lambda uid: uid)
    with pytest.raises(ToolworthyError, match=re.escape(f"root alone may read {secret}.")):
        _owner.find()


class Helper:
    """The script that makes a user namespace, made up: what it writes, and in which order it is spoken to."""

    pid = 4321

    def __init__(self, monkeypatch: pytest.MonkeyPatch, written: list[bytes], error: OSError | None = None) -> None:
        self.calls: list[object] = []
        self.written, self.error = written, error
        self.stdout = SimpleNamespace(read=self._read)
        self.stdin = SimpleNamespace(write=self.calls.append, flush=lambda: self.calls.append("flush"))
        monkeypatch.setattr("subprocess.Popen", self._start)
        monkeypatch.setattr(Path, "write_text", self._map)
        monkeypatch.setattr("os.open", self._open)

    def _open(self, *given: object) -> int:
        self.calls.append(given)
        return 7

    def _start(self, *argv: object, **given: object) -> Helper:
        self.calls += [*argv, given]
        return self

    def __enter__(self) -> Helper:
        return self

    def __exit__(self, *error: object) -> None:
        self.calls.append("waited for")

    def _read(self, most: int) -> bytes:
        self.calls.append(f"read {most}")
        return self.written.pop(0)

    def _map(self, users: str) -> None:
        if self.error is not None:
            raise self.error
        self.calls.append(users)


def test_a_user_namespace_is_mapped_before_it_is_closed_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    users: list[str] = []
    helper = Helper(monkeypatch, [b"u", b"d"])
    monkeypatch.setattr(Path, "write_text", lambda path, text: users.append(f"{path}: {text}"))
    assert _owner._user_namespace(55) == 7
    mapped = "0 0 1\n1000 55 1\n"
    assert users == [f"/proc/4321/{kind}_map: {mapped}" for kind in ("uid", "gid")]
    script = str(Path(_owner.__file__).with_name("userns.py"))
    given = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": {}, "start_new_session": True}
    started = [[sys.executable, "-I", "-S", script], given]
    opened = ("/proc/4321/ns/user", os.O_RDONLY)
    assert helper.calls == [*started, "read 1", opened, b"g", "flush", "read 1", "waited for"]


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (None, "no user namespace can be made"),
        (PermissionError(1, "Operation not permitted"), r"here \(Operation not permitted\). Give it CAP_SETUID"),
    ],
)
def test_why_no_user_namespace_was_made_is_told(
    monkeypatch: pytest.MonkeyPatch, error: OSError | None, says: str
) -> None:
    helper = Helper(monkeypatch, [b"u" if error else b""], error)
    with pytest.raises(ToolworthyError, match=says):
        _owner._user_namespace(55)
    assert helper.calls[-1] == "waited for"
