"""Two runs side by side: what each word claims, what is listed, and how often the intervals hold."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolworthy.judgement.gate.difference import Comparison, ItemChange, Row, _around, compare
from toolworthy.judgement.gate.sample import Sample, Unit

NAMES = {"tasks": "pass", "tools": "lenient", "wire": "supported"}


def unit(item: int, passed: tuple[float, ...] = (1,), agent: str = "codex", suite: str = "tasks", **more: Any) -> Unit:
    values = {NAMES[suite]: list(map(float, passed)), **more.pop("costs", {})}
    return Unit(suite=suite, item=f"i{item}", agent=agent, values=values, **{"digest": "d", **more})


def sample(*units: Unit, name: str = "s", **more: Any) -> Sample:
    about = {"name": name, "toolworthy": "0.1", "started": 0.0, "endpoint": {}, "agents": {"codex": "1", "qwen": "1"}}
    return Sample(**{**about, "units": units, **more})


def row(found: Comparison, metric: str, agent: str | None = None) -> Row:
    (one,) = (one for one in found.rows if (one.metric, one.agent) == (metric, agent))
    return one


def good(items: int = 40, **more: Any) -> Sample:
    return sample(*(unit(item, (1, 1, 1), **more) for item in range(items)))


def bad(items: int = 40, **more: Any) -> Sample:
    return sample(*(unit(item, (0, 0, 1) if item % 2 else (1, 1, 1), **more) for item in range(items)))


def test_better_and_worse_are_what_an_interval_shows() -> None:
    worse = row(compare(good(), bad()), "tasks.pass")
    assert (worse.before, worse.after) == (pytest.approx(1.0), pytest.approx(2 / 3))
    assert worse.change == pytest.approx(-1 / 3)
    assert worse.low is not None
    assert worse.high is not None
    assert worse.low < -1 / 3 < worse.high < 0
    assert (worse.word, worse.holds, worse.n, worse.items) == ("worse", True, 40, 40)
    assert row(compare(bad(), good()), "tasks.pass").word == "better"


def test_same_is_shown_and_not_merely_unseen() -> None:
    few, many = good(8), sample(*(unit(item, (1, 1, 1)) for item in range(400)))
    assert row(compare(few, few), "tasks.pass").word == "unclear"
    one = row(compare(many, many), "tasks.pass")
    assert one.word == "same"
    assert one.low is not None
    assert one.high is not None
    assert -one.margin < one.low <= 0 <= one.high < one.margin


def spent(*factors: float, **more: Any) -> Sample:
    return sample(*(unit(item, costs={"tokens": [1000.0 * by]}, **more) for item, by in enumerate(factors)))


def test_costs_are_ratios_of_which_less_is_better() -> None:
    flat = spent(*[1.0] * 6)
    dearer = row(compare(flat, spent(1.9, 2.0, 2.1, 1.95, 2.05, 2.0)), "tasks.tokens")
    assert (dearer.kind, dearer.word, dearer.n) == ("ratio", "worse", 6)
    assert dearer.change == pytest.approx(2.0, rel=0.01)
    assert dearer.before == pytest.approx(1000)
    cheaper = row(compare(spent(1.9, 2.0, 2.1, 1.95, 2.05, 2.0), flat), "tasks.tokens")
    assert cheaper.word == "better"
    near = row(compare(flat, spent(1.01, 0.99, 1.02, 0.98, 1.0, 1.0)), "tasks.tokens")
    assert near.word == "same"
    assert row(compare(flat, spent(0.5, 2, 1, 3, 0.3, 1)), "tasks.tokens").word == "unclear"


def test_a_ratio_that_cannot_be_told_says_why() -> None:
    alone = row(compare(spent(1), spent(2)), "tasks.tokens")
    assert (alone.change, alone.low, alone.word, alone.why) == (
        pytest.approx(2),
        None,
        "unclear",
        "a single item has no interval",
    )
    free = row(compare(spent(0, 0), spent(0, 0)), "tasks.tokens")
    assert (free.n, free.before, free.change, free.word) == (0, None, None, "unclear")
    assert free.why == "2 of 2 pairs cost nothing on a side"
    partly = row(compare(spent(0, 1, 1), spent(1, 1, 1)), "tasks.tokens")
    assert (partly.n, partly.why) == (2, "1 of 3 pairs cost nothing on a side")


def test_one_agents_attempts_weigh_no_more_for_being_many() -> None:
    before = sample(
        unit(0, costs={"tokens": [100.0]}), unit(0, (1, 1, 1, 1), "qwen", costs={"tokens": [900.0, 900, 900, 900]})
    )
    after = sample(
        unit(0, (1, 1, 1, 1), costs={"tokens": [100.0, 100, 100, 100]}), unit(0, agent="qwen", costs={"tokens": [900]})
    )
    assert row(compare(before, after), "tasks.tokens").change == pytest.approx(1.0)


def test_an_interval_leaves_no_change_out_only_where_chance_is_refused() -> None:
    assert _around(1.0, 1.001, 1.2, 0.5) == (1.0, 1.2)
    assert _around(0.0, -0.2, -0.001, 0.5) == (-0.2, 0.0)
    assert _around(1.0, 1.001, 1.2, 0.001) == (1.001, 1.2)


def test_every_agent_has_a_row_where_there_are_several() -> None:
    two = sample(*good().units, *good(agent="qwen").units)
    one_worse = sample(*good().units, *bad(agent="qwen").units)
    found = compare(two, one_worse)
    assert [(one.agent, one.n) for one in found.rows] == [(None, 80), ("codex", 40), ("qwen", 40)]
    assert row(found, "tasks.pass", "qwen").word == "worse"
    assert row(found, "tasks.pass", "codex").word == "same"
    assert [one.agent for one in compare(good(), good()).rows] == [None]


def test_the_ways_of_a_probe_are_no_agents() -> None:
    wired = sample(*(unit(n, agent=way, suite="wire") for n in range(5) for way in ("chat-stream", "chat-whole")))
    assert [(one.metric, one.agent) for one in compare(wired, wired).rows] == [("wire.supported", None)]


def test_what_chance_makes_of_many_rows_is_said() -> None:
    """One agent of twenty that looks worse by itself does not hold beside the others."""
    agents = [f"a{number:02}" for number in range(20)]
    before = sample(*(unit(item, (1, 1, 1), agent) for item in range(20) for agent in agents))
    lucky = sample(
        *(
            unit(item, (0, 1, 1) if agent == "a00" and item < 9 else (1, 1, 1), agent)
            for item in range(20)
            for agent in agents
        )
    )
    found = compare(before, lucky)
    one = row(found, "tasks.pass", "a00")
    assert one.word == "worse"
    assert 0.05 / 21 < one.p <= 0.05
    assert not one.holds
    assert found.caution.startswith("21 rows are judged, each on its own")
    assert "0 of them hold after correction" in found.caution


def test_changed_outcomes_are_listed_the_largest_loss_first() -> None:
    before = sample(unit(0, (1, 1, 1)), unit(1, (1, 1)), unit(2, (0, 0)), unit(3, (1, 0)), unit(4, (1, 0, 0)))
    after = sample(unit(0, (1, 1, 0)), unit(1, (0, 0)), unit(2, (1,)), unit(3, (1, 0)), unit(4, (1, 1, 0)))
    found = compare(before, after)
    assert [(one.item, one.before.outcome, one.after.outcome) for one in found.changed] == [
        ("i1", "pass", "fail"),
        ("i0", "pass", "flaky"),
        ("i2", "fail", "pass"),
    ]
    first = found.changed[0]
    assert (first.before.ok, first.before.n, first.after.ok, first.after.n) == (2, 2, 0, 2)
    assert "1 of 3 changed outcomes have one attempt on a side; chance does that, too" in found.notes


def test_only_what_is_the_same_is_compared_and_the_rest_is_told() -> None:
    before = sample(
        unit(0, (1, 1)),
        unit(1, (1, 1)),
        unit(2, (1, 1)),
        unit(3, (1, 1), "qwen"),
        unit(4, suite="tools"),
        Unit(suite="tasks", item="i5", agent="codex", digest="d", values={"pass": [1.0]}),
    )
    after = sample(
        unit(0, (0, 1), missing={"infrastructure": 1}),
        unit(1, (0, 0), digest="another"),
        unit(3, (0, 0), "qwen"),
        Unit(suite="tasks", item="i5", agent="codex", digest="d", missing={"infrastructure": 1}),
        agents={"codex": "1", "qwen": "2"},
    )
    found = compare(before, after)
    assert [(one.metric, one.n) for one in found.rows] == [("tasks.pass", 1)]
    assert [one.item for one in found.changed] == ["i0"]
    tasks, tools = found.lost
    assert (tasks.metrics, tasks.n, tasks.of) == (("tasks.pass",), 4, 5)
    for said in (
        "1 have changed since (i1)",
        "1 not run (i2)",
        "1 of agents in another version (qwen)",
        "1 gave no value (i5)",
    ):
        assert said in tasks.why
    assert (tools.metrics, tools.why) == (("tools.lenient",), "the candidate has no results of tools")
    assert "qwen was 1 and is 2" in found.notes
    why = "2 another item under its name, 2 another version of the agent, 2 infrastructure, 2 not run"
    assert f"tasks: 8 of 10 attempts of the candidate are not counted ({why})" in found.notes


def test_what_one_side_has_alone_is_noted() -> None:
    found = compare(good(2), sample(*good(3, costs={"usd": [0.1]}).units))
    assert "1 results of tasks have no counterpart in the baseline and are not compared" in found.notes
    assert "tasks.usd: the baseline has no value for it" in found.notes
    assert "the baseline s has no results at all" in compare(sample(), good()).notes


def wired(*codes: str, probes: int = 3) -> Sample:
    units = (unit(number, agent="chat", suite="wire", digest="") for number in range(probes))
    return sample(*units, blocking={"codex": {code: f"title of {code}" for code in codes}})


def test_blocking_findings_that_one_side_has_alone() -> None:
    found = compare(wired("TW1", "TW2"), wired("TW2", "TW3"))
    assert "new on the wire, blocks Codex: TW3: title of TW3" in found.notes
    assert "gone on the wire, blocked Codex: TW1: title of TW1" in found.notes
    half = compare(wired("TW1"), wired(probes=1)).notes
    assert not any("gone" in note for note in half), "half a suite shows no absence"


def test_a_cost_that_one_side_tells_seldom_is_unclear() -> None:
    whole = sample(*(unit(n, costs={"tokens": [100.0]}) for n in range(12)))
    half = sample(*(unit(n, costs={"tokens": [100.0]} if n < 6 else {}) for n in range(12)))
    seldom = row(compare(whole, half), "tasks.tokens")
    assert row(compare(whole, whole), "tasks.tokens").word == "same"
    assert (seldom.word, seldom.why) == ("unclear", "6 of 12 pairs have it on one side only")
    tools = unit(0, suite="tools", costs={"tokens": [100.0]}), unit(0, suite="tools")
    once = compare(sample(*whole.units, tools[0]), sample(*half.units, tools[1]))
    assert row(once, "tasks.tokens").why == seldom.why, "of this suite"
    hardly = sample(*(unit(n, costs={"tokens": [100.0]} if n else {}) for n in range(20)))
    most = row(compare(sample(*(unit(n, costs={"tokens": [100.0]}) for n in range(20))), hardly), "tasks.tokens")
    assert (most.word, most.why) == ("same", ""), "as many as may be missing"


def test_times_are_shown_and_not_judged() -> None:
    fast, slow = (sample(*(unit(n, costs={"seconds": [by + n / 100]}) for n in range(6))) for by in (1.0, 2.0))
    found = compare(fast, slow)
    slower = row(found, "tasks.seconds")
    assert (slower.word, slower.holds) == ("not judged", False)
    assert slower.low is not None
    assert 1 < slower.low < (slower.change or 0)
    assert found.caution.startswith(f"{len(found.rows) - 1} rows are judged, each on its own")


def test_a_candidate_that_fails_early_is_not_praised_for_being_cheap() -> None:
    dear, cheap = (good(costs={"tokens": [by]}) for by in (900.0, 100.0))
    fails = bad(costs={"tokens": [100.0]})
    assert row(compare(dear, fails), "tasks.tokens").word == "better"
    assert any("may only mean that they ended early" in note for note in compare(dear, fails).notes)
    assert not any("may only mean that they ended early" in note for note in compare(dear, cheap).notes)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_compare(before: int, after: int) -> None:
    found = compare(good(before), good(after))
    assert (found.rows, found.changed) == ((), ())
    assert found.caution == "the two runs share no measurement"
    assert len(found.lost) == (before > 0)


def test_attempts_at_a_single_item_tell_of_that_item() -> None:
    found = row(compare(sample(unit(0, (1,) * 50)), sample(unit(0, (0,) * 50))), "tasks.pass")
    assert found.word == "worse"
    assert found.change == pytest.approx(-1)


ATTEMPTS = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=4)
COSTS = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=4)


@st.composite
def samples(draw: st.DrawFn, name: str = "s") -> Sample:
    keys = st.tuples(st.integers(0, 7), st.sampled_from(["codex", "qwen"]), st.sampled_from(["tasks", "tools"]))
    units = [
        unit(item, tuple(draw(ATTEMPTS)), agent, suite, costs={"tokens": draw(COSTS)} if draw(st.booleans()) else {})
        for item, agent, suite in sorted(draw(st.sets(keys, max_size=20)))
    ]
    return sample(*units, name=name)


@given(samples())
@settings(max_examples=40, deadline=None)
def test_a_run_beside_itself_is_neither_better_nor_worse(one: Sample) -> None:
    found = compare(one, one)
    assert {at.word for at in found.rows} <= {"same", "unclear"}
    assert {at.change for at in found.rows if at.kind == "difference"} <= {0.0}
    assert all(at.change == pytest.approx(1.0) for at in found.rows if at.kind == "ratio")
    assert not any(at.holds for at in found.rows)
    assert (found.changed, found.lost) == ((), ())


OPPOSITE = {"better": "worse", "worse": "better"}


@pytest.mark.slow
@given(samples("a"), samples("b"))
@settings(max_examples=60, deadline=None)
def test_the_other_way_round_all_is_mirrored(one: Sample, other: Sample) -> None:
    there, back = compare(one, other), compare(other, one)
    for first, second in zip(there.rows, back.rows, strict=True):
        assert (first.metric, first.agent, first.n, first.items) == (
            second.metric,
            second.agent,
            second.n,
            second.items,
        )
        assert second.word == OPPOSITE.get(first.word, first.word)
        assert second.holds == first.holds
        assert second.p == pytest.approx(first.p)
        told = [(at.before, at.after, at.change, at.low, at.high) for at in (first, second)]
        (before, after, change, low, high), (was, now, moved, least, most) = told
        assert (was, now) == (pytest.approx(after), pytest.approx(before))
        if first.kind == "difference":
            assert (moved, least, most) == tuple(pytest.approx(-value, abs=1e-4) for value in (change, high, low))  # type: ignore[operator]
        elif low is not None:
            assert (moved, least, most) == tuple(pytest.approx(1 / value) for value in (change, high, low))  # type: ignore[operator]
    assert sorted((c.suite, c.item, c.agent, c.after, c.before) for c in back.changed) == sorted(
        (c.suite, c.item, c.agent, c.before, c.after) for c in there.changed
    )


@given(samples("a"), samples("b"))
@settings(max_examples=40, deadline=None)
def test_a_word_says_what_its_interval_shows_and_all_is_json(one: Sample, other: Sample) -> None:
    found = compare(one, other)
    for at in found.rows:
        if at.low is None or at.high is None or at.change is None:
            assert at.word == "unclear"
            continue
        none = 0.0 if at.kind == "difference" else 1.0
        assert at.low - 1e-4 <= at.change <= at.high + 1e-4
        if at.why and at.word == "unclear":
            continue  # what one side alone has leaves it open, whatever the interval of the others shows
        assert (at.word in ("better", "worse")) == (not at.low <= none <= at.high)
    losses = [_moved(change) for change in found.changed]
    assert losses == sorted(losses)


def _moved(one: ItemChange) -> float:
    return one.after.ok / one.after.n - one.before.ok / one.before.n


@pytest.fixture(scope="module")
def benchmark(monkeypatch_module: pytest.MonkeyPatch) -> ModuleType:
    """The simulation, which takes the gate's from beside it."""
    monkeypatch_module.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    return importlib.import_module("difference")


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.mark.slow
@pytest.mark.parametrize("layout", [(10, 1, 1), (20, 1, 3), (50, 5, 1)])
@pytest.mark.parametrize("drop", [0.0, 0.05, 0.2])
def test_intervals_of_rates_hold_the_truth(benchmark: ModuleType, layout: tuple[int, int, int], drop: float) -> None:
    """Two thousand pairs: 5 % is uncertain by 0.5 points, so that 6.5 % would be three times that."""
    rng = np.random.default_rng(11)
    for skill, variation in ((0.7, 0.0), (0.9, 0.3)):
        share = benchmark.missed(benchmark.Setting(*layout, skill, variation, drop), 2000, rng)
        assert share <= 0.065


def test_intervals_of_rates_are_not_idly_wide(benchmark: ModuleType) -> None:
    rng = np.random.default_rng(11)
    shares = [benchmark.missed(benchmark.Setting(130, 1, 1, skill, 0.0, 0.1), 2000, rng) for skill in (0.5, 0.7, 0.9)]
    assert min(shares) >= 0.02


@pytest.mark.slow
def test_one_endpoint_twice_seldom_has_a_row_that_holds(benchmark: ModuleType) -> None:
    *_, line, _ = benchmark.pages(20, np.random.default_rng(11), [(20, 3)])
    _, rows, say, _, holding = (cell.strip() for cell in line.strip("|").split("|"))
    assert rows == "26"
    assert float(say.rstrip("%")) <= 5
    assert float(holding.rstrip("%")) <= 5
