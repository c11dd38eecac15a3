"""How often does the gate say what is not so, and how often does it say nothing?

Pairs of runs are simulated whose true drop is known: none, small ones, the margin exactly, large ones; every item a
little, some items wholly, one agent alone, some items against a rise of others, or other items than before. Counted is
what the gate's tests say of them: of these very items, and of all items like these. The drop is that of the very items
that were run; "drawn" shows what happens where they are a sample of more. Items are alike, or differ by a beta
distribution such that two attempts at an item correlate by 0.3 (its agents a little less), or are right always or
never. The settings that err most are simulated anew: the worst of many is partly chance.

Most pairs go through the arithmetic that ``decide`` uses, many at a time; the family of five agents by six metrics, and
what the gate says it could have found, go through ``decide`` itself. Takes about five minutes of one core.

    python benchmarks/gate.py [--pairs 300] [--seed 1]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import get_args

import numpy as np
from scipy.stats import binom, norm

from toolworthy.judgement.gate import score_test as tango
from toolworthy.judgement.gate.decide import decide
from toolworthy.judgement.gate.drop import drop
from toolworthy.judgement.gate.floor import reached
from toolworthy.judgement.gate.paired import Drop, Pair
from toolworthy.judgement.gate.policy import Policy, Requirement
from toolworthy.judgement.gate.same_items import compared
from toolworthy.judgement.gate.sample import Sample, Unit
from toolworthy.records.gate import About
from toolworthy.records.meta import EndpointName

LEVEL = 0.05
MARGINS = (0.05, 0.10)
SKILLS = (0.5, 0.7, 0.9, 0.98)
VARIATIONS = (0.0, 0.3, 1.0)
LAYOUTS = (*product((5, 10, 20, 50, 130), (1,), (1, 3, 10)), *product((10, 20), (5,), (1, 3, 10)))
"""Items, agents, attempts."""
UNEQUAL = ((3, 1), (10, 1), (100, 1), (10, 3), (1, 3), (3, 10))
"""Attempts before and after."""
FINE, AGAIN = 40_000, 3
"""Pairs for a second look at the worst settings, and how many settings get one."""


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
    """``even``: every item; ``items``: some wholly; ``agent``: one alone; ``rises``: one item in five rises to be right
    always; ``other``: items of another difficulty, drawn anew; ``drawn``: each wholly or not at all, by chance."""
    about: About = "these"
    before: int = 0
    """Attempts of the baseline, where they are others."""

    @property
    def tried(self) -> int:
        """Attempts of the baseline."""
        return self.before or self.attempts

    def __str__(self) -> str:
        tried = f"({self.before}, {self.attempts})" if self.before else self.attempts
        layout = f"{self.items} × {self.agents} × {tried}"
        return f"{layout}, {self.skill:.0%}, variation {self.variation:g}, {100 * self.drop:g} points ({self.kind})"


def skills(setting: Setting, pairs: int, rng: np.random.Generator) -> np.ndarray:
    """The chance of each item in each agent's hands: pairs × items × agents."""
    shape = (pairs, setting.items, setting.agents)
    if not setting.variation:
        return np.full(shape, setting.skill)
    if setting.variation == 1:
        return np.broadcast_to(rng.random((pairs, setting.items, 1)) < setting.skill, shape).astype(float)
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
    if setting.kind == "rises":
        risen, rest = np.ones_like(before[:, : items // 5]), before[:, items // 5 :]
        left = (before.mean((1, 2)) - setting.drop) * items * agents - risen[0].size
        return np.concatenate([risen, _scaled(rest, np.maximum(left / rest[0].size, 0))], 1)
    wanted = np.maximum(before.mean((1, 2)) - setting.drop, 0)
    return _scaled(skills(setting, pairs, rng) if setting.kind == "other" else before, wanted)


def _scaled(chances: np.ndarray, mean: np.ndarray) -> np.ndarray:
    now, wanted = chances.mean((1, 2), keepdims=True), mean[:, None, None]
    down = chances * wanted / np.maximum(now, 1e-12)
    up = 1 - (1 - chances) * (1 - wanted) / np.maximum(1 - now, 1e-12)
    return np.where(wanted <= now, down, up)


@dataclass(frozen=True)
class Verdicts:
    """What the tests say of each pair at a level, and the observed drop."""

    fails: Callable[[float], np.ndarray]
    passes: Callable[[float], np.ndarray]
    seen: np.ndarray

    def failed(self, level: float = LEVEL) -> float:
        """Share of pairs that fail, this being the only criterion."""
        return float(self.fails(level).mean())

    def passed(self, level: float = LEVEL) -> float:
        """Share of pairs that pass."""
        return float(self.passes(level).mean())

    def naive(self, points: float) -> float:
        """Share of pairs that a gate refuses which looks at the observed drop alone."""
        return float((self.seen >= points - 1e-9).mean())


def judged(setting: Setting, ok: np.ndarray, ok_now: np.ndarray, made: int) -> Callable[[float], Verdicts]:
    """What is said at a margin of so many successes, pairs × items × agents, the candidate having `made` attempts."""
    cells = setting.items * setting.agents
    if setting.about == "these":
        flat = (len(ok), cells)
        items = np.repeat(np.arange(setting.items), setting.agents)
        tried, retried = np.full(cells, setting.tried), np.full(cells, made)
        apart = compared(ok.reshape(flat), tried, ok_now.reshape(flat), retried, items).apart
        return lambda margin: Verdicts(
            lambda level: apart.least(level) >= margin, lambda level: apart.most(level) <= margin, apart.drop
        )
    was, now, weight = ok / setting.tried, ok_now / made, float(min(setting.tried, made))
    lost, won = ((weight * one * (1 - other)).sum(2) for one, other in ((was, now), (now, was)))
    found = tango.seen(weight * setting.agents, lost, won)
    of = (found.lost, found.won, setting.items)
    borne = tango.pairs_for_no_change(weight * cells, found, setting.items)
    worse = tango.pairs_for_change(weight * cells, found)
    return lambda margin: Verdicts(
        lambda level: tango.p_worse(worse, *of, margin) <= level,
        lambda level: tango.p_borne(borne, *of, margin) <= level,
        found.lost - found.won,
    )


def chances(setting: Setting, pairs: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
    """Before and after, of those pairs whose drop is the setting's; None where it is more than there is to lose."""
    before = skills(setting, pairs, rng)
    after = worse(before, setting, rng)
    exact = np.abs((before - after).mean((1, 2)) - setting.drop) < 1e-9
    if setting.kind == "drawn":
        exact[:] = True
    return (before[exact], after[exact]) if exact.mean() >= 0.5 else None


def simulate(
    setting: Setting, margins: Sequence[float], pairs: int, rng: np.random.Generator
) -> dict[float, Verdicts] | None:
    """What is said of so many pairs at each margin; None where the drop is larger than what there is to lose."""
    both = chances(setting, pairs, rng)
    if both is None:
        return None
    ok, now = rng.binomial(setting.tried, both[0]), rng.binomial(setting.attempts, both[1])
    told = judged(setting, ok, now, setting.attempts)
    return {at: told(at) for at in margins}


def kinds(layout: tuple[int, int, int], variation: float) -> list[str]:
    """How a candidate of this layout can be worse."""
    return [
        *("even", "items", "rises"),
        *(["agent"] if layout[1] > 1 else []),
        *(["other"] if 0 < variation < 1 else []),
    ]


@dataclass
class Worst:
    """The highest rate of something over settings."""

    rates: list[tuple[float, Setting, float]] = field(default_factory=list)
    """Rate, setting, margin."""

    @property
    def rate(self) -> str:
        return f"{max((row[0] for row in self.rates), default=float('nan')):.1%}"

    def again(self, name: str, rng: np.random.Generator, passes: bool, level: float) -> str:
        """The worst once more, with many pairs and other ones."""
        looked: list[tuple[float, Setting, float]] = []
        for _, setting, margin in sorted(self.rates, key=lambda row: -row[0])[:AGAIN]:
            got = []
            for _ in range(FINE // 5000):
                told = simulate(setting, [margin], 5000, rng)
                assert told is not None
                got.append(told[margin].passed(level) if passes else told[margin].failed(level))
            looked.append((sum(got) / len(got), setting, margin))
        rate, setting, margin = max(looked, key=lambda row: row[0])
        mean = sum(row[0] for row in self.rates) / len(self.rates)
        return (
            f"* {name}, the {AGAIN} worst of {len(self.rates)} settings with {FINE:,} pairs each: at most {rate:.2%} "
            f"({setting}, margin {100 * margin:g}); mean of all {mean:.1%}"
        )


def calibration(about: About, pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """A row for every layout with the worst rates over skills, variations and ways of being worse; then these again."""
    heads = ["false alarm: no drop", "false alarm: at the margin", "false pass", "false pass, items drawn"]
    edge: list[Worst] = [Worst(), Worst(), Worst(), Worst()]
    yield f"| {about}: items × agents × attempts | {' | '.join(heads)} | naive 10 points: no drop |"
    yield "|---|" + "---:|" * (len(heads) + 1)
    for layout in LAYOUTS:
        yield _layout(Setting(*layout, 0.5, 0.0, about=about), pairs, rng, edge)
    for items, (tried, attempts) in product((10, 50), UNEQUAL):
        yield _layout(Setting(items, 1, attempts, 0.5, 0.0, about=about, before=tried), pairs, rng, edge)
    yield ""
    names = ("false alarm", "false pass", "false alarm at level 1 %", "false pass at level 1 %")
    for number, (name, worst) in enumerate(zip(names, edge, strict=True)):
        yield worst.again(f"{about}: {name}", rng, number % 2 == 1, LEVEL if number < 2 else 0.01)
    yield ""


def _layout(like: Setting, pairs: int, rng: np.random.Generator, edge: Sequence[Worst]) -> str:
    """A row; the rates at the margin go to `edge`."""
    none, alarm, passed, drawn = Worst(), Worst(), Worst(), Worst()
    naive = []
    for variation, skill in product(VARIATIONS, SKILLS):
        base = replace(like, skill=skill, variation=variation)
        told = simulate(base, MARGINS, pairs, rng)
        assert told is not None
        none.rates += [(told[at].failed(), base, at) for at in MARGINS]
        naive.append(told[MARGINS[0]].naive(0.10))
        for margin, kind in product(MARGINS, [*kinds((like.items, like.agents, like.attempts), variation), "drawn"]):
            setting = replace(base, drop=margin, kind=kind)
            told = simulate(setting, [margin], pairs, rng)
            if told is None:
                continue
            one = told[margin]
            if kind == "drawn":
                drawn.rates.append((one.passed(), setting, margin))
                continue
            alarm.rates.append((one.failed(), setting, margin))
            passed.rates.append((one.passed(), setting, margin))
            edge[2].rates.append((one.failed(0.01), setting, margin))
            edge[3].rates.append((one.passed(0.01), setting, margin))
    edge[0].rates += alarm.rates
    edge[1].rates += passed.rates
    name = (
        f"{like.items} × ({like.before}, {like.attempts})"
        if like.before
        else " × ".join(map(str, (like.items, like.agents, like.attempts)))
    )
    shown = " | ".join(one.rate for one in (none, alarm, passed, drawn))
    return f"| {name} | {shown} | {max(naive):.1%} |"


def power(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """What is said at a skill of 90 % where items differ, and what a test would say that knew how they vary."""
    wanted = ((0.10, (0.0, 0.02), (0.20, 0.30)), (0.05, (0.0,), (0.10, 0.20)))
    for about in get_args(About):
        heads = []
        for margin, passes, fails in wanted:
            heads += [f"margin {100 * margin:g}: passes, no drop", "if the variance were known"]
            heads += [f"passes at {100 * at:g}" for at in passes[1:]] + [f"fails at {100 * at:g}" for at in fails]
        yield f"| {about}: items × agents × attempts | {' | '.join(heads)} |"
        yield "|---|" + "---:|" * len(heads)
        for layout in LAYOUTS:
            cells = []
            base = Setting(*layout, 0.9, 0.3, about=about)
            for margin, passes, fails in wanted:
                for at in (*passes, *fails):
                    told = simulate(replace(base, drop=at), [margin], pairs, rng)
                    assert told is not None
                    cells.append(f"{100 * (told[margin].passed() if at in passes else told[margin].failed()):.0f}")
                    cells += [f"{100 * known(base, margin, pairs, rng):.0f}"] if not at else []
            yield f"| {' × '.join(map(str, layout))} | {' | '.join(cells)} |"
        yield ""


def known(setting: Setting, margin: float, pairs: int, rng: np.random.Generator) -> float:
    """How often a candidate that is no worse passes where its variance at the margin need not be estimated."""
    before = skills(setting, pairs, rng)
    cells, m = setting.items * setting.agents, setting.attempts
    edge = _scaled(before, np.maximum(before.mean((1, 2)) - margin, 0))
    error = np.sqrt((before * (1 - before) + edge * (1 - edge)).sum((1, 2)) / m) / cells
    seen = (rng.binomial(m, before) - rng.binomial(m, before)).sum((1, 2)) / (cells * m)
    return float((seen + norm.isf(LEVEL) * error <= margin).mean())


def drops_of(setting: Setting, pairs: int, rng: np.random.Generator) -> list[Drop]:
    """Pairs of runs as ``paired.drop`` sees them."""
    before = skills(setting, pairs, rng)
    return [
        measured(one, then, setting.attempts, setting.about, rng)
        for one, then in zip(before, worse(before, setting, rng), strict=True)
    ]


def measured(before: np.ndarray, after: np.ndarray, attempts: int, about: About, rng: np.random.Generator) -> Drop:
    """One pair of runs of items × agents with these chances."""
    was, now = (rng.random((*side.shape, attempts)) < side[..., None] for side in (before, after))
    rows = [
        Pair(str(item), tuple(map(float, was[item, agent])), tuple(map(float, now[item, agent])))
        for item, agent in np.ndindex(before.shape)
    ]
    return drop(rows, about)


def promises(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """Are drops found that could have been found, and do as many attempts as were said to be enough decide?"""
    heads = "a drop spread evenly, points | was found | items lost entirely | was found | attempts that would decide"
    yield f"| about, items × agents × attempts, skill | {heads} | decided, if what was seen is true | decided |"
    yield "|---|" + "---:|" * 7
    layouts = ((10, 1, 3), (10, 1, 10), (20, 1, 1), (20, 5, 1), (50, 1, 3))
    for about, layout, (skill, variation) in product(get_args(About), layouts, ((0.7, 0.3), (0.9, 0.3), (0.8, 1.0))):
        setting = Setting(*layout, skill, variation, about=about)
        stated: dict[str, list[float]] = defaultdict(list)
        for _ in range(10):
            before = skills(setting, 1, rng)
            found = measured(before[0], before[0], setting.attempts, about, rng)
            even, items = found.findable(0.10, LEVEL), found.findable_items(0.10, LEVEL)
            for name, size in (("even", even), ("items", items)):
                if size is None:
                    continue
                many = np.repeat(before, pairs // 2, 0)
                after = _lost(many, int(size), rng) if name == "items" else _scaled(many, many.mean((1, 2)) - size)
                ok, now = (rng.binomial(setting.attempts, side) for side in (many, after))
                stated[name].append(size)
                stated[f"{name} found"].append(judged(setting, ok, now, setting.attempts)(0.10).failed())
        asked, as_seen, decided = _more(replace(setting, attempts=1, drop=0.03), pairs // 10, rng)
        cells = [f"{100 * _mean(stated['even']):.0f}", f"{_mean(stated['even found']):.0%}"]
        cells += [f"{_mean(stated['items']):.1f} of {layout[0]}", f"{_mean(stated['items found']):.0%}"]
        cells += [f"{np.median(asked):.0f}" if asked else "–"]
        cells += [f"{count / len(asked):.0%} of {len(asked)}" if asked else "–" for count in (as_seen, decided)]
        yield f"| {about}, {' × '.join(map(str, layout))}, {skill:.0%}, {variation:g} | {' | '.join(cells)} |"
    yield ""


def _lost(before: np.ndarray, items: int, rng: np.random.Generator) -> np.ndarray:
    """So many items lost entirely, drawn anew for every pair."""
    order = rng.permuted(np.broadcast_to(np.arange(before.shape[1]), before.shape[:2]), axis=1)
    return before * (order >= items)[:, :, None]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _more(setting: Setting, pairs: int, rng: np.random.Generator) -> tuple[list[int], int, int]:
    """Attempts that inconclusive runs ask for; how many of them decide when they get them, if the drop that was seen
    is the true one (no rise), and as it truly is."""
    asked: list[int] = []
    as_seen = decided = 0
    both = chances(setting, pairs, rng)
    assert both is not None
    for one, then in zip(*both, strict=True):
        first = measured(one, then, setting.attempts, setting.about, rng)
        if _decided(first):
            continue
        enough = next((m for m in range(2, 41) if first.decides(0.10, LEVEL, m / setting.attempts)), None)
        if enough is None:
            continue
        asked.append(enough)
        seen = worse(one[None], replace(setting, drop=max(0.0, first.value)), rng)[0]
        as_seen += _decided(measured(one, seen, enough, setting.about, rng))
        decided += _decided(measured(one, then, enough, setting.about, rng))
    return asked, as_seen, decided


def _decided(found: Drop) -> bool:
    low, high = found.interval(LEVEL)
    return low >= 0.10 or high <= 0.10


def floors(pairs: int, rng: np.random.Generator) -> Iterator[str]:
    """A rate that is the floor exactly: of these items, and over all items like these."""
    yield "| about, floor: items × agents × attempts, variation | false alarm | false pass |"
    yield "|---|---:|---:|"
    layouts = ((10, 1, 3), (10, 1, 10), (20, 1, 1), (20, 5, 3), (130, 1, 1))
    for about, layout, variation, floor in product(get_args(About), layouts, (0.0, 0.3, 1.0), (0.7, 0.9)):
        chances = skills(Setting(*layout, floor, variation), pairs, rng)
        if about == "these":  # these very items are at the floor
            chances = np.stack([_moved(run, floor) for run in chances])
        alarm = passed = 0
        for run in rng.binomial(layout[2], chances).tolist():
            cells = [(str(item), count, layout[2] - count) for item, row in enumerate(run) for count in row]
            found = reached([Pair(item, (1.0,), (1.0,) * ok + (0.0,) * bad) for item, ok, bad in cells], about)
            alarm += found.p_worse(floor) <= LEVEL
            passed += found.p_borne(floor) <= LEVEL
        name = f"{about}, floor {floor:.0%}: {' × '.join(map(str, layout))}, {variation:g}"
        yield f"| {name} | {alarm / pairs:.1%} | {passed / pairs:.1%} |"
    yield ""


def _moved(chances: np.ndarray, mean: float) -> np.ndarray:
    """Chances with exactly this mean: failures, or successes, in the same proportion."""
    now = chances.mean()
    return chances * mean / now if now > mean else 1 - (1 - chances) * (1 - mean) / (1 - now)


FAMILY = Policy(
    metrics={
        **{name: Requirement(margin=0.10, each_agent=True) for name in ("tasks.pass", "tools.strict", "tools.lenient")},
        "tools.credit": Requirement(margin=0.10, each_agent=True),
        "tasks.tokens": Requirement(at_most=1.5, each_agent=True),
        "tasks.seconds": Requirement(at_most=1.5, each_agent=True),
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
    return Sample(name="s", toolworthy="0", started=0.0, endpoint=EndpointName(), agents={}, units=tuple(units))


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
    "these": partial(calibration, "these"),
    "like-these": partial(calibration, "like-these"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=300, help="of runs in every setting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this table (repeatable)")
    options = parser.parse_args()
    for name, part in PARTS.items():
        if name in (options.part or PARTS):
            for line in part(options.pairs, np.random.default_rng([options.seed, *name.encode()])):
                print(line, flush=True)


if __name__ == "__main__":
    main()
