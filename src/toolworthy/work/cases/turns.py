"""Which turns of a case belong together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from toolworthy.work.cases.model import Turn


def unspoken(turns: Sequence[Turn], number: int) -> tuple[Turn, ...]:
    """The turns after that of `number` in which only results come, and more calls are due."""
    following = itertools.takewhile(lambda turn: turn.right and not turn.user and not turn.error, turns[number + 1 :])
    return () if turns[number].error else tuple(following)
