"""Every example of docs/python.md runs, in the order of the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import toolworthy
from tests.support.commands import environment
from toolworthy import content
from toolworthy.endpoint.plugins import MODULES
from toolworthy.rules import RULES
from toolworthy.work.probes import PROBES, load_suite

pytestmark = pytest.mark.process

PAGE = (content.ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def _only_here() -> Iterator[None]:
    """What is declared in this process is forgotten afterwards."""
    before = RULES.copy(), content.PLUGINS.copy(), load_suite().copy(), MODULES.copy()
    yield
    RULES[:], content.PLUGINS[:] = before[:2]
    for now, then in ((PROBES, before[2]), (MODULES, before[3])):
        now.clear()
        now.update(then)


@pytest.mark.usefixtures("_only_here")
def test_every_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_KEY", "a-key-for-tests")
    names: dict[str, Any] = {}
    for kind, file, text in BLOCKS:
        if file:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(text)
        elif kind == "python":
            exec(compile(text, f"python.md: {text.splitlines()[0]}", "exec"), names)
        elif kind == "console":
            for command in re.findall(r"^\$ (.*)$", text, re.MULTILINE):
                ended(command, tmp_path)


def ended(command: str, folder: Path) -> None:
    """Run a command of the page, which must end well."""
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment(path), capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_names_all_that_there_is() -> None:
    table = PAGE.partition("\n\n## ")[0]
    named = {
        name for line in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    }
    assert named == set(toolworthy.__all__)


def test_nothing_on_the_page_is_left_out() -> None:
    assert {kind for kind, _, _ in BLOCKS} == {"python", "console", "toml"}
    assert PAGE.count("```") == 2 * len(BLOCKS)
