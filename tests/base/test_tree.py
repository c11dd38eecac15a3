"""Trees that someone else filled: no link is followed, nothing blocks, and any depth and name is borne."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from toolworthy.base import tree

ROOM = 10_000_000


def deep(top: Path, levels: int, name: str = "d") -> None:
    here = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("end", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "top").mkdir()
    return tmp_path / "top"


def test_a_copy_is_the_same(top: Path, tmp_path: Path) -> None:
    (top / "sub").mkdir(mode=0o750)
    (top / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (top / "sub" / "run.sh").chmod(0o755)
    (top / "link").symlink_to("sub/run.sh")
    os.utime(top / "sub" / "run.sh", (1, 1))
    assert tree.copy(top, tmp_path / "copy", ROOM) == 0
    copied = tmp_path / "copy" / "sub" / "run.sh"
    assert (copied.read_text(), stat.S_IMODE(copied.stat().st_mode), copied.stat().st_mtime) == (
        "#!/bin/sh\n",
        0o755,
        1,
    )
    assert os.readlink(tmp_path / "copy" / "link") == "sub/run.sh"
    assert stat.S_IMODE((tmp_path / "copy" / "sub").stat().st_mode) == 0o750


def test_no_link_is_followed(top: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    (top / "folder").symlink_to(tmp_path / "secret")
    (top / "file").symlink_to(tmp_path / "secret" / "file")
    assert tree.read(top, "file", 100) is None
    assert tree.read(top / "folder", "file", 100) is None
    assert tree.read_all(top, 100, 100) == {}
    tree.copy(top, tmp_path / "copy", ROOM)
    assert (tmp_path / "copy" / "folder").is_symlink()
    assert (tmp_path / "copy" / "file").is_symlink()
    tree.remove(top)
    assert not top.exists()
    assert (tmp_path / "secret" / "file").read_text() == "secret"


def test_a_link_that_takes_a_folders_place_leads_nowhere(top: Path, tmp_path: Path) -> None:
    """What was a folder when it was looked at, and is a link when it is entered."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    (top / "a").mkdir()
    seen = []
    for entry in tree.walk(top):
        seen.append(entry.path)
        if entry.name == "a" and not entry.leaving:
            (top / "a").rmdir()
            (top / "a").symlink_to(tmp_path / "secret")
    assert seen == ["a", "a"]


def test_a_folder_that_is_moved_away_ends_the_walk(top: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "theirs").write_text("x")
    (top / "a" / "b").mkdir(parents=True)
    (top / "z").write_text("x")
    seen = []
    for entry in tree.walk(top):
        seen.append(entry.path)
        if entry.path == "a/b":
            os.rename(top / "a" / "b", tmp_path / "elsewhere" / "b") if not entry.leaving else None
    assert "theirs" not in "".join(seen)


@pytest.mark.process
def test_what_is_no_file_is_neither_opened_nor_copied(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(top / "reward.txt")
    monkeypatch.chdir(top)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("socket")
    assert tree.read(top, "reward.txt", 100) is None
    assert tree.read_all(top, 100, 100) == {}
    assert tree.copy(top, tmp_path / "copy", ROOM) == 2
    assert list((tmp_path / "copy").iterdir()) == []


def test_holes_cost_nothing(top: Path, tmp_path: Path) -> None:
    with (top / "hole").open("wb") as file:
        file.truncate(2**40)
        file.seek(2**35)
        file.write(b"data")
    assert tree.copy(top, tmp_path / "copy", ROOM) == 0
    copied = (tmp_path / "copy" / "hole").stat()
    assert (copied.st_size, copied.st_blocks < 1000) == (2**40, True)
    assert tree.read(top, "hole", 100) == bytes(100)
    assert tree.read_all(top, 1000, 1000) == {}


def test_what_is_too_much_stays_behind(top: Path, tmp_path: Path) -> None:
    for name in "ab":
        (top / name).write_bytes(bytes(range(256)) * 256)
    assert tree.copy(top, tmp_path / "copy", 100_000) == 1
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["a"]
    assert len(tree.read_all(top, 70_000, 65_536)) == 1


@pytest.mark.parametrize(("levels", "name"), [(1200, "d"), (200, "n" * 250)])
def test_any_depth_is_borne(top: Path, tmp_path: Path, levels: int, name: str) -> None:
    deep(top, levels, name)
    (top / "zz").write_text("last")
    assert tree.usage(top).entries == levels + 2
    assert tree.read_all(top, 100, 100) == {"zz": b"last"}
    assert tree.copy(top, tmp_path / "copy", ROOM) > 0
    assert (tmp_path / "copy" / "zz").read_text() == "last"
    tree.remove(top)
    assert not top.exists()


def test_any_name_is_borne(top: Path, tmp_path: Path) -> None:
    (top / os.fsdecode(b"\xff")).write_text("x")
    (top / "a\nb").write_text("y")
    assert tree.copy(top, tmp_path / "copy", ROOM) == 0
    assert sorted(os.listdir(os.fsencode(tmp_path / "copy"))) == [b"a\nb", b"\xff"]
    assert tree.read_all(top, 100, 100) == {"a\nb": b"y", os.fsdecode(b"\xff"): b"x"}


def test_modes_that_forbid_do_not_stop_us(top: Path, tmp_path: Path) -> None:
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "c").write_text("x")
    (top / "a" / "b" / "c").chmod(0)
    (top / "a" / "b").chmod(0)
    (top / "a").chmod(0o400)
    assert tree.usage(top).entries == 3
    assert stat.S_IMODE((top / "a").stat().st_mode) == 0o400
    assert tree.copy(top, tmp_path / "copy", ROOM) == 0
    assert stat.S_IMODE((tmp_path / "copy" / "a").stat().st_mode) == 0o400
    for path in (top, tmp_path / "copy"):
        assert tree.read_all(path, 10, 10) == {"a/b/c": b"x"}
        tree.remove(path)
        assert not path.exists()


def test_a_temporary_folder_goes_with_all_in_it() -> None:
    with tree.temporary() as folder:
        deep(folder, 1500)
    assert not folder.exists()
