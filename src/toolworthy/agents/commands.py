"""``toolworthy agents list|install|check``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from toolworthy import adapters
from toolworthy.adapters import AgentAdapter
from toolworthy.agents.install import check, ensure, state
from toolworthy.errors import UserError


def run(what: Literal["list", "install", "check"], names: Sequence[str], files: Sequence[Path]) -> int:
    """Do `what` with the agents named, with all where none is; exit code 1 where one is not as it must be."""
    chosen = [adapters.agent(name, tuple(files)) for name in names] or [
        *(adapters.load(AgentAdapter, path) for path in files),
        *adapters.agents(),
    ]
    return {"list": _list, "install": _install, "check": _check}[what](chosen)


def _list(agents: Sequence[AgentAdapter]) -> int:
    for agent in agents:
        version = agent.install.version if agent.install else "built in"
        print(f"{agent.id:14} {version:12} {'/'.join(agent.apis):24} {state(agent)}")
    return 0


def _install(agents: Sequence[AgentAdapter]) -> int:
    from rich.console import Console

    console = Console(stderr=True)
    for agent in agents:
        if agent.install is None:
            continue
        if (why := state(agent)).startswith("changed"):
            console.print(f"{agent.id}: {why}; it is installed again", highlight=False)
        with console.status(f"installing {agent.title} {agent.install.version}") as status:
            asyncio.run(ensure(agent, status.update))
        console.print(f"{agent.id} {agent.install.version} is installed")
    return 0


def _check(agents: Sequence[AgentAdapter]) -> int:
    bad = 0
    for agent in agents:
        try:
            print(f"ok   {agent.id:14} {asyncio.run(check(agent))}")
        except UserError as error:
            bad += 1
            print(f"BAD  {agent.id:14} {error}")
    return 1 if bad else 0
