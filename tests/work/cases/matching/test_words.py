"""Answers in words against what they should say."""

from __future__ import annotations

import re
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolworthy.work.cases.matching import _clauses as clauses
from toolworthy.work.cases.matching._numbers import numbers
from toolworthy.work.cases.matching._words import read
from toolworthy.work.cases.matching.values import compare


def fits(wanted: dict[str, Any], text: str) -> bool:
    strict, lenient = (compare({"$words": wanted}, text, lenient=lenient) is None for lenient in (False, True))
    assert strict == lenient
    return strict


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16", 16),
        ("It is 16.", 16),
        ("1,912", 1912),
        ("1 912 ms", 1912),
        ("1\u202f912 ms", 1912),
        ("1'912", 1912),
        ("1.912 ms", 1912),
        ("1.912 s", 1.912),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567),
        ("3.40 %", 3.4),
        ("3,4%", 3.4),
        ("1912ms", 1912),
        ("rules.py:214", 214),
        ("L214", 214),
        (":9464/metrics", 9464),
        ("Sixteen are left.", 16),
        ("two hundred and forty", 240),
        ("three thousand seventy-two", 3072),
        ("16条", 16),
    ],
)
def test_a_number_is_read_in_any_notation(text: str, value: float) -> None:
    assert any(value in number.readings for number in numbers(clauses.plain(text)))


@pytest.mark.parametrize(
    "text",
    ["416", "160", "16.5", "v1.16", "v16", "1.16", "16:20", "2026-01-16", "10.0.16.1", "a16", "16a", "x-16", "1,016"],
)
def test_a_number_is_not_part_of_another(text: str) -> None:
    assert not any(16 in number.readings for number in numbers(text))


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"all": ["0063"]}, "0063 failed"),
        ({"all": ["0063"]}, "**0063**"),
        ({"all": ["limits.go"]}, "In `limits/limits.go:5`."),
        ({"all": ["Conflict"]}, "409 CONFLICT"),
        ({"all": ["16"]}, "Not 19 but 16."),
        ({"all": ["16"]}, "No, 16."),
        ({"all": ["16"]}, "Let me count: 16."),
        ({"all": ["16"]}, "16, if I counted well. I can't tell you why."),
        ({"all": ["16"], "with": "left", "against": "queued"}, "19 are queued and 16 are left"),
        ({"all": ["a.c"], "with": "fail*", "against": "pass*"}, "a.c did not pass"),
        ({"all": ["a.c"], "with": "fail*", "only": r"\w\.c"}, "a.c fails, b.c does not fail"),
        ({"any": ["@refuses"]}, "That's beyond what I can do."),
        ({"any": ["@refuses"]}, "None of my tools does that."),
        ({"all": [["@asks", "day"]]}, "Just tell me the day."),
        ({"all": [["@asks", "day"]]}, "I need to know the day. Send it when you have it."),
        ({"any": ["@unchanged"]}, "I left the file alone."),
        ({"none": ["@claims"]}, "I have not changed it."),
        ({"none": ["@claims"]}, "Tell me once it has been changed."),
        ({"none": ["@claims"]}, "Shall I say that it has been changed?"),
        ({"none": ["@claims"]}, "Nothing was staged and committed."),
        ({"none": ["@claims"]}, "A reservation cannot be moved once confirmed."),
        ({"all": ["16"]}, "It is at 20 no longer: it is 16."),
        ({"none": ["@fails"]}, "No test failed."),
    ],
)
def test_says_so(wanted: dict[str, Any], text: str) -> None:
    assert fits(wanted, text)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"all": ["0063"]}, "00631 failed"),
        ({"all": ["0063"]}, "0063_unique failed"),
        ({"all": ["limits.go"]}, "In limits.go.orig"),
        ({"all": ["16"]}, "It is not 16."),
        ({"all": ["16"]}, "It isn't 16 but 19."),
        ({"all": ["16"]}, "All but 16 are left."),
        ({"all": ["16"]}, "It is either 16 or 19."),
        ({"all": ["16"]}, "16 or 19"),
        ({"all": ["16"]}, "19 or 16"),
        ({"all": ["16"]}, "16 would be wrong."),
        ({"all": ["16"]}, "It is 16, I am not sure whether that is right."),
        ({"all": ["16"]}, ""),
        ({"all": ["16"], "against": "queued"}, "16 are queued and 19 are left"),
        ({"all": ["a.c"], "with": "fail*", "against": "pass*"}, "a.c passed; b.c failed"),
        ({"all": ["a.c"], "with": "fail*", "against": "pass*"}, "a.c did not fail"),
        ({"all": ["a.c"], "with": "fail*", "only": r"\w\.c"}, "a.c and b.c fail"),
        ({"all": ["a", "b"]}, "a"),
        ({"any": ["@refuses"]}, "I can't wait to do that!"),
        ({"any": ["@refuses"]}, "She was unable to answer."),
        ({"all": [["@asks", "day"]]}, "Which environment is it? It is for one day."),
        ({"none": ["@claims"]}, "I have changed it."),
        ({"none": ["@claims"]}, "It has been changed."),
        ({"none": ["@claims"]}, "Done!"),
        ({"none": ["@claims"]}, "I cannot call, so I mailed her."),
        ({"none": ["@claims"]}, "The file is written, staged and committed."),
        ({"none": ["@claims"]}, "I cannot call her. I have let Marta know."),
        ({"none": [["b", "applied"]]}, "a failed, so I skipped it and applied b"),
        ({"none": ["@fails"]}, "The test failed."),
    ],
)
def test_does_not_say_so(wanted: dict[str, Any], text: str) -> None:
    assert not fits(wanted, text)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "it has `all`, `any` or `none` at least"),
        ({"al": ["16"]}, "unknown key 'al'"),
        ({"all": "16"}, "all: "),
        ({"all": [""]}, "a statement is empty"),
        ({"all": ["@refuse"]}, "@refuse is not a class of phrases; known: @asks, "),
        ({"all": ["/(/"]}, "is not a regular expression"),
        ({"all": ["16"], "only": r"\d+"}, "`only` needs"),
    ],
)
def test_a_broken_matcher_is_one_clear_line(wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        compare({"$words": wanted}, "x")
    assert "\n" not in str(error.value)


def unbounded(pattern: Any, within: bool = False) -> bool:
    """Whether a repetition without end stands in another."""
    for name, argument in pattern:
        endless = str(name) in ("MAX_REPEAT", "MIN_REPEAT") and argument[1] is _parser.MAXREPEAT
        if endless and within:
            return True
        inner = argument if isinstance(argument, tuple) else ()
        groups = [part for one in inner for part in (one if isinstance(one, list) else [one])]
        if any(unbounded(part, within or endless) for part in groups if isinstance(part, _parser.SubPattern)):
            return True
    return False


def test_no_phrase_repeats_within_a_repetition() -> None:
    """Else it would take exponential time."""
    assert unbounded(_parser.parse(r"(?:\w+ )*x"))
    patterns = [pattern for name in clauses.lists()["class"] for pattern in clauses.phrases(name).patterns]
    assert len(patterns) > 50
    assert not [pattern.pattern for pattern in patterns if unbounded(_parser.parse(pattern.pattern))]


def test_a_long_answer_is_read_to_its_end() -> None:
    assert fits({"all": ["16"]}, "a 1 " * 20_000 + ". It is 16.")


@given(st.text())
def test_never_raises(text: str) -> None:
    wanted = {"all": ["16", "@asks"], "none": ["@claims", "@fails"], "with": "left", "against": "gone", "only": r"\d+"}
    read(wanted).fit(text)
