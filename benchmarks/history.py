"""How often does ``toolworthy history`` see a change where there is none, and how soon does it see one?

Series of runs are simulated: items whose own rates are drawn from a beta distribution, asked so many times a run. Every
series is looked at after every run. Of series that do not change, the share in which an alarm is ever raised is counted
after 50 and after 200 runs. Then the rate drops by ten points (each item's own rate is multiplied by the same factor)
after ten runs. The same where every run has a day of its own, and where attempts of one item in one run are copies.
Takes some three minutes on two cores.

    python benchmarks/history.py [--series 120] [--seed 1] [--processes 2]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: processes share the cores

import numpy as np

from toolworthy.judgement.history.change import watch
from toolworthy.judgement.history.significance import NIGHTS
from toolworthy.judgement.history.table import Table

SHORT, LONG = 50, 200
BEFORE, LOOKED = 10, (1, 2, 3, 5, 10, 20)
VARIATION = 0.3
"""Correlation of two attempts of one item."""


@dataclass(frozen=True)
class Setting:
    """What is run."""

    items: int
    agents: int
    trials: int
    rate: float
    days: float = 0.0
    """Standard deviation of the rate from run to run, where it varies though nothing changed."""
    copies: int = 1
    """Every result stands there so many times."""

    def __str__(self) -> str:
        days = f", ±{100 * self.days:.0f} points a day" if self.days else ""
        copies = f", each {self.copies} times alike" if self.copies > 1 else ""
        return f"{self.items} × {self.agents} × {self.trials}, rate {self.rate:.0%}{days}{copies}"

    @property
    def large(self) -> bool:
        """Whether a series takes long."""
        return self.items * self.agents > 400


def steady() -> Iterator[Setting]:
    """Few tasks to many cases, easy and hard ones."""
    for (items, agents, trials), rate in product(((10, 1, 1), (10, 2, 3), (40, 1, 1)), (0.98, 0.9, 0.5)):
        yield Setting(items, agents, trials, rate)
    yield Setting(130, 6, 1, 0.98)
    yield Setting(130, 6, 1, 0.9)


def uneasy() -> Iterator[Setting]:
    """Days of their own, as much as is believed in beforehand."""
    yield Setting(10, 2, 3, 0.9, 0.02)
    yield Setting(40, 1, 1, 0.9, 0.02)
    yield Setting(130, 6, 1, 0.9, 0.02)
    yield Setting(130, 6, 1, 0.98, 0.02)


def wild() -> Iterator[Setting]:
    """More than that."""
    for items, agents, trials in ((10, 2, 3), (40, 1, 1), (130, 6, 1)):
        yield Setting(items, agents, trials, 0.9, 0.05)
    yield Setting(40, 1, 1, 0.9, 0.1)


def series(setting: Setting, rng: np.random.Generator, runs: int, factor: float = 1.0, at: int = 0) -> Table:
    """Runs of one endpoint; from run `at` on, every rate is multiplied by `factor`."""
    weight = 1 / VARIATION - 1
    strata = setting.items * setting.agents
    rates = rng.beta(setting.rate * weight, (1 - setting.rate) * weight, strata)
    changed = np.where(np.arange(runs) >= at, factor, 1.0) if at else np.ones(runs)
    day = rng.normal(0, setting.days, runs) if setting.days else np.zeros(runs)
    ok = rng.binomial(setting.trials, np.clip(np.outer(changed, rates) + day[:, None], 0, 1)) * float(setting.copies)
    keys = tuple((f"{item:03}", str(agent), "") for item in range(setting.items) for agent in range(setting.agents))
    return Table(keys, ok, np.full(ok.shape, float(setting.trials * setting.copies)))


@dataclass(frozen=True)
class Alarms:
    """Of series without a change."""

    short: float
    """Share of series with an alarm within ``SHORT`` runs."""
    long: float
    count: int
    runs: int


def alarms(setting: Setting, many: int, seed: int) -> Alarms:
    """How often a change is found where there is none."""
    rng = np.random.default_rng(seed)
    many = max(20, many // 6) if setting.large else many
    nights = [[change.night for change in watch(series(setting, rng, LONG)).changes] for _ in range(many)]
    return Alarms(
        sum(any(night < SHORT for night in found) for found in nights) / many,
        sum(map(bool, nights)) / many,
        sum(map(len, nights)),
        many * LONG,
    )


def found(setting: Setting, many: int, seed: int, drop: float = 0.1) -> list[float]:
    """Share of series in which the drop is found, so many runs after it; last, in which a second change is."""
    rng = np.random.default_rng(seed)
    factor = (setting.rate - drop) / setting.rate
    hits = [0] * (len(LOOKED) + 1)
    many = many // 3 if setting.large else many
    for _ in range(many):
        changes = watch(series(setting, rng, BEFORE + max(LOOKED), factor, BEFORE)).changes
        for place, later in enumerate(LOOKED):
            hits[place] += any(BEFORE <= one.night < BEFORE + later and one.shift.drop > 0 for one in changes)
        hits[-1] += len(changes) > 1
    return [hit / many for hit in hits]


def findable(setting: Setting, many: int, seed: int) -> tuple[float, float]:
    """What ten runs without a change say could have been found, and how often such a drop in the middle is."""
    rng = np.random.default_rng(seed)
    said = [watch(series(setting, rng, BEFORE)).reach or 1.0 for _ in range(many // 4)]
    drop = min(sum(said) / len(said), setting.rate)
    factor = (setting.rate - drop) / setting.rate
    hits = sum(bool(watch(series(setting, rng, BEFORE, factor, BEFORE // 2)).changes) for _ in range(many))
    return drop, hits / many


def table(chosen: Sequence[Setting], many: int, seed: int, pool: Executor) -> Iterator[str]:
    """Markdown, a line at a time."""
    heads = [f"alarm within {SHORT} nights", f"within {LONG}", *(f"found after {n}" for n in LOOKED), "found twice"]
    yield f"| items × agents × trials | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * len(heads)
    told = list(
        zip(
            pool.map(partial(alarms, many=many, seed=seed), chosen),
            pool.map(partial(found, many=many, seed=seed + 1), chosen),
            strict=True,
        )
    )
    for setting, (false, seen) in zip(chosen, told, strict=True):
        shares = " | ".join(f"{share:.0%}" for share in seen)
        yield f"| {setting} | {false.short:.1%} | {false.long:.1%} | {shares} |"
    runs, count = sum(false.runs for false, _ in told), sum(false.count for false, _ in told)
    every = f"one in {runs // count:,}" if count else "none"
    yield ""
    yield f"{count} false alarms in {runs:,} nights: {every}; at most one in {NIGHTS:,} is promised."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    began = time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool:
        alike = [replace(setting, trials=1, copies=3) for setting in steady() if setting.trials == 3]
        for chosen in (list(steady()), list(uneasy()), list(wild()), alike):
            for line in table(chosen, options.series, options.seed, pool):
                print(line, flush=True)
            print()
        print("| items × agents × trials, 10 runs | said to be findable | found, in the middle |")
        print("|---|---:|---:|")
        for setting in steady():
            drop, share = findable(setting, options.series, options.seed)
            print(f"| {setting} | {100 * drop:.1f} points | {share:.0%} |", flush=True)
    year = series(Setting(130, 6, 1, 0.9), np.random.default_rng(options.seed), 365)
    start = time.monotonic()
    watch(year)
    print(f"\n365 nights of 780 cases take {time.monotonic() - start:.1f} s; all of this {start - began:.0f} s.")


if __name__ == "__main__":
    main()
