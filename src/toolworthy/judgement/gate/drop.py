"""The drop between two paired samples."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.judgement.gate._similar_items import alike
from toolworthy.judgement.gate.paired import Drop, Pair
from toolworthy.judgement.gate.same_items import these
from toolworthy.records.gate import About


def drop(pairs: Sequence[Pair], about: About = "these") -> Drop:
    """The drop over all pairs; there must be at least one."""
    return these(pairs) if about == "these" else alike(pairs)
