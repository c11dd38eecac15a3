"""How an agent uses the MCP servers of a task: the settings that make a server known, and how it names their tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from toolworthy.base.loading import Strict

Transport = Literal["stdio", "streamable-http"]


class ConfigFile(Strict):
    """A file that is written before the agent starts; path and content are templates."""

    path: str
    content: str


class McpSettings(Strict):
    """Settings that register one server with an agent.

    Templates as in `run`, with these additional names: ``{mcp_server}``, its name; over stdio ``{mcp_command}`` and
    ``{mcp_args}``, a JSON array, or ``{mcp_argv}``, the array of both; over streamable HTTP ``{mcp_url}``.
    """

    env: dict[str, str] = Field(default_factory=dict)
    files: tuple[ConfigFile, ...] = ()
    """A file of the same path as one of `run`: JSON is merged with it, anything else is appended to it."""


class Bridge(Strict):
    """A tool that calls servers' tools, for an agent that does not offer those to the model directly."""

    tool: str
    name: str
    """Its parameter for the name of the tool to be called."""
    arguments: str
    """Its parameter for that tool's arguments, an object."""


class Revealing(Strict):
    """A tool after whose call those of servers are offered: it waits for servers that still start, or searches."""

    tool: str
    call: dict[str, str] = Field(default_factory=dict)
    """Its arguments: templates with ``{tool}``, the name of the tool that is wanted."""


class Mcp(Strict):
    """An agent's use of MCP servers."""

    name: str = "{server}__{tool}"
    """Template of the names of their tools, for an API without namespaces."""
    keeps: str = "A-Za-z0-9_-"
    """Characters of a name that it keeps, as a regular expression's character class."""
    instead: str = "_"
    """The replacement for any other character."""
    revealing: Revealing | None = None
    bridge: Bridge | None = None
    transports: dict[Transport, McpSettings] = Field(default_factory=dict)
    """Empty for an agent that supports no servers, or if that is unknown."""

    def tool(self, server: str, tool: str) -> str:
        """The name of a server's tool."""
        return self.name.format(server=self._kept(server), tool=self._kept(tool))

    def _kept(self, name: str) -> str:
        return re.sub(f"[^{self.keeps}]", self.instead, name)


class McpServer(BaseModel):
    """A server of a task, as Harbor's ``task.toml`` declares it. Its script is ``environment/mcp/server.py``; over
    streamable HTTP, it is started with ``--port``."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    transport: Transport


def merged(first: str, second: str, path: str) -> str:
    """A config file with an addition: JSON objects are merged, other text is appended."""
    if not path.endswith(".json"):
        return first + second
    return json.dumps(_merged(json.loads(first), json.loads(second)), indent=2)


def _merged(first: Any, second: Any) -> Any:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return {**first, **{name: _merged(first.get(name), value) for name, value in second.items()}}
    return second
