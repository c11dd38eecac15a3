"""Applications served on real sockets."""

from __future__ import annotations

import asyncio
import gc
import socket
import warnings
from collections.abc import Coroutine
from typing import Any

import pytest

from toolworthy.base.asgi import serving

pytestmark = pytest.mark.process


async def _silent(scope: Any, receive: Any, send: Any) -> None:
    """Answer nothing."""


def left_open(work: Coroutine[Any, Any, None]) -> list[str]:
    """What `work` opens and leaves to garbage collection."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(work)
        gc.collect()
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("turns", range(6))
def test_the_end_closes_a_connection_that_is_being_accepted(turns: int) -> None:
    """Whatever asyncio has done for it so far: the socket is accepted first, and known to the server turns later."""

    async def go() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        async with serving(_silent, listener):
            clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0)
        for client in clients:
            client.close()

    assert left_open(go()) == []


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("turns", range(12))
def test_nothing_stays_open_if_it_is_cancelled(turns: int, again: bool) -> None:
    """As it begins, while it serves, as it ends; once, or at two turns in a row."""

    clients: list[socket.socket] = []

    async def serve() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        async with serving(_silent, listener):
            clients.append(socket.create_connection(listener.getsockname()))
            await asyncio.sleep(0)

    async def go() -> None:
        task = asyncio.create_task(serve())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        if again:
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for client in clients:
            client.close()

    assert left_open(go()) == []
