"""What is lent to a sandbox of the Python that toolworthy runs on."""

from __future__ import annotations

import sys
from pathlib import Path

from toolworthy.sandbox.model import Mount
from toolworthy.sandbox.toolchain import _lend, environment


def test_what_every_command_has_in_its_environment() -> None:
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


def test_links_are_told_and_what_is_behind_them_is_lent(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("")
    (tmp_path / "second").symlink_to("real")
    (tmp_path / "first").symlink_to("second")
    mounts: dict[str, Mount] = {}
    links: dict[str, str] = {}
    _lend(tmp_path / "first", mounts, links, ())
    assert links == {str(tmp_path / "first"): "second", str(tmp_path / "second"): "real"}
    assert list(mounts) == [str(tmp_path / "real")]


def test_links_that_lead_to_each_other_have_an_end(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    mounts: dict[str, Mount] = {}
    links: dict[str, str] = {}
    _lend(tmp_path / "one", mounts, links, ())
    assert links == {str(tmp_path / "one"): "other", str(tmp_path / "other"): "one"}
    assert mounts == {}
