"""What a cancellation does not interrupt."""

from __future__ import annotations

import asyncio

import pytest

from toolworthy.base.cancelling import through


def test_work_is_done_however_often_it_is_cancelled() -> None:
    async def go() -> str:
        door, done = asyncio.Event(), []

        async def work() -> str:
            await door.wait()
            done.append(1)
            return "result"

        task = asyncio.create_task(through(work()))
        for _ in range(3):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        door.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == [1]
        return await through(work())

    assert asyncio.run(go()) == "result"
