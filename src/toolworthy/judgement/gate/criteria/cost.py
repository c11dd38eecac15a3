"""Criteria on costs: the total may rise to a limit, and only few attempts may be extremely expensive."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf, log

from toolworthy.base.counted import counted
from toolworthy.judgement.gate.cost_ratio import ratio
from toolworthy.judgement.gate.criteria.judged import Judged, needed
from toolworthy.judgement.gate.paired import Pair
from toolworthy.judgement.gate.sample import Unit
from toolworthy.judgement.gate.total_cost import RARE, Bill, bill, tail
from toolworthy.records.gate import About, Answer

_STUCK = "the items differ too much for more attempts to help; add items"
_FAR = 5.0
"""An attempt is named if it costs this many times the average of the others at its item."""
_NAMED = 3
_APART = 1.25
"""The ratio of totals differs from that of typical attempts if one is this many times the other."""


def judge(
    name: str, paired: Sequence[tuple[Unit, Pair]], limit: float, about: About, alpha: float, many: int
) -> Judged:
    """Judge the total cost."""
    pairs = [pair for _, pair in paired]
    before, after = (any(any(getattr(pair, side)) for pair in pairs) for side in ("before", "after"))
    if not after:
        return Judged(name, "pass", "it costs nothing")
    if not before:
        return Judged(name, "inconclusive", "it was free before, so there is no ratio to limit")
    costs = bill(pairs, about)
    if costs is None:
        return Judged(name, "inconclusive", "only one item, with one attempt on a side", needed="add items")
    borne, worse = costs.p_borne(limit), costs.p_worse(limit)
    judged = Judged(
        name, "pass" if borne <= alpha else "inconclusive", _interval_text(costs, limit, alpha), worse, borne
    )
    hidden, unseen = costs.unseen(alpha)
    if borne > alpha:
        level = alpha / many if costs.value > limit else alpha
        attempts = sum(pair.weight for pair in pairs) / len(pairs)
        judged.needed = needed(lambda times: costs.decides(limit, level, times), attempts, _STUCK)
        judged.more += _dearest(paired)
    else:
        judged.more.append(f"of the total cost, except for extreme attempts rarer than {_one_in(unseen)}")
    if worse <= alpha:
        judged.more.append(f"unless extreme attempts rarer than {_one_in(hidden)} did not occur in the baseline")
    judged.more += _typical(costs, pairs)
    seen = costs.findable(limit, alpha / many)
    judged.more.append(
        f"minimum detectable increase (80 % power): ×{seen:.2f}"
        if seen
        else "no increase could have failed it: too few attempts make up the baseline's total"
    )
    return judged


def judge_tail(name: str, paired: Sequence[tuple[Unit, Pair]], limit: float, alpha: float) -> Judged:
    """Judge the most expensive attempts."""
    exceeding = tail([pair for _, pair in paired], limit)
    borne = exceeding.p_borne()
    text = (
        f"{exceeding.beyond} of {exceeding.attempts} attempts cost more than ×{limit:g} the baseline's average at its "
        f"item; fewer than {RARE:.0%} may"
    )
    few = ceil(log(alpha) / log(1 - RARE))
    short = f"too few attempts to show it; at least {few} attempts" if exceeding.attempts < few else ""
    answer: Answer = "pass" if borne <= alpha else "inconclusive"
    return Judged(f"{name}, tail", answer, text, exceeding.p_worse(), borne, short)


def _interval_text(costs: Bill, limit: float, alpha: float) -> str:
    low, high = costs.interval(alpha)
    least = f"{low:.2f}" if low else "0"
    most = f"{high:.2f}" if high < inf else "∞"
    return (
        f"{_figure(costs.before)} → {_figure(costs.after)} per attempt, total cost ×{costs.value:.2f} "
        f"({1 - 2 * alpha:.0%} interval {least} to {most}), ×{limit:g} is allowed; "
        f"{counted(costs.clusters, 'item')}, {costs.first.attempts} and {counted(costs.then.attempts, 'attempt')}; "
        f"effective sample sizes {costs.first.carried:.0f} and {costs.then.carried:.0f}"
    )


def _typical(costs: Bill, pairs: Sequence[Pair]) -> list[str]:
    """A note on the typical attempt, if it differs from the total."""
    usual = ratio(pairs)
    if usual is None or 1 / _APART < costs.value / usual.value < _APART:
        return []
    return [f"a typical attempt (geometric mean) ×{usual.value:.2f}: a few expensive attempts make the difference"]


def _dearest(paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
    """The extremely expensive attempts, the most expensive first."""
    rows = []
    for side in ("before", "after"):
        total = sum(sum(getattr(pair, side)) / len(getattr(pair, side)) for _, pair in paired)
        for unit, pair in paired:
            own, whole = getattr(pair, side), sum(pair.before) + sum(pair.after)
            for index, value in enumerate(own, 1):
                others = (whole - value) / (len(pair.before) + len(pair.after) - 1)
                if value > _FAR * others:
                    rows.append((-value / len(own) / total, side, unit, index, value, others))
    rows.sort(key=lambda row: (row[0], row[1], row[2].item, row[2].agent, row[3]))
    named = [
        f"expensive: {unit.item} ({unit.agent}), attempt {index} {'of the baseline' if side == 'before' else 'now'}: "
        f"{_figure(value)}, {f'×{value / others:.1f} the others' if others else 'the others cost nothing'} at it, "
        f"{-share:.0%} of the sum"
        for share, side, unit, index, value, others in rows[:_NAMED]
    ]
    return [*named, f"expensive: {len(rows) - _NAMED} more"] if len(rows) > _NAMED else named


def _one_in(share: float) -> str:
    return f"one of {1 / share:.0f}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
