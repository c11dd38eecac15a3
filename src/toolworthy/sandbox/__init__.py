"""The isolation of agents and model code; their only network is the gateway.

May import: `base`, `content`.
Does not belong here: what runs inside (`agents`, `work`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any, Literal

from toolworthy.sandbox._bare import Bare
from toolworthy.sandbox._bubblewrap import Bubblewrap
from toolworthy.sandbox.model import Command, CommandOutcome, OnListener, Sandbox

__all__ = ["OnListener", "Sandbox", "begun", "choose"]


def choose(kind: Literal["auto", "bubblewrap", "none"]) -> Sandbox:
    """The requested sandbox; ``auto`` is bubblewrap.

    Raises:
        ToolworthyError: bubblewrap is missing or cannot create namespaces; the message says what to do.
    """
    return Bare() if kind == "none" else Bubblewrap.ready()


@contextlib.asynccontextmanager
async def begun(
    sandbox: Sandbox, command: Command, port: int
) -> AsyncIterator[tuple[asyncio.Task[CommandOutcome], socket.socket | None]]:
    """A running command, and the listener of its network; None if it ended before listening. It ends with the block."""
    listening: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(sandbox.run(command, listening.set_result, port))
    either: set[asyncio.Future[Any]] = {running, listening}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        yield running, listening.result() if listening.done() else None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        if listening.done():  # cancelled before anyone received it
            listening.result().close()
