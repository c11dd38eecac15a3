"""Settings by which a person's own installation of an agent uses an endpoint: as in a trial, without its limits.

Everything is rendered from the templates of the agent's adapter, which also start it in trials.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from toolworthy import wire
from toolworthy.agents._template import render
from toolworthy.agents.install import Installation
from toolworthy.content.adapters import AgentAdapter, AgentLaunch
from toolworthy.content.mcp import ConfigFile
from toolworthy.sandbox import toolchain
from toolworthy.wire.ir import Api

DEFAULT_CONTEXT = 128_000
"""Context window in tokens that an agent gets if it is unknown."""
MAX_OUTPUT = 16_384
"""The token limit of one response that an agent gets."""
UNUSED_KEY = "unused"
"""The key for an endpoint without keys: most agents refuse to start without one."""
_OF_TRIALS = re.compile(r"\{(?:instruction|workspace|max_turns|path)\}")
"""Placeholders that only trials fill: the task and limits."""
_BY_NAME = re.compile(r"\{(?:install|node)\}")


@dataclass(frozen=True)
class Setup:
    """The endpoint for a person's agent."""

    base_url: str
    """The complete base URL for the agent."""
    key: str
    """The text for the key: a reference to a variable, never the key itself."""
    model: str
    context: int | None
    """Context window in tokens; None if unknown."""
    home: str = "~"


@dataclass(frozen=True)
class AgentSettings:
    """Variables to set, files to write, and commands, without those that only trials need."""

    env: Mapping[str, str]
    files: tuple[ConfigFile, ...]
    before: tuple[tuple[str, ...], ...]
    """Commands to run once, first."""
    start: tuple[str, ...]
    """The command that starts it."""


def settings(agent: AgentAdapter, api: Api, setup: Setup, *, empty_home: bool = False) -> AgentSettings:
    """The settings with which `agent` uses the endpoint over `api`.

    Args:
        agent: an adapter with `interactive`.
        api: the wire API to set, one of its own.
        setup: the endpoint.
        empty_home: whether its home is empty, so that it would ask first-start questions.
    """
    run = agent.run_in(api)
    values = {
        "base_url": setup.base_url,
        "key": setup.key,
        "model": setup.model,
        "home": setup.home,
        "context": str(setup.context or DEFAULT_CONTEXT),
        "max_output": str(MAX_OUTPUT),
    }
    files = (*run.files, *run.interactive.files) if empty_home else run.files
    return AgentSettings(
        env={name: render(text, values) for name, text in run.env.items() if _is_theirs(run, name, text)},
        files=tuple(
            ConfigFile(path=render(file.path, values), content=render(file.content, values).lstrip("\n"))
            for file in files
            if not _OF_TRIALS.search(file.content)
        ),
        before=tuple(
            tuple(_named(run, render(word, values)) for word in words)
            for words in run.before
            if _BY_NAME.search(words[0])  # in a trial, another program prepares the workspace
        ),
        start=tuple(render(word, values) for word in run.interactive.command),
    )


def program(agent: AgentAdapter, installation: Installation) -> tuple[str, ...]:
    """The command that starts toolworthy's own copy of an agent, outside of any sandbox."""
    values = {"install": str(installation.path), "node": str(toolchain.node_root() / "bin" / "node")}
    words = agent.run.command
    last = next(number for number, word in enumerate(words) if "{install}" in word)
    return tuple(render(word, values) for word in words[: last + 1])


def agent_url(base_url: str, api: Api, base_path: str) -> str | None:
    """The base URL that an agent needs to reach an API; None if none works.

    Args:
        base_url: the URL before the paths of the API, as in :class:`~toolworthy.endpoint.target.Endpoint`.
        api: the wire API.
        base_path: the path that the agent expects at the end of its base URL.
    """
    own = wire.api(api).base
    if base_path.startswith(own):
        return base_url.rstrip("/") + base_path[len(own) :]
    missing = own[len(base_path) :]  # the agent adds it by itself
    return base_url.rstrip("/").removesuffix(missing) if base_url.rstrip("/").endswith(missing) else None


def _is_theirs(run: AgentLaunch, name: str, text: str) -> bool:
    return name not in run.trial_only and not _OF_TRIALS.search(text)


def _named(run: AgentLaunch, word: str) -> str:
    """The program's name on the PATH."""
    return run.interactive.command[0] if _BY_NAME.search(word) else word
