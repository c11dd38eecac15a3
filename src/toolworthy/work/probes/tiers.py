"""Selection and order of probes: what agents need most comes first, invalid requests last."""

from __future__ import annotations

from typing import get_args

from toolworthy.content import situations
from toolworthy.content.situations import Situation
from toolworthy.records.meta import Tier

TIERS: tuple[Tier, ...] = get_args(Tier)

LONG: frozenset[Situation] = frozenset({"long-input", "many-tools", "full-context"})
"""Situations with long requests. Below tier ``full``, they are sent once, and over other APIs only if that shows a
fault."""


def within(tier: Tier, wanted: Tier, stream: bool | None) -> bool:
    """Whether a way of a probe of this tier is in the requested tier. ``quick`` only streams, as agents do."""
    return TIERS.index(tier) <= TIERS.index(wanted) and (wanted != "quick" or stream is not False)


def rank(tier: Tier, situation: Situation, own: bool, stream: bool | None, late: bool) -> tuple[int, ...]:
    """A sort key: the smallest is the most informative.

    Short probes for all agents come before one agent's `own` long ones; late probes that are not invalid requests come
    after those.
    """
    group = TIERS.index(tier)
    if situation in situations.NEVER or late:
        group = len(TIERS) + (situation not in situations.NEVER)
    return group, situations.order(situation), own, stream is False
