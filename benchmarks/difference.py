"""How often do the rows of a comparison claim what is not so?

Pairs of runs are simulated as in ``gate.py``, whose true change is known: none, 5, 10 or 20 points everywhere, in some
items wholly, through one agent alone, or with items of another difficulty. Counted is how often the two-sided 95 %
interval leaves the true change out. A rise is a drop with the runs changed about, and its interval the mirror image.
Then costs, and whole pages: two runs of one and the same endpoint, judged by ``compare`` itself. Takes about three
minutes of one core.

    python benchmarks/difference.py [--pairs 1000] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from costs import pairs_of
from gate import AGAIN, FINE, SKILLS, Setting, kinds, sample, simulate

from toolworthy.judgement.gate.cost_ratio import ratio
from toolworthy.judgement.gate.difference import ALPHA, POINTS, compare

LAYOUTS = tuple(product((5, 10, 20, 50, 130), (1, 5), (1, 3, 10)))
PAGES = ((10, 1), (20, 3), (50, 3))
"""Items and attempts of a page."""
DROPS = (0.0, POINTS, 0.10, 0.20)


def missed(setting: Setting, pairs: int, rng: np.random.Generator) -> float | None:
    """Share of intervals that leave the true change out; None where there is not so much to lose."""
    told = simulate(setting, [setting.drop], pairs, rng)
    if told is None:
        return None
    return told[setting.drop].failed(ALPHA / 2) + told[setting.drop].passed(ALPHA / 2)


def settings(layout: tuple[int, int, int]) -> Iterator[Setting]:
    """Every way in which a candidate of this layout may have changed."""
    for variation, skill, drop in product((0.0, 0.3), SKILLS, DROPS):
        for kind in kinds(layout, variation):
            if drop or kind in ("even", "other"):
                yield Setting(*layout, skill, variation, drop, kind)


def rates(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """Mean and worst of each layout; the worst of all once more, since being the worst of many is partly chance."""
    yield "| items × agents × attempts | settings | interval misses: mean | worst |"
    yield "|---|---:|---:|---:|"
    every: list[tuple[float, Setting]] = []
    for layout in LAYOUTS:
        own = [(share, at) for at in settings(layout) if (share := missed(at, pairs, rng)) is not None]
        every += own
        mean = sum(share for share, _ in own) / len(own)
        yield f"| {' × '.join(map(str, layout))} | {len(own)} | {mean:.1%} | {max(share for share, _ in own):.1%} |"
    yield ""
    looked: list[tuple[float, Setting]] = []
    for _, at in sorted(every, key=lambda row: -row[0])[:AGAIN]:
        shares = [missed(at, 2000, rng) or 0.0 for _ in range(FINE // 2000)]
        looked.append((sum(shares) / len(shares), at))
    share, at = max(looked, key=lambda row: row[0])
    mean = sum(row[0] for row in every) / len(every)
    yield (
        f"* the {AGAIN} worst of {len(every)} settings with {FINE:,} pairs each: at most {share:.1%} ({at}); "
        f"mean of all {mean:.1%}"
    )
    yield ""


def costs(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """Ratios of log-normal costs: the items differ by a factor, attempts by another, and the candidate's by items."""
    yield "| costs: items × attempts (before, after), spread of attempts, of ratios | interval misses |"
    yield "|---|---:|"
    for items, (m, k), spread, by_item in product((3, 10, 50), ((1, 1), (1, 3), (5, 5)), (0.5, 1.0), (0.0, 0.5)):
        base = rng.normal(9, 1, (pairs, items, 1))
        shift = rng.normal(0, by_item, (pairs, items, 1))
        was = np.exp(base + rng.normal(0, spread, (pairs, items, m)))
        now = np.exp(base + shift + rng.normal(0, spread, (pairs, items, k)))
        out = 0
        for one, then in zip(was.tolist(), now.tolist(), strict=True):
            found = ratio(pairs_of(one, then))
            assert found is not None
            low, high = found.interval(ALPHA / 2)
            out += not low <= 1 <= high
        yield f"| {items} × ({m}, {k}), {spread:g}, {by_item:g} | {out / pairs:.1%} |"
    yield ""


def pages(pairs: int, rng: np.random.Generator, sizes: Sequence[tuple[int, int]] = PAGES) -> Iterator[str]:
    """Whole comparisons of an endpoint with itself."""
    heads = "rows | say better or worse | pages with such a row | with one that holds"
    yield f"| the same endpoint twice, five agents | {heads} |"
    yield "|---|---:|---:|---:|---:|"
    for items, attempts in sizes:
        rows = named = some = held = 0
        for _ in range(pairs):
            base = np.clip(rng.beta(0.9 * 7 / 3, 0.1 * 7 / 3, items), 0.2, 1)
            before, after = (sample(0.0, 1.0, items, attempts, rng, base) for _ in range(2))
            found = compare(before, after).rows
            claims = sum(row.word in ("better", "worse") for row in found)
            rows, named, some = rows + len(found), named + claims, some + (claims > 0)
            held += any(row.holds for row in found)
        shares = " | ".join(f"{share:.1%}" for share in (named / rows, some / pairs, held / pairs))
        yield f"| {items} items × {attempts} | {rows / pairs:g} | {shares} |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    for part in (rates(given.pairs, rng), costs(given.pairs, rng), pages(given.pairs // 4, rng)):
        for line in part:
            print(line, flush=True)


if __name__ == "__main__":
    main()
