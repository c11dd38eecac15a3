"""A rate that must reach a floor."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.gate.criteria.judged import Answer, Judged
from toolworthy.gate.floor import reached
from toolworthy.gate.paired import Pair
from toolworthy.gate.sample import Unit


def judge(name: str, paired: Sequence[tuple[Unit, Pair]], floor: float, alpha: float) -> Judged:
    found = reached([(pair.cluster, value) for _, pair in paired for value in pair.after])
    assert found is not None
    borne, estimate = found.p_borne(floor), found.estimate
    said = f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%}), at least {floor:.0%} is asked for"
    needed = "" if found.best(floor) <= alpha else "not even full marks would show it: add items"
    answer: Answer = "pass" if borne <= alpha else "inconclusive"
    return Judged(f"{name}, floor", answer, said, found.p_worse(floor), borne, needed)
