"""How often does a gate err that looks after every attempt, and how many attempts does that save?

Pairs of runs are simulated as in ``benchmarks/gate.py``, the baseline with all its attempts, the candidate attempt by
attempt. After each the gate's arithmetic is asked, at the level that ``gate.sequential`` plans for that look, and the
run ends with the first answer. A false alarm is a fail, a false pass a pass, of a candidate whose drop is the margin
exactly, where both are likeliest. Beside it stand the same looks at 5 % each (the larger share of either error), and
one look at the end. The settings that err most are simulated anew: the worst of many is partly chance. Some minutes.

    python benchmarks/sequential.py [--pairs 2000] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from gate import LEVEL, MARGINS, SKILLS, Setting, chances, judged

from toolworthy.judgement.gate.sequential import plan

LAYOUTS = ((5, 1, 10), (10, 1, 3), (10, 1, 10), (50, 1, 5), (130, 1, 3))
"""Items, agents, attempts at most."""
FINE, AGAIN = 10_000, 2
"""Pairs for a second look, and how many of a kind get one."""


@dataclass(frozen=True)
class Outcome:
    """Shares of pairs, and attempts that were made."""

    failed: float
    passed: float
    attempts: float
    """Mean, of those that there might have been."""
    failed_at_once: float
    passed_at_once: float
    failed_naively: float
    passed_naively: float

    @property
    def decided(self) -> float:
        return self.failed + self.passed

    @property
    def decided_at_once(self) -> float:
        return self.failed_at_once + self.passed_at_once


def simulate(setting: Setting, margin: float, pairs: int, rng: np.random.Generator) -> Outcome | None:
    """Run so many pairs; None where the drop is larger than what there is to lose."""
    both = chances(setting, pairs, rng)
    if both is None:
        return None
    before, after = both
    most = setting.attempts
    planned = [look.alpha for look in plan(LEVEL, most)]
    was, came = rng.binomial(most, before), np.zeros_like(after)
    by_plan, naively = [], []
    for number, alpha in enumerate(planned, 1):
        came += rng.random(after.shape) < after
        told = judged(setting, was, came, number)(margin)
        by_plan.append((told.fails(alpha), told.passes(alpha)))
        naively.append((told.fails(LEVEL), told.passes(LEVEL)))
    failed, passed, attempts = _first(by_plan)
    naive = _first(naively)
    at_once = [float(one.mean()) for one in naively[-1]]
    return Outcome(failed, passed, attempts / most, *at_once, naive[0], naive[1])


def _first(looks: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float, float]:
    """Shares that fail and pass by the first look that decides, and the mean number of attempts."""
    fails, passes = (np.array(side) for side in zip(*looks, strict=True))
    decided = fails | passes
    ends = np.where(decided.any(0), decided.argmax(0), len(looks) - 1)
    each = np.arange(fails.shape[1])
    return float(fails[ends, each].mean()), float(passes[ends, each].mean()), float(ends.mean() + 1)


def settings(layout: tuple[int, int, int], drop: float) -> Iterator[Setting]:
    """All kinds of candidates of one layout that are worse by `drop`."""
    for skill, variation, kind in product(SKILLS, (0, 0.3), ("even", "items", "rises") if drop else ("even",)):
        yield Setting(*layout, skill, variation, drop, kind)


def outcomes(
    layout: tuple[int, int, int], margin: float, drop: float, pairs: int, rng: np.random.Generator
) -> list[tuple[Setting, Outcome]]:
    """What comes of each kind of candidate."""
    found = ((setting, simulate(setting, margin, pairs, rng)) for setting in settings(layout, drop))
    return [(setting, outcome) for setting, outcome in found if outcome is not None]


def _mean(rows: Sequence[Outcome], name: str) -> float:
    return sum(getattr(row, name) for row in rows) / len(rows)


def table(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """Markdown, a line at a time."""
    heads = ["false alarms", "false passes", "at 5 % each look", "no drop: decided", "made"]
    heads += ["twice the margin: decided", "made"]
    yield f"| items × agents × most, margin | {' | '.join(heads)} |"
    yield "|---|" + "---:|" * len(heads)
    worst: list[tuple[Setting, float, Outcome]] = []
    saved: list[float] = []
    for layout, margin in product(LAYOUTS, MARGINS):
        edge = outcomes(layout, margin, margin, pairs, rng)
        worst += [(setting, margin, outcome) for setting, outcome in edge]
        even = [one for _, one in outcomes(layout, margin, 0.0, pairs, rng)]
        double = [one for _, one in outcomes(layout, margin, 2 * margin, pairs, rng)]
        saved += [1 - _mean(rows, "attempts") for rows in (even, double)]
        rows = [one for _, one in edge]
        naive = max(max(one.failed_naively, one.passed_naively) for one in rows)
        cells = [
            *(
                f"{_mean(rows, name):.1%} (≤ {max(getattr(r, name) for r in rows):.1%})"
                for name in ("failed", "passed")
            ),
            f"≤ {naive:.1%}",
        ]
        for of in (even, double):
            cells.append(f"{_mean(of, 'decided'):.0%} (at once {_mean(of, 'decided_at_once'):.0%})")
            cells.append(f"{_mean(of, 'attempts'):.0%}")
        yield f"| {' × '.join(map(str, layout))}, {100 * margin:g} points | {' | '.join(cells)} |"
    yield ""
    yield f"Attempts saved: {sum(saved) / len(saved):.0%} on average, {min(saved):.0%} to {max(saved):.0%}."
    yield from again(worst, rng)


def again(worst: Sequence[tuple[Setting, float, Outcome]], rng: np.random.Generator) -> Iterator[str]:
    """The settings that erred most, simulated anew."""
    for name, what in (("failed", "false alarms"), ("passed", "false passes")):
        ranked = sorted(worst, key=lambda row, name=name: getattr(row[2], name), reverse=True)[:AGAIN]
        anew = []
        for setting, margin, _ in ranked:
            parts = [simulate(setting, margin, FINE // 10, rng) for _ in range(10)]
            anew.append((_mean([part for part in parts if part is not None], name), str(setting)))
        most, where = max(anew)
        yield ""
        yield f"The {AGAIN} settings with most {what}, {FINE:,} new pairs each: {most:.1%} at most ({where})."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for line in table(options.pairs, np.random.default_rng(options.seed)):
        print(line, flush=True)


if __name__ == "__main__":
    main()
