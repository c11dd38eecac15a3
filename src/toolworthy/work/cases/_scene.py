"""A case with one toolset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolworthy.content.adapters import AgentAdapter, ToolSpec
from toolworthy.wire.ir import Message, Tool
from toolworthy.work.cases.model import Case
from toolworthy.work.cases.world import State


@dataclass(frozen=True)
class Scene:
    """A case with one toolset."""

    case: Case
    adapter: AgentAdapter
    tools: tuple[Tool, ...]
    names: Mapping[str, str]
    """Of the case's own tools: as the case calls them, as they are offered."""
    messages: tuple[Message, ...]
    state: State
    """What lies in the working directory before the first judged turn."""

    def spec(self, name: str) -> ToolSpec | None:
        """What is known of a tool: of the agent's own, and of those of the case that do something to files."""
        own = next((self.case.own[tool] for tool, offered in self.names.items() if offered == name), None)
        if own is not None:
            return own.spec if own.does else None
        return None if self.case.alone else self.adapter.tools.get(name)
