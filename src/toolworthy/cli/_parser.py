"""The parser of all subcommands, which reports a mistake in one line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import closest

_ARGUMENT = re.compile(r"argument (?:-\w/)?(?P<name>\S+): (?P<said>.*)", re.DOTALL)
"""The beginning of argparse's errors about one argument."""
_OPTION = re.compile(r"(-[A-Za-z]|--[A-Za-z][^\s=]*)(=.*)?", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """argparse's parser, without abbreviations, that raises `ToolworthyError` for a mistake: one line."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**{"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter, **how})

    def error(self, message: str) -> NoReturn:
        raise ToolworthyError(f"{plain(message)} `{self.prog} --help` shows the options.")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, but unknown options are refused first: one may be a misspelt required option."""
        actions = self._option_string_actions
        if self._subparsers is None and (unknown := [*options(args, actions)]):
            self.error(f"unknown option {unknown[0]}{closest(unknown[0], actions)}")
        parsed, extra = super().parse_known_args(args, namespace)
        if extra and any(action.nargs in {"*", "+"} for action in self._get_positional_actions()):
            raise ToolworthyError(f"{extra[0]!r} stands after an option. Put it before the first option.")
        if extra:
            self.error(f"{extra[0]!r} is one argument too many")
        return parsed, extra


def options(args: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """The options among `args` that are not `known`."""
    known = {*known}
    for word in args:
        if word == "--":
            return
        if (option := _OPTION.fullmatch(word)) and option[1] not in known:
            yield option[1]


def plain(message: str) -> str:
    """An error of argparse as a sentence: the option, its value, the allowed values."""
    if match := _ARGUMENT.fullmatch(message):
        name, problem = match["name"], match["said"]
        link = " " if problem[:1] in "'m" else ": "  # it begins with the value, or with "must be"
        message = problem if name[:1] == "{" else f"{name}{link}{problem}"
    return message if message[-1:] in ".?!" else message + "."
