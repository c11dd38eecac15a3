"""A server on loopback that answers what a test says, and the endpoint that it is."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from toolworthy import wire
from toolworthy.base.asgi import serving
from toolworthy.content import providers
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.ir import Api


@dataclass
class Upstream:
    """A server that answers what a test says, and remembers what it was asked."""

    answer: Callable[[dict[str, Any], Any], Any]
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
            "body": body,
        }
        self.requests.append(request)
        await self.answer(request, send)


@contextlib.asynccontextmanager
async def serve(answer: Callable[[dict[str, Any], Any], Any]) -> AsyncIterator[Upstream]:
    """An upstream on loopback."""
    upstream = Upstream(answer)
    listener = socket.create_server(("127.0.0.1", 0))
    upstream.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with serving(upstream.app, listener):
        yield upstream


async def reply(send: Any, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
    """One whole answer."""
    raw = [(b"content-type", kind.encode())]
    raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


_COMMON: tuple[Api, ...] = ("chat", "messages", "responses")


def endpoint(url: str, *apis: Api, key: str | None = "sk-secret-0123456789abcdef", model: str = "m") -> Endpoint:
    """A generic endpoint that speaks the APIs named."""
    urls = {api: url + wire.api(api).base for api in apis or _COMMON}
    return Endpoint("test", providers.provider("generic"), urls, model, key)
