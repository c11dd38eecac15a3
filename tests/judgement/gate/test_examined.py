"""What the gate, its intervals and the history promise, examined from outside: by exact sums, and by random search."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations_with_replacement, product
from math import comb

import numpy as np
import pytest

from toolworthy.judgement.gate._limits import within
from toolworthy.judgement.gate.decide import decide
from toolworthy.judgement.gate.drop import drop
from toolworthy.judgement.gate.paired import Pair
from toolworthy.judgement.gate.policy import Policy, Requirement
from toolworthy.judgement.gate.same_items import _together
from toolworthy.judgement.gate.sample import Sample, Unit
from toolworthy.judgement.history.change import watch
from toolworthy.judgement.history.table import Tally
from toolworthy.records.meta import EndpointName
from toolworthy.statistics import rates

Cell = tuple[int, int, int, int]
"""One item: how many attempts went well before, of how many; the same after."""
LEVELS = (0.05, 0.01, 0.001)
"""Of one look, of one among many criteria, of an early look."""


def pairs(cells: Sequence[Cell]) -> list[Pair]:
    """Each cell as an item of its own."""
    return [
        Pair(f"i{number}", (1.0,) * ok + (0.0,) * (n - ok), (1.0,) * good + (0.0,) * (of - good))
        for number, (ok, n, good, of) in enumerate(cells)
    ]


@cache
def asked(cells: tuple[Cell, ...], margin: float) -> tuple[float, float]:
    """``p_worse`` and ``p_borne``, of these items."""
    found = drop(pairs(cells), "these")
    return found.p_worse(margin), found.p_borne(margin)


def chances(n: int, rate: float) -> list[float]:
    """Of 0 to n successes."""
    return [comb(n, ok) * rate**ok * (1 - rate) ** (n - ok) for ok in range(n + 1)]


@pytest.mark.slow
@pytest.mark.parametrize("margin", [0.1, 0.3])
@pytest.mark.parametrize(("before", "after"), [(1, 1), (3, 3), (7, 7), (10, 1), (1, 10), (3, 8)])
def test_one_item_errs_no_more_than_is_claimed(before: int, after: int, margin: float) -> None:
    """Summed over all outcomes, at every rate, with the true drop at the margin exactly."""
    table = [
        (ok, good, *asked(((ok, before, good, after),), margin))
        for ok, good in product(range(before + 1), range(after + 1))
    ]
    for step in range(21):
        rate = margin + (1 - margin) * step / 20
        was, now = chances(before, rate), chances(after, rate - margin)
        for alpha in LEVELS:
            assert sum(was[ok] * now[good] for ok, good, worse, _ in table if worse <= alpha) <= alpha
        assert sum(was[ok] * now[good] for ok, good, _, borne in table if borne <= LEVELS[0]) <= LEVELS[0]


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.75, 1.0])
def test_two_items_err_no_more_than_is_claimed(share: float) -> None:
    """Wherever the drop is: in both alike, or in one of them alone."""
    margin, n = 0.1, 3
    cells = list(product(range(n + 1), repeat=2))
    told = {}
    for one, other in combinations_with_replacement(cells, 2):
        told[one, other] = told[other, one] = asked(((one[0], n, one[1], n), (other[0], n, other[1], n)), margin)
    for first, second in product((0.2, 0.5, 0.7, 1.0), repeat=2):
        was = chances(n, first), chances(n, second)
        now = chances(n, first - 2 * margin * share), chances(n, second - 2 * margin * (1 - share))
        errs = [0.0, 0.0]
        for (one, other), answers in told.items():
            chance = was[0][one[0]] * now[0][one[1]] * was[1][other[0]] * now[1][other[1]]
            for side, p in enumerate(answers):
                errs[side] += chance * (p <= 0.05)
        assert max(errs) <= 0.05


def drawn(seed: int, many: int) -> Iterator[tuple[random.Random, list[Cell], float]]:
    """Random data: few and many attempts, rates from nothing to everything, items that lose all."""
    source = random.Random(seed)
    for _ in range(many):
        cells = []
        tried, again = source.choice((1, 2, 3, 10)), source.choice((1, 2, 3, 10))
        for _ in range(source.choice((1, 2, 3, 6))):
            rate, then = source.choice((1.0, 0.9, 0.5, 0.0)), source.choice((1.0, 0.8, 0.4, 0.0))
            ok = sum(source.random() < rate for _ in range(tried))
            cells.append((ok, tried, sum(source.random() < then for _ in range(again)), again))
        yield source, cells, source.choice((0.05, 0.1, 0.3))


def test_a_better_outcome_never_makes_the_answer_worse() -> None:
    for source, cells, margin in drawn(1, 60):
        worse, borne = asked(tuple(cells), margin)
        at = source.randrange(len(cells))
        ok, n, good, of = cells[at]
        better = (ok, n, good + 1, of) if good < of else (ok - 1, n, good, of)
        if better[0] < 0:
            continue
        now_worse, now_borne = asked(tuple(better if i == at else cell for i, cell in enumerate(cells)), margin)
        assert now_worse >= worse - 1e-12, (cells, at, margin)
        assert now_borne <= borne + 1e-12, (cells, at, margin)


@pytest.mark.parametrize("about", ["these", "like-these"])
def test_the_order_of_items_and_attempts_changes_nothing(about: str) -> None:
    for source, cells, margin in drawn(2, 25):
        told = []
        for _ in range(2):
            mixed = [
                Pair(
                    pair.cluster,
                    tuple(source.sample(pair.before, len(pair.before))),
                    tuple(source.sample(pair.after, len(pair.after))),
                )
                for pair in source.sample(pairs(cells), len(cells))
            ]
            found = drop(mixed, about)
            told.append((found.value, found.p_worse(margin), found.p_borne(margin), found.interval(0.05)))
        assert told[0] == told[1], cells


def test_the_interval_agrees_with_the_answer() -> None:
    for _, cells, margin in drawn(3, 25):
        found = drop(pairs(cells), "these")
        low, high = found.interval(0.05)
        assert low - 1e-9 <= found.value <= high + 1e-9
        worse, borne = asked(tuple(cells), margin)
        assert not (worse <= 0.05 and borne <= 0.05)
        assert (worse > 0.051) <= (low <= margin + 1e-3), cells
        assert (worse < 0.049) <= (low >= margin - 1e-3), cells
        assert (borne > 0.051) <= (high >= margin - 1e-3), cells
        assert (borne < 0.049) <= (high <= margin + 1e-3), cells


def test_items_lost_for_good_are_beyond_doubt_and_nothing_lost_passes() -> None:
    assert asked(((10, 10, 10, 10),) * 5 + ((10, 10, 0, 10),) * 5, 0.1)[0] < 1e-6
    assert asked(((3, 3, 3, 3),) * 10, 0.1)[1] < 0.05


def test_attempts_once_each_at_two_configurations_of_an_item_vary_as_two_at_one() -> None:
    together = _together(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    assert together == pytest.approx(within([0, 1, 2], 2))
    assert _together(np.array([[0.0], [1.0]])) == pytest.approx([0.25, 0.25])


def test_an_item_weighs_no_less_for_having_been_tried_once() -> None:
    """Three of twenty items are lost, and were tried once; the others ten times: a drop of 15 points all the same."""
    cells = ((5, 5, 10, 10),) * 17 + ((5, 5, 0, 1),) * 3
    found = drop(pairs(cells), "these")
    assert found.value == pytest.approx(0.15)
    assert found.p_borne(0.1) > 0.05


def test_an_interval_as_it_is_printed_holds_what_it_claims() -> None:
    """The true rate is in it in 95 of 100 samples or more, at every n and every rate, rounded as it is."""
    for n in range(1, 31):
        told = [rates.plain(ok, n).share for ok in range(n + 1)]
        ends = []
        for share in told:
            text = share if isinstance(share, str) else share()
            low, _, high = text.rpartition("(")[2].rstrip(")").partition("–")
            ends.append((float(low.strip("<>%")) / 100, float(high.strip("<>%")) / 100))
        for step in range(1, 200):
            rate = step / 200
            held = sum(p for p, (low, high) in zip(chances(n, rate), ends, strict=True) if low <= rate <= high)
            assert held >= 0.95, (n, rate)


def a_run(name: str, items: Sequence[tuple[int, int, int]], repeated: int = 0) -> Sample:
    """Of each item: attempts that went well, that did not, and that say nothing."""
    units = tuple(
        Unit(
            suite="tasks",
            item=f"i{number:02}",
            agent="codex",
            digest="d",
            values={"pass": [1.0] * ok + [0.0] * bad} if ok + bad else {},
            missing={"infrastructure": missing} if missing else {},
            repeated=repeated,
        )
        for number, (ok, bad, missing) in enumerate(items)
    )
    return Sample(name=name, toolworthy="1", started=0.0, endpoint=EndpointName(), agents={"codex": "1"}, units=units)


def answered(before: Sample, after: Sample, margin: float = 0.1, unmeasured: float = 1.0) -> str:
    metrics = {"tasks.pass": Requirement(margin=margin)}
    return decide(before, after, Policy(metrics=metrics, unmeasured=unmeasured)).answer


@pytest.mark.slow
def test_what_passes_or_fails_stands_whatever_the_missing_attempts_would_have_been() -> None:
    source, decided = random.Random(9), 0
    for _ in range(30):
        items, attempts = source.choice((5, 10, 20)), 10
        margin, rates_of = source.choice((0.1, 0.3)), (1.0, source.choice((1.0, 0.95, 0.4)))
        sides: list[list[tuple[int, int, int]]] = []
        for rate in rates_of:
            lost = source.choice((0.0, 0.05, 0.15))
            side = []
            for _ in range(items):
                ok = sum(source.random() < rate for _ in range(attempts))
                gone = [
                    sum(source.random() < lost * share for _ in range(n)) for n, share in ((ok, 1), (attempts - ok, 3))
                ]
                side.append((ok - gone[0], attempts - ok - gone[1], sum(gone)))
            sides.append(side)
        answer = answered(a_run("before", sides[0]), a_run("after", sides[1]), margin)
        if answer == "inconclusive" or not sum(item[2] for side in sides for item in side):
            continue
        decided += 1
        against = (
            [(ok + gone, bad, 0) for ok, bad, gone in sides[0]],
            [(ok, bad + gone, 0) for ok, bad, gone in sides[1]],
        )
        favour = (
            [(ok, bad + gone, 0) for ok, bad, gone in sides[0]],
            [(ok + gone, bad, 0) for ok, bad, gone in sides[1]],
        )
        filled = against if answer == "pass" else favour
        assert answered(a_run("before", filled[0]), a_run("after", filled[1]), margin) == answer, sides
    assert decided >= 5


def test_copies_of_an_answer_are_no_evidence() -> None:
    """Ten copies of each of ten successes say no more than ten successes do."""
    once, copied = [(1, 0, 0)] * 10, [(10, 0, 0)] * 10
    assert answered(a_run("before", copied), a_run("after", copied)) == "pass"
    assert answered(a_run("before", copied, 9), a_run("after", copied, 9)) == "inconclusive"
    assert answered(a_run("before", once), a_run("after", once)) == "inconclusive"


def test_a_series_without_a_change_raises_no_alarm_and_what_was_found_stays_found() -> None:
    source = random.Random(4)

    def night(rate: float) -> dict[tuple[str, str, str], Tally]:
        return {
            (f"i{item}", "codex", "d"): Tally(sum(source.random() < rate for _ in range(3)), 3) for item in range(10)
        }

    for _ in range(4):
        assert not watch([night(0.9) for _ in range(40)]).changes
    series = [night(0.95) for _ in range(12)] + [night(0.5) for _ in range(8)]
    found = [change.night for change in watch(series).changes]
    assert found
    for nights in range(2, len(series)):
        assert [change.night for change in watch(series[:nights]).changes] == [at for at in found if at < nights]


def test_a_baseline_without_any_success_has_an_answer() -> None:
    for margin in (0.05, 0.3):
        for good in (0, 1, 3):
            answer = answered(a_run("before", [(0, 3, 0)] * 3), a_run("after", [(good, 3 - good, 0)] * 3), margin)
            assert answer != "fail"
