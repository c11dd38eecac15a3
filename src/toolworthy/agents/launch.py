"""Make the command that starts an agent from its adapter: fill templates, write config files."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from toolworthy.agents import builtin
from toolworthy.agents._template import render
from toolworthy.agents.install import Installation
from toolworthy.agents.mcp import LentServer
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.mcp import merged
from toolworthy.sandbox import Sandbox, toolchain
from toolworthy.sandbox.model import Command, Limits, Mount
from toolworthy.wire.ir import Api


@dataclass(frozen=True)
class Start:
    """The values of a trial that an agent's templates need."""

    workspace: Path
    home: Path
    base_url: str
    key: str
    model: str
    instruction: str
    limits: Limits
    context: int
    max_output: int
    max_turns: int
    builtin: builtin.Choice
    api: Api
    """The wire API for the agent, one of its own."""
    mcp: LentServer | None = None
    """The MCP server for the agent, if any."""


def command(agent: AgentAdapter, installation: Installation | None, sandbox: Sandbox, start: Start) -> Command:
    """The command for one trial; the agent's config files are written into its home.

    Raises:
        ToolworthyError: a config file would lie outside the agent's home.
    """
    run = agent.run_in(start.api)
    mounts: list[Mount] = []
    env: dict[str, str] = {}
    values = {
        "instruction": start.instruction,
        "model": start.model,
        "base_url": start.base_url + run.base_path,
        "key": start.key,
        "workspace": sandbox.app(start.workspace),
        "home": sandbox.home(start.home),
        "python": toolchain.python(),
        "path": toolchain.environment("")["PATH"],
        "max_turns": str(start.max_turns),
        "context": str(start.context),
        "max_output": str(start.max_output),
    }
    if installation is not None:
        needed, places = installation.lent(sandbox)
        mounts += needed
        values |= places
        if "node" in places:
            env["PATH"] = f"{values['path']}:{Path(places['node']).parent}"
    else:
        package = builtin.mounts()
        mounts += package
        env["PYTHONPATH"] = ":".join(dict.fromkeys(builtin.python_path(sandbox.shown(mount)) for mount in package))
        config = builtin.config(agent, start.builtin, values, start.max_output)
        (start.home / "agent.json").write_text(config, encoding="utf-8")
    files, settings = run.files, run.env
    earlier = [shlex.join(render(part, values) for part in words) for words in run.before]
    if start.mcp is not None:
        mounts += start.mcp.mounts
        values |= start.mcp.values
        files, settings = (*files, *start.mcp.settings.files), {**settings, **start.mcp.settings.env}
        earlier += start.mcp.before
    written: dict[str, str] = {}
    for file in files:
        path, text = render(file.path, values), render(file.content, values)
        written[path] = merged(written[path], text, path) if path in written else text
    for path, text in written.items():
        _write(agent, start.home, values["home"], path, text)
    env |= {name: render(text, values) for name, text in settings.items()}
    argv = tuple(render(part, values) for part in run.command)
    return Command(
        argv=("/bin/sh", "-c", _first(earlier), "sh", *argv) if earlier else argv,
        workspace=start.workspace,
        home=start.home,
        env=env,
        mounts=tuple(mounts),
        limits=start.limits,
        stdin=render(run.stdin, values).encode(),
    )


def _first(commands: list[str]) -> str:
    """A script that runs commands without input, then executes its arguments. A command that ends with ``&`` keeps
    running."""
    lines = (command if command.endswith("&") else f"{command} < /dev/null || exit" for command in commands)
    return "".join(f"{line}\n" for line in lines) + 'exec "$@"'


def _write(agent: AgentAdapter, home: Path, shown: str, path: str, text: str) -> None:
    """Write a file whose path is that in the sandbox, where the home is `shown`."""
    prefix = shown.rstrip("/") + "/"
    if not path.startswith(prefix) or ".." in Path(path).parts:
        raise ToolworthyError(f"{agent.id}: config file {path} must lie under {{home}}")
    target = home / path.removeprefix(prefix)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
