"""Find a Python for an agent on this machine and copy it, so that it survives changes of the machine's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from toolworthy.base.errors import ToolworthyError

_MINORS = range(9, 20)
"""Minor versions of Python 3 to search for."""
_LEFT_OUT = ("site-packages", "dist-packages", "test", "idlelib", "turtledemo", "config-*", "EXTERNALLY-MANAGED")
_ASK = """
import json, os, sys, sysconfig
facts = {name: sysconfig.get_path(name, vars={"base": sys.base_prefix, "platbase": sys.base_exec_prefix})
        for name in ("stdlib", "platstdlib")}
library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "-")
print(json.dumps({"version": sys.version.split()[0], "prefix": sys.base_prefix, "library": library,
                  "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable), **facts}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine."""

    version: Version
    prefix: Path
    executable: Path
    parts: tuple[Path, ...]
    """Its standard library, and its shared library if it has one; each below `prefix`."""


def find(requires: str) -> Interpreter:
    """A Python whose version fits: the running one, else the newest found.

    Args:
        requires: a version specifier, as in a package's Requires-Python; empty for any.

    Raises:
        ToolworthyError: none fits.
    """
    wanted = SpecifierSet(requires)
    for command in dict.fromkeys((sys.executable, *_commands(requires))):
        python = _ask(command)
        if python is not None and python.version in wanted:
            return python
    lowest = lowest_minor(requires)
    raise ToolworthyError(f"needs Python {requires}. Install it (`uv python install {lowest}`) and try again.")


def lowest_minor(requires: str) -> str:
    """The oldest Python that a specifier allows, as ``3.N``."""
    return next((f"3.{minor}" for minor in _MINORS if allows(requires, f"3.{minor}")), "3")


def allows(requires: str, minor: str) -> bool:
    """Whether a specifier allows a minor version such as ``3.12``, with any patch version."""
    wanted = SpecifierSet(requires)
    return any(wanted.contains(f"{minor}.{patch}") for patch in (0, 99))


def copy(python: Interpreter, folder: Path) -> None:
    """Copy a Python into `folder`, to be started as ``bin/python3``, wherever the folder is moved.

    Raises:
        OSError: it cannot be copied.
    """
    (folder / "bin").mkdir()
    name = f"python{python.version.major}.{python.version.minor}"
    (folder / "bin" / name).write_bytes(_movable(python.executable.read_bytes(), python.prefix))
    (folder / "bin" / name).chmod(0o755)
    for alias in ("python3", "python"):
        (folder / "bin" / alias).symlink_to(name)
    for part in python.parts:
        target = folder / part.relative_to(python.prefix)
        if part.is_dir():
            ignored = shutil.ignore_patterns(*_LEFT_OUT)
            shutil.copytree(part, target, ignore=ignored, ignore_dangling_symlinks=True, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(part, target)


def _movable(program: bytes, prefix: Path) -> bytes:
    """A program that finds its shared library relative to itself, not below `prefix`."""
    for library in ("lib64", "lib"):
        was, now = f"{prefix / library}".encode(), f"$ORIGIN/../{library}".encode()
        if len(was) >= len(now):
            program = program.replace(b"\0" + was + b"\0", b"\0" + now.ljust(len(was), b"\0") + b"\0")
    return program


def _commands(requires: str) -> Iterator[str]:
    """Candidates: on the PATH, and those of pyenv and uv, newest first."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    on_path = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders = [*on_path, *(path for root in (pyenv, uv) for path in sorted(root.glob("*/bin")))]
    for minor in (f"3.{minor}" for minor in reversed(_MINORS)):
        if allows(requires, minor):
            yield from (str(path) for path in (folder / f"python{minor}" for folder in folders) if path.is_file())


def _ask(command: str) -> Interpreter | None:
    """The Python of a command; None if it does not work."""
    try:
        done = subprocess.run([command, "-I", "-c", _ASK], capture_output=True, text=True, check=False, timeout=60)
        facts = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    prefix = Path(facts["prefix"])
    parts = (Path(facts[name]) for name in ("stdlib", "platstdlib", "library"))
    own = tuple(dict.fromkeys(part for part in parts if part.exists() and part.is_relative_to(prefix)))
    return Interpreter(Version(facts["version"]), prefix, Path(facts["executable"]), own)
