"""A command that runs in the background: its listener, its outcome, and its end with the block."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from toolworthy.sandbox import begun
from toolworthy.sandbox.model import Command, OnListener

COMMAND = Command(("true",), Path("/w"), Path("/h"))


class Box:
    """A sandbox whose command is made up; it hands out a listener if it has one."""

    def __init__(self, listener: Any = None, *, ends: bool = False, error: Exception | None = None) -> None:
        self.listener, self.ends, self.error = listener, ends, error
        self.given: tuple[Any, ...] = ()
        self.cleaned = False

    async def run(self, command: Command, on_listener: OnListener, port: int) -> str:
        self.given = (command, port)
        try:
            if self.error is not None:
                raise self.error
            if self.listener is not None:
                on_listener(self.listener)
            if not self.ends:
                await asyncio.sleep(600)
            return "outcome"
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.cleaned = True


def timed(work: Coroutine[Any, Any, None]) -> None:
    async def go() -> None:
        await asyncio.wait_for(work, 10)
        assert len(asyncio.all_tasks()) <= 2

    asyncio.run(go())


def test_it_has_a_listener_while_it_runs_and_ends_with_the_block() -> None:
    closed: list[bool] = []
    handed_out = SimpleNamespace(close=lambda: closed.append(True))
    box = Box(handed_out)

    async def go() -> None:
        async with begun(box, COMMAND, 7) as (running, given):
            assert given is handed_out
            assert not running.done()
        assert running.cancelled()
        assert (box.cleaned, closed) == (True, [True])

    timed(go())
    assert box.given == (COMMAND, 7)


def test_one_that_ends_before_it_listens_has_none() -> None:
    async def go() -> None:
        async with begun(Box(ends=True), COMMAND, 7) as (running, given):
            assert given is None
            assert running.result() == "outcome"

    timed(go())


def test_one_that_cannot_start_says_so_to_who_asks() -> None:
    async def go() -> None:
        async with begun(Box(error=ValueError("why")), COMMAND, 7) as (running, given):
            assert given is None
        with pytest.raises(ValueError, match="why"):
            running.result()

    timed(go())
