"""A rate that must reach a floor."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.gate.compare import Compared
from toolworthy.gate.criteria.judged import Answer, Judged
from toolworthy.gate.floor import Reached, reached
from toolworthy.gate.paired import Pair


def judge(name: str, of: Compared, floor: float, alpha: float) -> Judged:
    found = _reached(of.evidence)
    borne, worse, estimate = found.p_borne(floor), found.p_worse(floor), found.estimate
    if of.after.uncounted:
        borne = max(borne, _reached(of.filled(True)).p_borne(floor))
        worse = max(worse, _reached(of.filled(False)).p_worse(floor))
    said = f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%}), at least {floor:.0%} is asked for"
    needed = "" if found.best(floor) <= alpha else "not even full marks would show it: add items"
    answer: Answer = "pass" if borne <= alpha else "inconclusive"
    return Judged(f"{name}, floor", answer, said, worse, borne, needed)


def _reached(pairs: Sequence[Pair]) -> Reached:
    found = reached([(pair.cluster, value) for pair in pairs for value in pair.after])
    assert found is not None
    return found
