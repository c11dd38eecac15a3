"""A criterion on a rate: it may drop by less than a margin."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.base.counted import counted
from toolworthy.judgement.gate._compare import Compared
from toolworthy.judgement.gate.criteria.judged import Judged, needed
from toolworthy.judgement.gate.drop import drop
from toolworthy.judgement.gate.paired import Drop, Pair
from toolworthy.judgement.gate.sample import Unit
from toolworthy.records.gate import About
from toolworthy.statistics.intervals import mean_pass, pass_hat_k

_NAMED = 5
"""The most items named among those that lost."""
_STUCK: dict[About, str] = {
    "these": "no number of attempts can decide a drop as large as the margin; add items",
    "like-these": "the items differ too much for more attempts to help; add items",
}
_ONE_OF_MANY = "a single item says nothing about others, however many attempts; add items"


def judge(name: str, of: Compared, margin: float, about: About, alpha: float, many: int) -> Judged:
    paired = of.paired
    change = drop(of.evidence, about)
    # A pass must hold if all missing attempts had gone against the candidate, a fail if in its favour.
    worst, best = (drop(of.filled(against), about) if of.without else change for against in (True, False))
    low, high = change.interval(alpha)
    worse = max(change.p_worse(margin), best.p_worse(margin))
    borne = max(change.p_borne(margin), worst.p_borne(margin))
    text = (
        f"{change.before:.1%} → {change.after:.1%}, a drop of {points(change.value)} "
        f"({1 - 2 * alpha:.0%} interval {100 * low:.1f} to {100 * high:.1f}), {points(margin)} are allowed; "
        f"{_of_which(about, change.clusters)}, {counted(round(change.pairs), 'pair')} of attempts"
    )
    judged = Judged(name, "pass" if borne <= alpha else "inconclusive", text, worse, borne)
    level = alpha / many if change.value > margin else alpha
    if change.p_borne(margin) <= alpha < borne or change.p_worse(margin) <= level < worse:
        judged.needed = f"the answer depends on the {of.without} attempts without a value. Next: {of.advice}"
    elif borne > alpha:
        judged.needed = (
            _ONE_OF_MANY
            if about == "like-these" and change.clusters == 1
            else needed(lambda times: change.decides(margin, level, times), change.pairs / len(paired), _STUCK[about])
        )
    judged.more += _all_of_them(paired)
    judged.more.append(_findable(change, margin, alpha / many))
    if low > 0 or borne > alpha:
        judged.more += _worst(paired)
    rates = {"before": (best.before, worst.before), "after": (worst.after, best.after)}
    judged.more += of.count(lambda side: "{:.1%} to {:.1%}".format(*rates[side]))
    return judged


def _of_which(about: About, items: int) -> str:
    if about == "these":
        return f"of these {items} items" if items > 1 else "of this item"
    return f"of all items like these {items}" if items > 1 else "of all items like this one"


def _findable(change: Drop, margin: float, alpha: float) -> str:
    """The minimum detectable drop, spread evenly and as lost items."""
    even, items = change.findable(margin, alpha), change.findable_items(margin, alpha)
    kinds = [
        *([f"a drop of {points(even)} spread evenly"] if even is not None else []),
        *([f"{items} of {counted(change.clusters, 'item')} lost entirely"] if items is not None else []),
    ]
    if not kinds:
        why = "too few attempts" if change.before > margin else "the baseline's rate does not exceed the margin"
        return f"no drop could have failed it: {why}"
    return f"minimum detectable drop (80 % power): {' or '.join(kinds)}"


def _all_of_them(paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
    """pass^k, in addition to the mean: how often all attempts of an item are right, if it has several."""
    k = min(min(len(pair.before), len(pair.after)) for _, pair in paired)
    if k < 2:
        return []

    def chance(side: str) -> float:
        estimate = mean_pass(
            [(index, value >= 1) for index, (_, pair) in enumerate(paired) for value in getattr(pair, side)],
            k,
            pass_hat_k,
        )
        return estimate.value if estimate else 0.0

    return [f"pass^{k}, all of {k} attempts: {chance('before'):.1%} → {chance('after'):.1%}"]


def _worst(paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
    """The items that lost most."""
    ordered = sorted(paired, key=lambda row: (row[1].won - row[1].lost, row[0].item, row[0].agent))
    lost = [row for row in ordered if row[1].lost > row[1].won]
    named = [f"lost: {unit.item} ({unit.agent}) {_of(pair.before)} → {_of(pair.after)}" for unit, pair in lost[:_NAMED]]
    return [*named, f"lost: {len(lost) - _NAMED} more"] if len(lost) > _NAMED else named


def _of(values: Sequence[float]) -> str:
    return f"{sum(values):g}/{len(values)}"


def points(value: float) -> str:
    return f"{100 * value:.1f} points"
