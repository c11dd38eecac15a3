"""``toolworthy agents update``: what is shown of a newer version, and when it is pinned."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.examples import recorded
from toolworthy import content
from toolworthy.cli.commands import _agent_update as module
from toolworthy.cli.main import main
from toolworthy.records.exchange import Exchange
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.scoring.words import cause

ADAPTER = """
title = "Mine"
apis = ["chat"]
[ceiling]
broken-build = "why"
[install]
npm = "mine"
version = "1.2.3"
[run]
command = ["mine"]
"""
WRONG = cause("tests fail", "model", 1)


def asked(prompt: str) -> Exchange:
    tool = {"type": "function", "function": {"name": "run", "parameters": {"type": "object"}}}
    body = {"model": "m", "messages": [{"role": "system", "content": prompt}], "tools": [tool]}
    return recorded(request_body=json.dumps(body).encode())


@dataclass
class Ran:
    trials: list[TrialResult]
    asked: Exchange

    def exchanges(self, result: TrialResult) -> list[Exchange]:
        return [self.asked]


class World:
    """Registry, cache and oracle, as far as an update meets them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, newest: str, failed: tuple[str, ...]) -> None:
        self.caches: list[str | None] = []
        self.locked = 0
        self.failed = failed

        async def told(value: str) -> str:
            return value

        async def ensured(*_: object) -> None:
            self.caches.append(os.environ.get("TOOLWORTHY_CACHE"))

        async def locked(_: object) -> str:
            self.locked += 1
            return "the lock"

        monkeypatch.setattr(module, "newest", lambda _: told(newest))
        monkeypatch.setattr(module, "check", lambda agent: told(agent.install.version))
        monkeypatch.setattr(module, "ensure", ensured)
        monkeypatch.setattr(module, "write_lock", locked)
        monkeypatch.setattr(module, "run", self.run)

    def run(self, endpoint: str, *, adapters: list[Path], tasks: list[str], **_: Any) -> Ran:
        new = 'version = "1.3.0"' in adapters[0].read_text()
        names = [*tasks] or ["fix-failing-test", "broken-build", "add-feature"]
        trials = []
        for name in names:
            wrong = new and name in self.failed
            ceiling = "why" if name == "broken-build" else ""
            key = TrialKey(suite="tasks", task=name, agent="mine")
            status = "failed" if wrong else "passed"
            trials.append(TrialResult(key=key, status=status, cause=WRONG if wrong else None, ceiling=ceiling))
        return Ran(trials, asked("Work well." if new else "Work."))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(ADAPTER)
    return path


def test_a_newer_version_is_compared_and_not_pinned(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(monkeypatch, "1.3.0", ("broken-build",))
    assert main(["agents", "update", str(file)]) == 0
    said = capsys.readouterr().out
    assert "mine: 1.2.3 → 1.3.0" in said
    assert "prompt: 5 → 10 characters" in said
    assert "ok   mine: 2 of 3 tasks pass; above its ceiling: broken-build" in said
    assert "`toolworthy agents update mine --write` pins it" in said
    assert file.read_text() == ADAPTER
    assert world.caches != [os.environ.get("TOOLWORTHY_CACHE")], "it is tried in a cache of its own"


def test_with_write_what_passes_is_pinned(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of one's own has no lock."""
    world = World(monkeypatch, "1.3.0", ())
    assert main(["agents", "update", str(file), "--write"]) == 0
    assert file.read_text() == ADAPTER.replace("1.2.3", "1.3.0")
    assert world.locked == 0


def test_one_of_ours_is_pinned_with_its_lock(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(content, "folders", lambda kind: (tmp_path,) if kind == "agents" else ())
    world = World(monkeypatch, "1.3.0", ())
    assert main(["agents", "update", "mine", "--write"]) == 0
    assert world.locked == 1
    assert "1.3.0 is pinned" in capsys.readouterr().out


def test_what_fails_a_task_is_not_pinned(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    World(monkeypatch, "1.3.0", ("add-feature",))
    assert main(["agents", "update", str(file), "--write"]) == 1
    said = capsys.readouterr().out
    assert "add-feature failed: the agent finished, but the hidden tests fail" in said
    assert "BAD  mine: 2 of 3 tasks pass; no longer above its ceiling: broken-build" in said
    assert file.read_text() == ADAPTER


def test_the_newest_version_is_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(monkeypatch, "1.2.3", ())
    assert main(["agents", "update", str(file)]) == 0
    assert capsys.readouterr().out == "ok   mine: 1.2.3 is the newest version\n"
    assert world.caches == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["list", "--write"], "`toolworthy agents list` takes no --task and no --write. Use them with update."),
        (["update", "nobody"], "no agent is called 'nobody'"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents", *arguments]) == 4
    assert capsys.readouterr().err.startswith(f"error: {says}")
