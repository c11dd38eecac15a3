"""Servers' own environments: pinned, each made once, whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import uv

from toolworthy.agents.install import cache_dir
from toolworthy.sandbox import toolchain

HERE = Path(__file__).parent
LOCKS = HERE / "locks"
_SECONDS = 1200


def environment(lock: Path) -> Path:
    """The folder of the environment that a lock pins; made now if it was not.

    Args:
        lock: a list of constraints with hashes (``.txt``, a virtual environment) or npm's lock (``.json``).
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:12]
    path = cache_dir() / "servers" / f"{lock.stem}-{digest}"
    path.parent.mkdir(parents=True, exist_ok=True)
    done = path / "installed"
    with path.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not done.is_file():
            shutil.rmtree(path, ignore_errors=True)
            (_from_pypi if lock.suffix == ".txt" else _from_npm)(lock, path)
            done.touch()
    return path


def pin(lock: Path, requires: list[str], alone: bool) -> None:
    """Write a lock for what `requires` names, as pip or npm write it: ``name==1.0`` or ``name@1.0``.

    Args:
        alone: without what it depends on (PyPI only).
    """
    lock.parent.mkdir(exist_ok=True)
    if lock.suffix == ".txt":
        _pin_pypi(lock, requires, alone)
    else:
        _pin_npm(lock, requires)


def _from_pypi(lock: Path, path: Path) -> None:
    python = path / "bin" / "python"
    # The environment is inherited: proxies and certificate authorities are found as the user's own pip does.
    pip: list[str | Path] = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    pip += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", lock]
    make: list[str | Path] = [sys.executable, "-m", "venv", path]
    for command in (make, pip):
        subprocess.run(command, check=True, timeout=_SECONDS)


def _from_npm(lock: Path, path: Path) -> None:
    path.mkdir()
    shutil.copyfile(lock, path / "package-lock.json")
    root = json.loads(lock.read_text())["packages"][""]
    (path / "package.json").write_text(json.dumps(root))
    _run_npm(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"], path)


def _pin_pypi(lock: Path, requires: list[str], alone: bool) -> None:
    command: list[str | Path] = [uv.find_uv_bin(), "pip", "compile", "-q", "-", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--universal", "--python-version", "3.11", "-o", lock]
    command += ["--no-deps"] if alone else []
    subprocess.run(command, input="\n".join(requires), text=True, check=True, timeout=_SECONDS)


def _pin_npm(lock: Path, requires: list[str]) -> None:
    work = lock.with_suffix(".work")
    try:
        work.mkdir()
        wanted = {name: version for name, _, version in (one.rpartition("@") for one in requires)}
        package = {"name": "server", "version": "1.0.0", "private": True, "dependencies": wanted}
        (work / "package.json").write_text(json.dumps(package))
        _run_npm(["install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund"], work)
        locked = json.loads((work / "package-lock.json").read_text())
        for one in locked["packages"].values():
            one.pop("resolved", None)  # an address is for the machine to know, the hash stays
        lock.write_text(json.dumps(locked, indent=1) + "\n")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_npm(arguments: list[str], folder: Path) -> None:
    """npm, under the Node that we bring. The environment is inherited, and no package's script is run."""
    node = toolchain.node_root()
    program = [node / "bin" / "node", node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
    env = {"NODE_USE_SYSTEM_CA": "1", **os.environ, "PATH": f"{node / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*program, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode:
        raise AssertionError(f"npm {arguments[0]}: {(done.stdout + done.stderr)[-2000:]}")
