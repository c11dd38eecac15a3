"""Compare two runs: how far each figure moved, which outcomes changed, and what cannot be compared.

Unlike the gate, this needs no policy, and covers all metrics of both runs. Pairs, tests and
intervals are the gate's own, two-sided. Calibrated with ``benchmarks/difference.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from toolworthy.content import adapters
from toolworthy.judgement.analysis.root_cause import named
from toolworthy.judgement.gate._compare import Comparable, Compared, comparable
from toolworthy.judgement.gate.cost_ratio import ratio, typical
from toolworthy.judgement.gate.drop import drop
from toolworthy.judgement.gate.paired import Pair
from toolworthy.judgement.gate.policy import load_policy
from toolworthy.judgement.gate.sample import Sample
from toolworthy.judgement.metrics import COSTS, main_metrics, metrics
from toolworthy.statistics.intervals import holm

ALPHA = 0.05
"""The error rate of a row's interval: half of it on either side."""
POINTS = 0.05
"""A rate that moved by less than this, up or down, counts as the same."""
TIMES = 1.1
"""A cost whose ratio lies between 1/1.1 and 1.1 counts as the same."""

Word = Literal["better", "worse", "same", "unclear", "not judged"]
"""What is claimed of a row, for these very items in the hands of these agents:

* ``better``, ``worse``: the 95 % interval leaves out "no change". Where nothing changed, a row says one of the two by
  chance once in twenty times at most. It claims a direction, not a size: a tiny change that is certain is named, too.
* ``same``: not that no difference was *seen*, but that one of the row's `margin` or more, either way, is *ruled out*:
  the whole interval lies within. Wrong once in forty times at most.
* ``unclear``: none of these can be claimed; mostly, too little was run.
* ``not judged``: times. Both runs had an hour of their own, and what else ran in it: the interval knows of items and
  attempts only, and supports no claim.

Each word is about its row alone; see ``Row.holds`` for all of them together.
"""
Outcome = Literal["pass", "flaky", "fail"]
"""Of all attempts at one item: all succeeded, some did, none did."""


@dataclass(frozen=True)
class Row:
    """One metric in both runs, over the items that both measured."""

    metric: str
    """Its name in policies: ``tasks.pass``."""
    agent: str | None
    """Agent or toolset; None for all together."""
    kind: Literal["difference", "ratio"]
    """Rates: candidate − baseline, from −1 to 1. Costs: candidate / baseline, of a typical attempt (geometric mean)."""
    n: int
    """Pairs: items, each with one agent."""
    items: int
    """Different items among them."""
    before: float | None
    """The baseline's value, in the metric's unit."""
    after: float | None
    """The candidate's."""
    change: float | None
    """Difference or ratio."""
    low: float | None
    """End of the two-sided 95 % interval; None without an interval."""
    high: float | None
    margin: float
    """The largest change that counts as the same: a difference, or a ratio."""
    word: Word
    p: float
    """Two-sided p-value; 1 without a test."""
    holds: bool = False
    """Whether better or worse still holds after correction for all rows (Holm at 5 %: of all rows that hold, the
    chance that any is wrong is one in twenty)."""
    why: str = ""
    """Notes, such as why a figure is missing."""

    @property
    def meaning(self) -> str:
        """The metric's description."""
        return metrics()[self.metric].meaning


@dataclass(frozen=True)
class ItemAttempts:
    """All attempts at one item in one run."""

    outcome: Outcome
    ok: float
    n: int


@dataclass(frozen=True)
class ItemChange:
    """An item whose outcome changed. With few attempts on a side, this also happens by chance."""

    suite: str
    item: str
    """Task, case or probe."""
    agent: str
    """Agent, toolset, or the probe's way."""
    before: ItemAttempts
    after: ItemAttempts


@dataclass(frozen=True)
class Lost:
    """Results of the baseline without a counterpart."""

    metrics: tuple[str, ...]
    n: int
    of: int
    """How many results the baseline has of each of these metrics."""
    why: str


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side."""

    baseline: str
    candidate: str
    rows: tuple[Row, ...]
    caution: str
    """The number of rows, and how many may be wrong by chance."""
    changed: tuple[ItemChange, ...]
    """The largest loss first, by the share of successful attempts."""
    lost: tuple[Lost, ...]
    notes: tuple[str, ...]
    """Further notes."""


def compare(baseline: Sample, candidate: Sample) -> Comparison:
    """Put two runs side by side. Agents with another version are not compared: their changes are not the endpoint's."""
    policy = load_policy(None)
    both = comparable(baseline, candidate, policy)
    rows = _together([row for metric in metrics() for row in _rows(both, metric, policy.unmeasured)])
    changed = sorted(_changed(both), key=lambda one: (_moved(one), one.suite, one.item, one.agent))
    return Comparison(
        baseline=baseline.name,
        candidate=candidate.name,
        rows=rows,
        caution=_caution(rows),
        changed=tuple(changed),
        lost=tuple(_lost(both)),
        notes=tuple(_notes(both, baseline, candidate, rows, changed)),
    )


def _rows(both: Comparable, metric: str, unmeasured: float) -> Iterator[Row]:
    """A metric over all, and for a rate of tasks or tools of every agent, too, if there are several."""
    suite = metrics()[metric].suite
    paired = both.of(metric).paired
    if not paired:
        return
    if metrics()[metric].kind == "cost":
        row, once = _cost(metric, [pair for _, pair in paired]), both.told_once(metric)
        if once > unmeasured * (once + len(paired)) and row.word != "not judged":
            why = "; ".join(filter(None, (row.why, f"{once} of {once + len(paired)} pairs have it on one side only")))
            row = replace(row, word="unclear", p=1.0, why=why)
        yield row
        return
    yield _rate(metric, None, both.of(metric))
    agents = sorted({unit.agent for unit, _ in paired})
    for agent in agents if suite != "wire" and len(agents) > 1 else ():
        yield _rate(metric, agent, both.of(metric, agent))


def _rate(metric: str, agent: str | None, of: Compared) -> Row:
    """A claim holds whatever the missing values would have been."""
    change = drop(of.evidence)
    fillings = [drop(of.filled(against, absent=False)) for against in (True, False)] if of.without else []
    every = [change, *fillings]
    p_worse, p_borne = max(one.p_worse(0.0) for one in every), max(one.p_borne(0.0) for one in every)
    p = min(1.0, 2 * min(p_worse, p_borne))
    intervals = [one.interval(ALPHA / 2) for one in every]
    less, more = min(low for low, _ in intervals), max(high for _, high in intervals)
    low, high = _around(0.0, -more, -less, p)
    return Row(
        metric=metric,
        agent=agent,
        kind="difference",
        n=len(of.paired),
        items=change.clusters,
        before=change.before,
        after=change.after,
        change=-change.value,
        low=low,
        high=high,
        margin=POINTS,
        word=_word(change.value < 0, p, low > -POINTS and high < POINTS),
        p=p,
    )


def _cost(metric: str, pairs: Sequence[Pair]) -> Row:
    each = [(pair, typical(pair.before), typical(pair.after)) for pair in pairs]
    paid = [(pair, was, now) for pair, was, now in each if was is not None and now is not None]
    before, after = typical([was for _, was, _ in paid]), typical([now for _, _, now in paid])
    free = f"{len(pairs) - len(paid)} of {len(pairs)} pairs cost nothing on a side" if len(paid) < len(pairs) else ""
    row = Row(
        metric=metric,
        agent=None,
        kind="ratio",
        n=len(paid),
        items=len({pair.cluster for pair, _, _ in paid}),
        before=before,
        after=after,
        change=None,
        low=None,
        high=None,
        margin=TIMES,
        word="unclear",
        p=1.0,
        why=free,
    )
    if not before or not after:
        return row
    estimate = ratio([pair for pair, _, _ in paid])
    if estimate is None:
        alone = "a single item has no interval"
        return replace(row, change=after / before, why="; ".join(filter(None, (free, alone))))
    p = min(1.0, 2 * min(estimate.p_worse(1.0), estimate.p_borne(1.0)))
    low, high = _around(1.0, *estimate.interval(ALPHA / 2), p)
    measured = replace(row, change=estimate.value, low=low, high=high)
    if metrics()[metric].by_clock:
        return replace(
            measured, word="not judged", why="; ".join(filter(None, (free, "the runs were made at different times")))
        )
    return replace(measured, word=_word(estimate.value < 1, p, low > 1 / TIMES and high < TIMES), p=p)


def _around(none: float, low: float, high: float, p: float) -> tuple[float, float]:
    """The interval, whose ends are found by bisection; it contains "no change" if the test does not reject it."""
    return (min(low, none), max(high, none)) if p > ALPHA else (low, high)


def _word(improved: bool, p: float, within: bool) -> Word:
    if p <= ALPHA:
        return "better" if improved else "worse"
    return "same" if within else "unclear"


def _together(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Mark each row that holds after correction for the others."""
    clear = iter(holm([row.p for row in rows if row.word != "not judged"], ALPHA))
    return tuple(
        row if row.word == "not judged" else replace(row, holds=next(clear) and row.word in ("better", "worse"))
        for row in rows
    )


def _caution(rows: Sequence[Row]) -> str:
    if not rows:
        return "the two runs share no measurement"
    judged = sum(row.word != "not judged" for row in rows)
    named = sum(row.word in ("better", "worse") for row in rows)
    held = sum(row.holds for row in rows)
    return (
        f"{judged} rows are judged, each on its own. If nothing changed, up to one in twenty says better or worse by "
        f"chance. Here {named} do, and {held} of them hold after correction for multiple tests (Holm, 5 %)"
    )


def _changed(both: Comparable) -> Iterator[ItemChange]:
    for suite, metric in main_metrics().items():
        for unit, pair in both.of(f"{suite}.{metric}").paired:
            before, after = _side(pair.before), _side(pair.after)
            if before.outcome != after.outcome:
                yield ItemChange(suite, unit.item, unit.agent, before, after)


def _side(values: Sequence[float]) -> ItemAttempts:
    ok, n = sum(values), len(values)
    return ItemAttempts("pass" if ok >= n else "flaky" if ok > 0 else "fail", ok, n)


def _moved(item: ItemChange) -> float:
    return item.after.ok / item.after.n - item.before.ok / item.before.n


def _lost(both: Comparable) -> Iterator[Lost]:
    """Lost results, once for all metrics with the same losses."""
    lost: dict[tuple[int, int, str], list[str]] = defaultdict(list)
    for metric in metrics():
        of = both.of(metric)
        if of.missing:
            lost[of.missing, of.asked, of.why].append(metric)
    for (n, asked, why), names in lost.items():
        yield Lost(tuple(names), n, asked, why)


def _notes(
    both: Comparable, baseline: Sample, candidate: Sample, rows: Sequence[Row], changed: Sequence[ItemChange]
) -> Iterator[str]:
    yield from both.notes
    yield from _blocks(both, baseline, candidate)
    for suite, metric in main_metrics().items():
        for line in both.of(f"{suite}.{metric}").count():
            yield f"{suite}: {line}"
    for metric in metrics():
        suite, _, name = metric.partition(".")
        measured = [any(unit.values.get(name) for unit in sample.of(suite)) for sample in (baseline, candidate)]
        if measured == [False, True] and any(baseline.of(suite)):
            yield f"{metric}: the baseline has no value for it"
    words = {row.metric: row.word for row in rows if row.agent is None}
    for suite, metric in main_metrics().items():
        if words.get(f"{suite}.{metric}") == "worse" and any(f"{suite}.{cost}" in words for cost in COSTS):
            yield f"{suite}: failed attempts count in the costs, too; a lower cost may only mean that they ended early"
    once = sum(min(one.before.n, one.after.n) == 1 for one in changed)
    if once:
        yield f"{once} of {len(changed)} changed outcomes have one attempt on a side; chance does that, too"


def _blocks(both: Comparable, baseline: Sample, candidate: Sample) -> Iterator[str]:
    """Blocking findings on the wire of one side only; one is reported as gone only if all its probes ran again."""
    whole = not both.of("wire.supported").missing
    for agent in sorted(baseline.blocking.keys() & candidate.blocking.keys()):
        before, after = baseline.blocking[agent], candidate.blocking[agent]
        for code in sorted(after.keys() - before.keys()):
            yield f"new on the wire, blocks {adapters.title(agent)}: {named(code, after[code])}"
        for code in sorted(before.keys() - after.keys()) if whole else ():
            yield f"gone on the wire, blocked {adapters.title(agent)}: {named(code, before[code])}"
