"""Do intervals that claim 95 % hold the truth in 95 % of runs?

Runs of a model with a known rate of success are simulated over scenarios × trials, measured with the functions that
reports use, and counted. Each scenario has a rate of its own, drawn from a population whose mean is the known rate.
Of a single count no run need be drawn: its coverage is a sum. Takes under four minutes.

    python benchmarks/intervals.py [--runs 600] [--again 10000] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.stats import binom

from toolworthy.statistics.intervals import Estimate, exact, f1, mean_pass, pass_at_k, pass_hat_k, pooled

K = 3
RATES = (0.02, 0.1, 0.5, 0.8, 0.98)
SCENARIOS = (1, 3, 10, 40, 150)
TRIALS = (3, 25)
SIZES = (1, 3, 5, 10, 20, 50, 100, 1000)
Rates = np.ndarray
Draw = Callable[[np.random.Generator, float, tuple[int, int]], Rates]
"""The rates of scenarios, from a population with this mean."""


def alike(rng: np.random.Generator, mean: float, shape: tuple[int, int]) -> Rates:
    """All scenarios are equally hard."""
    return np.full(shape, mean)


def beta(correlation: float) -> Draw:
    """Two trials of a scenario correlate so; 1 is all or nothing."""

    def draw(rng: np.random.Generator, mean: float, shape: tuple[int, int]) -> Rates:
        if correlation == 1:
            return (rng.random(shape) < mean).astype(float)
        weight = 1 / correlation - 1
        return rng.beta(mean * weight, (1 - mean) * weight, shape)

    return draw


def lost(most: float) -> Draw:
    """Some scenarios are lost entirely, all others are solved at the rate `most`: what a regression looks like."""

    def draw(rng: np.random.Generator, rate: float, shape: tuple[int, int]) -> Rates:
        return np.where(rng.random(shape) < rate / most, most, 0.0) if rate <= most else np.full(shape, rate)

    return draw


POPULATIONS: dict[str, Draw] = {
    "scenarios alike": alike,
    "correlation 0.1": beta(0.1),
    "correlation 0.3": beta(0.3),
    "correlation 0.6": beta(0.6),
    "correlation 0.9": beta(0.9),
    "all or nothing": beta(1),
    "some lost, the others at 60 %": lost(0.6),
    "some lost, the others at 90 %": lost(0.9),
    "some lost, the others at 95 %": lost(0.95),
}


@dataclass(frozen=True)
class Figure:
    """What is measured: its true value from a scenario's rate, and the estimate as reports give it."""

    name: str
    truth: Callable[[Rates], Rates]
    estimate: Callable[[Sequence[int], Sequence[int]], Estimate | None]
    """From the passes and trials of each scenario."""
    least: int = 1
    """Trials of a scenario that it takes."""


def _trials(ok: Sequence[int], n: Sequence[int]) -> list[tuple[int, bool]]:
    return [(item, trial < good) for item, (good, many) in enumerate(zip(ok, n, strict=True)) for trial in range(many)]


FIGURES = (
    Figure("mean", lambda rates: rates, lambda ok, n: pooled(zip(range(len(n)), ok, n, strict=True))),
    Figure(f"pass@{K}", lambda rates: 1 - (1 - rates) ** K, lambda ok, n: mean_pass(_trials(ok, n), K, pass_at_k), K),
    Figure(f"pass^{K}", lambda rates: rates**K, lambda ok, n: mean_pass(_trials(ok, n), K, pass_hat_k), K),
    Figure(
        "F1",
        lambda rates: rates * 2 / (1 + rates),
        lambda ok, n: f1((item, good, many - good) for item, (good, many) in enumerate(zip(ok, n, strict=True))),
    ),
)


@dataclass(frozen=True)
class Setting:
    """What is run."""

    figure: Figure
    population: str
    sizes: tuple[int, ...]
    """Trials of each scenario."""
    rate: float

    def __str__(self) -> str:
        least, most = min(self.sizes), max(self.sizes)
        each = f"{least}" if least == most else f"{least} to {most}"
        return f"{self.figure.name} at {self.rate:.0%}: {len(self.sizes)} × {each}, {self.population}"


@dataclass(frozen=True)
class Coverage:
    """Shares of runs whose interval holds the truth: of all scenarios like these, and of these very ones."""

    setting: Setting
    holds: float
    holds_own: float
    width: float


def uneven(scenarios: int, trials: int) -> tuple[int, ...]:
    """As many trials in all, but the largest scenario has e⁴ times as many as the smallest."""
    shares = np.exp(np.linspace(2, -2, scenarios))
    return tuple(int(one) for one in np.maximum(1, np.round(trials * scenarios * shares / shares.sum())))


def settings() -> Iterator[Setting]:
    """All that is simulated, the mean in most detail."""
    for figure, population in product(FIGURES, POPULATIONS):
        main = figure.name == "mean"
        for scenarios, trials, rate in product(SCENARIOS if main else (3, 10, 40), TRIALS if main else (5,), RATES):
            yield Setting(figure, population, (trials,) * scenarios, rate)
            if main and scenarios > 1:
                yield Setting(figure, population, uneven(scenarios, trials), rate)


def cover(setting: Setting, runs: int, rng: np.random.Generator) -> Coverage:
    """Simulate and measure."""
    figure, sizes = setting.figure, setting.sizes
    draw = POPULATIONS[setting.population]
    rates = draw(rng, setting.rate, (runs, len(sizes)))
    weights = np.array(sizes if figure.least == 1 else (1,) * len(sizes), dtype=float)
    weights /= weights.sum()
    truth = figure.truth(np.array(setting.rate))
    if figure.least > 1:
        truth = figure.truth(draw(np.random.default_rng(0), setting.rate, (1_000_000, 1))).mean()
    own = figure.truth(rates) @ weights if figure.name != "F1" else figure.truth(rates @ weights)
    drawn = rng.binomial(sizes, rates)
    if len(set(sizes)) == 1:
        drawn = np.sort(drawn, axis=1)  # no figure depends on the order: the same counts need be measured once
    rows, place = np.unique(drawn, axis=0, return_inverse=True)
    found = [figure.estimate(row, sizes) for row in rows.tolist()]
    low, high = np.array([(one.low, one.high) for one in found if one])[place.ravel()].T
    holds = float(((low <= truth) & (truth <= high)).mean())
    holds_own = float(((low <= own + 1e-12) & (own <= high + 1e-12)).mean())
    return Coverage(setting, holds, holds_own, float((high - low).mean()))


def single(n: int) -> tuple[float, float, float]:
    """The lowest and mean coverage of ``exact`` over all rates, and its mean width; no chance in it."""
    ends = np.array([exact(ok, n) for ok in range(n + 1)])
    edges = np.concatenate([ends.ravel() + 1e-9, ends.ravel() - 1e-9, np.linspace(0.0005, 0.9995, 2000)])
    rates = edges[(edges > 0) & (edges < 1)]
    held = np.zeros(len(rates))
    for ok, (low, high) in enumerate(ends):
        held += binom.pmf(ok, n, rates) * ((low <= rates) & (rates <= high))
    grid = held[-2000:]
    widths = binom.pmf(np.arange(n + 1)[:, None], n, rates[-2000:]) * (ends[:, 1] - ends[:, 0])[:, None]
    return float(held.min()), float(grid.mean()), float(widths.sum(axis=0).mean())


def table(found: Sequence[Coverage], runs: int) -> Iterator[str]:
    """Markdown, a line for each figure and population."""
    yield "| figure, population | lowest | where | mean | of these very scenarios, lowest | mean width |"
    yield "|---|---:|---|---:|---:|---:|"
    groups: dict[tuple[str, str], list[Coverage]] = {}
    for one in found:
        groups.setdefault((one.setting.figure.name, one.setting.population), []).append(one)
    for (figure, population), own in groups.items():
        worst = min(own, key=lambda one: one.holds)
        where = str(worst.setting).split(": ")[1].split(",")[0] + f" at {worst.setting.rate:.0%}"
        mean = sum(one.holds for one in own) / len(own)
        width = sum(one.width for one in own) / len(own)
        of_own = min(one.holds_own for one in own)
        yield f"| {figure}, {population} | {worst.holds:.1%} | {where} | {mean:.1%} | {of_own:.1%} | {width:.3f} |"
    yield ""
    yield f"{len(found)} settings, {runs} runs each."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--again", type=int, default=10_000, help="runs of each of the settings that look worst")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    print("| n of a single count | lowest | mean | mean width |\n|---:|---:|---:|---:|")
    for n in SIZES:
        lowest, mean, width = single(n)
        print(f"| {n} | {lowest:.2%} | {mean:.1%} | {width:.3f} |", flush=True)
    print()
    found = [cover(setting, options.runs, rng) for setting in settings()]
    print("\n".join(table(found, options.runs)), flush=True)
    print(f"\nThe ten that look worst, with {options.again:,} runs each:\n\n| setting | held |\n|---|---:|")
    for one in sorted(found, key=lambda one: one.holds)[:10]:
        again = cover(one.setting, options.again, rng)
        print(f"| {again.setting} | {again.holds:.2%} |", flush=True)


if __name__ == "__main__":
    main()
