"""A rate that may drop by less than a margin."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.gate.criteria.judged import Judged, needed
from toolworthy.gate.drop import drop
from toolworthy.gate.paired import About, Pair
from toolworthy.gate.sample import Unit
from toolworthy.statistics import mean_pass, pass_hat_k

_NAMED = 5
"""Items named among those that lost."""


def judge(
    name: str, paired: Sequence[tuple[Unit, Pair]], margin: float, about: About, alpha: float, many: int
) -> Judged:
    found = drop([pair for _, pair in paired], about)
    assert found is not None
    low, high = found.interval(alpha)
    worse, borne = found.p_worse(margin), found.p_borne(margin)
    said = (
        f"{found.before:.1%} → {found.after:.1%}, a drop of {points(found.value)} "
        f"({1 - 2 * alpha:.0%} interval {100 * low:.1f} to {100 * high:.1f}), {points(margin)} are allowed; "
        f"{found.clusters} items, {found.pairs:.0f} pairs of attempts"
    )
    judged = Judged(name, "pass" if borne <= alpha else "inconclusive", said, worse, borne)
    if borne > alpha:
        level = alpha / many if found.value > margin else alpha
        judged.needed = needed(lambda times: found.decides(margin, level, times), found.pairs / len(paired))
    judged.more += _all_of_them(paired)
    seen = found.findable(margin, alpha / many)
    judged.more.append(
        f"a drop of {points(seen)} would have failed it in four runs of five"
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


def points(value: float) -> str:
    return f"{100 * value:.1f} points"
