"""The real agent tools, as they are installed, through real tasks on the oracle: no key, no network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from toolworthy import adapters

sys.path.insert(0, str(Path(__file__).parents[1]))
from conftest import only_run, results, suites

REAL = [agent.id for agent in adapters.agents() if agent.install]
# One task that needs every kind of step, one whose commands outlive their call.
TASKS = ["--task", "merge-conflict", "--task", "server-process", "--task", "unicode-crlf-edit"]


@pytest.mark.parametrize("agent", REAL)
def test_a_real_agent_solves_tasks_on_its_own_wire(tmp_path: Path, agent: str) -> None:
    done = suites("--agent", agent, *TASKS, cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in results(only_run(tmp_path)):
        assert line["status"] == "passed"
        assert not line["score"]["translated"]
        assert line["score"]["findings"] == []
        scores = line["score"]["call_scores"]
        for name in ("parses", "known", "valid", "coherent", "fresh"):
            assert scores[name] == {"ok": line["score"]["calls"], "n": line["score"]["calls"]}, name
        assert scores["executed"]["n"] == line["score"]["calls"]
        assert line["agent_version"] in done.stdout


@pytest.mark.parametrize("wire", ["chat", "messages", "responses"])
def test_all_real_agents_solve_a_task_over_any_wire(tmp_path: Path, wire: str) -> None:
    chosen = [word for agent in REAL for word in ("--agent", agent)]
    done = suites(*chosen, "--wire", wire, "--task", "add-feature", cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    own = {"claude-code": "messages", "codex": "responses"}
    for line in results(only_run(tmp_path)):
        agent = line["key"]["agent"]
        assert line["endpoint_api"] == wire
        assert line["score"]["translated"] == (own.get(agent, "chat") != wire)


@pytest.mark.parametrize("agent", REAL)
def test_our_limit_of_turns_is_not_the_models_failure(tmp_path: Path, agent: str) -> None:
    """Some agents are told the limit and stop themselves, with an exit code of their own; the others are stopped."""
    suites("--agent", agent, "--task", "fix-failing-test", "--max-turns", "2", cwd=tmp_path, timeout=300)
    (line,) = results(only_run(tmp_path))
    told = adapters.agent(agent).told_turns
    assert line["agent_ended"] == ("exit" if told else "turns")
    assert (line["cause"]["kind"], line["cause"]["fault"]) == ("budget", "our limit"), line["cause"]
    assert line["status"] == "error"
