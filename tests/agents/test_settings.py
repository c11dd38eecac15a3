"""What the doctor says to paste is enough: real agents, started outside of toolworthy, in an empty home."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import environment, run
from toolworthy.agents import install
from toolworthy.agents._template import render
from toolworthy.agents.settings import program
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.public.server import ReferenceServer
from toolworthy.sandbox import toolchain
from toolworthy.work.probes.material import orders

pytestmark = pytest.mark.agents

ONCE: dict[str, tuple[str, ...]] = {
    "cecli": ("--yes-always", "--message", "{instruction}"),
    "claude-code": ("--allowedTools", "Bash", "-p", "{instruction}"),
    "cline": ("--auto-approve", "true", "{instruction}"),
    "codex": ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "{instruction}"),
    "continue": ("--auto", "-p", "{instruction}"),
    "copilot": ("--yolo", "--no-ask-user", "-p", "{instruction}"),
    "deepagents-code": ("--shell-allow-list", "all", "--non-interactive", "{instruction}"),
    "droid": ("exec", "--skip-permissions-unsafe", "--model", "custom:toolworthy-0", "{instruction}"),
    "gemini-cli": ("--yolo", "-p", "{instruction}"),
    "gptme": ("--non-interactive", "{instruction}"),
    "grok-cli": ("-p", "{instruction}"),
    "hermes": ("--query", "{instruction}", "--quiet", "--yolo"),
    "kilocode": ("run", "--auto"),
    "kimi-cli": ("--print", "--yolo", "--prompt", "{instruction}"),
    "letta": ("--yolo", "-p", "{instruction}"),
    "mini-swe-agent": ("-t", "{instruction}", "-y", "--exit-immediately", "-l", "0"),
    "mistral-vibe": ("--prompt", "{instruction}", "--auto-approve", "--trust"),
    "nanobot": ("--workspace", ".", "--message", "{instruction}"),
    "nanocoder": ("--mode", "yolo", "--trust-directory", "--plain", "run", "{instruction}"),
    "openclaw": ("--json", "{instruction}"),
    "opencode": ("run", "--auto"),
    "openhands": ("--headless", "--json", "--task", "{instruction}"),
    "pi": ("--print", "--no-session", "--", "{instruction}"),
    "qwen-code": ("--yolo", "-p", "{instruction}"),
}
"""How a person has an agent do one thing: words after those that the doctor says start it. Without an instruction in
them, it is on standard input."""
DAILY = ("claude-code", "codex", "opencode", "pi", "qwen-code")


def instruction(agent: AgentAdapter) -> str:
    """An order to write a file by the agent's own tool for commands."""
    name, spec = next((name, spec) for name, spec in agent.tools.items() if spec.does == "run")
    call = json.loads(json.dumps(spec.call).replace("{command}", "echo pasted > made.txt"))
    return orders([(name, call)])


def start(agent: AgentAdapter, folder: Path, settings: dict[str, Any]) -> Any:
    """Paste the settings into an empty home, and have the agent do one thing."""
    home, work = folder / "home", folder / "work"
    work.mkdir()
    if agent.id == "cecli":  # its commands start in a repository only
        subprocess.run(["git", "init", "-q", str(work)], check=True)
    for file in settings["files"]:
        path = home / file["path"].removeprefix("~/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file["content"])
    home.mkdir(exist_ok=True)
    env = {name: value.replace("~/", f"{home}/", 1) for name, value in settings["env"].items()}
    path = f"{toolchain.node_root()}/bin:{os.environ['PATH']}"
    env |= {"HOME": str(home), "PATH": path, "TERM": "dumb", "LANG": "C.UTF-8"}
    copy = program(agent, asyncio.run(install.ensure(agent)))
    for words in settings["setup"]:
        subprocess.run([*copy, *words[1:]], env=env, cwd=work, check=True, stdin=subprocess.DEVNULL, timeout=120)
    rest = [word.replace("~/", f"{home}/", 1) for word in settings["start"][1:]]
    last = [render(word, {"instruction": instruction(agent)}) for word in ONCE[agent.id]]
    return subprocess.run(
        [*copy, *rest, *last],
        env=env,
        cwd=work,
        capture_output=True,
        text=True,
        input="" if "{instruction}" in ONCE[agent.id] else instruction(agent),
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    "name", [name if name in DAILY else pytest.param(name, marks=pytest.mark.nightly) for name in ONCE]
)
def test_an_agent_works_with_what_the_doctor_says_to_paste(tmp_path: Path, name: str) -> None:
    agent = adapters.agent(name)
    with ReferenceServer() as server:
        told = run("toolworthy", "doctor", server.base_url, "--json", "--agent", name, cwd=tmp_path)
        assert told.returncode == 0, told.stderr
        (report,) = json.loads(told.stdout)["agents"]
        assert (report["state"], report["proxy"]) == ("works", [])
        assert server.base_url.removesuffix("/v1") in report["settings"]["base_url"]
        done = start(agent, tmp_path, report["settings"])
    assert (tmp_path / "work" / "made.txt").exists(), done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "work" / "made.txt").read_text() == "pasted\n"


def test_every_agent_that_a_person_can_start_is_tried() -> None:
    startable = {agent.id for agent in adapters.agents() if agent.run.interactive.command and agent.tools}
    assert startable == ONCE.keys()


BREAKS = (
    ("opencode", "call-id-null"),
    pytest.param("qwen-code", "tool-calls-in-content-wrong-parser-or-template", marks=pytest.mark.nightly),
    pytest.param("openclaw", "finish-stop-with-tool-calls", marks=pytest.mark.nightly),
)
"""Agents with defects that keep them from the work, as fixtures/defects/measured.jsonl has it."""


@pytest.mark.parametrize(("name", "defect"), BREAKS)
def test_an_agent_that_a_defect_breaks_works_through_a_repairing_proxy(tmp_path: Path, name: str, defect: str) -> None:
    agent = adapters.agent(name)
    asyncio.run(install.ensure(agent))
    last = [render(word, {"instruction": instruction(agent)}) for word in ONCE[name]]
    env = environment({"PATH": f"{toolchain.node_root()}/bin:/usr/bin:/bin"})
    for options, works in (((), False), (("--repair",), True)):
        work = tmp_path / str(works)
        work.mkdir()
        proxy = ["toolworthy", "proxy", "--endpoint", f"oracle:{defect}", "--agent", name, *options, "--", *last]
        done = subprocess.run(
            [sys.executable, "-m", *proxy],
            cwd=work,
            env=env,
            capture_output=True,
            text=True,
            input="" if "{instruction}" in ONCE[name] else instruction(agent),
            timeout=300,
            check=False,
        )
        assert (work / "made.txt").exists() == works, done.stdout[-2000:] + done.stderr[-2000:]
    log = next((tmp_path / "True" / "reports").glob("*.log")).read_text()
    assert "repaired " in log
