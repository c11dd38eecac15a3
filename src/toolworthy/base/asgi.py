"""Serve an ASGI application on a socket, with uvicorn's HTTP protocol but without its process-wide main loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from toolworthy.base.cancelling import through
from toolworthy.base.errors import ToolworthyError

App = Callable[[Any, Any, Any], Awaitable[None]]

_TURNS = 3
"""Turns of the event loop until a connection that asyncio has just accepted reaches the server."""


async def respond(send: Any, status: int, body: bytes, kind: str = "application/json", *, head: bool = False) -> None:
    """Send a whole answer.

    Args:
        send: ASGI's.
        status: HTTP status.
        body: its bytes.
        kind: content type.
        head: whether the request is HEAD, whose response has no body.
    """
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listening(port: int, to_do: str = "Choose another with --port.") -> socket.socket:
    """A socket that listens on loopback.

    Args:
        port: 0 for any free one.
        to_do: what the error's reader should do.

    Raises:
        ToolworthyError: the port is in use or not permitted.
    """
    try:
        return socket.create_server(("127.0.0.1", port), backlog=1024)
    except OverflowError:
        raise ToolworthyError(f"there is no port {port}. {to_do}") from None
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({os.strerror(error.errno or 0)})"
        raise ToolworthyError(f"port {port} {why}. {to_do}") from error


_LOG = logging.getLogger("uvicorn.error.toolworthy")
"""uvicorn's, for our own servers only: a program that uses toolworthy may run others."""


def _unexpected(record: logging.LogRecord) -> bool:
    """Whether the server should log it: an application that leaves a response unfinished breaks the connection."""
    return "without completing response" not in record.getMessage()


_LOG.addFilter(_unexpected)


@contextlib.asynccontextmanager
async def serving(app: App, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on `listener` until the block ends. Any number of these may run in one loop.

    At the end, also by cancellation at any moment, the listener and its connections are closed; requests in flight
    have five seconds to finish.
    """
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    config = Config(
        app,
        lifespan="off",
        interface="asgi3",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=600,
    )
    config.load()
    state = ServerState()
    protocol: Any = config.http_protocol_class

    def connection() -> asyncio.Protocol:
        made = protocol(config=config, server_state=state, app_state={})
        made.logger = _LOG
        return cast(asyncio.Protocol, made)

    listener.setblocking(False)
    # Connections inherit it. asyncio sets it only if the socket names its protocol. Without it, every response
    # waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        server = await asyncio.get_running_loop().create_server(connection, sock=listener)
        try:
            yield
        finally:
            await through(_close(server, state, listener))
    finally:
        stop_listening(listener)


def stop_listening(listener: socket.socket) -> None:
    """Close a socket that the running loop may listen on: if a server is cancelled as it begins, nothing else does."""
    if listener.fileno() >= 0:
        asyncio.get_running_loop().remove_reader(listener.fileno())
        listener.close()


async def _close(server: asyncio.Server, state: Any, listener: socket.socket) -> None:
    asyncio.get_running_loop().remove_reader(listener.fileno())
    for _ in range(_TURNS):  # a closed server loses a connection that it has only just accepted
        await asyncio.sleep(0)
    server.close()
    for open_connection in list(state.connections):
        open_connection.transport.abort()
    if state.tasks:
        await asyncio.wait(state.tasks, timeout=5)
