"""Serve the reference server over faulty connections, which no correct HTTP server can produce."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from toolworthy.base.asgi import App, stop_listening
from toolworthy.base.loading import Strict

_CHECK = 0.02
"""Seconds between checks of a slow response for whether its client is still connected."""
_RESET = struct.pack("ii", 1, 0)
"""``SO_LINGER`` that closes with a reset."""


class ServedConnections(Strict):
    """Faults of connections."""

    version: Literal["1.0", "1.1"] = "1.1"
    framing: Literal["chunks", "none"] = "chunks"
    """``none``: the end of the connection ends a response."""
    behind: str = ""
    """Bytes sent after the end of every response."""
    again: Literal["served", "closed", "reset", "gone"] = "served"
    """How a second request on a connection is handled. ``gone``: the connection closes before it, unannounced."""
    pace: float = 0.0
    """Seconds before each piece of a response."""
    slots: int = 64
    """Requests that are served at a time; others wait."""
    stops: bool = True
    """Whether a response ends when its client disconnects."""
    holds: float = 0.0
    """Seconds for which a request keeps its slot after its client disconnects."""
    head_body: bool = False
    """Whether the response to HEAD has the body that GET would get."""
    metrics: bool = False
    """Whether ``/metrics`` reports the number of running requests."""


class _Left(Exception):
    """The client has disconnected."""


@contextlib.asynccontextmanager
async def connecting(app: App, listener: socket.socket, how: ServedConnections) -> AsyncIterator[None]:
    """Serve `app` on `listener` until the block ends, with the faults in `how`."""
    places, state = asyncio.Semaphore(how.slots), _State()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        state.tasks.add(task)
        task.add_done_callback(state.tasks.discard)
        try:
            await _Line(app, how, places, state, reader, writer).serve()
        except (_Left, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # the client has disconnected, or the server ends
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(connected, sock=listener)
        try:
            yield
        finally:
            server.close()
            for task in list(state.tasks):
                task.cancel()
            await asyncio.gather(*state.tasks, return_exceptions=True)
    finally:
        stop_listening(listener)


@dataclass
class _State:
    """State that all connections share."""

    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    running: int = 0
    """Requests that are being answered."""


@dataclass
class _Line:
    """One connection."""

    app: App
    how: ServedConnections
    places: asyncio.Semaphore
    state: _State
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    served: int = 0
    bare: bool = False
    """The response has no body."""

    async def serve(self) -> None:
        """Answer requests until the connection ends."""
        while True:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])]
            body = await self.reader.readexactly(int(dict(headers).get("content-length", 0)))
            if self.served and self.how.again in ("closed", "reset"):
                if self.how.again == "reset":
                    taken = self.writer.get_extra_info("socket")
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            self.served += 1
            await self._request(method, target, headers, body)
            if self.how.again == "gone" or self.how.framing == "none" or self.how.version == "1.0":
                return

    async def _request(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
        path, _, query = target.partition("?")
        self.bare = method == "HEAD" and not self.how.head_body
        if self.how.metrics and path == "/metrics":
            text = f"# TYPE num_requests_running gauge\nvllm:num_requests_running {float(self.state.running)}\n"
            await self._send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
            )
            await self._send({"type": "http.response.body", "body": text.encode()})
            return
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "query_string": query.encode(),
            "headers": raw,
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async with self.places:
            self.state.running += 1
            try:
                await self.app(scope, receive, self._paced)
            finally:
                self.state.running -= 1
                if self.how.holds and self.reader.at_eof():
                    await asyncio.sleep(self.how.holds)

    async def _paced(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            remaining = self.how.pace
            while remaining > 0:
                await asyncio.sleep(min(remaining, _CHECK))
                remaining -= _CHECK
                if self.reader.at_eof() and self.how.stops:
                    raise _Left
        await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        if self.reader.at_eof():
            return
        if message["type"] == "http.response.start":
            self.writer.write(self._head(message["status"], message["headers"]))
        if self.bare:
            return
        if message["type"] == "http.response.body" and (data := message.get("body", b"")):
            self.writer.write(b"%x\r\n%s\r\n" % (len(data), data) if self.how.framing == "chunks" else data)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            end = b"0\r\n\r\n" if self.how.framing == "chunks" else b""
            self.writer.write(end + self.how.behind.encode())
        await self.writer.drain()

    def _head(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        kept = [(name, value) for name, value in headers if name != b"content-length"]
        if self.how.framing == "chunks":
            kept.append((b"transfer-encoding", b"chunked"))
        lines = [f"HTTP/{self.how.version} {status} .".encode(), *(name + b": " + value for name, value in kept)]
        return b"\r\n".join([*lines, b"", b""])
