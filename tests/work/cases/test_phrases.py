"""The phrases that prove the matchers of answers in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.work.cases.check import unproven
from toolworthy.work.cases.model import Case, load_cases

OWN = """
[[case]]
id = "how-many"
category = "irrelevance"
[[case.turn]]
user = "How many are 2 + 2?"
answer = { "$contains" = "4" }
phrases = { yes = ["4", "four"], no = ["5", "It is 40."] }
"""


def loaded(tmp_path: Path, text: str) -> Case:
    (tmp_path / "own.toml").write_text(text)
    return load_cases((tmp_path / "own.toml",))[0]


def test_a_phrase_that_is_misjudged_is_said(tmp_path: Path) -> None:
    turn = loaded(tmp_path, OWN).turns[0]
    assert list(unproven(turn)) == ["the answer 'four' is not right", "the answer 'It is 40.' is right"]


def test_phrases_need_an_answer_to_prove(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="`phrases` prove the `answer` of a turn where no call is right"):
        loaded(tmp_path, OWN.replace('answer = { "$contains" = "4" }\n', ""))


def test_phrases_are_no_part_of_what_is_asked(tmp_path: Path) -> None:
    assert loaded(tmp_path, OWN).digest == loaded(tmp_path, OWN.replace("It is 40.", "It is 44.")).digest


def test_no_case_is_exact_unless_it_says_so(tmp_path: Path) -> None:
    assert not loaded(tmp_path, OWN).exact
    assert loaded(tmp_path, OWN.replace('"irrelevance"', '"irrelevance"\nexact = true')).exact


def test_every_answer_in_words_of_ours_is_matched_and_proven() -> None:
    turns = [(case.id, turn) for case in load_cases() for turn in case.turns if not turn.right]
    assert len(turns) > 30
    few = [name for name, turn in turns if min(len(turn.phrases.yes), len(turn.phrases.no)) < 5]
    assert not few


@pytest.mark.process
def test_a_broken_matcher_is_said_when_the_case_is_read(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match=r"case\.how-many\.turn\.0: @refuse is not a class of phrases"):
        loaded(tmp_path, OWN.replace('"$contains" = "4"', '"$words" = { any = ["@refuse"] }'))
