"""A rate as it is told everywhere."""

import pytest

from toolworthy.statistics.intervals import exact, pooled
from toolworthy.statistics.rates import Rate, percent, percents, plain, rate_of, rate_of_counts


def test_a_rate_carries_its_n_and_interval() -> None:
    assert str(plain(7, 10)) == "7/10 · 70% (35%–93%)"
    assert str(plain(0, 0)) == "not measured"
    found = plain(7, 10).estimate
    assert found is not None
    assert (found.low, found.high) == exact(7, 10)


def test_a_rate_says_what_was_not_counted_why_and_what_it_leaves_open() -> None:
    counted = [(task, task < 27) for task in range(30)]
    rate = rate_of(counted, uncounted=["not run", "infrastructure", "infrastructure"])
    assert str(rate) == ("27/30 · 90% (73%–98%) · 3 not counted (2 infrastructure, 1 not run): 82% to 91% if they are")
    assert rate.open == (27 / 33, 30 / 33)
    assert rate.counts == "27/30 (+3 not counted)"
    assert rate.uncounted == {"infrastructure": 2, "not run": 1}


def test_what_ended_at_a_limit_counts_and_is_named() -> None:
    rate = rate_of([("a", True), ("b", False), ("c", False)], limited=["time"])
    assert str(rate).endswith(" · 1 of the 2 others ended at a run limit (time)")
    assert rate_of([("a", False)], limited=["time"]).notes == "the other one ended at a run limit (time)"
    both = rate_of([("a", False), ("b", False)], limited=["time", "turns"])
    assert both.notes == "the 2 others ended at a run limit (1 time, 1 turns)"
    assert (rate.n, rate.missing, rate.open) == (3, 0, (1 / 3, 1 / 3))


def test_nothing_counted_still_says_why() -> None:
    rate = rate_of([], uncounted=["infrastructure"])
    assert str(rate) == "not measured · 1 not counted (1 infrastructure)"
    assert rate.counts == "not measured (+1 not counted)"
    assert rate.open == (0, 1)
    assert Rate(0, None).open == (0, 1)


def test_counts_are_clustered() -> None:
    rate = rate_of_counts([("a", 5, 5), ("b", 0, 5)])
    assert (rate.ok, rate.n) == (5, 10)
    assert rate.estimate == pooled([("a", 5, 5), ("b", 0, 5)])
    assert rate.share == percents(rate.estimate)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0%"), (1, "100%"), (0.5, "50%"), (0.999, "99.9%"), (0.9996, ">99.9%"), (0.004, "0.4%"), (2e-4, "<0.1%")],
)
def test_nearly_all_does_not_read_as_all(value: float, said: str) -> None:
    assert percent(value) == said
