"""The gate's answer.

Pass: the data show for every criterion that the candidate meets it. Each claim is wrong with probability alpha at most,
and so is the pass, since all must be right (an intersection-union test needs no correction). Fail: the data show for
some criterion that the candidate violates it, corrected by Holm for the number of criteria, or a blocking finding is
new. Else inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolworthy.judgement.gate._compare import Comparable, comparable
from toolworthy.judgement.gate.criteria import blocks, cost, floor, margin
from toolworthy.judgement.gate.criteria.judged import Judged, lack, too_few
from toolworthy.judgement.gate.policy import Policy, Requirement
from toolworthy.judgement.gate.sample import Sample
from toolworthy.records.gate import About, Answer
from toolworthy.statistics.intervals import holm


@dataclass
class GateDecision:
    """The answer with its reasons."""

    answer: Answer
    policy: str
    about: About
    confidence: float
    judged: list[Judged]
    notes: list[str]


def decide(baseline: Sample, candidate: Sample, policy: Policy, alpha: float | None = None) -> GateDecision:
    """Compare `candidate` with `baseline`.

    Args:
        baseline: the baseline.
        candidate: the candidate.
        policy: the criteria.
        alpha: level of every claim; default: the policy's (interim analyses spend it in parts).
    """
    level = policy.alpha if alpha is None else alpha
    both = comparable(baseline, candidate, policy)
    requirements = [
        (name, criterion, agent)
        for name, criterion in policy.metrics.items()
        for agent in (both.agents(name.partition(".")[0]) if criterion.each_agent else [None])
    ]
    many = sum(criterion.parts for name, criterion, agent in requirements if both.of(name, agent).paired)
    judged = [one for wish in requirements for one in _criterion(both, *wish, policy, level, many)]
    _holm(judged, level)
    judged += blocks.judge(both, baseline, candidate, policy)
    return GateDecision(_answer(judged), policy.source, policy.about, policy.confidence, judged, both.notes)


def _answer(judged: Sequence[Judged]) -> Answer:
    answers = {one.answer for one in judged}
    if "fail" in answers:
        return "fail"
    return "pass" if answers == {"pass"} else "inconclusive"


def _holm(judged: Sequence[Judged], alpha: float) -> None:
    """Fail the criteria that are worse even after correction for their number."""
    tested = [(criterion, criterion.p_worse) for criterion in judged if criterion.p_worse is not None]
    for (criterion, p), holds in zip(tested, holm([p for _, p in tested], alpha), strict=True):
        if holds:
            criterion.answer = "fail"
        elif p <= alpha:
            criterion.more.append(f"worse on its own; of {len(tested)} criteria, one may look worse by chance")


def _criterion(
    both: Comparable, name: str, criterion: Requirement, agent: str | None, policy: Policy, alpha: float, many: int
) -> list[Judged]:
    label = f"{name} [{agent}]" if agent else name
    of = both.of(name, agent)
    if not of.asked:
        return [Judged(label, "inconclusive", "the baseline has no value for it")] if policy.required else []
    lacking = of.share > policy.unmeasured
    cost_asked = criterion.at_most is not None or criterion.tail_at_most is not None
    if not of.paired or (lacking and cost_asked):
        return [too_few(label, of, policy)]
    out = []
    if criterion.margin is not None:
        out.append(margin.judge(label, of, criterion.margin, policy.about, alpha, many))
    if criterion.floor is not None:
        out.append(floor.judge(label, of, criterion.floor, policy.about, alpha))
    if criterion.at_most is not None:
        out.append(cost.judge(label, of.paired, criterion.at_most, policy.about, alpha, many))
    if criterion.tail_at_most is not None:
        out.append(cost.judge_tail(label, of.paired, criterion.tail_at_most, alpha))
    for judged in out:
        if lacking:
            lack(judged, of, policy)
        judged.more = [*both.failed_by_leaks(name, of.paired), *judged.more]
        judged.more += of.count() if cost_asked else ()
        judged.more += [f"not compared: {of.why}"] if of.missing else []
    return out
