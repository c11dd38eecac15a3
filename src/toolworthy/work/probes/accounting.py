"""Check that an endpoint's token counts of related requests are consistent, as each API defines them.

``Usage.input`` counts all input: if an API counts cached input separately, it is the sum. So the same request has
the same input every time, however much of it is cached.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolworthy.wire.ir import Usage

_SHARE = 0.15
"""The accepted relative difference of two counts: some are estimates, and a router may change the tokenizer."""
_FEWEST = 64
"""Smaller differences, in tokens, prove nothing."""


@dataclass(frozen=True)
class InputCount:
    """The input tokens of one usage object."""

    input: int
    cached: int
    written: int
    """Tokens written to a cache."""

    @property
    def fresh(self) -> bool:
        """Whether no cache was involved."""
        return not (self.cached or self.written)


def input_count(usage: Usage | None) -> InputCount | None:
    """The input tokens of a usage object; None if it does not count them."""
    if usage is None or not usage.input:
        return None
    return InputCount(usage.input, usage.cached or 0, usage.cache_write or 0)


def extrapolated(few: InputCount, more: InputCount, steps: float) -> int | None:
    """The expected input tokens of a longer request of the same kind, from two short ones.

    Args:
        few: the shortest.
        more: a longer one.
        steps: the distance from `few` to the long request, in multiples of that from `few` to `more`.

    Returns:
        None if a cache served the short ones, or their count does not grow.
    """
    grown = more.input - few.input
    return few.input + round(grown * steps) if few.fresh and more.fresh and grown >= _FEWEST else None


def contradiction(counted: InputCount, due: int) -> str:
    """What is wrong with a count, if the request's input tokens are known; "" if nothing is.

    Args:
        counted: the endpoint's count.
        due: the expected input tokens.
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
