"""Assign to each want the call that fits it best."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

_MAX_PERMUTED = 5
"""Calls up to which every order is tried; beyond, they are taken as they come."""


def assigned(costs: Sequence[Sequence[int]], calls: int) -> list[int]:
    """The cheapest way to give each want a call of its own; -1 where none is left.

    Args:
        costs: for each want, what each call would cost.
        calls: how many calls there are.
    """
    wants = len(costs)
    if not wants or not calls:
        return [-1] * wants
    if max(wants, calls) > _MAX_PERMUTED:
        return _greedy(costs, calls)
    slots = [*range(calls), *[-1] * max(0, wants - calls)]
    best = min(
        itertools.permutations(slots, wants),
        key=lambda way: (sum(1_000 if n < 0 else costs[i][n] for i, n in enumerate(way)), way),
    )
    return list(best)


def _greedy(costs: Sequence[Sequence[int]], calls: int) -> list[int]:
    free = set(range(calls))
    order = [-1] * len(costs)
    pairs = sorted((row[call], want, call) for want, row in enumerate(costs) for call in range(calls))
    for _, want, call in pairs:
        if order[want] < 0 and call in free:
            order[want] = call
            free.discard(call)
    return order
