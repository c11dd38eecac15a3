"""The real agent tools, as they are installed, through real tasks on the oracle: no key, no network."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import only_run, results, suites
from toolworthy.content import adapters

pytestmark = pytest.mark.agents

REAL = [agent.id for agent in adapters.agents() if agent.install]
DAILY = ("claude-code", "codex", "gemini-cli", "openclaw", "opencode", "pi", "qwen-code")
"""Tried on every day; the others, which would take minutes to install, nightly."""
TASKS = ("merge-conflict", "server-process", "unicode-crlf-edit")
"""One that needs every kind of step, one whose commands outlive their call."""


def marked(daily: Collection[str]) -> list[Any]:
    """All real agents; those that are not `daily` are tried nightly."""
    return [agent if agent in daily else pytest.param(agent, marks=pytest.mark.nightly) for agent in REAL]


def solves(cwd: Path, agent: str, *tasks: str) -> None:
    """The agent passes these tasks over its own API, and makes no call that is not as it should be."""
    chosen = [word for task in tasks for word in ("--task", task)]
    done = suites("--agent", agent, *chosen, cwd=cwd, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = results(only_run(cwd))
    assert {line["key"]["task"] for line in lines} == set(tasks)
    for line in lines:
        assert line["status"] == "passed"
        assert not line["score"]["translated"]
        assert line["score"]["findings"] == []
        scores = line["score"]["call_scores"]
        for name in ("parses", "known", "valid", "coherent", "fresh"):
            assert scores[name] == {"ok": line["score"]["calls"], "n": line["score"]["calls"]}, name
        assert scores["executed"]["n"] == line["score"]["calls"]
        assert line["agent_version"] in done.stdout


@pytest.mark.parametrize("agent", marked(DAILY))
def test_a_real_agent_solves_a_task_on_its_own_wire(tmp_path: Path, agent: str) -> None:
    """The agents take turns with the tasks."""
    turn = REAL.index(agent) % len(TASKS)
    possible = (task for task in (*TASKS[turn:], *TASKS, "add-feature") if task not in adapters.agent(agent).ceiling)
    solves(tmp_path, agent, next(possible))


@pytest.mark.nightly
@pytest.mark.parametrize("agent", REAL)
def test_a_real_agent_solves_all_tasks_but_those_above_its_ceiling(tmp_path: Path, agent: str) -> None:
    """What it fails here it fails with every model; where that is no longer so, its adapter must say so."""
    suites("--agent", agent, cwd=tmp_path, timeout=1800)
    failed = {line["key"]["task"] for line in results(only_run(tmp_path)) if line["status"] != "passed"}
    assert failed == adapters.agent(agent).ceiling.keys()


def crosses(cwd: Path, wire: str, *agents: str) -> None:
    """These agents pass a task over this API, which is translated where it is not their own."""
    chosen = [word for agent in agents for word in ("--agent", agent)]
    done = suites(*chosen, "--wire", wire, "--task", "add-feature", cwd=cwd, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = results(only_run(cwd))
    assert {line["key"]["agent"] for line in lines} == set(agents)
    for line in lines:
        assert line["endpoint_api"] == wire
        assert line["score"]["translated"] == (wire not in adapters.agent(line["key"]["agent"]).apis)


@pytest.mark.parametrize(("agent", "wire"), [("claude-code", "chat"), ("codex", "messages"), ("opencode", "responses")])
def test_a_real_agent_solves_a_task_over_a_translated_wire(tmp_path: Path, agent: str, wire: str) -> None:
    """Each API as an agent's own, and as an endpoint's."""
    crosses(tmp_path, wire, agent)


@pytest.mark.nightly
@pytest.mark.parametrize("wire", ["chat", "messages", "responses", "gemini"])
def test_all_real_agents_solve_a_task_over_any_wire(tmp_path: Path, wire: str) -> None:
    crosses(tmp_path, wire, *REAL)


LIMITED = ("codex", "qwen-code")
"""One that is stopped at our limit, and one that is told of it."""


@pytest.mark.parametrize("agent", marked(LIMITED))
def test_our_limit_of_turns_is_not_the_models_failure(tmp_path: Path, agent: str) -> None:
    """Some agents are told the limit and stop themselves, with an exit code of their own; the others are stopped."""
    suites("--agent", agent, "--task", "fix-failing-test", "--max-turns", "2", cwd=tmp_path, timeout=300)
    (line,) = results(only_run(tmp_path))
    told = adapters.agent(agent).knows_turn_limit
    assert line["agent_ended"] == ("exit" if told else "turns")
    assert (line["cause"]["kind"], line["cause"]["fault"]) == ("budget", "our limit"), line["cause"]
    assert line["status"] == "error"


@pytest.mark.nightly
def test_an_older_version_is_compared_with_the_newest_and_moved(tmp_path: Path) -> None:
    """Its prompt has changed since, and the tasks pass as before."""
    file = tmp_path / "pi.toml"
    pinned = adapters.file_of("pi").read_text()
    file.write_text(re.sub(r'(?m)^version = ".*"$', 'version = "1.4.0"', pinned))
    command = [
        sys.executable,
        "-m",
        "toolworthy.cli.main",
        "agents",
        "update",
        str(file),
        "--task",
        "fix-failing-test",
        "--write",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "prompt: 2,679 → " in done.stdout
    assert "ok   pi: 1 of 1 tasks pass" in done.stdout
    assert 'version = "1.4.0"' not in file.read_text()
