"""Start the built-in agent: a plain tool loop that can offer any agent's tools.

The loop itself (``loop.py``) runs inside the sandbox, from read-only mounts of the parts of this package that it needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from toolworthy.content import PACKAGE, adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.toolset import tool_schema
from toolworthy.sandbox.model import Mount
from toolworthy.wire.ir import Api

_TARGET = "/opt/toolworthy/toolworthy"
_PARTS = (
    *("__init__.py", "wire", "agents/__init__.py", "agents/loop.py", "agents/actions.py"),
    *("base/retry.py", "rules/refusal.py"),
)


@dataclass(frozen=True)
class Choice:
    """Options of the built-in agent."""

    toolset: str | None = None
    """Agent whose tools it offers; None: its own tools."""
    api: Api | None = None
    """Wire API it speaks; None: the first of its adapter."""
    stream: bool = True


def mounts() -> tuple[Mount, ...]:
    """The parts of this package that the loop needs."""
    return tuple(Mount(PACKAGE / part, f"{_TARGET}/{part}") for part in _PARTS)


def python_path(shown: str) -> str:
    """The folder to import from, for a part mounted at `shown`."""
    return shown[: shown.rindex("/toolworthy/")]


def config(agent: AgentAdapter, choice: Choice, values: Mapping[str, str], max_output: int) -> str:
    """The loop's configuration, as JSON."""
    offered = adapters.agent(choice.toolset) if choice.toolset else agent
    tools = [
        {
            "name": name,
            "description": spec.description or f"{name}: {', '.join(str(use.does) for use in spec.uses) or 'a tool'}",
            "schema": tool_schema(spec),
            "uses": [{"does": use.does, "when": use.when, "call": use.call} for use in spec.uses],
            "custom": spec.custom,
        }
        for name, spec in offered.tools.items()
    ]
    return json.dumps(
        {
            "api": choice.api or agent.apis[0],
            "stream": choice.stream,
            "max_output": max_output,
            "tools": tools,
            **{name: values[name] for name in ("base_url", "key", "model", "instruction", "workspace")},
        }
    )
