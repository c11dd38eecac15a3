"""Which wire APIs, and which agents, preflight finds to work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.small_server import asked, error, hello, look, sound
from tests.support.upstream import endpoint, reply, serve
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters
from toolworthy.endpoint.preflight import preflight

pytestmark = pytest.mark.process


async def _chat_only(request: dict[str, Any], send: Any) -> None:
    """What a plain Chat Completions server does."""
    if request["path"] == "/v1/models":
        await reply(send, 200, json.dumps({"data": [{"id": "m", "max_model_len": 8192}]}).encode())
    elif request["path"] != "/v1/chat/completions":
        await reply(send, 404, b'{"detail":"Not Found"}')
    else:
        await sound(request, send)


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


_HELLO = {"choices": [{"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}


def test_only_apis_that_answer_are_used() -> None:
    found = asyncio.run(look(_chat_only, "builtin", "claude-code"))
    assert list(found.endpoint.base_urls) == ["chat"]
    assert found.endpoint.context == 8192
    assert "builtin" not in found.refused
    assert "context window 8,192" in found.refused["claude-code"]


def test_every_request_is_one_that_agents_send() -> None:
    requests: list[dict[str, Any]] = []

    async def answer(request: dict[str, Any], send: Any) -> None:
        requests.append(request)
        await sound(request, send)

    asyncio.run(look(answer))
    completions = [asked(request) for request in requests if request["method"] == "POST"]
    assert len(completions) == 3
    for body in completions:
        assert body["model"] == "m"
        assert body["stream"] is True
        assert body["tools"]
        assert 16 in (body.get("max_tokens"), body.get("max_output_tokens"))


def test_a_server_that_only_streams_is_taken() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["method"] == "POST" and not asked(request).get("stream"):
            await reply(send, 400, error("Stream must be set to true"))
        else:
            await sound(request, send)

    found = asyncio.run(look(answer, "codex", "claude-code", "builtin"))
    assert list(found.endpoint.base_urls) == ["chat", "messages", "responses"]
    assert not found.refused
    assert all(check.ok for check in found.checks)


def test_a_server_that_does_not_stream_is_there_and_said_to_be_so() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["method"] == "POST" and asked(request).get("stream"):
            await reply(send, 400, error("streaming is not supported"))
        else:
            await sound(request, send)

    found = asyncio.run(look(answer))
    assert list(found.endpoint.base_urls) == ["chat", "messages", "responses"]
    assert [check.detail for check in found.checks if check.name == "chat stream"] == [
        "HTTP 400: streaming is not supported"
    ]


def test_a_router_with_a_default_model_is_taken() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["method"] == "GET":
            await reply(send, 404, b"")
        elif "model" not in asked(request):
            await reply(send, 404, error("no model"))
        else:
            await sound({**request, "body": request["body"].replace(b'"m"', b'"default"')}, send)

    found = asyncio.run(look(answer))
    assert list(found.endpoint.base_urls) == ["chat", "messages", "responses"]


def test_tools_that_are_refused_are_named_and_the_rest_is_not() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["method"] == "POST" and asked(request).get("tools"):
            await reply(send, 400, error("m does not support tools"))
        else:
            await sound(request, send)

    found = asyncio.run(look(answer))
    assert [check.name for check in found.checks if check.ok is False] == [
        f"{api} completion, tool" for api in ("chat", "messages", "responses")
    ]
    assert found.endpoint.dialect.system_anywhere


def test_a_limit_under_another_name_is_learnt() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if "chat" in request["path"] and "max_tokens" in asked(request):
            await reply(send, 400, error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."))
        else:
            await sound(request, send)

    found = asyncio.run(look(answer))
    assert all(check.ok for check in found.checks)


def test_a_model_that_needs_room_to_think_gets_it() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if "chat" in request["path"] and asked(request)["max_tokens"] < 100:
            await reply(send, 400, error("Could not finish the message because max_tokens was reached."))
        else:
            await sound(request, send)

    found = asyncio.run(look(answer))
    assert all(check.ok for check in found.checks)


def test_an_answer_of_another_api_is_no_api() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["method"] == "POST":
            await hello({**request, "body": json.dumps({"model": "m", "stream": True}).encode()}, send, "chat")
        else:
            await sound(request, send)

    found = asyncio.run(look(answer))
    assert list(found.endpoint.base_urls) == ["chat"]


def test_a_connection_cut_on_one_api_is_that_api_absent() -> None:
    def answer(path: bytes) -> bytes | None:
        if path == b"/v1/messages":
            return None
        if path != b"/v1/chat/completions":
            return _json("404 Not Found", "{}")
        return _json("200 OK", json.dumps(_HELLO))

    async def look_at() -> Any:
        async with _raw(answer) as url:
            return await preflight(endpoint(url), [adapters.agent("builtin")])

    found = asyncio.run(look_at())
    assert list(found.endpoint.base_urls) == ["chat"]
    assert [check.ok for check in found.checks if check.name == "messages API"] == [False]


def test_a_key_refused_by_one_api_does_not_hide_another() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if "chat" in request["path"] or "models" in request["path"]:
            await _chat_only(request, send)
        else:
            await reply(send, 401, b'{"error":{"message":"unauthorised"}}')

    assert list(asyncio.run(look(answer)).endpoint.base_urls) == ["chat"]


def test_an_api_that_refuses_what_agents_ask_is_there_and_they_cannot_work() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["path"] == "/v1/messages":
            await reply(send, 400, error("system: expected a string"))
        else:
            await sound(request, send)

    found = asyncio.run(look(answer, "claude-code", "builtin"))
    assert "messages" in found.endpoint.base_urls
    assert found.refused == {"claude-code": "messages: HTTP 400: system: expected a string"}


def test_nothing_that_answers_is_one_line() -> None:
    async def look_at() -> Any:
        async with _raw(lambda path: None) as url:
            return await preflight(endpoint(url), [])

    with pytest.raises(ToolworthyError, match="does not answer in HTTP") as caught:
        asyncio.run(look_at())
    assert "\n" not in str(caught.value)


def test_a_system_message_in_mid_conversation_is_used_only_where_it_is_taken() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        roles = [message["role"] for message in asked(request).get("messages", [])]
        if "system" in roles[1:]:
            await reply(send, 400, error("System message must be at the beginning"))
        else:
            await _chat_only(request, send)

    found = asyncio.run(look(answer))
    assert not found.endpoint.dialect.system_anywhere
    assert not found.refused


def test_what_is_found_does_not_hang_on_the_agents_that_are_run() -> None:
    async def look_at(*agents: str) -> Any:
        async with serve(sound) as upstream:
            found = await preflight(endpoint(upstream.url), [adapters.agent(name) for name in agents])
            return found.endpoint, found.checks, len(upstream.requests)

    async def both() -> Any:
        return await look_at(), await look_at("claude-code", "codex", "builtin")

    (one, checks, count), (other, others, many) = asyncio.run(both())
    assert list(one.base_urls) == list(other.base_urls)
    assert count == many
    assert [check.name for check in checks] == [check.name for check in others]
