"""The judge beside verdicts of others who had not seen it: for every case of ours, and for cases of users."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.examples import A_LOOK
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import FIXTURES, adapters
from toolworthy.sandbox import choose
from toolworthy.work.cases.answers import ENOUGH, ExampleAnswer, Judgement, answers_of, load_answers, verdicts
from toolworthy.work.cases.model import case_files, load_cases
from toolworthy.work.cases.world import World

pytestmark = pytest.mark.process

FILES = case_files(FIXTURES / "cases")
CASES = {case.id: case for case in load_cases()}
EXAMINED = Path(__file__).with_name("examined.answers.toml")
EVERY = 8
"""Of so many answers one is judged here; `toolworthy cases check` judges them all."""


def wrongly_judged(answers: list[ExampleAnswer]) -> list[Judgement]:
    found = asyncio.run(verdicts(answers, tuple(CASES.values()), adapters.toolsets(), World(choose("auto"))))
    return [one for one in found if one.given != one.answer.verdict]


def test_every_case_has_right_and_wrong_answers_in_several_toolsets() -> None:
    right, wrong, toolsets = Counter[str](), Counter[str](), defaultdict[str, set[str]](set)
    for file in FILES:
        for answer in answers_of(file):
            (right if answer.right else wrong)[answer.case] += 1
            toolsets[answer.case].add(answer.toolset)
    assert {name for name in CASES if min(right[name], wrong[name]) < ENOUGH} == set()
    assert {name for name, case in CASES.items() if len(toolsets[name]) < (1 if case.alone else 2)} == set()


@pytest.mark.parametrize("file", [file for file in FILES if answers_of(file)], ids=lambda file: file.stem)
def test_answers_are_judged_as_is_due(file: Path) -> None:
    assert wrongly_judged(answers_of(file)[::EVERY]) == []


def test_answers_that_the_authors_did_not_write() -> None:
    """One in eight of the examination whose figures docs/cases.md gives; `scripts/judge` counts them all."""
    answers = load_answers(EXAMINED, *FILES)[::EVERY]
    bad = [one for one in wrongly_judged(answers) if (one.given in ("right", "lenient")) != one.answer.right]
    assert len(bad) <= len(answers) // 33


ANSWER = """
[[answer]]
case = "look"
toolset = "builtin"
verdict = "VERDICT"
calls = [{ name = "bash", arguments = { command = "tail -n 5 a.py | cat" } }]
"""


@pytest.mark.parametrize(("verdict", "code"), [("right", 0), ("wrong argument", 1)])
def test_answers_to_your_own_cases_are_proven(verdict: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(A_LOOK)
    (tmp_path / "own.answers.toml").write_text(ANSWER.replace("VERDICT", verdict))
    done = run("toolworthy", "cases", "check", ".", cwd=tmp_path)
    assert done.returncode == code, done.stdout
    assert f"cases 1 · toolsets {len(adapters.toolsets())} · answers 1 · problems " in done.stdout
    assert "1 of 1 cases have fewer than 3 right and 3 wrong answers: look" in done.stdout
    if code:
        assert "look (builtin): wrong argument is due" in done.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "own.answers.toml: "),
        ("[[answr]]\n", "unknown key 'answr'; did you mean 'answer'"),
        (
            '[[answer]]\ncase = "look"\ntoolset = "x"\nverdict = "fine"\n',
            "answer.0.verdict: verdict 'fine' is none of",
        ),
        ('[[answer]]\ncase = "look"\nverdict = "right"\n', "answer.0.toolset: field required"),
    ],
)
def test_a_broken_file_of_answers_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(A_LOOK)
    (tmp_path / "own.answers.toml").write_text(text)
    with pytest.raises(ToolworthyError, match=said):
        answers_of(tmp_path / "own.toml")
