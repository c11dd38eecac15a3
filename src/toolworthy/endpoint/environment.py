"""Read an endpoint's secrets from the environment: its key, by a variable or a command, and headers that hold one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import near


@dataclass(frozen=True)
class Header:
    """A header that every request carries. A value from the environment is a secret, and shows in no repr."""

    name: str
    """In lower case."""
    value: str = field(repr=False)
    variable: str | None = None
    """Environment variable that holds it; None where it is in the config."""

    @property
    def public(self) -> str:
        """As the config has it."""
        return f"env:{self.variable}" if self.variable else self.value


def read_setting(endpoint: str, setting: str, value: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The value of a setting, and the environment variable that holds it, if one does: ``env:NAME`` in the config.

    Args:
        endpoint: its name.
        setting: the setting.
        value: as the config has it.
        environ: environment variables.

    Raises:
        ToolworthyError: the variable is not set, or no header can carry what it holds.
    """
    kind, _, variable = value.partition(":")
    if kind != "env":
        return value, None
    if not (held := secret(environ, variable, blanks=True)):
        raise ToolworthyError(f"{endpoint} needs its {setting}, and {unset(variable, environ)}")
    return held, variable


def secret(environ: Mapping[str, str], variable: str, *, blanks: bool = False) -> str:
    """What an environment variable holds, without the line break that a file or ``echo`` left at its end.

    Args:
        environ: environment variables.
        variable: the name of one.
        blanks: whether blanks may be inside, as in a header's value.

    Raises:
        ToolworthyError: no header can carry it; the message has no part of it.
    """
    value = environ.get(variable, "").strip()
    if problem := _unsendable(value, blanks):
        raise ToolworthyError(f"the key in the environment variable {variable} {problem}. Put the key there alone.")
    return value


def _unsendable(value: str, blanks: bool = False) -> str:
    """Why no header can carry a value; "" where one can."""
    if re.search(r"[\r\n]", value):
        return "has a line break in it"
    if not value.isascii():
        return "is not ASCII"
    return (
        "has a blank or a control character in it" if not value.isprintable() or (" " in value and not blanks) else ""
    )


@cache
def printed(endpoint: str, command: tuple[str, ...]) -> str:
    """The key that a command prints. It runs once in a process.

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
    meant = near(variable, [held for held in environ if held.endswith(("KEY", "TOKEN"))]) or "."
    return f"{variable} is not set{meant} Put the key into that environment variable."
