"""A small server of the three wire APIs for tests of preflight; each test says where it departs from that."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support.upstream import endpoint, reply, serve
from toolworthy import wire
from toolworthy.content import adapters
from toolworthy.endpoint.preflight import Preflight, preflight
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.assemble import disassemble
from toolworthy.wire.ir import Api, Request, Response, Text

PATHS: dict[str, Api] = {
    "/v1/chat/completions": "chat",
    "/v1/messages": "messages",
    "/v1/responses": "responses",
}
MODELS = {"data": [{"id": "m", "max_model_len": 131_072}]}
Answering = Callable[[dict[str, Any], Any], Awaitable[None]]


async def sound(request: dict[str, Any], send: Any) -> None:
    """Answer as a good server does that has the model ``m``."""
    if request["path"] == "/v1/models":
        await reply(send, 200, json.dumps(MODELS).encode())
    elif (api := PATHS.get(request["path"])) is None:
        await reply(send, 404, b'{"detail":"Not Found"}')
    else:
        await hello(request, send, api)


async def hello(request: dict[str, Any], send: Any, api: Api) -> None:
    """A greeting, streamed if it is to be."""
    asked: Request = wire.api(api).parse_request(json.loads(request["body"]))
    answer = Response("id", asked.model, (Text("Hello."),), "end", complete=True)
    if asked.stream:
        encoder = wire.api(api).encoder(asked)
        body = b"".join(encoder.encode(event) for event in disassemble(answer))
        await reply(send, 200, body, "text/event-stream")
    else:
        await reply(send, 200, json.dumps(wire.api(api).render_response(answer, asked)).encode())


def error(message: str, **more: str) -> bytes:
    """An error body as most servers have it."""
    return json.dumps({"error": {"message": message, **more}}).encode()


def asked(request: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, as far as it is JSON."""
    value: dict[str, Any] = json.loads(request["body"] or b"{}")
    return value


async def look(answer: Answering, *agents: str, tested: Callable[[str], Endpoint] = endpoint) -> Preflight:
    """Preflight of a server that answers so."""
    async with serve(answer) as upstream:
        return await preflight(tested(upstream.url), [adapters.agent(name) for name in agents or ("builtin",)])
