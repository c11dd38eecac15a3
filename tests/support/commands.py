"""Commands of ours as their users run them, and what they leave."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from toolworthy import content, plugin
from toolworthy.work.run.merge_options import read_options

LISTING = Path(__file__).with_name("listing.py")
"""A kind of work of a user's own. Copy it, never import it: it would be registered for every later test."""


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """Of a command of ours, as a user would run it."""
    names = ("PATH", "HOME", "TOOLWORTHY_CACHE", "XDG_CACHE_HOME", "COVERAGE_PROCESS_CONFIG", "PYTHONPATH")
    clean = {name: os.environ[name] for name in names if name in os.environ}
    # Hypothesis is of our tests, not of users; its plugin would be a sixth of what a run takes to start.
    return {**clean, "LANG": "C.UTF-8", "PYTEST_ADDOPTS": "-p no:hypothesispytest", **(more or {})}


def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None, timeout: float = 240) -> Any:
    """A command of ours, as a user would run it, with an environment of its own."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def suites(*arguments: str, cwd: Path, suite: str = "tasks", **options: Any) -> Any:
    """`pytest suites/SUITE …` from `cwd`."""
    return run("pytest", str(content.SUITES / suite), *arguments, cwd=cwd, **options)


class _Parser(argparse.ArgumentParser):
    """The command line, as pytest would read our options."""

    def getgroup(self, _: str) -> _Parser:
        return self

    def addoption(self, *names: str, **how: Any) -> None:
        self.add_argument(*names, **how)


def asked(folder: Path, *arguments: str) -> Any:
    """What these options of `pytest suites`, given in `folder`, ask for; without a process of its own."""
    parser = _Parser()
    plugin.pytest_addoption(parser)
    return read_options(parser.parse_args(arguments), folder)


def only_run(cwd: Path) -> Path:
    """The one run directory under `cwd`."""
    (path,) = (entry for entry in (cwd / "reports").iterdir() if entry.is_dir())
    return path


def results(path: Path) -> list[dict[str, Any]]:
    """The lines of a run's results."""
    return [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]
