"""Bytes pass as they are, or are translated and said to be; whatever goes wrong is recorded and told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.upstream import endpoint, reply, serve
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, GatewaySession, serve_trial
from toolworthy.records.exchange import Exchange, ExchangeFailure

pytestmark = pytest.mark.process

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
CHUNK = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"hel\xc3\xa4"}}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


@contextlib.asynccontextmanager
async def gateway(where: Endpoint) -> AsyncIterator[tuple[GatewaySession, httpx.AsyncClient]]:
    records: list[Exchange] = []
    async with Gateway(where, records.append) as made:
        listener = socket.create_server(("127.0.0.1", 0))
        async with (
            serve_trial(made, "trial", listener) as session,
            httpx.AsyncClient(base_url=session.base_url) as client,
        ):
            yield session, client


async def recorded(session: GatewaySession, count: int = 1) -> Exchange:
    for _ in range(400):
        if len(session.exchanges) >= count:
            return session.exchanges[-1]
        await asyncio.sleep(0.01)
    raise AssertionError("nothing was recorded")


def test_bytes_pass_untouched_and_as_they_come() -> None:
    async def run() -> None:
        first_arrived = asyncio.Event()

        async def answer(request: dict[str, Any], send: Any) -> None:
            head = [(b"content-type", b"text/event-stream"), (b"x-odd", b"1")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": CHUNK[:20], "more_body": True})
            await asyncio.wait_for(first_arrived.wait(), 5)  # sent only once the agent has the first bytes
            await send({"type": "http.response.body", "body": CHUNK[20:] + LAST, "more_body": False})

        async with serve(answer) as upstream, gateway(endpoint(upstream.url)) as (session, client):
            body = b'{ "model":"m",\n "messages":[], "weird" : 1e3 }'
            headers = {"authorization": "Bearer agent", "x-agent": "yes", "content-type": "application/json"}
            got = b""
            async with client.stream("POST", "/v1/chat/completions?beta=1", content=body, headers=headers) as response:
                async for data in response.aiter_raw():
                    got += data
                    first_arrived.set()
            assert got == CHUNK + LAST
            assert response.headers["x-odd"] == "1"
            asked = upstream.requests[0]
            assert (asked["body"], asked["path"], asked["query"]) == (body, "/v1/chat/completions", "beta=1")
            assert asked["headers"]["authorization"] == "Bearer sk-secret-0123456789abcdef"
            assert asked["headers"]["x-agent"] == "yes"
            exchange = await recorded(session)
            assert exchange.body == got
            assert not exchange.translated
            assert exchange.request_body == body
            assert len(exchange.chunks) >= 2
            assert exchange.response is not None
            assert exchange.response.text == "helä"

    asyncio.run(run())


def test_what_the_endpoint_lacks_is_translated_and_said_to_be() -> None:
    async def run() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 200, CHUNK + LAST, "text/event-stream")

        async with serve(answer) as upstream, gateway(endpoint(upstream.url, "chat")) as (session, client):
            body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            response = await client.post("/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
            assert b"event: message_stop" in response.content
            sent = json.loads(upstream.requests[0]["body"])
            assert sent["messages"] == [{"role": "user", "content": "hi"}]
            exchange = await recorded(session)
            assert exchange.translated
            assert (exchange.agent_api, exchange.endpoint_api) == ("messages", "chat")

    asyncio.run(run())


@pytest.mark.parametrize("named", [{"previous_response_id": "resp_1"}, {"conversation": "conv_1"}])
def test_a_conversation_that_only_its_endpoint_knows_is_not_answered_without_it(named: dict[str, str]) -> None:
    async def run() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 200, CHUNK + LAST, "text/event-stream")

        async with serve(answer) as upstream, gateway(endpoint(upstream.url, "chat")) as (_, client):
            response = await client.post("/v1/responses", json={"model": "m", "input": "and then?", **named})
            assert response.status_code == 400
            assert "cannot be translated" in response.json()["error"]["message"]
            assert upstream.requests == []

        async with serve(answer) as upstream, gateway(endpoint(upstream.url)) as (_, client):
            await client.post("/v1/responses", json={"model": "m", "input": "and then?", **named})
            assert len(upstream.requests) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/chat/completions", 429), ("/v1/messages", 429), ("/responses", 402)]
)
def test_errors_keep_their_status_words_and_retry_after(path: str, status: int) -> None:
    async def run() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            body = json.dumps({"error": {"message": "too much", "type": "x"}}).encode()
            await reply(send, status, body, retry_after="7")

        async with serve(answer) as upstream, gateway(endpoint(upstream.url, "chat")) as (session, client):
            body = CHAT if "responses" not in path else {"model": "m", "input": "hi"}
            response = await client.post(path, json=body)
            assert response.status_code == status
            assert response.headers["retry-after"] == "7"
            assert response.json()["error"]["message"] == "too much"
            exchange = await recorded(session)
            assert exchange.status == status

    asyncio.run(run())


def test_secrets_are_not_in_the_record() -> None:
    async def run() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 401, b'{"error": "bad key ' + request["headers"]["authorization"].encode() + b'"}')

        async with serve(answer) as upstream, gateway(endpoint(upstream.url)) as (session, client):
            await client.post("/v1/chat/completions", json=CHAT, headers={"authorization": "Bearer mine"})
            exchange = await recorded(session)
            everything = repr(exchange)
            assert "sk-secret-0123456789abcdef" not in everything
            assert "Bearer mine" not in everything

    asyncio.run(run())


def test_a_dead_port_is_one_clear_sentence_in_the_agents_envelope() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with gateway(endpoint(f"http://127.0.0.1:{port}")) as (session, client):
            response = await client.post("/v1/messages", json=CHAT)
            assert response.status_code == 502
            assert response.json()["type"] == "error"
            assert "cannot be reached" in response.json()["error"]["message"]
            exchange = await recorded(session)
            assert exchange.status is None
            assert exchange.error is not None
            assert exchange.error.kind == "unreachable"

    asyncio.run(run())


def test_a_connection_that_breaks_in_mid_stream_breaks_for_the_agent_too() -> None:
    async def run() -> None:
        async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            writer.write(head + b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK))
            await writer.drain()
            writer.transport.abort()

        server = await asyncio.start_server(broken, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with gateway(endpoint(f"http://127.0.0.1:{port}")) as (session, client):
            with pytest.raises(httpx.HTTPError):
                await client.post("/v1/chat/completions", json=CHAT)
            exchange = await recorded(session)
            assert exchange.body == CHUNK
            assert exchange.error is not None
            assert exchange.error.kind == "broken off"
        server.close()

    asyncio.run(run())


@pytest.mark.parametrize("kept", [1, 0], ids=["a kept one", "a fresh one"])
def test_a_connection_closed_before_any_answer_counts_where_it_was_fresh(kept: int) -> None:
    async def run() -> None:
        made = 0

        async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal made
            made += 1
            for answers in [True] * kept + [False] * (made == 1 or not kept):
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
                if answers:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(closing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with gateway(endpoint(f"http://127.0.0.1:{port}")) as (session, client):
            statuses = [(await client.post("/v1/chat/completions", json=CHAT)).status_code for _ in range(2)]
            assert statuses == ([200, 200] if kept else [502, 502])
            assert made == 2
            assert all(
                (exchange.error is not None and exchange.error.kind == "broken off") != bool(kept)
                for exchange in session.exchanges
            )
        server.close()

    asyncio.run(run())


def test_an_agent_that_hangs_up_frees_the_endpoint() -> None:
    async def run() -> None:
        async def endless(request: dict[str, Any], send: Any) -> None:
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
            )
            for _ in range(10_000):
                await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
                await asyncio.sleep(0.01)

        async with serve(endless) as upstream, gateway(endpoint(upstream.url)) as (session, client):
            async with client.stream("POST", "/v1/chat/completions", json=CHAT) as response:
                await anext(response.aiter_raw())
            exchange = await recorded(session)
            assert exchange.error == ExchangeFailure("agent gone")
            assert exchange.body.startswith(CHUNK)

    asyncio.run(run())


def test_side_questions_are_answered_where_the_endpoint_has_no_answer() -> None:
    async def run() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 404, b"not here", "text/plain")

        async with serve(answer) as upstream, gateway(endpoint(upstream.url, "chat", model="q")) as (session, client):
            assert (await client.head("/")).status_code == 200
            models = (await client.get("/v1/models")).json()
            assert [entry["id"] for entry in models["data"]] == ["q"]
            theirs = (await client.get("/v1/models", headers={"anthropic-version": "1"})).json()
            assert theirs["data"][0]["type"] == "model"
            counted = (await client.post("/v1/messages/count_tokens", json=CHAT)).json()
            assert counted["input_tokens"] > 0
            odd = await client.get("/nonsense")
            assert (odd.status_code, "no route" in odd.json()["error"]["message"]) == (404, True)
            upgrade = {
                "connection": "upgrade",
                "upgrade": "websocket",
                "sec-websocket-key": "x",
                "sec-websocket-version": "13",
            }
            assert (await client.get("/v1/responses", headers=upgrade)).status_code == 404
            kinds = {exchange.kind for exchange in session.exchanges}
            assert kinds == {"health", "models", "count_tokens", "other"}

    asyncio.run(run())


def test_one_model_is_asked_for_and_passed_on_or_described() -> None:
    async def run() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            if request["path"] == "/v1/models/there":
                await reply(send, 200, b'{"id": "there", "own": 1}')
            else:
                await reply(send, 404, b"{}")

        async with serve(answer) as upstream, gateway(endpoint(upstream.url, "chat", model="q")) as (_, client):
            assert (await client.get("/v1/models/there")).json() == {"id": "there", "own": 1}
            assert (await client.get("/v1/models/q")).json()["id"] == "q"
            absent = await client.get("/v1/models/absent")
            assert (absent.status_code, "absent" in absent.json()["error"]["message"]) == (404, True)
            asked = {"anthropic-version": "1"}
            assert (await client.get("/v1/models/there", headers=asked)).json()["type"] == "model"
            assert (await client.get("/v1/models/absent", headers=asked)).json()["type"] == "error"
            assert (await client.get("/v1beta/models/q")).json()["name"] == "models/q"
            assert upstream.requests[-1]["path"] == "/v1/models/q"

    asyncio.run(run())


def test_many_trials_at_once_do_not_mix() -> None:
    async def run() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 200, b'{"echo": ' + request["body"] + b"}")

        async with contextlib.AsyncExitStack() as stack:
            upstream = await stack.enter_async_context(serve(answer))
            made = await stack.enter_async_context(Gateway(endpoint(upstream.url), lambda _: None))
            client = await stack.enter_async_context(httpx.AsyncClient())
            sessions = [
                await stack.enter_async_context(serve_trial(made, f"t{n}", socket.create_server(("127.0.0.1", 0))))
                for n in range(60)
            ]
            urls = [f"{session.base_url}/v1/chat/completions" for session in sessions]
            await asyncio.gather(*(client.post(url, json={"n": n}) for n, url in enumerate(urls)))
            for n, session in enumerate(sessions):
                exchange = await recorded(session)
                assert (exchange.trial, json.loads(exchange.body)) == (f"t{n}", {"echo": {"n": n}})

    asyncio.run(run())
