"""The gate's answer.

Pass: of every criterion it is shown that the candidate holds it; each claim may be wrong once in 1/alpha, and so may
the pass, since all must be right (an intersection-union test needs no correction). Fail: of some criterion the contrary
is shown, corrected by Holm for how many are looked at, or a blocking finding is new. Else inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import Literal

from toolworthy.gate.compare import Comparable, comparable
from toolworthy.gate.floor import reached
from toolworthy.gate.paired import Drop, Pair, drop
from toolworthy.gate.policy import Criterion, Policy
from toolworthy.gate.ratio import ratio
from toolworthy.gate.sample import Sample, Unit
from toolworthy.statistics import mean_pass, pass_hat_k

Answer = Literal["pass", "fail", "inconclusive"]
POWER = 0.8
"""How sure one wants to be to find what is said to be findable."""
_TOO_MANY = 200
"""Attempts an item beyond which nobody would go."""


@dataclass
class Judged:
    """One criterion."""

    name: str
    answer: Answer
    said: str
    """Figures in words."""
    p_worse: float | None = None
    p_borne: float | None = None
    needed: str = ""
    """What would decide it."""
    more: list[str] = field(default_factory=list)
    """What could have been found, what was lost."""

    @property
    def next(self) -> list[str]:
        """What to know beside the figures."""
        return [*([self.needed] if self.needed and self.answer == "inconclusive" else []), *self.more]


@dataclass
class Decision:
    """The answer with its reasons."""

    answer: Answer
    policy: str
    confidence: float
    judged: list[Judged]
    notes: list[str]


def decide(baseline: Sample, candidate: Sample, policy: Policy, alpha: float | None = None) -> Decision:
    """Compare `candidate` with `baseline`.

    Args:
        baseline: what there is.
        candidate: what may replace it.
        policy: what it must hold.
        alpha: level of every claim, where it is not the policy's (sequential looks spend it in parts).
    """
    level = policy.alpha if alpha is None else alpha
    both = comparable(baseline, candidate, policy)
    wanted = [
        (name, criterion, agent)
        for name, criterion in policy.metrics.items()
        for agent in (both.agents(name.partition(".")[0]) if criterion.each_agent else [None])
    ]
    judged = [
        one
        for name, criterion, agent in wanted
        for one in _criterion(both, name, criterion, agent, policy, level, len(wanted))
    ]
    _holm(judged, level)
    judged += _blocks(baseline, candidate, policy)
    return Decision(_answer(judged), policy.source, policy.confidence, judged, both.notes)


def _answer(judged: Sequence[Judged]) -> Answer:
    answers = {one.answer for one in judged}
    if "fail" in answers:
        return "fail"
    return "pass" if answers == {"pass"} else "inconclusive"


def _holm(judged: Sequence[Judged], alpha: float) -> None:
    """Let fail what is worse even after a look at how many criteria there are."""
    ranked = sorted((one for one in judged if one.p_worse is not None), key=lambda one: one.p_worse or 0.0)
    for position, one in enumerate(ranked):
        if one.p_worse is None or one.p_worse > alpha / (len(ranked) - position):
            break
        one.answer = "fail"


def _criterion(
    both: Comparable, name: str, criterion: Criterion, agent: str | None, policy: Policy, alpha: float, many: int
) -> list[Judged]:
    shown = f"{name} [{agent}]" if agent else name
    paired, lost, asked = both.of(name, agent)
    if not paired:
        if not (policy.required or asked):
            return []
        why = "the candidate has no value for any item" if asked else "not measured in both runs"
        return [Judged(shown, "inconclusive", why)]
    if lost > policy.unmeasured * asked:
        said = f"{lost} of {asked} items of the baseline have no value now; {policy.unmeasured:.0%} may be missing"
        return [Judged(shown, "inconclusive", said, needed="measure them, or find out why they fail: --resume RUN")]
    out = []
    if criterion.margin is not None:
        out.append(_margin(shown, paired, criterion.margin, alpha, many))
    if criterion.floor is not None:
        out.append(_floor(shown, paired, criterion.floor, alpha))
    if criterion.at_most is not None:
        out.append(_ratio(shown, paired, criterion.at_most, alpha))
    return out


def _margin(name: str, paired: Sequence[tuple[Unit, Pair]], margin: float, alpha: float, many: int) -> Judged:
    found = drop([pair for _, pair in paired])
    assert found is not None
    low, high = found.interval(alpha)
    worse, borne = found.p_worse(margin), found.p_borne(margin)
    said = (
        f"{found.before:.1%} → {found.after:.1%}, a drop of {_points(found.value)} "
        f"({100 * low:.1f} to {100 * high:.1f}), {_points(margin)} are borne; "
        f"{len(paired)} items, {found.pairs:.0f} pairs of attempts"
    )
    judged = Judged(name, "pass" if borne <= alpha else "inconclusive", said, worse, borne)
    if borne > alpha:
        judged.needed = _needed(found, margin, alpha, paired)
    judged.more += _all_of_them(paired)
    judged.more.append(f"could have found a drop of {_points(margin + _reach(found, alpha / many))}")
    if low > 0 or borne > alpha:
        judged.more += _worst(paired)
    return judged


def _all_of_them(paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
    """pass^k beside the mean: how often all attempts of an item are right, where there are several."""
    k = min(min(len(pair.before), len(pair.after)) for _, pair in paired)
    if k < 2:
        return []

    def chance(side: str) -> float:
        found = mean_pass(
            [(index, value >= 1) for index, (_, pair) in enumerate(paired) for value in getattr(pair, side)],
            k,
            pass_hat_k,
        )
        return found.value if found else 0.0

    return [f"pass^{k}, all of {k} attempts: {chance('before'):.1%} → {chance('after'):.1%}"]


def _points(value: float) -> str:
    return f"{100 * value:.1f} points"


def _reach(found: Drop, alpha: float) -> float:
    """Beyond the margin, how large a drop is found four times in five."""
    from scipy.special import ndtri, stdtrit  # type: ignore[import-untyped]

    single = max((found.lost + found.won) / found.worth, 2 / found.worth)
    error = sqrt(single / found.worth)
    return float(stdtrit(max(1, found.clusters - 1), 1 - alpha) + ndtri(POWER)) * error


def _needed(found: Drop, margin: float, alpha: float, paired: Sequence[tuple[Unit, Pair]]) -> str:
    """How many attempts would decide, if what was seen is the truth."""
    gap = abs(found.value - margin)
    attempts = found.pairs / len(paired)
    factor = (_reach(found, alpha) / gap) ** 2 if gap > 0 else float("inf")
    needed = attempts * factor
    if needed > _TOO_MANY:
        return "the drop is too near the margin for any sensible number of attempts: widen the margin, or add items"
    many = ceil(needed)
    return f"about {many} attempts an item on both sides would decide (now {attempts:.1f}): --trials {many}"


def _worst(paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
    """The items that lost most."""
    lost = sorted(paired, key=lambda row: row[1].won - row[1].lost)
    return [
        f"lost: {unit.item} ({unit.agent}) {_counted(pair.before)} → {_counted(pair.after)}"
        for unit, pair in lost[:5]
        if pair.lost > pair.won
    ]


def _counted(values: Sequence[float]) -> str:
    return f"{sum(values):g}/{len(values)}"


def _floor(name: str, paired: Sequence[tuple[Unit, Pair]], floor: float, alpha: float) -> Judged:
    found = reached([(pair.cluster, value) for _, pair in paired for value in pair.after])
    assert found is not None
    borne, estimate = found.p_borne(floor), found.estimate
    said = f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%}), at least {floor:.0%} is asked for"
    return Judged(f"{name}, floor", "pass" if borne <= alpha else "inconclusive", said, found.p_worse(floor), borne)


def _ratio(name: str, paired: Sequence[tuple[Unit, Pair]], limit: float, alpha: float) -> Judged:
    found = ratio([pair for _, pair in paired])
    if found is None:
        return Judged(name, "inconclusive", "fewer than two items tell it")
    low, high = found.interval(alpha)
    borne = found.p_borne(limit)
    each = f"{found.before:,.2f} → {found.after:,.2f} an item"
    said = f"{each}, ×{found.value:.2f} ({low:.2f} to {high:.2f}), ×{limit:g} is borne"
    return Judged(name, "pass" if borne <= alpha else "inconclusive", said, found.p_worse(limit), borne)


def _blocks(baseline: Sample, candidate: Sample, policy: Policy) -> list[Judged]:
    """Blocking findings on the wire that the baseline lacks. Nothing is left to chance here: one is enough."""
    if not policy.no_new_blocks_for or not (baseline.blocking and candidate.blocking):
        return []
    agents = [
        agent
        for agent in candidate.blocking
        if agent in baseline.blocking and ("*" in policy.no_new_blocks_for or agent in policy.no_new_blocks_for)
    ]
    new = {agent: sorted(set(candidate.blocking[agent]) - set(baseline.blocking[agent])) for agent in agents}
    titles = {code: title for own in candidate.blocking.values() for code, title in own.items()}
    said = "; ".join(
        f"{agent}: " + ", ".join(f"{code} {titles[code]}" for code in codes) for agent, codes in new.items() if codes
    )
    if not said:
        return [Judged("blocking findings", "pass", f"none is new for {', '.join(agents)}")]
    return [Judged("blocking findings", "fail", f"new: {said}", more=["`toolworthy rules CODE` says how to mend one"])]
