"""The subcommands. Each is a module of this package, imported on use, and declared in ``commands.toml``. The module's
``run`` takes the arguments by name and returns the exit code.

May import: everything.
Does not belong here: a command's logic; only its arguments and its output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from toolworthy.cli._values import Argument, arguments, read_table


class Subcommand(NamedTuple):
    """A subcommand."""

    name: str
    """Its name, also of its module."""
    help: str
    arguments: tuple[Argument, ...]
    one_of: tuple[Argument, ...]
    """Further arguments, of which exactly one must be given."""
    example: str
    """An example."""
    next: str
    """The next step after it."""


def _subcommand(name: str, row: dict[str, Any], shared: dict[str, Any]) -> Subcommand:
    rows = {names: shared[names] if how == "shared" else how for names, how in row.get("arguments", {}).items()}
    one_of = tuple((names, _chosen(names[0], how)) for names, how in arguments(row.get("one_of", {})))
    return Subcommand(name, row["help"], arguments(rows), one_of, row.get("example", ""), row.get("next", ""))


def _chosen(option: str, how: dict[str, Any]) -> dict[str, Any]:
    """One of several options, all of which are the argument `to`: the option's name and its path."""
    return {**how, "dest": "to", "type": lambda text: (option.removeprefix("--"), Path(text))}


_TABLE = read_table("commands.toml")
_SHARED = _TABLE.pop("shared")
COMMANDS = tuple(_subcommand(name, row, _SHARED) for name, row in _TABLE.items())
