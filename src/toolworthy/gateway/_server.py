"""Serve trials: each has a listener of its own, and each request becomes an exchange.

Hundreds of listeners cost no more than their connections. Bytes pass as they come; nothing is buffered except where a
translation needs a whole part.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from secrets import token_urlsafe
from typing import Any

from toolworthy.base.access import guarded
from toolworthy.base.asgi import serving
from toolworthy.gateway._session import Gateway, GatewaySession
from toolworthy.gateway.handler import handle
from toolworthy.gateway.trial_limits import Allowance


@contextlib.asynccontextmanager
async def serve_trial(
    gateway: Gateway, trial: str, listener: socket.socket, allowance: Allowance | None = None, *, secret: bool = False
) -> AsyncIterator[GatewaySession]:
    """Serve `listener`, which may be from another network namespace, until the block ends.

    Args:
        gateway: the gateway to the endpoint.
        trial: the id for its exchanges.
        listener: a listening socket.
        allowance: the limits of the trial; None: no limits.
        secret: whether the session's base URL has a secret segment: whoever knows the URL can use the key, so other
        users of this machine must not be able to guess it.
    """
    session = GatewaySession(gateway, trial, listener.getsockname()[1], allowance=allowance)
    segment = token_urlsafe(16) if secret else ""
    session.base_url += f"/{segment}" if segment else ""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await handle(session, scope, receive, send)

    try:
        async with serving(guarded(app, listener.getsockname()[0], segment), listener):
            yield session
    finally:
        if session.telling:
            await asyncio.wait(session.telling)
