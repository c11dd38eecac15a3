"""``toolworthy agents list|install|check|lock|update``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from toolworthy.agents.install import changed, check, ensure, installed, state, write_lock
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import one_line, show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.cli.commands._agent_steps import check_steps
from toolworthy.cli.commands._agent_update import update
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter


def run(
    what: Literal["list", "install", "check", "lock", "update"],
    names: Sequence[str],
    files: Sequence[Path],
    tasks: Sequence[str],
    write: bool,
) -> int:
    """Do `what` with the named agents, or with all; exit code 1 if one fails its check.

    Args:
        what: ``check`` runs all steps for named agents, including a task on the oracle.
        names: ids, or files of agents of one's own.
        files: further adapter files.
        tasks: tasks for ``update``; empty: all.
        write: whether ``update`` pins what passes.
    """
    if what != "update" and (tasks or write):
        raise ToolworthyError(f"`toolworthy agents {what}` takes no --task and no --write. Use them with update.")
    files = [*files, *(Path(name) for name in names if name.endswith(".toml"))]
    names = [Path(name).stem if name.endswith(".toml") else name for name in names]
    chosen = [adapters.agent(name, tuple(files)) for name in names] or [
        *(adapters.load(AgentAdapter, path) for path in files),
        *adapters.agents(),
    ]
    if what == "check" and names:
        own = {path.stem: path for path in files}
        return 0 if all([check_steps(agent, own.get(agent.id)) for agent in chosen]) else 1
    if what == "update":
        return _update(chosen, {path.stem: path for path in files}, tasks, write)
    return {"list": _list, "install": _install, "check": _check, "lock": _lock}[what](chosen)


def _list(agents: Sequence[AgentAdapter]) -> int:
    for agent in agents:
        version = agent.install.version if agent.install else "built in"
        show(f"{agent.id:14} {version:12} {'/'.join(agent.apis):24} {state(agent)}")
    return 0


def _install(agents: Sequence[AgentAdapter]) -> int:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    for agent in agents:
        if agent.install is None:
            continue
        if installed(agent) and (why := changed(agent)):
            show(f"{agent.id}: changed: {why}; it is installed again", sys.stderr)
        with console.status(f"installing {agent.title} {agent.install.version}") as status:
            run_until_signal(ensure(agent, lambda line: status.update(Text(one_line(line)))))
        show(f"{agent.id} {agent.install.version} is installed", sys.stderr)
    return 0


def _check(agents: Sequence[AgentAdapter]) -> int:
    bad = 0
    for agent in agents:
        try:
            show(f"ok   {agent.id:14} {run_until_signal(check(agent))}")
        except ToolworthyError as error:
            bad += 1
            show(f"BAD  {agent.id:14} {error}")
    return 1 if bad else 0


def _update(agents: Sequence[AgentAdapter], own: Mapping[str, Path], tasks: Sequence[str], write: bool) -> int:
    bad = 0
    for agent in agents:
        if agent.install is None:
            continue
        file = own.get(agent.id) or adapters.file_of(agent.id)
        try:
            bad += not update(agent, file, tasks, ours=agent.id not in own, write=write)
        except ToolworthyError as error:
            bad += 1
            show(f"BAD  {agent.id}: {error}")
    return 1 if bad else 0


def _lock(agents: Sequence[AgentAdapter]) -> int:
    for agent in agents:
        if agent.install is not None:
            show(run_until_signal(write_lock(agent)))
    return 0
