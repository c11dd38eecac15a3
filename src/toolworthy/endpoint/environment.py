"""Read an endpoint's secrets from the environment: its key, from a variable or a command, and secret headers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import closest


@dataclass(frozen=True)
class Header:
    """A header of every request. A value from the environment is a secret and in no repr."""

    name: str
    """In lower case."""
    value: str = field(repr=False)
    variable: str | None = None
    """Environment variable of its value; None if the value is in the config."""

    @property
    def public(self) -> str:
        """Its value in the config: without secrets."""
        return f"env:{self.variable}" if self.variable else self.value


def read_setting(endpoint: str, setting: str, value: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The value of a setting, and the environment variable it comes from, if any: ``env:NAME`` in the config.

    Args:
        endpoint: its name.
        setting: the setting.
        value: its value in the config.
        environ: environment variables.

    Raises:
        ToolworthyError: the variable is not set, or its value is not valid in a header.
    """
    kind, _, variable = value.partition(":")
    if kind != "env":
        return value, None
    if not (held := secret(environ, variable, blanks=True)):
        raise ToolworthyError(f"{endpoint} needs its {setting}, and {unset(variable, environ)}")
    return held, variable


def secret(environ: Mapping[str, str], variable: str, *, blanks: bool = False) -> str:
    """The value of an environment variable, without the final line break of a file or ``echo``.

    Args:
        environ: environment variables.
        variable: the name of one.
        blanks: whether it may contain blanks, as a header's value may.

    Raises:
        ToolworthyError: it is not valid in a header; the message has no part of it.
    """
    value = environ.get(variable, "").strip()
    if problem := _unsendable(value, blanks):
        raise ToolworthyError(f"the key in the environment variable {variable} {problem}. Put the key there alone.")
    return value


def _unsendable(value: str, blanks: bool = False) -> str:
    """Why a value is not valid in a header; "" if it is."""
    if re.search(r"[\r\n]", value):
        return "has a line break in it"
    if not value.isascii():
        return "is not ASCII"
    return (
        "has a blank or a control character in it" if not value.isprintable() or (" " in value and not blanks) else ""
    )


@cache
def printed(endpoint: str, command: tuple[str, ...]) -> str:
    """The key that a command prints. The command runs once per process.

    Args:
        endpoint: its name.
        command: a program and its arguments.

    Raises:
        ToolworthyError: it cannot be run, fails, takes more than a minute, or prints no key; the message has no part of
            what it printed.
    """
    where = f"the key_command of {endpoint}, {command[0]},"
    try:
        made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise ToolworthyError(f"{where} did not end within {_PATIENCE} seconds. Run it in a terminal.") from None
    except OSError as error:
        raise ToolworthyError(f"{where} cannot be run: {error.strerror}. Give a program, or its path.") from None
    if made.returncode:
        raise ToolworthyError(f"{where} ended with exit code {made.returncode}. Run it in a terminal to see why.")
    value = made.stdout.decode("utf-8", "replace").strip()
    if problem := "is empty" if not value else _unsendable(value):
        raise ToolworthyError(f"what {where} printed {problem}. It must print the key alone.")
    return value


_PATIENCE = 60
"""Seconds."""


def unset(variable: str, environ: Mapping[str, str]) -> str:
    hint = closest(variable, [held for held in environ if held.endswith(("KEY", "TOKEN"))]) or "."
    return f"{variable} is not set{hint} Put the key into that environment variable."
