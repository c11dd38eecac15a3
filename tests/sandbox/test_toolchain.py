"""What is lent to a sandbox of the Python that toolworthy runs on."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolworthy.sandbox import toolchain
from toolworthy.sandbox.model import Mount
from toolworthy.sandbox.toolchain import _lend, environment

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Python of its own, with a virtual environment beside it, and nothing of the system."""
    for folder in ("base/lib/x", "base/lib64/x", "base/include/x", f"venv/lib/{VERSION}/site-packages", "venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python3").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "base"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    monkeypatch.setattr(toolchain, "SYSTEM", (f"{tmp_path}/usr/lib",))
    for name in ("PACKAGE", "ROOT"):
        monkeypatch.setattr(toolchain, name, tmp_path / "src")
    toolchain.lent.cache_clear()
    yield tmp_path / "base"
    toolchain.lent.cache_clear()


def test_the_shown_folders_of_the_system() -> None:
    usual = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}
    below_usr = usual | {"libexec", "include", "share"}
    shown = {f"/{part}" for part in usual}
    shown |= {f"{root}/{part}" for root in ("/usr", "/usr/local") for part in below_usr}
    assert set(toolchain.SYSTEM) == shown


def test_what_every_command_has_in_its_environment() -> None:
    assert toolchain.python() == f"{sys.prefix}/bin/python3"
    assert environment("/place") == {
        "PATH": f"{sys.prefix}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": "/place",
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/bash",
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": "/tmp",
    }


def test_what_python_needs_is_lent(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where compiled packages have a folder of their own."""
    monkeypatch.setitem(sysconfig.get_config_vars(), "platlibdir", "lib64")
    venv = base.parent / "venv"
    needed = [base / "lib", base / "lib64", base / "include", venv / "bin" / "python3"]
    packages = [venv / name / VERSION / "site-packages" for name in ("lib", "lib64")]
    packages[1].mkdir(parents=True)
    lent = toolchain.lent()
    assert {mount.target for mount in lent.mounts} == {str(path) for path in (*needed, *packages)}
    assert (lent.covered, lent.links, lent.hidden) == ((), (), ())


def test_a_python_or_checkout_below_the_systems_folders_is_covered(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usr = base.parent / "usr" / "lib"
    (usr / "real").mkdir(parents=True)
    (usr / "link").symlink_to("real")
    monkeypatch.setattr(sys, "prefix", str(usr / "link"))
    monkeypatch.setattr(sys, "base_prefix", str(usr / "base"))
    monkeypatch.setattr(toolchain, "ROOT", usr / "checkout")
    assert set(toolchain.lent().covered) == {str(usr / name) for name in ("link", "real", "base", "checkout")}


def test_a_checkout_in_what_is_lent_is_hidden(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = base / "lib" / "x"
    monkeypatch.setattr(toolchain, "ROOT", checkout)
    monkeypatch.setattr(toolchain, "PACKAGE", checkout / "src" / "toolworthy")
    parts = ("src/toolworthy", "suites", "fixtures")
    assert toolchain.lent().hidden == tuple(str(checkout / part) for part in parts)
    toolchain.lent.cache_clear()
    (base.parent / "link").symlink_to(checkout)
    monkeypatch.setattr(toolchain, "PACKAGE", base.parent / "link" / "src" / "toolworthy")
    assert set(toolchain.lent().hidden) == {str(checkout / part) for part in parts}


def test_an_environment_behind_a_link_is_lent_where_it_is(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On what is mounted at a link, its files would be copied to the host's own folder."""
    (base.parent / "link").symlink_to(base.parent / "venv")
    (base.parent / "venv" / "pyvenv.cfg").touch()
    monkeypatch.setattr(sys, "prefix", str(base.parent / "link"))
    lent = toolchain.lent()
    assert lent.links == ((str(base.parent / "venv"), str(base.parent / "link")),)
    assert str(base.parent / "venv" / "pyvenv.cfg") in {mount.target for mount in lent.mounts}
    assert all(mount.target == str(mount.source.resolve()) for mount in lent.mounts)


def lend(*paths: Path, covered: tuple[Path, ...] = ()) -> tuple[dict[str, str], list[str]]:
    mounts: dict[str, Mount] = {}
    links: dict[str, str] = {}
    for path in paths:
        _lend(path, mounts, links, tuple(map(str, covered)))
    return links, list(mounts)


def test_links_are_told_and_what_is_behind_them_is_lent(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "second").symlink_to("real")
    (tmp_path / "first").symlink_to("second")
    links = {str(tmp_path / "first"): "second", str(tmp_path / "second"): "real"}
    assert lend(tmp_path / "first") == (links, [str(tmp_path / "real")])


def test_a_folder_on_the_way_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to("real")
    assert lend(tmp_path / "link" / "file") == ({str(tmp_path / "link"): "real"}, [str(tmp_path / "real" / "file")])


def test_a_link_that_the_system_shows_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "SYSTEM", (str(tmp_path),))
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "file").touch()
    (tmp_path / "real" / "own").symlink_to("file")
    covered = (tmp_path / "link" / "own", tmp_path / "real")
    links = {str(tmp_path / "real" / "own"): "file"}
    assert lend(tmp_path / "link" / "own", covered=covered) == (links, [str(tmp_path / "real" / "file")])


def test_links_that_lead_to_each_other_have_an_end(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    assert lend(tmp_path / "one") == ({str(tmp_path / "one"): "other", str(tmp_path / "other"): "one"}, [])
