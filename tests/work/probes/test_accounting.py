"""Token counts of related requests: which sums hold, in the neutral form in which cached input is part of the input."""

from __future__ import annotations

import pytest

from toolworthy.wire.ir import Usage
from toolworthy.work.probes.accounting import InputCount, contradiction, differ, extrapolated, input_count


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (InputCount(4_000, 0, 0), ""),
        (InputCount(4_000, 3_900, 0), ""),
        (InputCount(4_000, 0, 3_900), ""),
        (InputCount(7_900, 3_900, 0), "the 3900 from the cache are counted twice"),
        (InputCount(7_900, 0, 3_900), "the 3900 written to the cache are counted twice"),
        (InputCount(100, 3_900, 0), "the 3900 from the cache are left out"),
        (InputCount(4_060, 60, 0), ""),  # too few to tell
        (InputCount(4_400, 3_900, 0), ""),  # another tokenizer, say
    ],
)
def test_what_a_count_says_of_a_request_of_4000_tokens(one: InputCount, said: str) -> None:
    found = contradiction(one, 4_000)
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize(
    ("first", "again", "wrong"), [(4_000, 4_000, False), (4_000, 3_500, False), (4_000, 7, True), (30, 80, False)]
)
def test_the_same_request_counts_the_same(first: int, again: int, wrong: bool) -> None:
    assert differ(InputCount(first, 0, 0), InputCount(again, 0, 0)) == wrong


def test_a_long_request_follows_from_two_short_ones_that_no_cache_knew() -> None:
    few, more = InputCount(107, 0, 0), InputCount(407, 0, 0)
    assert extrapolated(few, more, 12) == 3_707
    assert extrapolated(few, InputCount(407, 400, 0), 12) is None
    assert extrapolated(few, few, 12) is None


def test_a_usage_without_input_tells_nothing() -> None:
    assert input_count(None) is None
    assert input_count(Usage(input=0, output=3)) is None
    assert input_count(Usage(input=12, cached=None)) == InputCount(12, 0, 0)
