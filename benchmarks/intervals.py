"""Do intervals that claim 95 % hold the truth in 95 % of runs?

Runs of a model with a known rate of success are simulated over scenarios × vocabularies × trials, measured with the
functions that reports use, and counted. With variation, each scenario's own rate is drawn from a beta distribution
whose mean is the known rate; the variation is the correlation of two trials of one scenario. Takes under a minute.

    python benchmarks/intervals.py [--runs 1000] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from toolworthy.statistics import Estimate, clustered, mean_pass, pass_at_k, pass_hat_k, wilson

RATES = (0.02, 0.1, 0.5, 0.9, 0.98)
K = 3
MEAN, SOME, EVERY = "mean", f"pass@{K}", f"pass^{K}"


@dataclass(frozen=True)
class Setting:
    """What is run: so many scenarios, each in so many agents' words, each so often; and what is measured."""

    scenarios: int
    vocabularies: int
    trials: int
    variation: float
    figure: str = MEAN

    def __str__(self) -> str:
        kind = f"variation {self.variation}" if self.variation else "independent"
        return f"{self.figure}: {self.scenarios} × {self.vocabularies} × {self.trials}, {kind}"


@dataclass(frozen=True)
class Coverage:
    """Shares of runs whose interval holds the truth: of all scenarios like these, of these very ones, and of all
    again where Wilson's interval takes every trial for an independent one."""

    holds: float
    holds_own: float
    naive: float
    width: float


def tuned() -> Iterator[Setting]:
    """The settings that the method was tuned on."""
    for variation, scenarios, vocabularies, trials in product((0, 0.3), (10, 20, 80), (1, 5), (1, 3, 5)):
        yield Setting(scenarios, vocabularies, trials, variation)
    for figure, variation, scenarios in product((SOME, EVERY), (0, 0.3), (10, 20, 80)):
        yield Setting(scenarios, 1, 5, variation, figure)


def beyond() -> Iterator[Setting]:
    """Harder ones: scenarios that are almost all-or-nothing, and very few of them."""
    for scenarios in (5, 20, 80):
        yield Setting(scenarios, 5, 5, 0.6)
    yield Setting(5, 1, 3, 0.3)


def cover(setting: Setting, rate: float, runs: int, rng: np.random.Generator) -> Coverage:
    """Simulate and measure."""
    each = setting.vocabularies * setting.trials
    if setting.variation:
        weight = 1 / setting.variation - 1
        rates = rng.beta(rate * weight, (1 - rate) * weight, (runs, setting.scenarios))
    else:
        rates = np.full((runs, setting.scenarios), rate)
    truth = true_value(setting, rate)
    own_truths = by_scenario(setting, rates).mean(axis=1)
    holds = holds_own = naive = width = 0.0
    for counts, own in zip(rng.binomial(each, rates).tolist(), own_truths.tolist(), strict=True):
        found = estimate(setting, [(item, trial < ok) for item, ok in enumerate(counts) for trial in range(each)])
        holds += found.low <= truth <= found.high
        holds_own += found.low <= own <= found.high
        low, high = wilson(found.value * found.n, found.n)
        naive += low <= truth <= high
        width += found.high - found.low
    return Coverage(holds / runs, holds_own / runs, naive / runs, width / runs)


def true_value(setting: Setting, rate: float) -> float:
    """The figure's mean over all scenarios of which these are a sample; for a beta, a product of its raw moments."""
    if setting.figure == MEAN:
        return rate
    weight = 1 / setting.variation - 1 if setting.variation else float("inf")
    base = rate if setting.figure == EVERY else 1 - rate
    every = base**K if weight == float("inf") else prod((base * weight + i) / (weight + i) for i in range(K))
    return every if setting.figure == EVERY else 1 - every


def by_scenario(setting: Setting, rates: np.ndarray) -> np.ndarray:
    """The figure's true value in each scenario."""
    if setting.figure == MEAN:
        return rates
    return rates**K if setting.figure == EVERY else 1 - (1 - rates) ** K


def estimate(setting: Setting, trials: Sequence[tuple[int, bool]]) -> Estimate:
    """The figure as reports give it."""
    if setting.figure == MEAN:
        found = clustered(trials)
    else:
        found = mean_pass(trials, K, pass_at_k if setting.figure == SOME else pass_hat_k)
    assert found is not None
    return found


def table(settings: Sequence[Setting], runs: int, rng: np.random.Generator) -> Iterator[str]:
    """Markdown, a line at a time."""
    heads = [*(f"held at {rate:.0%}" for rate in RATES), "these very scenarios", "mean width", "Wilson on all trials"]
    yield f"| setting | claimed | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * (len(heads) + 1)
    worst, total = 1.0, 0.0
    for setting in settings:
        covers = [cover(setting, rate, runs, rng) for rate in RATES]
        worst = min(worst, *(found.holds for found in covers))
        total += sum(found.holds for found in covers) / len(covers)
        held = " | ".join(f"{found.holds:.1%}" for found in covers)
        own = sum(found.holds_own for found in covers) / len(covers)
        width = sum(found.width for found in covers) / len(covers)
        naive = min(found.naive for found in covers)
        yield f"| {setting} | 95% | {held} | {own:.1%} | {width:.3f} | {naive:.1%} |"
    yield ""
    yield f"Lowest {worst:.1%}, mean {total / len(settings):.1%}, of {runs} runs each."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    for settings in (list(tuned()), list(beyond())):
        for line in table(settings, options.runs, rng):
            print(line, flush=True)
        print()


if __name__ == "__main__":
    main()
