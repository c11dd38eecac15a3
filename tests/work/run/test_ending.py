"""How a run ends: what comes last waits for the others, and all that was opened is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from toolworthy.endpoint.target import resolve
from toolworthy.records.case import CaseKey
from toolworthy.work.run.plan import Options
from toolworthy.work.run.session import Session


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session(Options(resolve("oracle"), (), ()))
    yield made
    made._loop.close()


def test_what_comes_last_waits_for_all_others_even_if_they_fail(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    last = CaseKey(case="last", toolset="builtin")

    async def fail() -> None:
        await asyncio.sleep(0)
        done.append("first")
        raise ValueError("of a bench")

    async def one(key: CaseKey) -> None:
        done.append(key)

    async def both() -> None:
        await session._afterwards([asyncio.create_task(fail())], [last])

    monkeypatch.setattr(session, "_one", one)
    session._loop.run_until_complete(both())
    assert done == ["first", last]


def test_what_was_opened_is_closed_although_work_is_cancelled(session: Session) -> None:
    closed: list[bool] = []
    session._stack.callback(closed.append, True)

    async def stop() -> None:
        session._spawn(asyncio.sleep(60))
        await asyncio.sleep(0)
        await session._shut_down()

    session._loop.run_until_complete(stop())
    assert closed == [True]
