"""Provide a task's MCP server to an agent, inside the agent's sandbox, so that its limits apply."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolworthy import content
from toolworthy.agents.install import Installation
from toolworthy.base.asgi import free_port
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.mcp import McpServer, McpSettings, Transport
from toolworthy.sandbox import Sandbox
from toolworthy.sandbox.model import Mount

_PORT = 8379
"""The server's port for streamable HTTP, inside the agent's network namespace."""
_SCRIPT, _SDK = "/srv/mcp", "/opt/mcp-sdk"
_PATIENCE = 120
"""Seconds that a server may take to start."""
_WAIT = """import socket, sys, time
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    try:
        sys.exit(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close())
    except OSError:
        time.sleep(0.1)
sys.exit("the MCP server does not listen")"""


@dataclass(frozen=True)
class LentServer:
    """How one MCP server in a sandbox is started and reached."""

    mounts: tuple[Mount, ...]
    values: Mapping[str, str]
    """Values for the templates of `McpSettings`."""
    settings: McpSettings
    before: tuple[str, ...]
    """Shell commands that start it before the agent."""


def sdk() -> AgentAdapter:
    """The official SDK, pinned and installed as agents are; servers run under its Python."""
    return adapters.load(AgentAdapter, content.ADAPTERS / "mcp-sdk.toml")


def lacks(agent: AgentAdapter, transport: Transport) -> str:
    """Why an agent cannot use a server over a transport; empty if it can."""
    if transport in agent.mcp.transports:
        return ""
    other = " or ".join(agent.mcp.transports)
    return f"{agent.title} takes MCP servers over {other} only" if other else f"{agent.title} takes no MCP servers"


def lend(agent: AgentAdapter, server: McpServer, folder: Path, sdk: Installation, sandbox: Sandbox) -> LentServer:
    """Prepare a server for one trial.

    Args:
        agent: the agent, which must support the transport.
        server: the task's declaration.
        folder: with ``server.py``.
        sdk: the SDK.
        sandbox: the sandbox of both.
    """
    python, script = Mount(sdk.path, _SDK), Mount(folder, _SCRIPT)
    command, program = f"{sandbox.shown(python)}/bin/python3", f"{sandbox.shown(script)}/server.py"
    values = {"mcp_server": server.name, "mcp_command": command, "mcp_args": json.dumps([program])}
    values["mcp_argv"] = json.dumps([command, program])
    before: tuple[str, ...] = ()
    if server.transport == "streamable-http":
        port = str(_PORT if sandbox.name != "none" else free_port())
        values["mcp_url"] = f"http://127.0.0.1:{port}/mcp"
        start = shlex.join([command, program, "--port", port])
        before = (f"{start} > /dev/null 2>&1 < /dev/null &", shlex.join([command, "-c", _WAIT, port, str(_PATIENCE)]))
    return LentServer((python, script), values, agent.mcp.transports[server.transport], before)
