"""Parse the command line and call the subcommand."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import closest
from toolworthy.base.sanitize import one_line, show
from toolworthy.base.version import __version__
from toolworthy.cli._command_line import refuse_keys
from toolworthy.cli._parser import Parser
from toolworthy.cli._values import once
from toolworthy.cli.commands import COMMANDS
from toolworthy.cli.interrupt import as_ctrl_c


def dispatch(arguments: Sequence[str]) -> int:
    """Run one subcommand. Returns its exit code; 4 after a user's mistake."""
    try:
        refuse_keys(arguments, os.environ)
        _check_folder()
        if arguments[:1] == ["run"]:  # pytest's own command line, which loads plugins and handles signals itself
            return _call("run", arguments=arguments[1:])
        _check_command(*arguments[:1])
        options = vars(parser().parse_args(arguments))
        from toolworthy.endpoint.plugins import load_plugins

        with as_ctrl_c():
            load_plugins(Path.cwd())
            code = _call(**options)
        if next_step := next((one.next for one in COMMANDS if one.name == options["command"] and code == 0), ""):
            show(f"next: {next_step}", sys.stderr)
        return code
    except ToolworthyError as error:
        message: object = error
    except BrokenPipeError:
        raise
    except OSError as error:
        message = one_line(f"{error.filename}: {error.strerror}. Check the path." if error.filename else error)
    show(f"error: {message}", sys.stderr)
    return 4


def _call(command: str, **options: object) -> int:
    code: int = import_module(f"toolworthy.cli.commands.{command}").run(**options)
    return code


def _check_folder() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        raise ToolworthyError("the working directory does not exist any more. Change to another one.") from None


def _check_command(name: str = "") -> None:
    """Refuse an unknown command before argparse lists all commands."""
    names = [command.name for command in COMMANDS]
    if name[:1] != "-" and name not in ("", *names):
        from toolworthy.work.kinds import suites

        if name in suites():
            raise ToolworthyError(f"{name!r} is a suite. Type `toolworthy run {name}`.")
        raise ToolworthyError(f"unknown command {name!r}{closest(name, names) or '.'} `toolworthy --help` lists them.")
    if not name:
        raise ToolworthyError("no command is given. `toolworthy --help` lists them.")
    options = ["--help", "-h", "--version"]
    if name[:1] == "-" and name not in options:
        raise ToolworthyError(
            f"unknown option {name}{closest(name, options) or '.'} Put options of a command after its name."
        )


def parser(suites: Mapping[str, dict[str, Any]] = MappingProxyType({})) -> Parser:
    """Of all subcommands.

    Args:
        suites: whether to add the options of `run`, which pytest parses; for listings of all options.
    """
    root = Parser(
        prog="toolworthy", description="Is this model endpoint worthy of the agent tool you want to put it behind?"
    )
    root.add_argument("--version", action="version", version=f"toolworthy {__version__}")
    subparsers = root.add_subparsers(dest="command", title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        example = f"example: {command.example}"
        own = subparsers.add_parser(command.name, help=command.help, description=command.help, epilog=example)
        more = [((name,), how) for name, how in suites.items() if command.name == "run"]
        for names, how in (*command.arguments, *more):
            own.add_argument(*names, **once(names, how))
        if command.one_of:
            group = own.add_mutually_exclusive_group(required=True)
            for names, how in command.one_of:
                group.add_argument(*names, **how)
    return root
