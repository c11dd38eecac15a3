"""A cost that may rise to a limit, times the baseline's."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.gate.criteria.judged import Judged, needed
from toolworthy.gate.paired import Pair
from toolworthy.gate.ratio import ratio
from toolworthy.gate.sample import Unit

_STUCK = "more attempts would not decide it, the items differ too much: add items, or widen the limit"


def judge(name: str, paired: Sequence[tuple[Unit, Pair]], limit: float, alpha: float, many: int) -> Judged:
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
        judged.needed = needed(lambda times: found.decides(limit, level, times), attempts, _STUCK)
    judged.more.append(f"×{found.findable(limit, alpha / many):.2f} would have failed it in four runs of five")
    if found.value <= limit < found.in_sum:
        judged.more.append(f"but ×{found.in_sum:.2f} in sum: a few attempts cost far more than the typical one")
    return judged


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
