"""Every subcommand is declared in one place, as the function that does it wants it."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from inspect import signature

import pytest

from toolworthy import content
from toolworthy.cli.commands import COMMANDS, Subcommand
from toolworthy.cli.main import main
from toolworthy.cli.options import OPTIONS


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


def test_the_help_of_a_run_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """And none that there is not; in about thirty lines, with five examples."""
    assert main(["run", "--help"]) == 0
    text = capsys.readouterr().out
    shown = {name for name, how in OPTIONS.items() if how["help"] != argparse.SUPPRESS}
    assert set(re.findall(r"--[a-z-]+", text)) == shown | {"--collect-only", "--help-pytest"}
    assert len(text.splitlines()) < 45
    assert text.count("\n  toolworthy run ") == 5
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_options_and_names(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert err == ""  # it is evaluated whenever a shell starts
    missing = [
        word for word in ("doctor", "key-env", "until-decided", "claude-code", "deepseek", "TW101") if word not in out
    ]
    assert missing == []


def test_every_command_says_how_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        if command.name == "run":
            continue
        with pytest.raises(SystemExit) as ended:
            main([command.name, "--help"])
        text = capsys.readouterr().out
        assert ended.value.code == 0
        assert text.startswith(f"usage: toolworthy {command.name} ")
        assert "example: " in text


def test_every_command_is_declared() -> None:
    files = {path.stem for path in (content.PACKAGE / "cli" / "commands").glob("[!_]*.py")}
    assert files == {command.name for command in COMMANDS}
