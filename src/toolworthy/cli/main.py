"""The command ``toolworthy``: reads the command line, and calls the subcommand that it names."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import one_line, show
from toolworthy.base.version import __version__
from toolworthy.cli._command_line import refuse_keys
from toolworthy.cli.commands import COMMANDS
from toolworthy.cli.interrupt import as_ctrl_c


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code. A mistake of the user's is one line on stderr and exit code 4, as pytest's."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        refuse_keys(arguments, os.environ)
        if arguments[:1] == ["run"]:  # pytest's own command line, which loads plugins and minds signals by itself
            return _call("run", arguments=arguments[1:])
        options = vars(_parser().parse_args(arguments))
        from toolworthy.endpoint.plugins import load_plugins

        with as_ctrl_c():
            load_plugins(Path.cwd())
            return _call(**options)
    except ToolworthyError as error:
        show(f"toolworthy: {error}", sys.stderr)
        return 4
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter writes there once more as it ends
        return 128 + signal.SIGPIPE
    except OSError as error:
        show(f"toolworthy: {one_line(error)}", sys.stderr)
        return 4
    except KeyboardInterrupt:
        return 130


def _call(command: str, **options: object) -> int:
    code: int = import_module(f"toolworthy.cli.commands.{command}").run(**options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="toolworthy", description="Is this model endpoint worthy of the agent tool you want to put it behind?"
    )
    parser.add_argument("--version", action="version", version=f"toolworthy {__version__}")
    subparsers = parser.add_subparsers(dest="command", title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        own = subparsers.add_parser(command.name, help=command.help, description=command.help)
        for names, how in command.arguments:
            own.add_argument(*names, **how)
        if command.one_of:
            group = own.add_mutually_exclusive_group(required=True)
            for names, how in command.one_of:
                group.add_argument(*names, **how)
    return parser
