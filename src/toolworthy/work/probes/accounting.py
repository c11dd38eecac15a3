"""Whether what an endpoint counts for related requests adds up, in the meaning of each API.

``Usage.input`` counts all input: where an API counts cached input apart, the parts are summed. So the same request has
the same input every time, whatever of it comes from a cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolworthy.wire.ir import Usage

_SHARE = 0.15
"""By how much a count may differ from what it is compared with: estimates, another tokenizer behind a router."""
_FEWEST = 64
"""Tokens that are too few to tell anything."""


@dataclass(frozen=True)
class InputCount:
    """The input tokens of one usage object."""

    input: int
    cached: int
    written: int
    """To a cache."""

    @property
    def fresh(self) -> bool:
        """Whether no cache was involved."""
        return not (self.cached or self.written)


def input_count(usage: Usage | None) -> InputCount | None:
    """What a usage says; None where it does not count the input."""
    if usage is None or not usage.input:
        return None
    return InputCount(usage.input, usage.cached or 0, usage.cache_write or 0)


def extrapolated(few: InputCount, more: InputCount, steps: float) -> int | None:
    """The input of a longer request of the same kind, from two short ones.

    Args:
        few: the shortest.
        more: a longer one.
        steps: how many times as far as from `few` to `more` it is from `few` to the long one.

    Returns:
        None where the short ones came from a cache themselves, or do not grow.
    """
    grown = more.input - few.input
    return few.input + round(grown * steps) if few.fresh and more.fresh and grown >= _FEWEST else None


def contradiction(counted: InputCount, due: int) -> str:
    """What is wrong with a count of a request whose input is known; empty where nothing is.

    Args:
        counted: what was counted.
        due: its input tokens.
    """
    off = counted.input - due
    for tokens, kind in ((counted.cached, "from the cache"), (counted.written, "written to the cache")):
        if tokens > _FEWEST and _near(off, tokens):
            return f"{due} input tokens are reported as {counted.input}: the {tokens} {kind} are counted twice"
        if tokens > _FEWEST and _near(-off, tokens):
            return f"{due} input tokens are reported as {counted.input}: the {tokens} {kind} are left out"
    return ""


def differ(first: InputCount, again: InputCount) -> bool:
    """Whether two counts of the same request differ by more than its tokenizer explains."""
    return abs(first.input - again.input) > max(_FEWEST, _SHARE * max(first.input, again.input))


def _near(value: int, wanted: int) -> bool:
    return abs(value - wanted) <= _SHARE * wanted
