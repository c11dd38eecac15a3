"""The oracle under conditions: slow, flaky, with a rate limit, or locked for a while by a bad request.

python tests/work/probes/conditions.py --port 8400 --delay 5 --rate 20 --fail 10 --at-once 4 --lock 30
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from toolworthy.base.asgi import App, serving
from toolworthy.content import adapters
from toolworthy.reference import Oracle
from toolworthy.reference.defects import defect

_BYTES_A_TOKEN = 200
"""Of a stream: an event holds about a token."""


@dataclass
class Conditions:
    """What stands between a client and `app`; all of it is off by default."""

    app: App
    delay: float = 0.0
    """Seconds before an answer begins."""
    rate: float = 0.0
    """Tokens a second of a stream, about."""
    fail: int = 0
    """Every so many requests fail, in turn with HTTP 500, an error in the stream, and a stream that breaks off."""
    at_once: int = 0
    """Requests in flight; more are answered 429."""
    limited: str = ""
    """Requests at paths with this ending are always answered 429."""
    retry_after: float = 1.0
    lock: float = 0.0
    """Seconds for which all is refused after a request that was refused."""
    deaf: bool = False
    """Tools do not reach the model, as without a chat template for them."""
    status: int = 0
    """Answer every completion with this error."""
    message: str = "no"
    asked: int = 0
    refused: int = 0
    """429s."""
    _flying: int = 0
    _locked_until: float = 0.0
    _turn: Any = field(default_factory=lambda: itertools.count(1))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        self.asked += 1
        if self.status:
            await _error(send, self.status, self.message)
        elif time.monotonic() < self._locked_until:
            await _error(send, 503, "the model is cooling down")
        elif self.limited and scope["path"].endswith(self.limited):
            self.refused += 1
            await _error(send, 429, "Rate limit reached: too many requests a minute", self.retry_after)
        elif self.at_once and self._flying >= self.at_once:
            self.refused += 1
            await _error(send, 429, "Rate limit reached: too many requests at once", self.retry_after)
        else:
            self._flying += 1
            try:
                await self._pass(scope, receive, send)
            finally:
                self._flying -= 1

    async def _pass(self, scope: Any, receive: Any, send: Any) -> None:
        number = next(self._turn)
        kind = (number // self.fail) % 3 if self.fail and number % self.fail == 0 else None
        await asyncio.sleep(self.delay)
        if kind == 0:
            await _error(send, 500, "out of cheese")
            return
        sent = 0

        async def sending(message: Any) -> None:
            nonlocal sent
            if message["type"] == "http.response.start" and message["status"] in (400, 422) and self.lock:
                self._locked_until = time.monotonic() + self.lock
            if kind == 1 and sent > 300:
                raise ConnectionAbortedError
            body = message.get("body", b"")
            sent += len(body)
            if self.rate and body:
                await asyncio.sleep(len(body) / _BYTES_A_TOKEN / self.rate)
            await send(message)

        if self.deaf:
            receive = await _without_tools(receive)
        if kind == 2:
            await _error(send, 529, "overloaded")
            return
        with contextlib.suppress(ConnectionAbortedError):
            await self.app(scope, receive, sending)


async def _without_tools(receive: Any) -> Any:
    body = b""
    while (message := await receive()).get("more_body"):
        body += message.get("body", b"")
    asked = json.loads(body + message.get("body", b""))
    kept = {name: value for name, value in asked.items() if name not in ("tools", "tool_choice")}

    async def again() -> Any:
        return {"type": "http.request", "body": json.dumps(kept).encode(), "more_body": False}

    return again


async def _error(send: Any, status: int, message: str, retry_after: float | None = None) -> None:
    headers = [(b"content-type", b"application/json")]
    if retry_after is not None:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
    kind = "api_error" if retry_after is None else "rate_limit_error"
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def under(*defects: str, port: int = 0, **conditions: Any) -> AsyncIterator[tuple[Conditions, str]]:
    """The oracle under conditions, and the URL where it listens."""
    async with Oracle((), adapters.agents(), defects=[defect(name) for name in defects]) as oracle:
        between = Conditions(oracle.app, **conditions)
        listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with serving(between, listener):
            yield between, url


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=8400)
    for name, kind in (("delay", float), ("rate", float), ("fail", int), ("at-once", int), ("lock", float)):
        parser.add_argument(f"--{name}", type=kind, default=0)
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--retry-after", type=float, default=1.0)
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--message", default="no")
    parser.add_argument("--limited", default="")
    parser.add_argument("--defect", action="append", default=[])
    given = vars(parser.parse_args())
    async with under(*given.pop("defect"), **given) as (between, url):
        print(url, flush=True)
        while True:
            await asyncio.sleep(10)
            print(f"{between.asked} requests, {between.refused} refused", flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
