"""Serve the reference server over all wire APIs, streamed and not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from toolworthy import wire
from toolworthy.base.access import guarded
from toolworthy.base.asgi import listening, respond, serving
from toolworthy.base.packing import unpack
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.tasks import Task
from toolworthy.reference._compaction import wants_summary
from toolworthy.reference._connections import connecting
from toolworthy.reference._limits import CONTEXT, MODEL, tokens
from toolworthy.reference._next_step import Play, find_task, next_answer
from toolworthy.reference._reply import error
from toolworthy.reference.defects import Defect
from toolworthy.reference.events import PLAIN, Stage, staged
from toolworthy.reference.model import Reply
from toolworthy.wire.ir import APIS, Api, Failure, Request, Response, Usage
from toolworthy.wire.lenient import dump_json, parse_json

_MAX_REQUEST = 64 * 2**20
_NEARLY_FULL = CONTEXT * 97 // 100
"""Tokens at which every agent that counts them shortens its conversation."""
_SHORTENED = 0.9
"""A conversation below this share of the rejected one counts as shortened: some agents only retry without a field."""


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
        self._room: float = 0
        """Tokens of the conversation that was rejected as too long; 0 before."""
        self._stack = contextlib.AsyncExitStack()
        self.url = ""

    @property
    def base_urls(self) -> dict[Api, str]:
        """Base URL of each wire API."""
        return {api: self.url + wire.api(api).base for api in APIS}

    async def __aenter__(self) -> Oracle:
        listener = listening(self._port)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        odd = next((defect.connection for defect in self._defects if defect.connection), None)
        app = guarded(self.app)
        await self._stack.enter_async_context(connecting(app, listener, odd) if odd else serving(app, listener))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        body = b""
        while (message := await receive()).get("more_body"):
            body += message.get("body", b"")
        body += message.get("body", b"")
        method, headers = scope["method"], _headers(scope)
        route = wire.route(method, scope["path"], headers)
        api = wire.api(route.api or APIS[0])
        answers = (defect.answers(method, _target(scope), headers) for defect in self._defects)
        if made := next(filter(None, answers), None):
            await _send(send, made)
        elif route.kind == "completion":
            await _send(send, self.reply(api.name, _whole(api, scope["path"], decoded(headers, body))))
        elif route.kind == "count_tokens":
            await _json(send, 200, api.render_count(max(1, len(body) // 4)))
        elif route.kind == "models" and route.model is None:
            await _json(send, 200, api.render_models(MODEL, CONTEXT))
        elif route.kind == "models" and route.model == MODEL:
            await _json(send, 200, api.render_model(MODEL, CONTEXT))
        elif route.kind == "health":
            await _json(send, 200, {}, head=method == "HEAD")
        else:
            text = f"no route for {method} {scope['path']}"
            await _send(send, error(api.name, Failure(text, "invalid_request_error", status=404)))

    def reply(self, api: Api, body: bytes) -> Reply:
        """The reply to a completion request; the stage counts those of the task."""
        if self._stage is PLAIN:
            return staged(PLAIN, False, api, body, self._answer, self._defects)
        request = wire.parse_request_bytes(api, body)
        turn = self._turn(request)
        acts, fills = self._stage.acts(turn), self._stage.fills(turn)
        if request and self._stage.full and (acts or fills):
            size = tokens(request)
            self._room = self._room or size * _SHORTENED
            acts = acts and size >= self._room
            self._room = self._room if acts or fills else inf  # it has been shortened: accept all from now on
        return staged(self._stage, acts, api, body, self._nearly_full if fills else self._answer, self._defects)

    def _turn(self, request: Request | None) -> int | None:
        """The number of this request of the task; None if it is not one."""
        if not request or not request.tools or (task := find_task(request, self._tasks)) is None:
            return None
        if wants_summary(request, task):
            return None
        self._turns += 1
        return self._turns - 1

    def _answer(self, request: Request) -> Response:
        together = self._stage.together
        return next_answer(request, self._tasks, self._adapters, self._plays, together=together)

    def _nearly_full(self, request: Request) -> Response:
        made = self._answer(request)
        return replace(made, usage=replace(made.usage or Usage(), input=_NEARLY_FULL))


def decoded(headers: Mapping[str, str], body: bytes) -> bytes:
    """The body, decompressed if it is zstd, which Codex can send."""
    unpacked = unpack(body, limit=_MAX_REQUEST) if headers.get("content-encoding") == "zstd" else None
    return unpacked.data if unpacked else body


def _whole(api: wire.WireApi, path: str, body: bytes) -> bytes:
    """The body with the model and mode from the path."""
    value = parse_json(body)
    full = api.received(path, value) if isinstance(value, dict) else value
    return body if full is value else dump_json(full).encode()


def _target(scope: Any) -> str:
    query = scope["query_string"].decode("ascii", "replace")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _headers(scope: Any) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


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
    await respond(send, status, dump_json(value).encode(), head=head)
