"""`toolworthy completion SHELL`: the script by which a shell completes commands, options and names."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import shtab

from toolworthy.base.sanitize import show
from toolworthy.cli._dispatch import parser
from toolworthy.cli._values import OneOf, one_of
from toolworthy.cli.options import OPTIONS
from toolworthy.content import adapters, providers
from toolworthy.content.tasks import known_tasks
from toolworthy.endpoint.oracle import ORACLE
from toolworthy.reference.defects import catalogue
from toolworthy.rules import RULES
from toolworthy.work.kinds import suites

_NAMES: dict[str, Callable[[], Iterable[str]]] = {
    "agent": lambda: (agent.id for agent in adapters.agents()),
    "toolset": lambda: (agent.id for agent in adapters.toolsets()),
    "endpoint": lambda: (ORACLE, *(provider.id for provider in providers.every())),
    "task": lambda: (task.name for task in known_tasks()),
    "defects": lambda: (defect.id for defect in catalogue()),
    "name": lambda: (rule.code for rule in RULES),
}
"""The available names, by the argument that takes them."""


def run(shell: str) -> int:
    """Print the script with the present names."""
    root = parser({"suites": {"nargs": "*", **one_of(tuple(suites()))}, **OPTIONS})
    for action in _actions(root):
        if isinstance(action.type, OneOf):
            action.choices = action.type.names
        elif names := _NAMES.get(action.dest):
            action.choices = sorted(names())
        elif action.type is Path:
            action.complete = shtab.FILE
    show(shtab.complete(root, shell), end="")
    return 0


def _actions(commands: argparse.ArgumentParser) -> Iterator[Any]:
    """The arguments of a parser and of its subcommands."""
    for action in commands._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for own in action.choices.values():
                yield from _actions(own)
