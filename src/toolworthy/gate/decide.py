"""The gate's answer.

Pass: of every criterion it is shown that the candidate holds it; each claim may be wrong once in 1/alpha, and so may
the pass, since all must be right (an intersection-union test needs no correction). Fail: of some criterion the contrary
is shown, corrected by Holm for how many are looked at, or a blocking finding is new. Else inconclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from toolworthy.gate.compare import Comparable, Compared, comparable
from toolworthy.gate.floor import reached
from toolworthy.gate.paired import Pair, drop
from toolworthy.gate.policy import Criterion, Policy
from toolworthy.gate.ratio import ratio
from toolworthy.gate.sample import Sample, Unit
from toolworthy.statistics import holm, mean_pass, pass_hat_k

Answer = Literal["pass", "fail", "inconclusive"]
_TOO_MANY = 200
"""Attempts an item beyond which nobody would go."""
_ENDLESS = 1e6
_NAMED = 5
"""Items named among those that lost."""
_BLOCKS = "blocking findings"


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
    many = sum(criterion.parts for name, criterion, agent in wanted if both.of(name, agent).paired)
    judged = [one for wish in wanted for one in _criterion(both, *wish, policy, level, many)]
    _holm(judged, level)
    judged += _blocks(both, baseline, candidate, policy)
    return Decision(_answer(judged), policy.source, policy.confidence, judged, both.notes)


def _answer(judged: Sequence[Judged]) -> Answer:
    answers = {one.answer for one in judged}
    if "fail" in answers:
        return "fail"
    return "pass" if answers == {"pass"} else "inconclusive"


def _holm(judged: Sequence[Judged], alpha: float) -> None:
    """Let fail what is worse even after a look at how many criteria there are."""
    asked = [(one, one.p_worse) for one in judged if one.p_worse is not None]
    for (one, p), shown in zip(asked, holm([p for _, p in asked], alpha), strict=True):
        if shown:
            one.answer = "fail"
        elif p <= alpha:
            one.more.append(f"worse if it were the only criterion; of {len(asked)} one may look so by chance")


def _criterion(
    both: Comparable, name: str, criterion: Criterion, agent: str | None, policy: Policy, alpha: float, many: int
) -> list[Judged]:
    shown = f"{name} [{agent}]" if agent else name
    of = both.of(name, agent)
    if not of.asked:
        return [Judged(shown, "inconclusive", "the baseline has no value of it")] if policy.required else []
    if not of.paired or of.missing > policy.unmeasured * of.asked:
        return [_too_few(shown, of, policy)]
    out = []
    if criterion.margin is not None:
        out.append(_margin(shown, of.paired, criterion.margin, alpha, many))
    if criterion.floor is not None:
        out.append(_floor(shown, of.paired, criterion.floor, alpha))
    if criterion.at_most is not None:
        out.append(_ratio(shown, of.paired, criterion.at_most, alpha, many))
    for one in out:
        one.more = [*both.failed_by_leaks(name, of.paired), *one.more]
        one.more += both.without_value(of.paired)
        one.more += [f"not compared: {of.why}"] if of.missing else []
    return out


def _too_few(name: str, of: Compared, policy: Policy) -> Judged:
    said = f"{of.missing} of {of.asked} results of the baseline have nothing beside them: {of.why}"
    if of.paired:
        said += f"; {policy.unmeasured:.0%} may be missing"
    return Judged(name, "inconclusive", said, needed=of.mend)


def _margin(name: str, paired: Sequence[tuple[Unit, Pair]], margin: float, alpha: float, many: int) -> Judged:
    found = drop([pair for _, pair in paired])
    assert found is not None
    low, high = found.interval(alpha)
    worse, borne = found.p_worse(margin), found.p_borne(margin)
    said = (
        f"{found.before:.1%} → {found.after:.1%}, a drop of {_points(found.value)} "
        f"({1 - 2 * alpha:.0%} interval {100 * low:.1f} to {100 * high:.1f}), {_points(margin)} are allowed; "
        f"{found.clusters} items, {found.pairs:.0f} pairs of attempts"
    )
    judged = Judged(name, "pass" if borne <= alpha else "inconclusive", said, worse, borne)
    if borne > alpha:
        level = alpha / many if found.value > margin else alpha
        judged.needed = _needed(lambda times: found.decides(margin, level, times), found.pairs / len(paired))
    judged.more += _all_of_them(paired)
    seen = found.findable(margin, alpha / many)
    judged.more.append(
        f"a drop of {_points(seen)} would have failed it in four runs of five"
        if seen
        else "no drop could have failed it: too few"
    )
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


def _needed(decides: Callable[[float], bool], attempts: float) -> str:
    """How many attempts would decide, if what was seen is the truth."""
    if not decides(_ENDLESS):
        return "more attempts would not decide it, the items differ too much: add items, or widen the margin"
    if not decides(_TOO_MANY / attempts):
        return f"more than {_TOO_MANY} attempts an item would have to decide it: add items, or widen the margin"
    few, many = max(1, int(attempts)), _TOO_MANY
    while few < many:
        middle = (few + many) // 2
        few, many = (few, middle) if decides(middle / attempts) else (middle + 1, many)
    told = f"about {many} attempts an item on both sides would decide, if what was seen is the truth"
    return f"{told} (now {attempts:.3g}): --trials {many}"


def _worst(paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
    """The items that lost most."""
    lost = [row for row in sorted(paired, key=lambda row: row[1].won - row[1].lost) if row[1].lost > row[1].won]
    named = [
        f"lost: {unit.item} ({unit.agent}) {_counted(pair.before)} → {_counted(pair.after)}"
        for unit, pair in lost[:_NAMED]
    ]
    return [*named, f"lost: {len(lost) - _NAMED} more"] if len(lost) > _NAMED else named


def _counted(values: Sequence[float]) -> str:
    return f"{sum(values):g}/{len(values)}"


def _floor(name: str, paired: Sequence[tuple[Unit, Pair]], floor: float, alpha: float) -> Judged:
    found = reached([(pair.cluster, value) for _, pair in paired for value in pair.after])
    assert found is not None
    borne, estimate = found.p_borne(floor), found.estimate
    said = f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%}), at least {floor:.0%} is asked for"
    needed = "" if found.best(floor) <= alpha else "not even full marks would show it: add items"
    answer: Answer = "pass" if borne <= alpha else "inconclusive"
    return Judged(f"{name}, floor", answer, said, found.p_worse(floor), borne, needed)


def _ratio(name: str, paired: Sequence[tuple[Unit, Pair]], limit: float, alpha: float, many: int) -> Judged:
    pairs = [pair for _, pair in paired]
    before, after = (sum(sum(getattr(pair, side)) for pair in pairs) for side in ("before", "after"))
    if not after:
        return Judged(name, "pass", "it costs nothing")
    if not before:
        return Judged(
            name, "inconclusive", "it cost nothing and costs something now: no ratio says how much is allowed"
        )
    found = ratio(pairs)
    if found is None:
        return Judged(name, "inconclusive", "fewer than two items tell it", needed="add items")
    low, high = found.interval(alpha)
    borne = found.p_borne(limit)
    each = f"{_figure(found.before)} → {_figure(found.after)} a typical attempt"
    inside = f"×{found.value:.2f} ({1 - 2 * alpha:.0%} interval {low:.2f} to {high:.2f})"
    said = f"{each}, {inside}, ×{limit:g} is allowed; {found.clusters} items"
    judged = Judged(name, "pass" if borne <= alpha else "inconclusive", said, found.p_worse(limit), borne)
    if borne > alpha:
        level = alpha / many if found.value > limit else alpha
        attempts = sum(pair.weight for pair in pairs) / len(pairs)
        judged.needed = _needed(lambda times: found.decides(limit, level, times), attempts)
    judged.more.append(f"×{found.findable(limit, alpha / many):.2f} would have failed it in four runs of five")
    if found.value <= limit < found.in_sum:
        judged.more.append(f"but ×{found.in_sum:.2f} in sum: a few attempts cost far more than the typical one")
    return judged


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _blocks(both: Comparable, baseline: Sample, candidate: Sample, policy: Policy) -> list[Judged]:
    """Blocking findings on the wire that the baseline lacks. Nothing is left to chance here: one is enough."""
    if not policy.no_new_blocks_for:
        return []
    of = both.of("wire.supported")
    if not of.asked:
        both.notes.append("the baseline has no results of wire: whether blocking findings are new is not known")
        asked = policy.required and "no_new_blocks_for" in policy.model_fields_set
        return [Judged(_BLOCKS, "inconclusive", "the baseline has no results of wire")] if asked else []
    counted = {agent for agent in candidate.blocking if {"*", agent} & set(policy.no_new_blocks_for)}
    agents = sorted(agent for agent in counted & set(baseline.blocking) if policy.counts(agent))
    new = {agent: sorted(set(candidate.blocking[agent]) - set(baseline.blocking[agent])) for agent in agents}
    titles = {code: title for own in candidate.blocking.values() for code, title in own.items()}
    said = "; ".join(
        f"{agent}: " + ", ".join(f"{code} {titles[code]}" for code in codes) for agent, codes in new.items() if codes
    )
    if said:
        return [Judged(_BLOCKS, "fail", f"new: {said}", more=["`toolworthy rules CODE` says how to mend one"])]
    if of.missing > policy.unmeasured * of.asked:
        return [_too_few(_BLOCKS, of, policy)]
    return [Judged(_BLOCKS, "pass", f"none is new for {', '.join(agents)}" if agents else "none is new")]
