"""What of an endpoint comes out of the environment: its key, and headers that hold one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.nearest import near


@dataclass(frozen=True)
class Header:
    """A header that every request carries. A value from the environment is a secret, and shows in no repr."""

    name: str
    """In lower case."""
    value: str = field(repr=False)
    variable: str | None = None
    """Environment variable that holds it; None where it stands in the config."""

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
        blanks: whether blanks may stand inside, as in a header's value.

    Raises:
        ToolworthyError: no header can carry it; the message has no part of it.
    """
    value = environ.get(variable, "").strip()
    if re.search(r"[\r\n]", value):
        problem = "has a line break in it"
    elif not value.isascii():
        problem = "is not ASCII"
    elif not value.isprintable() or (" " in value and not blanks):
        problem = "has a blank or a control character in it"
    else:
        return value
    raise ToolworthyError(f"the key in the environment variable {variable} {problem}. Put the key there alone.")


def unset(variable: str, environ: Mapping[str, str]) -> str:
    meant = near(variable, [held for held in environ if held.endswith(("KEY", "TOKEN"))]) or "."
    return f"{variable} is not set{meant} Put the key into that environment variable."
