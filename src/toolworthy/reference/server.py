"""Serve the oracle over all three wire APIs, streaming and not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolworthy import wire
from toolworthy.base.asgi import serving
from toolworthy.base.door import guarded
from toolworthy.base.errors import UserError
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.tasks import Task
from toolworthy.reference.defects import Defect
from toolworthy.reference.limits import CONTEXT
from toolworthy.reference.model import Reply
from toolworthy.reference.reply import error
from toolworthy.reference.script import Play, find_task, next_answer
from toolworthy.reference.stage import PLAIN, Stage, staged
from toolworthy.wire.ir import Api, Request, Response
from toolworthy.wire.lenient import dump_json

_ROUTES: tuple[tuple[str, Api], ...] = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/messages", "messages"),
)

_MAX_REQUEST = 64 * 2**20


class Oracle:
    """The reference endpoint on loopback, while the block lasts."""

    def __init__(
        self,
        tasks: Sequence[Task],
        adapters: Sequence[AgentAdapter],
        port: int = 0,
        defects: Sequence[Defect] = (),
        plays: Sequence[Play] = (),
        stage: Stage = PLAIN,
    ) -> None:
        self._tasks = tuple(replace(task, steps=(*stage.steps, *task.steps)) for task in tasks)
        self._adapters = tuple(adapters)
        self._port = port
        self._defects = tuple(defects)
        self._plays = tuple(plays)
        self._stage = stage
        self._turns = 0
        self._stack = contextlib.AsyncExitStack()
        self.url = ""

    @property
    def base_urls(self) -> dict[Api, str]:
        """As an endpoint has them."""
        return {"chat": f"{self.url}/v1", "messages": self.url, "responses": f"{self.url}/v1"}

    async def __aenter__(self) -> Oracle:
        try:
            listener = socket.create_server(("127.0.0.1", self._port), backlog=1024)
        except (OSError, OverflowError) as error:
            said = getattr(error, "strerror", None) or "there is none beyond 65535"
            raise UserError(f"cannot listen on port {self._port}: {said}; give another with --port") from error
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        await self._stack.enter_async_context(serving(guarded(self.app), listener))
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
        answers = (defect.answers(method, _target(scope), _headers(scope)) for defect in self._defects)
        if made := next(filter(None, answers), None):
            await _send(send, made)
        elif method == "POST" and api is not None:
            await _send(send, self.reply(api, decoded(_headers(scope), body)))
        elif method == "POST" and path.endswith("/messages/count_tokens"):
            await _json(send, 200, {"input_tokens": max(1, len(body) // 4)})
        elif method == "GET" and path.endswith("/models"):
            await _json(send, 200, _models(anthropic))
        elif method in ("GET", "HEAD") and path in ("", "/v1"):
            await _json(send, 200, {}, head=method == "HEAD")
        else:
            await _send(send, error(api or "chat", 404, f"no route for {method} {scope['path']}"))

    def reply(self, api: Api, body: bytes) -> Reply:
        """What is sent back for a completion request; the stage counts those of the task."""
        acts = self._stage.acts(self._turn(api, body))
        return staged(self._stage, acts, api, body, self._answer, self._defects)

    def _turn(self, api: Api, body: bytes) -> int | None:
        """Which of the task's requests this is; None if it is none."""
        if self._stage is PLAIN:
            return None
        request = wire.parse_request_bytes(api, body)
        if not request or not request.tools or find_task(request, self._tasks) is None:
            return None
        self._turns += 1
        return self._turns - 1

    def _answer(self, request: Request) -> Response:
        together = self._stage.together
        return next_answer(request, self._tasks, self._adapters, self._plays, together=together)


def decoded(headers: Mapping[str, str], body: bytes) -> bytes:
    """The body without zstd, which Codex can send; as it is where it is none."""
    import zstandard

    if headers.get("content-encoding") != "zstd":
        return body
    try:
        with zstandard.ZstdDecompressor().stream_reader(body) as reader:
            return reader.read(_MAX_REQUEST)
    except zstandard.ZstdError:
        return body


def _target(scope: Any) -> str:
    query = scope["query_string"].decode("ascii", "replace")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _headers(scope: Any) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _models(anthropic: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": "oracle", "object": "model", "created": 0, "owned_by": "toolworthy"}
    if anthropic:
        entry = {"id": "oracle", "type": "model", "display_name": "oracle", "created_at": "2026-01-01T00:00:00Z"}
        return {"data": [entry], "has_more": False, "first_id": "oracle", "last_id": "oracle"}
    return {"object": "list", "data": [{**entry, "context_length": CONTEXT}]}


async def _send(send: Any, made: Reply) -> None:
    headers = [(name.encode(), value.encode()) for name, value in (("content-type", made.content_type), *made.headers)]
    if made.wait_at == 0:
        await asyncio.sleep(made.wait)
    await send({"type": "http.response.start", "status": made.status, "headers": headers})
    for number, piece in enumerate(made.pieces):
        if number and number == made.wait_at:
            await asyncio.sleep(made.wait)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    if made.whole:  # else the server closes the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _json(send: Any, status: int, value: dict[str, Any], *, head: bool = False) -> None:
    body = dump_json(value).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})
