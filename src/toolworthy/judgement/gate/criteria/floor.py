"""A criterion on a rate: it must reach a floor."""

from __future__ import annotations

from math import ceil, log

from toolworthy.judgement.gate._compare import Compared
from toolworthy.judgement.gate.criteria.judged import Judged
from toolworthy.judgement.gate.floor import reached
from toolworthy.records.gate import About, Answer


def judge(name: str, of: Compared, floor: float, about: About, alpha: float) -> Judged:
    rate = reached(of.evidence, about)
    borne, worse, estimate = rate.p_borne(floor), rate.p_worse(floor), rate.estimate
    if of.after.uncounted:
        borne = max(borne, reached(of.filled(True), about).p_borne(floor))
        worse = max(worse, reached(of.filled(False), about).p_worse(floor))
    whose = "of these items" if about == "these" else "of all items like these"
    text = f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%}), the floor is {floor:.0%}; {whose}"
    needed = (
        ""
        if rate.best(floor) <= alpha
        else f"even a perfect result would be too little evidence: {_short(about, floor, alpha)}"
    )
    answer: Answer = "pass" if borne <= alpha else "inconclusive"
    return Judged(f"{name}, floor", answer, text, worse, borne, needed)


def _short(about: About, floor: float, alpha: float) -> str:
    return f"at least {ceil(log(alpha) / log(floor))} attempts" if about == "these" else "add items"
