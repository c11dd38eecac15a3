"""Items of kinds of work that have no folder here: those of plugins. `toolworthy run NAME` runs this file."""

from collections.abc import Callable


def test_item(settle: Callable[[], None]) -> None:
    """It is done, and well."""
    settle()
