"""How often does the gate say what is not so, and how often does it say nothing?

Pairs of runs are simulated whose true drop is known: none, small ones, the margin exactly, large ones; every item a
little, some items wholly, one agent alone, or other items than before. Counted is what the gate's tests say of them.
The drop is that of the very items that were run; "drawn" shows what happens where they are a sample of more. Items
differ by a beta distribution, such that two attempts at an item correlate by 0.3, its agents a little less; or not.

Most pairs go through the arithmetic that ``decide`` uses, many at a time; the family of five agents by six metrics, and
what the gate says it could have found, go through ``decide`` itself. Takes about four minutes of one core.

    python benchmarks/gate.py [--pairs 1000] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.stats import binom

from toolworthy.gate import tango
from toolworthy.gate.decide import decide
from toolworthy.gate.drop import drop
from toolworthy.gate.floor import reached
from toolworthy.gate.paired import Drop, Pair
from toolworthy.gate.policy import Criterion, Policy
from toolworthy.gate.sample import Sample, Unit

LEVEL = 0.05
MARGINS = (0.05, 0.10)
SKILLS = (0.5, 0.7, 0.9, 0.98)
LAYOUTS = tuple(product((10, 20, 50, 130), (1, 5), (1, 3, 5, 10)))
FINE = 20_000
"""Pairs for a second look at the worst settings."""
AGAIN = 10
"""How many settings get one."""


@dataclass(frozen=True)
class Setting:
    """What is run, and how the candidate is worse."""

    items: int
    agents: int
    attempts: int
    skill: float
    variation: float
    drop: float = 0.0
    kind: str = "even"
    """``even``: every item; ``items``: some wholly; ``agent``: one alone; ``other``: items of another difficulty, drawn
    anew; ``drawn``: each item wholly or not at all, by chance."""

    def __str__(self) -> str:
        layout = f"{self.items} × {self.agents} × {self.attempts}"
        return f"{layout}, {self.skill:.0%}, variation {self.variation:g}, {100 * self.drop:g} points ({self.kind})"


def skills(setting: Setting, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """The chance of each item in each agent's hands: pairs × items × agents."""
    shape = (pairs, setting.items, setting.agents)
    if not setting.variation:
        return np.full(shape, setting.skill)
    weight = 1 / setting.variation - 1
    item = rng.beta(setting.skill * weight, (1 - setting.skill) * weight, (*shape[:2], 1))
    if setting.agents == 1:
        return item
    return rng.beta(np.maximum(8 * item, 1e-3), np.maximum(8 * (1 - item), 1e-3), shape)


def worse(before: np.ndarray, setting: Setting, rng: np.random.Generator) -> np.ndarray:
    """The candidate's chances, such that the mean over these items falls by the setting's drop, as far as it can."""
    pairs, items, agents = before.shape
    if setting.kind == "drawn":
        return before * (rng.random((pairs, items, 1)) >= setting.drop / setting.skill)
    if setting.kind == "agent":
        after = before.copy()
        own = before[:, :, 0].sum(1)
        after[:, :, 0] *= np.maximum(0, 1 - setting.drop * items * agents / np.maximum(own, 1e-12))[:, None]
        return after
    if setting.kind == "items":
        order = rng.permuted(np.broadcast_to(np.arange(items), (pairs, items)), axis=1)
        total = np.take_along_axis(before.sum(2), order, 1)
        open_ = setting.drop * items * agents - (total.cumsum(1) - total)
        taken = np.empty_like(total)
        np.put_along_axis(taken, order, np.clip(open_ / np.maximum(total, 1e-12), 0, 1), 1)
        return before * (1 - taken[:, :, None])
    wanted = np.maximum(before.mean((1, 2)) - setting.drop, 0)
    return _scaled(skills(setting, pairs, rng) if setting.kind == "other" else before, wanted)


def _scaled(chances: np.ndarray, mean: np.ndarray) -> np.ndarray:
    now, wanted = chances.mean((1, 2), keepdims=True), mean[:, None, None]
    down = chances * wanted / np.maximum(now, 1e-12)
    up = 1 - (1 - chances) * (1 - wanted) / np.maximum(1 - now, 1e-12)
    return np.where(wanted <= now, down, up)


@dataclass(frozen=True)
class Verdicts:
    """Chances that the tests name for each pair, and the observed drop."""

    p_worse: np.ndarray
    p_borne: np.ndarray
    seen: np.ndarray

    def failed(self, level: float = LEVEL) -> float:
        """Share of pairs that fail, this being the only criterion."""
        return float((self.p_worse <= level).mean())

    def passed(self, level: float = LEVEL) -> float:
        """Share of pairs that pass."""
        return float((self.p_borne <= level).mean())

    def naive(self, points: float) -> float:
        """Share of pairs that a gate refuses which looks at the observed drop alone."""
        return float((self.seen >= points - 1e-9).mean())


def simulate(
    setting: Setting, margins: Sequence[float], pairs: int, rng: np.random.Generator
) -> dict[float, Verdicts] | None:
    """What is said of so many pairs at each margin; None where the drop is larger than what there is to lose."""
    before = skills(setting, pairs, rng)
    after = worse(before, setting, rng)
    exact = np.abs((before - after).mean((1, 2)) - setting.drop) < 1e-9
    if setting.kind == "drawn":
        exact[:] = True
    if exact.mean() < 0.5:
        return None
    before, after = before[exact], after[exact]
    m = setting.attempts
    was, now = rng.binomial(m, before) / m, rng.binomial(m, after) / m
    found = tango.seen(float(m * setting.agents), (m * was * (1 - now)).sum(2), (m * now * (1 - was)).sum(2))
    n = tango.worth(float(setting.items * setting.agents * m), found)
    of = (n, found.lost, found.won, setting.items)
    seen = found.lost - found.won
    return {at: Verdicts(tango.p_worse(*of, at), tango.p_borne(*of, at), seen) for at in margins}


def kinds(layout: tuple[int, int, int], variation: float) -> list[str]:
    """How a candidate of this layout can be worse."""
    return ["even", "items", *(["agent"] if layout[1] > 1 else []), *(["other"] if variation else [])]


@dataclass
class Worst:
    """The highest rate of something over settings."""

    rates: list[tuple[float, Setting, float]]
    """Rate, setting, margin."""

    @property
    def rate(self) -> float:
        return max((row[0] for row in self.rates), default=float("nan"))

    def again(self, rng: np.random.Generator, passes: bool, level: float = LEVEL) -> tuple[float, Setting, float]:
        """The worst once more, with many pairs and other ones: being the worst of many is partly chance."""
        looked: list[tuple[float, Setting, float]] = []
        for _, setting, margin in sorted(self.rates, key=lambda row: -row[0])[:AGAIN]:
            got = 0.0
            for _ in range(FINE // 2000):
                told = simulate(setting, [margin], 2000, rng)
                assert told is not None
                got += told[margin].passed(level) if passes else told[margin].failed(level)
            looked.append((got / (FINE // 2000), setting, margin))
        return max(looked, key=lambda row: row[0])


def calibration(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """A row for every layout with the worst rates over skills, variations and ways of being worse; then these again."""
    heads = ["false alarm: no drop", "false alarm: at the margin", "false pass", "false pass, items drawn"]
    yield f"| items × agents × attempts | {' | '.join(heads)} | naive 10 points: no drop |"
    yield "|---|" + "---:|" * (len(heads) + 1)
    alarm, passed, strict = Worst([]), Worst([]), {True: Worst([]), False: Worst([])}
    for layout in LAYOUTS:
        own: dict[str, list[tuple[float, Setting, float]]] = defaultdict(list)
        naive: list[float] = []
        for variation, skill in product((0.0, 0.3), SKILLS):
            base = Setting(*layout, skill, variation)
            for kind in ("even", "other") if variation else ("even",):
                setting = replace(base, kind=kind)
                told = simulate(setting, MARGINS, pairs, rng)
                assert told is not None
                own["none"] += [(told[at].failed(), setting, at) for at in MARGINS]
                naive += [told[at].naive(0.10) for at in MARGINS[:1] if kind == "even"]
            for margin, kind in product(MARGINS, [*kinds(layout, variation), "drawn"]):
                setting = replace(base, drop=margin, kind=kind)
                told = simulate(setting, [margin], pairs, rng)
                if told is None:
                    continue
                one = told[margin]
                if kind == "drawn":
                    own["drawn"].append((one.passed(), setting, margin))
                    continue
                own["alarm"].append((one.failed(), setting, margin))
                own["pass"].append((one.passed(), setting, margin))
                strict[False].rates.append((one.failed(0.01), setting, margin))
                strict[True].rates.append((one.passed(0.01), setting, margin))
        alarm.rates += own["alarm"]
        passed.rates += own["pass"]
        shown = " | ".join(f"{Worst(own[of]).rate:.1%}" for of in ("none", "alarm", "pass", "drawn"))
        yield f"| {' × '.join(map(str, layout))} | {shown} | {max(naive):.1%} |"
    yield ""
    for name, worst, passes, level in (
        ("false alarm", alarm, False, LEVEL),
        ("false pass", passed, True, LEVEL),
        ("false alarm at level 1 %", strict[False], False, 0.01),
        ("false pass at level 1 %", strict[True], True, 0.01),
    ):
        rate, setting, margin = worst.again(rng, passes, level)
        of = len(worst.rates)
        mean = sum(row[0] for row in worst.rates) / of
        yield (
            f"* {name}, the {AGAIN} worst of {of} settings with {FINE:,} pairs each: at most {rate:.1%} "
            f"({setting}, margin {100 * margin:g}); mean of all {mean:.1%}"
        )
    yield ""


def power(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """What is said at a skill of 90 % where items differ, and which drop could have been found."""
    drops = (0.0, 0.02, 0.05, 0.10, 0.20, 0.30)
    for margin in reversed(MARGINS):
        yield f"Margin {100 * margin:g} points; pass / inconclusive / fail in a hundred pairs at a true drop of:"
        yield ""
        yield f"| items × agents × attempts | {' | '.join(f'{100 * at:g}' for at in drops)} | could have found |"
        yield "|---|" + "---:|" * (len(drops) + 1)
        for layout in LAYOUTS:
            cells = []
            for at in drops:
                told = simulate(Setting(*layout, 0.9, 0.3, at), [margin], pairs, rng)
                assert told is not None
                passed, failed = told[margin].passed(), told[margin].failed()
                cells.append(f"{100 * passed:.0f} / {100 * (1 - passed - failed):.0f} / {100 * failed:.0f}")
            found = [one.findable(margin, LEVEL) for one in drops_of(Setting(*layout, 0.9, 0.3), 15, rng)]
            size = float(np.median([at if at is not None else 1.0 for at in found]))
            cells.append(f"{100 * size:.0f} points")
            yield f"| {' × '.join(map(str, layout))} | {' | '.join(cells)} |"
        yield ""


def drops_of(setting: Setting, pairs: int, rng: np.random.Generator) -> list[Drop]:
    """Pairs of runs as ``paired.drop`` sees them."""
    before = skills(setting, pairs, rng)
    return [
        measured(one, then, setting.attempts, rng)
        for one, then in zip(before, worse(before, setting, rng), strict=True)
    ]


def measured(before: np.ndarray, after: np.ndarray, attempts: int, rng: np.random.Generator) -> Drop:
    """One pair of runs of items × agents with these chances."""
    was, now = (rng.random((*side.shape, attempts)) < side[..., None] for side in (before, after))
    rows = [
        Pair(str(item), tuple(map(float, was[item, agent])), tuple(map(float, now[item, agent])))
        for item, agent in np.ndindex(before.shape)
    ]
    found = drop(rows, "like-these")
    assert found is not None
    return found


def promises(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """Are drops found that could have been found, and do as many attempts as were said to be enough decide?"""
    pairs = pairs // 4
    heads = "asked once at 3 points: attempts that would decide | decided, if what was seen is true | decided"
    yield f"| items × agents × attempts, skill | could have found | was found | {heads} |"
    yield "|---|---:|---:|---:|---:|---:|"
    for layout, skill in product(
        ((20, 1, 3), (20, 5, 1), (50, 1, 3), (50, 5, 3), (130, 1, 1), (130, 5, 1)), (0.7, 0.9)
    ):
        setting = Setting(*layout, skill, 0.3)
        told = [one.findable(0.10, LEVEL) for one in drops_of(setting, 30, rng)]
        size = float(np.median([at if at is not None else 1.0 for at in told]))
        again = simulate(replace(setting, drop=size), [0.10], 4 * pairs, rng)
        found = f"{again[0.10].failed():.0%}" if again else "more than there is"
        asked, as_seen, decided = _more(replace(setting, attempts=1, drop=0.03), pairs, rng)
        many = f"{np.median(asked):.0f}" if asked else "–"
        shares = [f"{count / len(asked):.0%} of {len(asked)}" if asked else "–" for count in (as_seen, decided)]
        name = f"{' × '.join(map(str, layout))}, {skill:.0%}"
        yield f"| {name} | {100 * size:.0f} points | {found} | {many} | {' | '.join(shares)} |"
    yield ""


def _more(setting: Setting, pairs: int, rng: np.random.Generator) -> tuple[list[int], int, int]:
    """Attempts that inconclusive runs ask for; how many of them decide when they get them, if the drop that was seen
    is the true one (no rise), and as it truly is."""
    asked: list[int] = []
    as_seen = decided = 0
    before = skills(setting, pairs, rng)
    after = worse(before, setting, rng)
    for one, then in zip(before, after, strict=True):
        first = measured(one, then, setting.attempts, rng)
        if _decided(first):
            continue
        enough = next((m for m in range(2, 41) if first.decides(0.10, LEVEL, m / setting.attempts)), None)
        if enough is None:
            continue
        asked.append(enough)
        seen = worse(one[None], replace(setting, drop=max(0.0, first.value)), rng)[0]
        as_seen += _decided(measured(one, seen, enough, rng))
        decided += _decided(measured(one, then, enough, rng))
    return asked, as_seen, decided


def _decided(found: Drop) -> bool:
    return min(found.p_worse(0.10), found.p_borne(0.10)) <= LEVEL


def floors(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """A rate that is the floor exactly, over all items like these."""
    yield "| floor: items × agents × attempts, variation | false alarm | false pass |"
    yield "|---|---:|---:|"
    pairs = pairs // 2
    for layout, variation, floor in product(((10, 1, 3), (20, 1, 1), (20, 5, 3), (130, 1, 1)), (0.0, 0.3), (0.7, 0.9)):
        chances = skills(Setting(*layout, floor, variation), pairs, rng)
        ok = rng.binomial(layout[2], chances)
        alarm = passed = 0
        for run in ok.tolist():
            values = [
                (str(item), float(one < count))
                for item, row in enumerate(run)
                for count in row
                for one in range(layout[2])
            ]
            found = reached(values)
            assert found is not None
            alarm += found.p_worse(floor) <= LEVEL
            passed += found.p_borne(floor) <= LEVEL
        name = f"{' × '.join(map(str, layout))}, {variation:g}, floor {floor:.0%}"
        yield f"| {name} | {alarm / pairs:.1%} | {passed / pairs:.1%} |"
    yield ""


FAMILY = Policy(
    metrics={
        **{name: Criterion(margin=0.10, each_agent=True) for name in ("tasks.pass", "tools.strict", "tools.lenient")},
        "tools.credit": Criterion(margin=0.10, each_agent=True),
        "tasks.tokens": Criterion(at_most=1.5, each_agent=True),
        "tasks.seconds": Criterion(at_most=1.5, each_agent=True),
    }
)


def sample(
    drop_: float, ratio_: float, items: int, attempts: int, rng: np.random.Generator, base: np.ndarray
) -> Sample:
    """A run of five agents, every metric by itself."""
    units = []
    for item, agent in np.ndindex(items, 5):
        p = base[item] * (1 - drop_ / base.mean())

        def rates(p: float = p) -> list[float]:
            return [float(x) for x in rng.random(attempts) < p]

        def spent() -> list[float]:
            return [float(x) for x in ratio_ * rng.lognormal(9, 0.5, attempts)]

        names = {"item": f"i{item}", "agent": f"a{agent}"}
        units.append(Unit(suite="tasks", **names, values={"pass": rates(), "tokens": spent(), "seconds": spent()}))
        units.append(Unit(suite="tools", **names, values={"strict": rates(), "lenient": rates(), "credit": rates()}))
    return Sample(name="s", toolworthy="0", started=0.0, endpoint={}, agents={}, units=tuple(units))


def family(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """Five agents by six metrics, judged by ``decide``, beside a gate that refuses as soon as one is 10 points down."""
    yield "| five agents × six metrics, 20 items × 3 attempts | fails | passes | naive gate fails |"
    yield "|---|---:|---:|---:|"
    pairs = pairs // 4
    for name, drop_, ratio_ in (("nothing is worse", 0.0, 1.0), ("everything is worse by the margin", 0.10, 1.5)):
        answers: dict[str, int] = defaultdict(int)
        naive = 0
        for _ in range(pairs):
            base = np.clip(rng.beta(0.9 * 7 / 3, 0.1 * 7 / 3, 20), 0.2, 1)
            before = sample(0.0, 1.0, 20, 3, rng, base)
            after = sample(drop_, ratio_, 20, 3, rng, base)
            answers[decide(before, after, FAMILY).answer] += 1
            naive += _naive(before, after)
        yield f"| {name} | {answers['fail'] / pairs:.1%} | {answers['pass'] / pairs:.1%} | {naive / pairs:.1%} |"
    yield ""


def _naive(before: Sample, after: Sample) -> bool:
    """Whether a share of some agent is 10 points down."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    count: dict[tuple[str, str], int] = defaultdict(int)
    for old, new in zip(before.units, after.units, strict=True):
        for metric in ("pass", "strict", "lenient", "credit"):
            if metric in old.values:
                sums[old.agent, metric] += sum(old.values[metric]) - sum(new.values[metric])
                count[old.agent, metric] += len(old.values[metric])
    return any(total / count[key] >= 0.10 - 1e-9 for key, total in sums.items())


def naive(items: int, skill: float, points: float) -> float:
    """Exactly: how often a gate on the observed drop refuses a candidate that is no worse, each item asked once."""
    counts = np.arange(items + 1)
    chance = binom.pmf(counts, items, skill)
    down = counts[:, None] - counts[None, :] >= points * items - 1e-9
    return float((np.outer(chance, chance) * down).sum())


def naives(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """The naive gate by itself, reckoned, not drawn."""
    yield "| naive gate: refuse if N points down | 5 points | 10 points |"
    yield "|---|---:|---:|"
    for items, skill in product((10, 20, 50, 130), (0.7, 0.9)):
        five, ten = naive(items, skill, 0.05), naive(items, skill, 0.10)
        yield f"| {items} items at {skill:.0%}, once each | {five:.1%} | {ten:.1%} |"
    yield ""


PARTS: dict[str, Callable[[int, np.random.Generator], Iterator[str]]] = {
    "naive": naives,
    "promises": promises,
    "floors": floors,
    "family": family,
    "power": power,
    "calibration": calibration,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1000, help="of runs in every setting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this table (repeatable)")
    options = parser.parse_args()
    for number, (name, part) in enumerate(PARTS.items()):
        if name in (options.part or PARTS):
            for line in part(options.pairs, np.random.default_rng([options.seed, number])):
                print(line, flush=True)


if __name__ == "__main__":
    main()
