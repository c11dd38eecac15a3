"""How often is the gate wrong about a bill, and how often does it say nothing?

Pairs of runs are simulated whose true ratio of mean costs is the limit exactly: log-normal attempts, light and heavy,
items alike and very different in size, and outliers: a share of one side's attempts costs so many times as much, the
others that much less. A false pass is counted where the candidate has the outliers, a false fail where the baseline has
them. What an answer claims is not about outliers rarer than it says itself; both are shown, errors of the claim and of
the plain ratio. Beside it: Student's t on logarithms, a test of the typical attempt, taken for one of the bill.

Pairs go through the arithmetic of ``gate.bill``, many at a time; the first of every setting is checked against it.
Ragged attempts, tails and steps go through ``gate.bill`` itself. Takes less than a minute of one core.

    python benchmarks/costs.py [--pairs 1000] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import isclose

import numpy as np
from scipy.special import stdtr

from toolworthy.judgement.gate import total_cost as code
from toolworthy.judgement.gate.paired import Pair
from toolworthy.judgement.gate.total_cost import bill, tail

LIMIT = 1.5
LEVELS = (0.05, 0.01, 0.001)
LAYOUTS = (
    (5, 1, 1),
    (10, 1, 1),
    (20, 1, 1),
    (50, 1, 1),
    (130, 1, 1),
    (10, 3, 3),
    (50, 3, 3),
    (130, 3, 3),
    (3, 10, 10),
    (10, 10, 10),
    (130, 10, 10),
    (10, 10, 3),
    (50, 10, 1),
    (50, 1, 3),
)
"""Cells (items, each in one agent's hands), attempts before and after."""
OUTLIERS = ((0.0, 1.0), (0.01, 100.0), (0.03, 30.0), (0.1, 10.0), (0.1, 58.0), (0.3, 3.0), (0.3, 100.0))
"""Share of attempts, and how many times as much they cost."""
SPREADS = (0.3, 1.0)
"""Standard deviation of an attempt's logarithm."""
SIZES = (0.0, 0.7, 1.5)
"""Standard deviation of an item's logarithm."""
COMMON = 0.1
"""From this share on, outliers are common."""


@dataclass(frozen=True)
class Found:
    """What two tests say of many pairs of runs."""

    borne: np.ndarray
    worse: np.ndarray
    carried_before: np.ndarray
    carried_after: np.ndarray
    typical_borne: np.ndarray
    typical_worse: np.ndarray


def attempts(
    shape: tuple[int, ...], spread: float, outlier: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Costs whose mean is one: pairs × cells × attempts."""
    share, times = outlier
    many = np.where(rng.random(shape) < share, times, 1.0) / (1 + share * (times - 1))
    return np.asarray(rng.lognormal(-spread * spread / 2, spread, shape) * many)


def measured(was: np.ndarray, now: np.ndarray) -> Found:
    """``Bill.p_borne`` and ``Bill.p_worse`` at the limit, of pairs × cells × attempts."""
    cells, m, k = was.shape[1], was.shape[2], now.shape[2]
    before, after = was.mean(2), now.mean(2)
    if min(m, k) > 1:
        gaps = [
            (now - after[:, :, None]) / np.sqrt(k * (k - 1)),
            LIMIT * (was - before[:, :, None]) / np.sqrt(m * (m - 1)),
        ]
        square, fourth = (sum((gap**power).sum((1, 2)) for gap in gaps) for power in (2, 4))
        count, free = cells * (m + k), cells * (m + k - 2)
        dear_after, dear_before = dearest(now), LIMIT * dearest(was)
    else:
        gap = after - LIMIT * before
        gap = gap - gap.mean(1, keepdims=True)
        square = (gap**2).sum(1) * cells / (cells - 1)
        fourth = (gap**4).sum(1) * (cells / (cells - 1)) ** 2
        count, free = cells, cells - 1
        paid = LIMIT * before
        dear_after = np.maximum(gap.max(1), (after / paid - 1).max(1) * paid.mean(1))
        dear_before = np.maximum(-gap.min(1), (paid / after - 1).max(1) * after.mean(1))
    makers = square**2 / fourth * free / count
    freedom = np.where(makers < free, np.minimum(free, 2 * makers / np.maximum(1e-12, 1 - makers / free)), free)
    over = after.sum(1) - LIMIT * before.sum(1)
    carried = [side.sum((1, 2)) ** 2 / (side**2).sum((1, 2)) for side in (was, now)]
    logs = np.log(now).mean(2) - np.log(was).mean(2)
    t = (np.log(LIMIT) - logs.mean(1)) / (logs.std(1, ddof=1) / np.sqrt(cells))
    return Found(
        borne=np.maximum(chance(-over, square, freedom, dear_after), unshown(cells * k, carried[1])),
        worse=np.maximum(chance(over, square, freedom, dear_before), unshown(cells * m, carried[0])),
        carried_before=carried[0],
        carried_after=carried[1],
        typical_borne=stdtr(cells - 1, -t),
        typical_worse=stdtr(cells - 1, t),
    )


def dearest(side: np.ndarray) -> np.ndarray:
    """As ``bill._dearest``, of all cells."""
    many, top = side.shape[2], side.max(2)
    others = (side.sum(2) - top) / (many - 1)
    usual = side.mean(2).mean(1, keepdims=True)
    return np.asarray(np.maximum((top - others) / many, (top / others - 1) * usual / many).max(1))


def chance(gap: np.ndarray, square: np.ndarray, freedom: np.ndarray, dearest: np.ndarray) -> np.ndarray:
    """As ``bill._p``."""
    curve, spread = code._AGAIN * dearest / 3, np.sqrt(square)
    rest = gap - 2 * curve
    t = 2 * rest / (spread + np.sqrt(np.maximum(0, spread**2 + 4 * curve * rest)))
    return np.asarray(stdtr(freedom, -t))


def unshown(worth: int, carried: np.ndarray) -> np.ndarray:
    """As ``bill._unshown``."""
    return np.maximum((1 - code.RARE) ** worth, (1 - code._CARRIED) ** carried)


def pairs_of(was: Iterable[Sequence[float]], now: Iterable[Sequence[float]]) -> list[Pair]:
    """One pair of runs as the gate holds it."""
    return [Pair(str(i), tuple(a), tuple(b)) for i, (a, b) in enumerate(zip(was, now, strict=True))]


def check(was: np.ndarray, now: np.ndarray, found: Found) -> None:
    """The first pair, by the gate's own code."""
    own = bill(pairs_of(was[0].tolist(), now[0].tolist()))
    assert own is not None
    assert isclose(own.p_borne(LIMIT), found.borne[0], rel_tol=1e-6, abs_tol=1e-12)
    assert isclose(own.p_worse(LIMIT), found.worse[0], rel_tol=1e-6, abs_tol=1e-12)


def runs(
    layout: tuple[int, int, int],
    spread: float,
    size: float,
    before: tuple[float, float],
    after: tuple[float, float],
    ratio: float,
    pairs: int,
    rng: np.random.Generator,
) -> Found:
    """Simulate and judge pairs of runs."""
    cells, m, k = layout
    base = rng.lognormal(0, size, (pairs, cells, 1))
    was = base * attempts((pairs, cells, m), spread, before, rng)
    now = base * attempts((pairs, cells, k), spread, after, rng) * ratio
    found = measured(was, now)
    check(was, now, found)
    return found


def errors(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """The worst rates of each layout, at 5 %, and of all at every level."""
    none = (0.0, 1.0)
    yield (
        "| cells × attempts (before, after) | false pass: claimed | false fail: claimed | "
        "false pass: common outliers | false fail: common outliers | false pass: rare outliers | "
        "t on logs: false pass | false fail |"
    )
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    worst: dict[tuple[str, float], tuple[float, str]] = defaultdict(lambda: (0.0, ""))
    for layout in LAYOUTS:
        row: dict[str, float] = defaultdict(float)
        many = max(500, pairs // max(1, layout[0] * max(layout[1:]) // 150))
        for outlier, spread, size in product(OUTLIERS, SPREADS, SIZES):
            dear = runs(layout, spread, size, none, outlier, LIMIT, many, rng)
            cheap = runs(layout, spread, size, outlier, none, LIMIT, many, rng)
            share = outlier[0] or 1.0
            for level in LEVELS:
                passed, failed = dear.borne <= level, cheap.worse <= level
                seen_after = share > 1 - level ** (1 / dear.carried_after)
                seen_before = share > 1 - level ** (1 / cheap.carried_before)
                kind = "common" if share >= COMMON else "rare"
                rates = {
                    "pass, claimed": float((passed & seen_after).mean()),
                    "fail, claimed": float((failed & seen_before).mean()),
                    f"pass, {kind}": float(passed.mean()),
                    f"fail, {kind}": float(failed.mean()),
                    "pass, logs": float((dear.typical_borne <= level).mean()),
                    "fail, logs": float((cheap.typical_worse <= level).mean()),
                }
                for name, rate in rates.items():
                    told = f"{say(layout)}, spread {spread:g}, sizes {size:g}, {outlier[0]:.0%} × {outlier[1]:g}"
                    worst[name, level] = max(worst[name, level], (rate, told))
                    if level == LEVELS[0]:
                        row[name] = max(row[name], rate)
        names = (
            "pass, claimed",
            "fail, claimed",
            "pass, common",
            "fail, common",
            "pass, rare",
            "pass, logs",
            "fail, logs",
        )
        yield f"| {say(layout)} | " + " | ".join(f"{row[name]:.1%}" for name in names) + " |"
    yield ""
    for (name, level), (rate, told) in sorted(worst.items()):
        yield f"* {name}, at {level:.1%}: at most {rate:.2%} ({told})"
    yield ""


def observed(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """One attempt in ten costs 58 times as much."""
    yield "| one attempt in ten × 58 | false pass | of t on logs | false fail (the baseline's) | of t on logs |"
    yield "|---|---:|---:|---:|---:|"
    for layout in ((5, 1, 1), (10, 1, 1), (20, 1, 1), (10, 3, 3), (10, 10, 10), (50, 3, 3), (130, 10, 10)):
        dear = runs(layout, 0.3, 0.7, (0.0, 1.0), (0.1, 58.0), LIMIT, pairs, rng)
        cheap = runs(layout, 0.3, 0.7, (0.1, 58.0), (0.0, 1.0), LIMIT, pairs, rng)
        rates = [(one <= 0.05).mean() for one in (dear.borne, dear.typical_borne, cheap.worse, cheap.typical_worse)]
        yield f"| {say(layout)} | " + " | ".join(f"{rate:.1%}" for rate in rates) + " |"
    yield ""


def power(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """The result without outliers."""
    heads = " | ".join(f"passes at ×1, spread {spread:g}" for spread in (0.3, 0.6, 1.0))
    yield f"| cells × attempts, t on logs in brackets | {heads} | fails at ×2.25, spread 0.6 |"
    yield "|---|---:|---:|---:|---:|"
    none = (0.0, 1.0)
    for layout in LAYOUTS[2:]:
        row = []
        for spread in (0.3, 0.6, 1.0):
            found = runs(layout, spread, 0.7, none, none, 1.0, pairs // 4, rng)
            row.append(f"{(found.borne <= 0.05).mean():.0%} ({(found.typical_borne <= 0.05).mean():.0%})")
        found = runs(layout, 0.6, 0.7, none, none, LIMIT**2, pairs // 4, rng)
        row.append(f"{(found.worse <= 0.05).mean():.0%} ({(found.typical_worse <= 0.05).mean():.0%})")
        yield f"| {say(layout)} | " + " | ".join(row) + " |"
    yield ""


def ragged(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """Every item with another number of attempts, by the gate's own code."""
    for least, outlier in product((1, 2), ((0.0, 1.0), (0.1, 58.0), (0.3, 10.0))):
        passed = failed = 0
        for _ in range(pairs // 4):
            sides: list[list[list[float]]] = [[], []]
            for size in rng.lognormal(0, 0.7, 20):
                for side, times, own in ((0, 1.0, (0.0, 1.0)), (1, LIMIT, outlier)):
                    many = int(rng.integers(least, 6))
                    sides[side].append((size * times * attempts((many,), 0.5, own, rng)).tolist())
            was, now = sides
            pass_ = bill(pairs_of(was, now))
            dearer = [[LIMIT * LIMIT * value for value in own] for own in was]
            fail = bill(pairs_of(now, dearer))
            assert pass_ is not None
            assert fail is not None
            passed += pass_.p_borne(LIMIT) <= 0.05
            failed += fail.p_worse(LIMIT) <= 0.05
        rates = f"false pass {passed / (pairs // 4):.1%}, false fail {failed / (pairs // 4):.1%}"
        yield f"* 20 items, {least} to 5 attempts each, {outlier[0]:.0%} × {outlier[1]:g}: {rates}"
    yield ""


def findable(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """Whether a candidate that costs what could have been found is found."""
    for (cells, m), spread in product(((20, 5), (50, 3), (10, 10)), (0.4, 0.8)):
        said, failed, many = [], 0, pairs // 4
        for _ in range(many):
            size = rng.lognormal(0, 0.7, (cells, 1))
            was, now, then, dear = (size * rng.lognormal(0, spread, (cells, m)) for _ in range(4))
            seen = bill(pairs_of(was.tolist(), now.tolist()))
            assert seen is not None
            times = seen.findable(LIMIT, LEVELS[0])
            if times is not None:
                said.append(times)
                found = bill(pairs_of(then.tolist(), (dear * times).tolist()))
                assert found is not None
                failed += found.p_worse(LIMIT) <= LEVELS[0]
        told = f"×{np.median(said):.2f} could have been found, {failed / len(said):.0%} were"
        yield f"* {cells} × {m}, spread {spread:g}: {told}"
    yield ""


def tails(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """One attempt in ten costs too much, exactly."""
    yield "| tail: attempts | false pass | false fail | passes without outliers | fails if three in ten are outliers |"
    yield "|---|---:|---:|---:|---:|"
    for n in (10, 30, 100, 390, 1300):
        row = []
        for share, side in ((0.1, "borne"), (0.1, "worse"), (0.0, "borne"), (0.3, "worse")):
            beyond = rng.random((pairs, n)) < share
            said = [
                tail([Pair("a", (1.0,), tuple(np.where(one, 58.0, 1.0)))], 10) for one in beyond[:: 1 if n < 200 else 4]
            ]
            row.append(sum((one.p_borne() if side == "borne" else one.p_worse()) <= 0.05 for one in said) / len(said))
        yield f"| {n} | " + " | ".join(f"{rate:.1%}" for rate in row) + " |"
    yield ""


def steps(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """How often an attempt that costs half as much takes a pass away."""
    lost = asked = 0
    for _ in range(pairs):
        was, now = (attempts((10, 5), 0.5, (0.05, 10.0), rng) for _ in range(2))
        found = bill(pairs_of(was.tolist(), now.tolist()))
        assert found is not None
        if found.p_borne(LIMIT) > 0.05:
            continue
        now[rng.integers(10), rng.integers(5)] /= 2
        cheaper = bill(pairs_of(was.tolist(), now.tolist()))
        assert cheaper is not None
        asked, lost = asked + 1, lost + (cheaper.p_borne(LIMIT) > 0.05)
    yield f"* a pass, and one attempt half as dear: no pass any more in {lost} of {asked}"
    yield ""


def say(layout: tuple[int, int, int]) -> str:
    cells, m, k = layout
    return f"{cells} × {m}" if m == k else f"{cells} × ({m}, {k})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    for part in (observed, errors, power, findable, ragged, tails, steps):
        for line in part(given.pairs, rng):
            print(line, flush=True)


if __name__ == "__main__":
    main()
