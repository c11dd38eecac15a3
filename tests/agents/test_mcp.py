"""MCP servers of tasks: started inside the agent's sandbox, and solved by real agents through their own names."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.commands import only_run, results, suites
from toolworthy import content
from toolworthy.agents import builtin, launch, mcp
from toolworthy.agents.install import ensure
from toolworthy.agents.launch import Start
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.mcp import Transport
from toolworthy.content.tasks import load_tasks
from toolworthy.sandbox import choose
from toolworthy.sandbox.model import Limits

pytestmark = pytest.mark.agents
TASKS = load_tasks(content.FIXTURES / "mcp")
ABLE = [agent.id for agent in adapters.agents() if agent.mcp.transports]
DAILY = ("codex", "qwen-code")
"""One that has namespaces, one that has a bridge."""
CLIENT = """
import asyncio, sys
from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

async def main(how, *given):
    door = streamable_http_client(given[0]) if how == "http" else stdio_client(
        StdioServerParameters(command=given[0], args=[given[1]])
    )
    async with door as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        print(sorted(tool.name for tool in (await session.list_tools()).tools))
        print((await session.call_tool("find_part", {"description": "flange bolt M6, stainless"})).content[0].text)

asyncio.run(main(*sys.argv[1:]))
"""
ADAPTER = """
title = "x"
apis = ["chat"]
[run]
command = ["/bin/sh", "-c", 'set -- $(cat "$HOME/args"); "$0" "$HOME/client.py" "$@"', "{python}"]
[[mcp.transports.stdio.files]]
path = "{home}/args"
content = "stdio {mcp_command} {server}"
[[mcp.transports.streamable-http.files]]
path = "{home}/args"
content = "http {mcp_url}"
"""


@pytest.mark.parametrize("transport", ["stdio", "streamable-http"])
def test_a_client_in_the_sandbox_reaches_the_server(tmp_path: Path, transport: Transport) -> None:
    """Without any network but the sandbox's own loopback."""

    async def said() -> bytes:
        sandbox = choose("bubblewrap")
        found = await ensure(mcp.sdk(), sandbox=sandbox)
        task = next(task for task in TASKS if task.mcp and task.mcp.transport == transport)
        assert task.mcp is not None
        text = ADAPTER.replace("{python}", "/opt/mcp-sdk/bin/python3").replace("{server}", "/srv/mcp/server.py")
        (tmp_path / "mine.toml").write_text(text)
        agent = adapters.load(AgentAdapter, tmp_path / "mine.toml")
        app, home = tmp_path / "app", tmp_path / "home"
        app.mkdir()
        home.mkdir()
        (home / "client.py").write_text(CLIENT)
        lent = mcp.lend(agent, task.mcp, task.path / "environment" / "mcp", found, sandbox)
        start = Start(
            *(app, home, "", "", "", "", Limits(seconds=200), 1, 1, 1), builtin=builtin.Choice(), api="chat", mcp=lent
        )
        outcome = await sandbox.run(launch.command(agent, None, sandbox, start))
        assert outcome.exit_code == 0, outcome.stderr.decode()
        return outcome.stdout

    names, part = asyncio.run(said()).decode().splitlines()[-2:]
    assert "stock.level-in-hall" in names
    assert part == "part ef820aee"


@pytest.mark.parametrize(
    "agent", [one if one in DAILY else pytest.param(one, marks=pytest.mark.nightly) for one in ABLE]
)
def test_a_real_agent_solves_what_only_its_server_knows(tmp_path: Path, agent: str) -> None:
    done = suites("--agent", agent, "--tasks", "mcp", cwd=tmp_path, timeout=900)
    lines = results(only_run(tmp_path))
    able = adapters.agent(agent).mcp.transports
    for task in TASKS:
        assert task.mcp is not None
        (line,) = (line for line in lines if line["key"]["task"] == task.name)
        assert line["status"] == ("passed" if task.mcp.transport in able else "unmeasured"), done.stdout


def test_an_agent_without_servers_is_skipped_and_says_why(tmp_path: Path) -> None:
    done = suites("--agent", "builtin", "--tasks", "mcp", "-rs", cwd=tmp_path, timeout=300)
    assert "unmeasured: toolworthy's own loop takes no MCP servers" in done.stdout
    assert {line["status"] for line in results(only_run(tmp_path))} == {"unmeasured"}
