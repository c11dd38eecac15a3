"""The root folder of a sandbox: its folders, links and small files, made once per process and mounted read-only.

bubblewrap reads the list of all mounts for every mount, so each takes longer than the one before. Therefore, only
large files and those of the command are mounted on this root.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from toolworthy.base import tree
from toolworthy.base.toml import read_toml
from toolworthy.sandbox import toolchain
from toolworthy.sandbox.model import APP, HOME, Mount, SandboxError

LAUNCHER = "/opt/toolworthy-launcher.py"
PACKAGED = Path(__file__).parent
SHOWN = read_toml(PACKAGED / "shown.toml")
"""Which small files are shown, and which are hidden."""
_SMALL = 64 * 1024
_ROOM = 64 * 2**20
_Places = tuple[tuple[str, bool], ...]
"""Paths, and whether each is a folder's."""
_made: dict[tuple[int, _Places], Path] = {}
"""Roots by process id and mount points of a command."""


def root(more: Iterable[Mount] = ()) -> Path:
    """The folder that a sandbox with these mounts shows as ``/``, with a mount point for each.

    Raises:
        SandboxError: it cannot be made.
    """
    places = tuple((mount.target, mount.source.is_dir()) for mount in more)
    key = os.getpid(), places
    if key not in _made or not _made[key].is_dir():
        try:
            _made[key] = _make(places)
        except OSError as error:
            where = f"{tempfile.gettempdir()} ({error.strerror})"
            raise SandboxError(f"cannot make a sandbox in {where}. Make room there, or set TMPDIR.") from error
    return _made[key]


def is_small(mount: Mount) -> bool:
    """Whether the root contains a copy of it, so that it need not be mounted."""
    return mount.source.is_file() and mount.source.stat().st_size <= _SMALL


def _make(places: _Places) -> Path:
    made = tree.new_folder()
    made.chmod(0o755)
    lent = toolchain.lent()
    for path in ("/proc", "/dev", "/tmp", APP, HOME, *lent.covered):
        _folder(made, path)
    for path in toolchain.SYSTEM:
        if os.path.islink(path):
            _link(made, os.readlink(path), path)
        elif os.path.isdir(path):
            _folder(made, path)
    for name in SHOWN["etc"]:
        _copy(made, Path("/etc", name), f"/etc/{name}")
    for name in SHOWN["ours"]:
        _copy(made, PACKAGED / "etc" / name, f"/etc/{name}")
    _copy(made, PACKAGED / "launcher.py", LAUNCHER)
    for target, path in lent.links:
        _link(made, target, path)
    for mount in lent.mounts:
        if is_small(mount):
            _copy(made, mount.source, mount.target)
        else:
            _place(made, mount.target, mount.source.is_dir())
    for path, is_folder in places:
        _place(made, path, is_folder)
    return made


def _folder(made: Path, path: str) -> Path:
    """Make the folder `path` in the root, readable by everyone whatever the umask is."""
    folder = made
    for name in Path(path).parts[1:]:
        folder /= name
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(0o755)
    return folder


def _link(made: Path, target: str, path: str) -> None:
    (_folder(made, str(Path(path).parent)) / Path(path).name).symlink_to(target)


def _copy(made: Path, source: Path, path: str) -> None:
    if os.access(source, os.R_OK):
        target = _folder(made, str(Path(path).parent)) / Path(path).name
        if source.is_dir():
            tree.copy(source.resolve(), target, _ROOM)
        else:
            shutil.copy(source, target)


def _place(made: Path, path: str, is_folder: bool) -> None:
    if is_folder:
        _folder(made, path)
    else:
        (_folder(made, str(Path(path).parent)) / Path(path).name).touch()
