"""One policy says whether to ask again, after how long, and how often."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from itertools import repeat

import pytest

from toolworthy.base import retry
from toolworthy.base.retry import Retry, pause, with_retries
from toolworthy.content import PACKAGE

MANY = 200


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(retry, "UNNAMED_WAIT", 0.02)


def asked(answers: Iterator[Retry | None], told: float = 0.02, tries: int = 3) -> tuple[int, Retry | None]:
    """How often a server was asked that gives these answers, and the last of them."""
    count = 0

    async def ask() -> Retry | None:
        nonlocal count
        count += 1
        assert count < MANY, "there is no end to it"
        return next(answers)

    last = asyncio.run(with_retries(ask, lambda answer: answer, told, tries))
    return count, last


FAULT, FULL = Retry(), Retry(busy=True)


def test_a_fault_is_asked_again_so_often() -> None:
    assert asked(repeat(FAULT)) == (3, FAULT)
    assert asked(repeat(FAULT), tries=5) == (5, FAULT)
    assert asked(iter([FAULT, FAULT, None])) == (3, None)


def test_want_of_time_is_no_fault() -> None:
    assert asked(iter([FAULT, FULL, FULL, FAULT, None])) == (5, None)
    count, last = asked(repeat(FULL))
    assert count > 3
    assert last == FULL


def test_what_asks_to_come_back_at_once_is_not_asked_forever() -> None:
    assert asked(repeat(Retry(busy=True, after=0.0)))[0] < MANY


@pytest.mark.parametrize("busy", [True, False])
def test_longer_than_may_be_waited_is_not_waited(busy: bool) -> None:
    assert asked(repeat(Retry(busy, after=3_600.0)))[0] == 1


def test_a_pause_is_as_told_or_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 1.0)
    assert [pause(tries) for tries in (1, 2, 3, 9)] == [1.0, 2.0, 4.0, 30.0]
    assert [pause(tries, 2.0) for tries in (1, 2, 9)] == [2.0, 2.0, 3.0]
    assert pause(9, longest=5.0) == 5.0


def test_nothing_else_has_a_policy() -> None:
    found = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import) and any(alias.name == "tenacity" for alias in node.names)
    }
    assert found == {"retry.py"}
