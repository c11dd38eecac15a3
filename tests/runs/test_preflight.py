"""What is learnt of an endpoint before tokens are spent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.conftest import endpoint, reply, serve

from toolworthy import adapters
from toolworthy.errors import UserError
from toolworthy.runs.preflight import preflight

_HELLO = {"choices": [{"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}


async def _chat_only(request: dict[str, Any], send: Any) -> None:
    """What a plain Chat Completions server does."""
    if request["path"] == "/v1/models":
        await reply(send, 200, json.dumps({"data": [{"id": "m", "max_model_len": 8192}]}).encode())
    elif request["path"] != "/v1/chat/completions":
        await reply(send, 404, b'{"detail":"Not Found"}')
    elif not json.loads(request["body"]):
        await reply(send, 422, b'{"detail":[{"loc":["body","messages"],"msg":"Field required"}]}')
    else:
        await reply(send, 200, json.dumps(_HELLO).encode())


@asynccontextmanager
async def _raw(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[str]:
    """A server by hand, which may hang up without a word."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        said = answer(head.split(b" ")[1])
        if said is None:
            writer.transport.abort()
        else:
            writer.write(said)
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _json(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def _look(url: str, *agents: str) -> Any:
    return preflight(endpoint(url), [adapters.agent(name) for name in agents or ("builtin",)])


def test_only_apis_that_answer_are_used() -> None:
    async def look() -> Any:
        async with serve(_chat_only) as upstream:
            return await _look(upstream.url, "builtin", "claude-code")

    found = asyncio.run(look())
    assert list(found.endpoint.base_urls) == ["chat"]
    assert found.endpoint.context == 8192
    assert "builtin" not in found.refused
    assert "context window 8,192" in found.refused["claude-code"]


def test_a_connection_cut_on_one_api_is_that_api_absent() -> None:
    def answer(path: bytes) -> bytes | None:
        if path == b"/v1/messages":
            return None
        if path != b"/v1/chat/completions":
            return _json("404 Not Found", "{}")
        return _json("200 OK", json.dumps(_HELLO))

    async def look() -> Any:
        async with _raw(answer) as url:
            return await _look(url)

    found = asyncio.run(look())
    assert list(found.endpoint.base_urls) == ["chat"]
    assert [check.ok for check in found.checks if check.name == "messages API"] == [False]


def test_a_key_refused_by_one_api_does_not_hide_another() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if "chat" in request["path"] or "models" in request["path"]:
            await _chat_only(request, send)
        else:
            await reply(send, 401, b'{"error":{"message":"unauthorised"}}')

    async def look() -> Any:
        async with serve(answer) as upstream:
            return await _look(upstream.url)

    assert list(asyncio.run(look()).endpoint.base_urls) == ["chat"]


def test_nothing_that_answers_is_one_line() -> None:
    async def look() -> Any:
        async with _raw(lambda path: None) as url:
            return await _look(url)

    with pytest.raises(UserError, match="cannot reach") as caught:
        asyncio.run(look())
    assert "\n" not in str(caught.value)


def test_a_system_message_in_mid_conversation_is_used_only_where_it_is_taken() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        body = json.loads(request["body"] or b"{}")
        roles = [message["role"] for message in body.get("messages", [])]
        if "system" in roles[1:]:
            await reply(send, 400, b'{"error":{"message":"System message must be at the beginning"}}')
        else:
            await _chat_only(request, send)

    async def look() -> Any:
        async with serve(answer) as upstream:
            return await _look(upstream.url)

    found = asyncio.run(look())
    assert not found.endpoint.dialect.system_anywhere
    assert not found.refused
