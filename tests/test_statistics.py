"""Rates, chances over repeats, and means of what hangs together, with their intervals."""

import importlib.util
import math
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from toolworthy.statistics import Estimate, clustered, mean_pass, pass_at_k, pass_hat_k, rate, wilson


def test_wilson_is_wilsons() -> None:
    """Published values: 10 of 10 gives [0.72, 1]; 0 of 0 says nothing; scipy agrees at 7 of 20."""
    assert [round(bound, 2) for bound in wilson(10, 10)] == [0.72, 1.0]
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(7, 20)
    assert math.isclose(low, 0.1811918, abs_tol=1e-6)
    assert math.isclose(high, 0.5671457, abs_tol=1e-6)


def test_wilson_takes_a_sample_that_is_worth_less_than_its_size() -> None:
    low, high = wilson(3.5, 7.5)
    assert wilson(3, 7)[0] < low < 3.5 / 7.5 < high
    assert wilson(0.1 * 3, 0.3)[1] == 1.0  # three times a tenth is a hair more than 0.3


def test_a_rate_carries_its_n_and_interval() -> None:
    assert rate(7, 10) == "7/10 · 70% (40%–89%)"
    assert rate(0, 0) == "not measured"


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


def test_start_up_does_not_pay_for_scipy() -> None:
    code = "import sys, toolworthy.statistics; sys.exit('scipy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_intervals_hold_the_truth_as_often_as_they_claim() -> None:
    """A few runs of the benchmark: loose bounds, since 200 runs are few."""
    path = Path(__file__).parents[1] / "benchmarks" / "intervals.py"
    spec = importlib.util.spec_from_file_location("intervals_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = benchmark  # where dataclasses look up their annotations
    spec.loader.exec_module(benchmark)
    rng = np.random.default_rng(7)
    settings = [setting for setting in benchmark.tuned() if setting.scenarios < 80 and setting.vocabularies == 1]
    covers = [benchmark.cover(setting, rate, 200, rng) for setting in settings for rate in (0.1, 0.5, 0.98)]
    shares = [found.holds for found in covers]
    assert min(shares) >= 0.91
    assert sum(shares) / len(shares) >= 0.95
    assert max(found.width for found in covers) < 0.7
    assert benchmark.true_value(benchmark.Setting(1, 1, 3, 0.5, "pass^3"), 0.5) == pytest.approx(5 / 16)
    lines = list(benchmark.table(settings[:1], 2, rng))
    assert len({line.count("|") for line in lines[:3]}) == 1
