"""The known name that is nearest to an unknown one. Standard library only: the command line starts with it."""

from __future__ import annotations

import difflib
from collections.abc import Collection

_SHOWN = 30
"""Names of which all are told, where none is like the one that was given."""


def meant(wanted: str, known: Collection[str]) -> str:
    """What was probably meant by a name that is not known, to be put behind a message; else what is known."""
    shown = [*known][:_SHOWN] + ["…"] * (len(known) > _SHOWN)
    return near(wanted, known) or f". Use one of {', '.join(shown)}."


def near(wanted: str, known: Collection[str]) -> str:
    """The same, or nothing where no name is like it."""
    matches = difflib.get_close_matches(wanted, known, 1)
    return f"; did you mean {matches[0]!r}?" if matches else ""
