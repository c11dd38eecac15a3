"""How often does ``toolworthy history`` see a change where there is none, and how soon does it see one?

Series of runs are simulated: items whose own rates are drawn from a beta distribution, asked so many times a run. Of
series that do not change, the share in which a change is found is a false alarm. Then the rate drops by ten points
(each item's own rate is multiplied by the same factor) after ten runs, and after each further run the series is
searched again. Last the same where every run has a day of its own. Takes some eight minutes.

    python benchmarks/history.py [--series 400] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from toolworthy.history.change import Tallies, Tally, search

LENGTHS = (5, 10, 30)
BEFORE, LOOKED = 10, (1, 2, 3, 5, 10)
VARIATION = 0.3
"""Correlation of two attempts of one item."""
DAYS = 0.02
"""Standard deviation of the rate from run to run, where it varies though nothing changed."""


@dataclass(frozen=True)
class Setting:
    """What is run."""

    items: int
    agents: int
    trials: int
    rate: float
    days: float = 0.0

    def __str__(self) -> str:
        days = f", ±{100 * self.days:.0f} points a day" if self.days else ""
        return f"{self.items} × {self.agents} × {self.trials}, rate {self.rate:.0%}{days}"


def settings() -> Iterator[Setting]:
    """Few tasks to many cases, easy and hard ones."""
    for (items, agents, trials), rate in product(((10, 1, 1), (10, 2, 3), (40, 1, 1)), (0.98, 0.9, 0.5)):
        yield Setting(items, agents, trials, rate)
    yield Setting(130, 6, 1, 0.9)


def series(setting: Setting, rng: np.random.Generator, runs: int, factor: float = 1.0, at: int = 0) -> list[Tallies]:
    """Runs of one endpoint; from run `at` on, every rate is multiplied by `factor`."""
    weight = 1 / VARIATION - 1
    rates = rng.beta(setting.rate * weight, (1 - setting.rate) * weight, (setting.items, setting.agents))
    out: list[Tallies] = []
    for number in range(runs):
        day = rng.normal(0, setting.days) if setting.days else 0.0
        now = np.clip(rates * (factor if at and number >= at else 1.0) + day, 0, 1)
        counts = rng.binomial(setting.trials, now)
        out.append(
            {
                (str(item), str(agent), ""): Tally(float(counts[item, agent]), setting.trials)
                for item in range(setting.items)
                for agent in range(setting.agents)
            }
        )
    return out


def alarms(setting: Setting, length: int, many: int, rng: np.random.Generator) -> float:
    """Share of unchanged series in which a change is found."""
    return sum(search(series(setting, rng, length)).change is not None for _ in range(many)) / many


def found(setting: Setting, drop: float, many: int, rng: np.random.Generator) -> list[float]:
    """Share of series in which the drop is found, so many runs after it."""
    factor = (setting.rate - drop) / setting.rate
    hits = [0] * len(LOOKED)
    for _ in range(many):
        whole = series(setting, rng, BEFORE + max(LOOKED), factor, BEFORE)
        for place, later in enumerate(LOOKED):
            change = search(whole[: BEFORE + later]).change
            hits[place] += change is not None and change.shift.drop > 0
    return [hit / many for hit in hits]


def table(chosen: Sequence[Setting], many: int, rng: np.random.Generator) -> Iterator[str]:
    """Markdown, a line at a time."""
    heads = [*(f"false alarms, {length} runs" for length in LENGTHS), *(f"found after {n}" for n in LOOKED)]
    yield f"| items × agents × trials | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * len(heads)
    worst = 0.0
    for setting in chosen:
        large = setting.items * setting.agents > 400
        count = max(20, many // 5) if large else many
        false = [alarms(setting, length, count, rng) for length in LENGTHS]
        worst = max(worst, *false)
        seen = found(setting, 0.1, max(20, count // 4), rng)
        yield f"| {setting} | {' | '.join(f'{share:.1%}' for share in false)} | " + (
            " | ".join(f"{share:.0%}" for share in seen) + " |"
        )
    yield ""
    yield f"Most false alarms {worst:.1%}."


def findable(chosen: Sequence[Setting], many: int, rng: np.random.Generator) -> Iterator[str]:
    """Is what an unchanged series says to be findable four times in five found so often?"""
    yield "| items × agents × trials, 10 runs | said to be findable | found, in the middle |"
    yield "|---|---:|---:|"
    for setting in chosen:
        said = [search(series(setting, rng, 10)).reach or 1.0 for _ in range(many // 8)]
        drop = min(sum(said) / len(said), setting.rate)
        factor = (setting.rate - drop) / setting.rate
        hits = sum(search(series(setting, rng, 10, factor, 5)).change is not None for _ in range(many))
        yield f"| {setting} | {100 * drop:.1f} points | {hits / many:.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    steady = list(settings())
    uneasy = [Setting(s.items, s.agents, s.trials, s.rate, DAYS) for s in steady if s.rate == 0.9]
    for chosen in (steady, uneasy):
        for line in table(chosen, options.series, rng):
            print(line, flush=True)
        print()
    few = [setting for setting in steady if setting.items < 100]
    print("\n".join(findable(few, options.series, np.random.default_rng(options.seed + 1))))


if __name__ == "__main__":
    main()
