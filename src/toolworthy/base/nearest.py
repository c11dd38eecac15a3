"""Find the known name that is nearest to an unknown one. Standard library only: the command line imports it."""

from __future__ import annotations

import difflib
from collections.abc import Collection

_SHOWN = 30
"""How many names are listed if none resembles the given one."""


def did_you_mean(wanted: str, known: Collection[str]) -> str:
    """Text to append to a message about an unknown name: the nearest known name, else all known names."""
    shown = [*known][:_SHOWN] + ["…"] * (len(known) > _SHOWN)
    return closest(wanted, known) or f". Use one of {', '.join(shown)}."


def closest(wanted: str, known: Collection[str]) -> str:
    """Text that suggests the nearest known name; empty if none resembles it."""
    matches = difflib.get_close_matches(wanted, known, 1)
    return f"; did you mean {matches[0]!r}?" if matches else ""
