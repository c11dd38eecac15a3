"""Rates, means and pass@k, each with an interval.

Sums are exact (``fsum``), so that no figure depends on the order of results. Start-up must stay quick, so
scipy is imported where it is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import comb, fsum

Z_POWER = 0.8416212335729143
"""Normal quantile of 80 % power, for minimum detectable drops."""
_TAIL = 0.025


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval, of ``n`` values in ``clusters`` groups."""

    value: float
    low: float
    high: float
    n: int
    clusters: int


def exact(ok: float, n: float) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of a proportion; (0, 1) where n is 0.

    It contains the true rate in at least 95 % of samples, for every rate and sample size. Both may be fractions, for
    an effective sample. Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits", Biometrika
    26 (1934).
    """
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    bad = n - ok
    low = float(betaincinv(ok, bad + 1, _TAIL)) if ok > 1e-9 else 0.0
    high = float(betaincinv(ok + 1, bad, 1 - _TAIL)) if bad > 1e-9 else 1.0
    return low, high


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
    """Which of several null hypotheses are rejected, by their p-values, at family-wise level `alpha`.

    Valid under any dependence. Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6 (1979).
    """
    shown = [False] * len(chances)
    for remaining, place in zip(
        range(len(chances), 0, -1), sorted(range(len(chances)), key=chances.__getitem__), strict=True
    ):
        if chances[place] > alpha / remaining:
            break
        shown[place] = True
    return shown


def f1(counts: Iterable[tuple[Hashable, int, int]]) -> Estimate | None:
    """F1 of decisions, with its interval; None where neither side has a positive.

    With `agreed` common positives and `wrong` positives of only one side, F1 is 2j / (1 + j) with j = agreed / (agreed
    + wrong). So its interval follows from that of j, a proportion, with the same coverage.

    Args:
        counts: of each request (or whatever else is decided on): its cluster, `agreed`, `wrong`.
    """
    shared = pooled((cluster, agreed, agreed + wrong) for cluster, agreed, wrong in counts)
    if shared is None:
        return None
    value, low, high = (2 * end / (1 + end) for end in (shared.value, shared.low, shared.high))
    return replace(shared, value=value, low=low, high=high)


def clustered(values: Iterable[tuple[Hashable, float]]) -> Estimate | None:
    """Mean of values between 0 and 1, each with the cluster that it belongs to; None where there are none.

    Trials and agent toolsets of one scenario are one cluster: they share what makes the scenario easy or hard.
    The interval is for the mean over all such clusters, so a single cluster gives a very wide one.
    """
    return _mean(_grouped(values))


def pooled(counts: Iterable[tuple[Hashable, int, int]]) -> Estimate | None:
    """The same for counts: each has a cluster, the number of successes, and the total; None if all totals are 0."""
    groups: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for cluster, good, many in counts:
        if not 0 <= good <= many:
            raise ValueError(f"no {good} of {many}")
        groups[cluster][0] += many
        groups[cluster][1] += good
    return _mean([(many, good) for many, good in groups.values() if many])


def worth(values: Iterable[tuple[Hashable, float]]) -> tuple[float, float]:
    """Mean of clustered values, and their effective sample size."""
    return _effective_sample(_grouped(values))


def _grouped(values: Iterable[tuple[Hashable, float]]) -> list[tuple[int, float]]:
    """Size and sum of each cluster."""
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for cluster, value in values:
        if not 0 <= value <= 1:
            raise ValueError("values lie between 0 and 1")
        groups[cluster].append(value)
    return [(len(group), fsum(group)) for group in groups.values()]


def _mean(sums: Sequence[tuple[int, float]]) -> Estimate | None:
    if not sums:
        return None
    mean, draws = _effective_sample(sums)
    low, high = exact(mean * draws, draws)
    return Estimate(mean, low, high, sum(size for size, _ in sums), len(sums))


def _effective_sample(sums: Sequence[tuple[int, float]]) -> tuple[float, float]:
    n = sum(size for size, _ in sums)
    mean = min(1.0, fsum(total for _, total in sums) / n)
    spread = fsum((total - size * mean) ** 2 for size, total in sums) / n**2
    kish = n**2 / sum(size**2 for size, _ in sums)
    return mean, _effective(mean, _corrected(spread, len(sums)), n, kish)


def mean_pass(
    trials: Sequence[tuple[Hashable, bool]],
    k: int,
    estimator: Callable[[int, int, int], float | None] = pass_at_k,
) -> Estimate | None:
    """``pass_at_k`` or ``pass_hat_k``, averaged over items, each trial given with its item; None where unmeasured.

    Items have equal weight, however many trials each has. An item with fewer than k trials is not measured and left
    out; ``n`` and ``clusters`` are the trials and items that were counted.
    """
    counts: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for item, passed in trials:
        counts[item][0] += 1
        counts[item][1] += bool(passed)
    measured = [(n, value) for n, c in counts.values() if (value := estimator(n, c, k)) is not None]
    if not measured:
        return None
    items = len(measured)
    mean = min(1.0, max(0.0, fsum(value for _, value in measured) / items))
    spread = fsum((value - mean) ** 2 for _, value in measured) / items**2
    # As a mean over all choices of k of n trials, the estimator varies at most k/n times as much as one draw of k:
    # W. Hoeffding, "A class of statistics with asymptotically normal distribution", Ann. Math. Statist. 19 (1948).
    units = items**2 / fsum(k / n for n, _ in measured)
    draws = _effective(mean, _corrected(spread, items), units, items)
    low, high = exact(mean * draws, draws)
    return Estimate(mean, low, high, sum(n for n, _ in measured), items)


def _too_few(n: int, c: int, k: int) -> bool:
    if not 0 <= c <= n or k < 1:
        raise ValueError(f"no {c} passes in {n} attempts taken {k} at a time")
    return k > n


def _corrected(spread: float, clusters: int) -> float:
    """Variance of a mean from the mean squared deviation of cluster totals."""
    return spread * clusters / (clusters - 1) if clusters > 1 else 0.0


def _effective(mean: float, variance: float, units: float, clusters: float) -> float:
    """The effective sample size, between ``clusters`` and ``units``.

    Source: E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", Survey Methodology 24 (1998). Two departures. First, each cluster is assumed to
    be all 0 or all 1 until several clusters show otherwise: neither thirty passes out of thirty nor three scenarios
    with equal results prove that scenarios do not differ. Second, values between 0 and 1 vary most if each cluster is
    all 0 or all 1, so a sample is never worth fewer draws than it has clusters.
    """
    size = units / clusters
    if size <= 1:
        return units
    binomial = mean * (1 - mean)
    seen = min(1.0, max(0.0, (variance * units / binomial - 1) / (size - 1))) if binomial > 0 else 0.0
    events = clusters * binomial
    correlation = (events * seen + 1) / (events + 1)
    few = (_t95(max(1.0, clusters - 1)) / _t95(max(1.0, units - 1))) ** 2
    return max(clusters, units / (1 + (size - 1) * correlation * few))


@cache
def _t95(freedom: float) -> float:
    """Two-sided 95 % quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - _TAIL))
