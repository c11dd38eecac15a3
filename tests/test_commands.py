"""Every subcommand is declared in one place, as the function that does it wants it."""

from __future__ import annotations

import argparse
from importlib import import_module
from inspect import signature

import pytest

from toolworthy import content
from toolworthy.cli.commands import COMMANDS, Subcommand


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_is_declared_as_its_function_takes_it(command: Subcommand) -> None:
    """The module of its name has ``run``, whose parameters are the arguments that are declared."""
    taken = signature(import_module(f"toolworthy.cli.commands.{command.name}").run)
    if command.name == "run":  # pytest's command line
        assert list(taken.parameters) == ["arguments"]
        return
    parser = argparse.ArgumentParser()
    given = {parser.add_argument(*names, **how).dest for names, how in (*command.arguments, *command.one_of)}
    taken.bind(**dict.fromkeys(given))


def test_every_command_is_declared() -> None:
    files = {path.stem for path in (content.PACKAGE / "cli" / "commands").glob("[!_]*.py")}
    assert files == {command.name for command in COMMANDS}
