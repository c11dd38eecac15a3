"""Serve the oracle over all three wire APIs, streaming and not."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from toolworthy import wire
from toolworthy.adapters import AgentAdapter
from toolworthy.asgi import serving
from toolworthy.errors import UserError
from toolworthy.oracle.script import next_answer
from toolworthy.tasks.model import Task
from toolworthy.wire.assemble import disassemble
from toolworthy.wire.ir import Api, Event, Failure, PartDelta, Request, Response
from toolworthy.wire.lenient import dump_json, parse_json

_PIECE = 24
"""Characters of one delta, about what real servers send."""
_ROUTES: tuple[tuple[str, Api], ...] = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/messages", "messages"),
)


class Oracle:
    """The reference endpoint on loopback, while the block lasts."""

    def __init__(self, tasks: Sequence[Task], adapters: Sequence[AgentAdapter], port: int = 0) -> None:
        self._tasks = tuple(tasks)
        self._adapters = tuple(adapters)
        self._port = port
        self._stack = contextlib.AsyncExitStack()
        self.url = ""

    async def __aenter__(self) -> Oracle:
        try:
            listener = socket.create_server(("127.0.0.1", self._port), backlog=1024)
        except OSError as error:
            raise UserError(
                f"cannot listen on port {self._port}: {error.strerror}; give another with --port"
            ) from error
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        await self._stack.enter_async_context(serving(self.app, listener))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        body = b""
        while (message := await receive()).get("more_body"):
            body += message.get("body", b"")
        body += message.get("body", b"")
        path, method = scope["path"].rstrip("/"), scope["method"]
        anthropic = any(name == b"anthropic-version" for name, _ in scope["headers"])
        api = next((api for suffix, api in _ROUTES if path.endswith(suffix)), None)
        if method == "POST" and api is not None:
            await self._complete(api, body, send)
        elif method == "POST" and path.endswith("/messages/count_tokens"):
            await _json(send, 200, {"input_tokens": max(1, len(body) // 4)})
        elif method == "GET" and path.endswith("/models"):
            await _json(send, 200, _models(anthropic))
        elif method in ("GET", "HEAD") and path in ("", "/v1"):
            await _json(send, 200, {}, head=method == "HEAD")
        else:
            await _error(send, api or "chat", 404, f"no route for {method} {scope['path']}")

    async def _complete(self, api: Api, body: bytes, send: Any) -> None:
        value = parse_json(body)
        if not isinstance(value, dict):
            await _error(send, api, 400, "the request body is no JSON object")
            return
        request = wire.api(api).parse_request(value)
        if not request.messages:
            await _error(send, api, 400, "the request has no messages")
            return
        answer = replace(next_answer(request, self._tasks, self._adapters), id=_id(api, body))
        if not request.stream:
            await _json(send, 200, wire.api(api).render_response(answer, request))
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for data in stream(api, answer, request):
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def stream(api: Api, answer: Response, request: Request) -> Iterator[bytes]:
    """The answer as events, in pieces of a few characters, as a model would say it."""
    encoder = wire.api(api).Encoder(request)
    for event in itertools.chain.from_iterable(map(_pieces, disassemble(answer))):
        if data := encoder.encode(event):
            yield data


def _pieces(event: Event) -> Iterator[Event]:
    if not isinstance(event, PartDelta):
        yield event
        return
    for start in range(0, len(event.text), _PIECE):
        yield PartDelta(event.index, event.text[start : start + _PIECE])


def _id(api: Api, body: bytes) -> str:
    prefix = {"chat": "chatcmpl-", "messages": "msg_", "responses": "resp_"}[api]
    return prefix + hashlib.sha256(body).hexdigest()[:24]


def _models(anthropic: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": "oracle", "object": "model", "created": 0, "owned_by": "toolworthy"}
    if anthropic:
        entry = {"id": "oracle", "type": "model", "display_name": "oracle", "created_at": "2026-01-01T00:00:00Z"}
        return {"data": [entry], "has_more": False, "first_id": "oracle", "last_id": "oracle"}
    return {"object": "list", "data": [{**entry, "context_length": 1_000_000}]}


async def _error(send: Any, api: Api, status: int, message: str) -> None:
    await _json(send, status, wire.api(api).render_error(Failure(message, "invalid_request_error", status=status)))


async def _json(send: Any, status: int, value: dict[str, Any], *, head: bool = False) -> None:
    body = dump_json(value).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})
