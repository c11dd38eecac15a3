"""How agents name the tools of MCP servers, and how a server is made known to them."""

from __future__ import annotations

import json
import re

import pytest

from toolworthy import content
from toolworthy.content import adapters
from toolworthy.content.mcp import Mcp, merged
from toolworthy.content.tasks import load_tasks

SERVERS = [agent for agent in adapters.agents() if agent.mcp.transports]


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("claude-code", "mcp__parts-desk__stock_level-in-hall"),
        ("codex", "mcp__parts_desk__stock_level_in_hall"),
        ("opencode", "parts-desk_stock_level-in-hall"),
        ("gemini-cli", "mcp_parts-desk_stock.level-in-hall"),
        ("openclaw", "parts-desk__stock-level-in-hall"),
        ("continue", "stock.level-in-hall"),
        ("kilocode", "parts-desk_stock_level-in-hall"),
        ("copilot", "parts-desk-stock-level-in-hall"),
    ],
)
def test_each_agent_makes_names_of_its_own(agent: str, name: str) -> None:
    """As these agents were seen to send them."""
    assert adapters.agent(agent).mcp.tool("parts-desk", "stock.level-in-hall") == name


def test_a_bare_name_is_the_tools_alone() -> None:
    assert Mcp(name="{tool}").tool("parts-desk", "find_part") == "find_part"


def test_json_is_merged_and_anything_else_appended() -> None:
    both = merged('{"a": {"b": 1}, "c": [1]}', '{"a": {"d": 2}, "c": [2]}', "/home/x.json")
    assert json.loads(both) == {"a": {"b": 1, "d": 2}, "c": [2]}
    assert merged("a = 1\n", "[b]\n", "/home/x.toml") == "a = 1\n[b]\n"


@pytest.mark.parametrize("agent", SERVERS, ids=lambda agent: agent.id)
def test_every_transport_names_the_server_and_what_reaches_it(agent: adapters.AgentAdapter) -> None:
    for transport, settings in agent.mcp.transports.items():
        text = "".join(file.content for file in settings.files)
        reached = {"mcp_url"} if transport == "streamable-http" else {"mcp_argv", "mcp_command", "mcp_args"}
        named = set(re.findall(r"\{(mcp_\w+)\}", text))
        assert "mcp_server" in named
        assert named - {"mcp_server"} in ({"mcp_url"}, {"mcp_argv"}, {"mcp_command", "mcp_args"})
        assert named & reached


def test_the_tasks_have_a_server_over_each_transport() -> None:
    tasks = load_tasks(content.FIXTURES / "mcp")
    assert {task.mcp.transport for task in tasks if task.mcp} == {"stdio", "streamable-http"}
    scripts = {(task.path / "environment" / "mcp" / "server.py").read_text() for task in tasks}
    assert len(scripts) == 1
