"""Rates, means and chances of success over repeats, each with an interval that says how little was seen.

Start-up must stay quick, so scipy is imported where it is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, sqrt

_Z95 = 1.959963984540054
_TAIL = 0.025

# What is believed of the correlation within a cluster before anything is seen, and how many failures (or successes,
# whichever are rarer) it takes to outweigh the belief. Without it, thirty passes out of thirty would be taken as proof
# that scenarios do not differ. Tuned with benchmarks/intervals.py.
_PRIOR_CORRELATION = 0.3
_PRIOR_WEIGHT = 4.0


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval, of ``n`` values in ``clusters`` groups."""

    value: float
    low: float
    high: float
    n: int
    clusters: int


def wilson(ok: float, n: float, z: float = _Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion, 95 % by default; (0, 1) where n is 0.

    Both may be fractions, for an effective sample. Source: E. B. Wilson, "Probable inference, the law of succession,
    and statistical inference", JASA 22 (1927).
    """
    if n == 0:
        return 0.0, 1.0
    rate = ok / n
    middle = rate + z * z / (2 * n)
    half = z * sqrt(max(0.0, rate * (1 - rate)) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def rate(ok: int, n: int) -> str:
    """``7/10 · 70% (40%–89%)``, or ``not measured``."""
    if n == 0:
        return "not measured"
    return figures(ok, n, *wilson(ok, n))


def figures(ok: int, n: int, low: float, high: float) -> str:
    """``7/10 · 70% (40%–89%)``, of at least one."""
    return f"{ok}/{n} · {ok / n:.0%} ({low:.0%}–{high:.0%})"


def pass_at_k(n: int, c: int, k: int) -> float | None:
    """Chance that at least one of k attempts passes, from c passes in n attempts; None where k > n: not measured.

    The share of all choices of k attempts with a pass among them, which is unbiased. Source: M. Chen et al.,
    "Evaluating large language models trained on code", arXiv:2107.03374 (2021).
    """
    return None if _too_few(n, c, k) else 1 - comb(n - c, k) / comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float | None:
    """Chance that all of k attempts pass (pass^k), from c passes in n attempts; None where k > n: not measured.

    Source: S. Yao et al., "τ-bench: a benchmark for tool-agent-user interaction in real-world domains",
    arXiv:2406.12045 (2024).
    """
    return None if _too_few(n, c, k) else comb(c, k) / comb(n, k)


def holm(chances: Sequence[float], alpha: float) -> list[bool]:
    """Which of several findings, each with its chance if nothing were there, hold at level `alpha` for all of them.

    Whatever depends on what. Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6 (1979).
    """
    shown = [False] * len(chances)
    for left, place in zip(
        range(len(chances), 0, -1), sorted(range(len(chances)), key=chances.__getitem__), strict=True
    ):
        if chances[place] > alpha / left:
            break
        shown[place] = True
    return shown


def f1(tp: int, fp: int, fn: int, tn: int) -> Estimate | None:
    """F1 with a bootstrap interval over the requests (percentiles of 4,000 resamples, same seed every time).

    None where neither side has a positive. Where both agree on every request, resampling cannot see a miss that did
    not happen: the lower end is then that of Wilson's interval of the agreement on positives.
    """
    positives = 2 * tp + fp + fn
    if not positives:
        return None
    from numpy.random import default_rng

    n = tp + fp + fn + tn
    drawn = default_rng(1).multinomial(n, [tp / n, fp / n, fn / n, tn / n], 4_000)
    below = 2 * drawn[:, 0] + drawn[:, 1] + drawn[:, 2]
    scores = sorted(float(2 * row[0] / total) for row, total in zip(drawn, below, strict=True) if total)
    low, high = scores[int(0.025 * len(scores))], scores[min(len(scores) - 1, int(0.975 * len(scores)))]
    agreed = wilson(tp, tp + fp + fn)
    return Estimate(2 * tp / positives, min(low, agreed[0]) if not (fp or fn) else low, high, n, n)


def clustered(values: Sequence[tuple[Hashable, float]]) -> Estimate | None:
    """Mean of values between 0 and 1, each with the cluster that it belongs to; None where there are none.

    Trials and agent vocabularies of one scenario are one cluster: they share what makes the scenario easy or hard.
    The interval is for the mean over all clusters like these, so one cluster alone says next to nothing.
    """
    if not values:
        return None
    mean, draws = worth(values)
    low, high = _exact(mean, draws)
    return Estimate(mean, low, high, len(values), len({cluster for cluster, _ in values}))


def worth(values: Sequence[tuple[Hashable, float]]) -> tuple[float, float]:
    """Mean of clustered values, and how many independent draws they are worth."""
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for cluster, value in values:
        groups[cluster].append(value)
    sums = [(len(group), sum(group)) for group in groups.values()]
    if any(not 0 <= value <= 1 for _, value in values):
        raise ValueError("values lie between 0 and 1")
    n = len(values)
    mean = min(1.0, sum(total for _, total in sums) / n)
    spread = sum((total - size * mean) ** 2 for size, total in sums) / n**2
    kish = n**2 / sum(size**2 for size, _ in sums)
    return mean, _effective(mean, _corrected(spread, len(sums)), n, kish)


def mean_pass(
    trials: Sequence[tuple[Hashable, bool]],
    k: int,
    estimator: Callable[[int, int, int], float | None] = pass_at_k,
) -> Estimate | None:
    """``pass_at_k`` or ``pass_hat_k``, averaged over items, each trial given with its item; None where unmeasured.

    Items count alike however many trials each has. An item with fewer than k trials is not measured and left out;
    ``n`` and ``clusters`` are the trials and items that were counted.
    """
    counts: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for item, passed in trials:
        counts[item][0] += 1
        counts[item][1] += bool(passed)
    measured = [(n, value) for n, c in counts.values() if (value := estimator(n, c, k)) is not None]
    if not measured:
        return None
    items = len(measured)
    mean = sum(value for _, value in measured) / items
    spread = sum((value - mean) ** 2 for _, value in measured) / items**2
    # As a mean over all choices of k of n trials, the estimator varies at most k/n times as much as one draw of k:
    # W. Hoeffding, "A class of statistics with asymptotically normal distribution", Ann. Math. Statist. 19 (1948).
    units = items**2 / sum(k / n for n, _ in measured)
    low, high = _interval(mean, _corrected(spread, items), units, items)
    return Estimate(mean, low, high, sum(n for n, _ in measured), items)


def _too_few(n: int, c: int, k: int) -> bool:
    if not 0 <= c <= n or k < 1:
        raise ValueError(f"no {c} passes in {n} attempts taken {k} at a time")
    return k > n


def _corrected(spread: float, clusters: int) -> float:
    """Variance of a mean from the mean squared deviation of cluster totals."""
    return spread * clusters / (clusters - 1) if clusters > 1 else 0.0


def _interval(mean: float, variance: float, units: float, clusters: float) -> tuple[float, float]:
    """Exact interval on as many independent draws as the sample is worth: between ``clusters`` and ``units``.

    Source: E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", Survey Methodology 24 (1998). Two departures. The correlation within clusters
    is drawn up to a prior while failures (or successes) are few, never down to it. And values between 0 and 1 vary
    most where each cluster is wholly 0 or 1, so a sample is never worth fewer draws than it has clusters.
    """
    mean = min(1.0, max(0.0, mean))
    return _exact(mean, _effective(mean, variance, units, clusters))


def _effective(mean: float, variance: float, units: float, clusters: float) -> float:
    """How many independent draws the sample is worth."""
    size = units / clusters
    if size <= 1:
        return units
    binomial = mean * (1 - mean)
    seen = min(1.0, max(0.0, (variance * units / binomial - 1) / (size - 1))) if binomial > 0 else 0.0
    events = units * binomial / (1 + (size - 1) * seen)
    drawn = (events * seen + _PRIOR_WEIGHT * _PRIOR_CORRELATION) / (events + _PRIOR_WEIGHT)
    few = (_t95(max(1.0, clusters - 1)) / _t95(max(1.0, units - 1))) ** 2
    return max(clusters, units / (1 + (size - 1) * max(seen, drawn) * few))


@cache
def _t95(freedom: float) -> float:
    """Two-sided 95 % quantile of Student's t."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]

    return float(stdtrit(freedom, 1 - _TAIL))


def _exact(mean: float, n: float) -> tuple[float, float]:
    """Clopper and Pearson's interval for ``mean * n`` successes in ``n``, which need not be whole numbers."""
    from scipy.special import betaincinv

    ok = mean * n
    bad = n - ok
    low = float(betaincinv(ok, bad + 1, _TAIL)) if ok > 1e-9 else 0.0
    high = float(betaincinv(ok + 1, bad, 1 - _TAIL)) if bad > 1e-9 else 1.0
    return low, high
