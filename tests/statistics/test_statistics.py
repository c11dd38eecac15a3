"""Rates, chances over repeats, and means of what hangs together, with their intervals."""

import importlib.util
import math
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, binomtest  # type: ignore[import-untyped]

from toolworthy.statistics.intervals import (
    Estimate,
    clustered,
    exact,
    f1,
    mean_pass,
    pass_at_k,
    pass_hat_k,
    pooled,
    worth,
)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 30])
def test_a_single_count_holds_the_truth_at_every_rate(n: int) -> None:
    """Exact, not simulated: Wilson's interval would hold it in 80 % at n = 1, in 90 % at n = 10."""
    ends = [exact(ok, n) for ok in range(n + 1)]
    worst = 1.0
    for rate in [end + off for pair in ends for end in pair for off in (-1e-9, 1e-9)]:
        if 0 < rate < 1:
            chances = [binom.pmf(ok, n, rate) for ok, (low, high) in enumerate(ends) if low <= rate <= high]
            worst = min(worst, math.fsum(map(float, chances)))
    assert worst >= 0.95


@pytest.mark.parametrize(("ok", "n"), [(0, 1), (0, 10), (10, 10), (7, 20), (1, 1)])
def test_the_interval_is_clopper_and_pearsons(ok: int, n: int) -> None:
    wanted = binomtest(ok, n).proportion_ci(0.95)
    assert exact(ok, n) == (pytest.approx(wanted.low), pytest.approx(wanted.high))


def test_nothing_counted_says_nothing() -> None:
    assert exact(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("n", range(1, 9))
def test_chances_over_repeats_are_shares_of_all_subsets(n: int) -> None:
    for c in range(n + 1):
        attempts = [True] * c + [False] * (n - c)
        for k in range(1, n + 1):
            subsets = list(combinations(attempts, k))
            some, every = pass_at_k(n, c, k), pass_hat_k(n, c, k)
            assert some is not None
            assert every is not None
            assert math.isclose(some, sum(map(any, subsets)) / len(subsets), abs_tol=1e-12)
            assert math.isclose(every, sum(map(all, subsets)) / len(subsets), abs_tol=1e-12)


def test_one_pass_in_three_is_a_third() -> None:
    """A published evaluation gives 1 for both of these, since it asks only whether c >= k."""
    assert pass_at_k(3, 1, 1) == pytest.approx(1 / 3)
    assert pass_at_k(10, 3, 3) == pytest.approx(0.7083, abs=1e-4)


@pytest.mark.parametrize("chance", [pass_at_k, pass_hat_k])
def test_more_attempts_than_were_made_are_not_measured(chance: object) -> None:
    assert callable(chance)
    assert chance(2, 2, 3) is None
    assert chance(0, 0, 1) is None
    for n, c, k in ((3, 4, 1), (3, -1, 1), (3, 1, 0)):
        with pytest.raises(ValueError, match=r"no .* passes"):
            chance(n, c, k)


def flat(counts: list[tuple[int, int]]) -> list[tuple[int, bool]]:
    """Trials of items, from passes and attempts."""
    return [(item, trial < ok) for item, (ok, n) in enumerate(counts) for trial in range(n)]


@pytest.mark.parametrize(("ok", "n"), [(0, 10), (3, 10), (17, 20), (20, 20), (1, 1)])
def test_values_of_their_own_clusters_get_the_exact_interval(ok: int, n: int) -> None:
    found = clustered([(item, float(item < ok)) for item in range(n)])
    wanted = binomtest(ok, n).proportion_ci(0.95)
    assert found is not None
    assert (found.value, found.n, found.clusters) == (ok / n, n, n)
    assert (found.low, found.high) == (pytest.approx(wanted.low), pytest.approx(wanted.high))


def width(found: Estimate | None) -> float:
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    return found.high - found.low


def test_what_hangs_together_counts_for_less() -> None:
    alike = width(clustered(flat([(5, 10)] * 20)))
    torn = width(clustered(flat([(10, 10), (0, 10)] * 10)))
    assert alike < torn
    assert torn == pytest.approx(width(clustered(flat([(1, 1), (0, 1)] * 10))))  # ten trials told no more than one


@pytest.mark.parametrize("good", [0, 1])
@pytest.mark.parametrize(("items", "each"), [(1, 1), (1, 50), (2, 5), (10, 25), (80, 5)])
def test_no_interval_is_a_point_at_either_end(items: int, each: int, good: int) -> None:
    trials = flat([(good * each, each)] * items)
    for found in (clustered(trials), mean_pass(trials, 1), mean_pass(trials, 1, pass_hat_k)):
        assert width(found) > 0.005
        assert found is not None
        assert found.value == good


def test_both_ends_are_mirrored() -> None:
    counts = [(5, 5), (4, 5), (5, 5), (2, 5), (5, 5), (5, 5)]
    up, down = clustered(flat(counts)), clustered([(item, 1.0 - passed) for item, passed in flat(counts)])
    assert up is not None
    assert down is not None
    assert (up.low, up.high) == (pytest.approx(1 - down.high), pytest.approx(1 - down.low))


def test_one_cluster_says_next_to_nothing_of_others() -> None:
    assert width(clustered(flat([(50, 50)]))) > 0.9


def test_one_great_cluster_among_small_ones_is_not_many() -> None:
    assert width(clustered(flat([(200, 200)] + [(1, 1)] * 9))) > width(clustered(flat([(20, 20)] * 10)))


def test_nothing_measured_is_no_estimate() -> None:
    assert clustered([]) is None
    assert mean_pass([], 1) is None
    assert mean_pass(flat([(1, 2), (2, 2)]), 3) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        clustered([("a", 1.5)])


def test_chances_are_averaged_over_items_alike() -> None:
    trials = flat([(1, 3), (3, 3), (4, 8), (1, 1)])  # the last has too few trials for pairs
    some, every = mean_pass(trials, 2), mean_pass(trials, 2, pass_hat_k)
    assert some is not None
    assert every is not None
    assert some.value == pytest.approx((2 / 3 + 1 + (1 - 6 / 28)) / 3)
    assert every.value == pytest.approx((0 + 1 + 6 / 28) / 3)
    assert (some.n, some.clusters) == (14, 3)
    assert 0 < width(some) < 1


def test_a_mean_of_single_attempts_is_the_plain_mean() -> None:
    trials = flat([(3, 5), (5, 5), (0, 5), (4, 5)])
    plain = clustered(trials)
    assert plain is not None
    for found in (mean_pass(trials, 1), mean_pass(trials, 1, pass_hat_k)):
        assert found is not None
        assert (found.value, found.low, found.high) == pytest.approx((plain.value, plain.low, plain.high))


@pytest.mark.process
def test_start_up_does_not_pay_for_scipy() -> None:
    code = "import sys, toolworthy.statistics.intervals; sys.exit('scipy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_calls_of_a_trial_are_no_independent_draws() -> None:
    """Twenty trials of 50 calls, all or nothing: taken for 1,000 independent calls, half the intervals miss."""
    calls = [(trial, 50 * (trial < 14), 50) for trial in range(20)]
    found = pooled(calls)
    assert found == clustered([(trial, float(call < good)) for trial, good, n in calls for call in range(n)])
    assert found is not None
    assert (found.value, found.n, found.clusters) == (0.7, 1000, 20)
    assert (found.low, found.high) == pytest.approx(exact(14, 20))
    assert pooled([("a", 0, 0)]) is None
    with pytest.raises(ValueError, match="no 2 of 1"):
        pooled([("a", 2, 1)])


def test_no_figure_depends_on_the_order_of_results() -> None:
    """Plain sums of these differ in their last digits from order to order."""
    values = [(item % 7, 0.1 * (item * item % 11)) for item in range(60)]
    passes = [(item % 7, item * item % 11 < 6) for item in range(60)]
    rng = np.random.default_rng(3)
    for _ in range(50):
        order = [int(place) for place in rng.permutation(60)]
        shuffled, tried = [values[place] for place in order], [passes[place] for place in order]
        assert clustered(shuffled) == clustered(values)
        assert worth(shuffled) == worth(values)
        assert mean_pass(tried, 3) == mean_pass(passes, 3)


def test_clusters_that_went_alike_are_taken_to_differ_while_they_are_few() -> None:
    """Three scenarios that failed in one attempt of ten each do not prove that the next one will."""
    assert width(clustered(flat([(9, 10)] * 3))) > 0.6
    assert width(clustered(flat([(9, 10)] * 100))) < 0.1


def test_f1_has_the_interval_of_what_both_agree_on() -> None:
    """Of 12 requests with a call on either side, both call in 9: j is 9/12, F1 18/21."""
    found = f1((place, place < 9, place >= 9) for place in range(12))
    low, high = exact(9, 12)
    assert found is not None
    assert (found.value, found.n) == (pytest.approx(18 / 21), 12)
    assert (found.low, found.high) == (pytest.approx(2 * low / (1 + low)), pytest.approx(2 * high / (1 + high)))
    assert width(f1([("one trial", 9, 3)])) > width(found)
    assert f1([("a", 0, 0)]) is None


def benchmark() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "intervals.py"
    spec = importlib.util.spec_from_file_location("intervals_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up their annotations
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_claim() -> None:
    """A few runs of the benchmark, where intervals that are tuned to like scenarios miss: loose bounds, since 400 runs
    are few."""
    told = benchmark()
    mean = next(figure for figure in told.FIGURES if figure.name == "mean")
    rng = np.random.default_rng(7)
    settings = [
        told.Setting(mean, population, sizes, rate)
        for population in ("scenarios alike", "correlation 0.6", "all or nothing", "some lost, the others at 90 %")
        for sizes in ((25,) * 10, (10,) * 80, told.uneven(40, 10))
        for rate in (0.02, 0.5, 0.8, 0.98)
    ]
    covers = [told.cover(setting, 400, rng) for setting in settings]
    assert min((found.holds, str(found.setting)) for found in covers) >= (0.92, "")
    assert sum(found.holds for found in covers) / len(covers) >= 0.96
    assert max(found.width for found in covers) < 0.65
    lines = list(told.table(covers[:3], 400))
    assert len({line.count("|") for line in lines[:3]}) == 1


def test_the_benchmark_knows_the_coverage_of_a_single_count() -> None:
    lowest, mean, _ = benchmark().single(5)
    assert 0.95 <= lowest <= mean
