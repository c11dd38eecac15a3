"""Edits that a model writes as text: which count, and what failed a trial by them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.trials import answered, call, said, trial, why
from toolworthy.content import adapters
from toolworthy.records.exchange import Exchange
from toolworthy.wire.text_edits import TextEdit, written
from toolworthy.work.scoring._edits import judge_edits

SYSTEM = "Write each change as a *SEARCH/REPLACE block*."
GOOD = written(TextEdit("a.py", "x = 1\n", "x = 2\n"))
OTHER = written(TextEdit("b.py", "y = 1\n", "y = 2\n"))
CUT = GOOD[: GOOD.index("=======")]
REJECTED = (
    "# 1 SEARCH/REPLACE block failed to match!\n\n## a.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"
)


def asked(*texts: str, answers: dict[int, str] | None = None) -> list[Exchange]:
    return trial(*(answered(said(text)) for text in texts), tools=(), system=SYSTEM, results=answers)


@pytest.mark.parametrize(
    ("exchanges", "problems"),
    [
        (asked(GOOD), [""]),
        (asked(GOOD + OTHER), ["", ""]),
        (asked("I see."), []),
        (asked(CUT), ["malformed"]),
        (asked(GOOD, GOOD, answers={0: REJECTED}), ["misfit", ""]),
        (asked(GOOD + OTHER, GOOD, answers={0: REJECTED}), ["misfit", "", ""]),
        (asked(GOOD, GOOD, answers={0: "I added a.py with x = 1 to the chat. Go on."}), ["", ""]),
        (trial(answered(said(GOOD)), system=SYSTEM), []),
        (trial(answered(said(GOOD)), tools=()), []),
        ([replace(asked(GOOD)[0], request_body=b"x")], []),
        ([replace(asked(GOOD)[0], chunks=())], []),
    ],
)
def test_an_edit_counts_where_it_was_asked_for(exchanges: list[Exchange], problems: list[str]) -> None:
    assert [edit.problem for edit in judge_edits(exchanges, adapters.agent("aider"))] == problems


@pytest.mark.parametrize(
    ("exchanges", "code"),
    [
        (asked("I see."), "no edit"),
        (asked(CUT), "edit malformed"),
        (asked(GOOD, "I see.", answers={0: REJECTED}), "edit misfit"),
        (asked(GOOD, GOOD, answers={0: REJECTED}), "tests fail"),
        (asked(GOOD), "tests fail"),
        (trial(answered(said("I see."))), "no call"),
        (trial(answered(call()), answered(said(CUT)), system=SYSTEM), "tests fail"),
    ],
)
def test_what_failed_a_trial(exchanges: list[Exchange], code: str) -> None:
    cause = why(exchanges, agent="aider")
    assert (cause.code, cause.fault) == (code, "model")
