"""What a trial may ask of the gateway is bounded, and so is what an endpoint can make it read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import zstandard

from tests.support.upstream import endpoint, reply, serve
from toolworthy.base.redact import Redactor
from toolworthy.gateway import Gateway, GatewaySession, ask, serve_trial
from toolworthy.gateway import trial_limits as allowances
from toolworthy.gateway._record import KEPT_OF_ENDLESS, MAX_PIECES, Endless, PendingExchange
from toolworthy.gateway.trial_limits import Allowance
from toolworthy.records.exchange import Exchange, ExchangeFailure
from toolworthy.wire.declaration import Route

pytestmark = pytest.mark.process

CHAT = "/v1/chat/completions"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = json.dumps({"id": "c", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}).encode()


async def _answers(request: dict[str, Any], send: Any) -> None:
    await reply(send, 200, ANSWER)


@contextlib.asynccontextmanager
async def trial(
    turns: int = 3, answer: Callable[[dict[str, Any], Any], Any] = _answers
) -> AsyncIterator[tuple[GatewaySession, httpx.AsyncClient, list[dict[str, Any]]]]:
    records: list[Exchange] = []
    listener = socket.create_server(("127.0.0.1", 0))
    async with (
        serve(answer) as upstream,
        Gateway(endpoint(upstream.url), records.append) as made,
        serve_trial(made, "t", listener, Allowance("m", ("chat",), turns)) as session,
        httpx.AsyncClient(base_url=session.base_url, timeout=20) as client,
    ):
        yield session, client, upstream.requests


async def _recorded(session: GatewaySession) -> Exchange:
    for _ in range(600):
        if session.exchanges:
            return session.exchanges[0]
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was recorded")


def test_a_trial_asks_its_own_model_over_its_own_api_only() -> None:
    async def go() -> None:
        async with trial() as (session, client, came):
            assert (await client.post(CHAT, json=ASKED)).status_code == 200
            packed = zstandard.ZstdCompressor().compress(json.dumps(ASKED).encode())
            assert (await client.post(CHAT, content=packed, headers={"content-encoding": "zstd"})).status_code == 200
            assert (await client.get("/v1/models")).status_code == 200
            assert len(came) == 3
            for path, body in (
                (CHAT, {**ASKED, "model": "dearer"}),
                (CHAT, {"messages": []}),
                (CHAT, ["m"]),
                ("/v1/responses", {"model": "m", "input": "hi"}),
                ("/v1/messages", ASKED),
                ("/v1/messages/count_tokens", ASKED),
                ("/v1/embeddings", {"model": "m"}),
                ("/v1/files", {"model": "m"}),
            ):
                assert (await client.post(path, json=body)).status_code == 404, path
            assert (await client.request("DELETE", "/v1/models")).status_code == 404
            assert len(came) == 3
            assert not session.allowance.spent

    asyncio.run(go())


def test_completions_are_no_more_than_turns_and_side_requests_explain() -> None:
    async def go() -> None:
        async with trial(turns=2) as (session, client, came):
            codes = [(await client.post(CHAT, json=ASKED)).status_code for _ in range(60)]
            assert codes == [200] * 44 + [429] * 16
            assert len(came) == 44
            assert "44 completions" in session.allowance.spent

    asyncio.run(go())


def test_completions_that_fail_are_not_counted() -> None:
    async def fails(request: dict[str, Any], send: Any) -> None:
        await reply(send, 500, b"{}")

    async def go() -> None:
        async with trial(turns=2, answer=fails) as (session, client, _):
            codes = {(await client.post(CHAT, json=ASKED)).status_code for _ in range(60)}
            assert codes == {500}
            assert not session.allowance.spent

    asyncio.run(go())


def test_requests_of_any_kind_are_counted_and_a_flood_is_not_recorded() -> None:
    async def go() -> None:
        async with trial(turns=1) as (session, client, came):
            for _ in range(300):
                last = await client.get("/v1/models")
            assert last.status_code == 429
            assert "210 requests" in session.allowance.spent
            assert len(came) == 210
            assert len(session.exchanges) == 210 + allowances.TOLD

    asyncio.run(go())


def test_bytes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "TRIAL_REQUEST", 200_000)
    monkeypatch.setattr(allowances, "TRIAL_BYTES", 500_000)

    async def go() -> None:
        async with trial(turns=50) as (session, client, came):
            large = {**ASKED, "x": "y" * 300_000}
            with contextlib.suppress(httpx.HTTPError):
                assert (await client.post(CHAT, json=large)).status_code == 413
            assert not came
            assert not session.allowance.spent
            fits = {**ASKED, "x": "y" * 150_000}
            codes = [(await client.post(CHAT, json=fits)).status_code for _ in range(3)]
            assert codes == [200] * 3
            with contextlib.suppress(httpx.HTTPError):
                assert (await client.post(CHAT, json=fits)).status_code == 429
            assert "used up" in session.allowance.spent
            assert len(came) == 3

    asyncio.run(go())


async def _endless(send: Any, piece: bytes, pieces: int = 1 << 62) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    with contextlib.suppress(Exception):
        for _ in range(pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_without_end_is_given_up_and_held_in_little_memory(method: str) -> None:
    event = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"' + b"a" * 60_000 + b'"}}]}\n\n'

    async def answer(request: dict[str, Any], send: Any) -> None:
        await _endless(send, event)

    async def go() -> Exchange:
        async with trial(answer=answer) as (session, client, _):
            with contextlib.suppress(httpx.HTTPError):
                if method == "GET":
                    await client.get("/v1/models", headers={"anthropic-version": "1"})
                else:
                    async with client.stream("POST", CHAT, json={**ASKED, "stream": True}) as came:
                        async for _ in came.aiter_raw():
                            pass
            return await _recorded(session)

    limit = allowances.TRIAL_ANSWER
    tracemalloc.start()
    try:
        exchange = asyncio.run(asyncio.wait_for(go(), 120))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * limit
    assert exchange.error is not None
    assert exchange.error.kind == "endless"
    assert len(exchange.body) <= KEPT_OF_ENDLESS


def test_pieces_are_counted_and_others_have_their_turn_between_them() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        await _endless(send, b": x\n\n", MAX_PIECES + 5_000)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def go() -> None:
        async with trial(answer=answer) as (session, client, _):
            async with client.stream("POST", CHAT, json={**ASKED, "stream": True}) as came:
                got = b"".join([data async for data in came.aiter_raw()])
            exchange = await _recorded(session)
            assert len(exchange.chunks) <= MAX_PIECES + 1
            assert exchange.body == got == b": x\n\n" * (MAX_PIECES + 5_000)
            assert exchange.seconds - exchange.chunks[-1].at < 5

    asyncio.run(go())


def test_reading_a_long_answer_does_not_hold_up_the_loop() -> None:
    """While a long stream is read and written, everyone else goes on."""
    event = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"word"}}]}\n\n'

    async def answer(request: dict[str, Any], send: Any) -> None:
        await reply(send, 200, event * 100_000, "text/event-stream")

    async def go() -> None:
        worked: list[bool] = []
        async with serve(answer) as upstream:

            def write(exchange: Exchange) -> None:
                with pytest.raises(RuntimeError):
                    asyncio.get_running_loop()  # none runs on this thread
                worked.append("response" in exchange.__dict__)

            async with Gateway(endpoint(upstream.url), lambda exchange: None, write=write) as made:
                exchange = await ask(made.direct("t"), CHAT, json.dumps({**ASKED, "stream": True}).encode(), 60)
                assert exchange.response is not None
        assert worked == [True]

    asyncio.run(go())


def test_of_an_answer_that_was_not_waited_for_the_beginning_is_kept() -> None:
    """And the time of its last byte: it did not go silent."""
    record = PendingExchange("POST", CHAT, [], b"{}", Route("completion", "chat"))
    for _ in range(3_000):
        record.keep(b"data: {}\n\n" * 100)
    record.error, last = ExchangeFailure("agent gone"), record.times[-1]
    exchange = record.exchange("t", 0, Redactor(()))
    assert len(exchange.body) == KEPT_OF_ENDLESS
    assert exchange.chunks[-1].at == last
    record.longest = record.size
    with pytest.raises(Endless):
        record.keep(b"x")


def test_an_exchange_that_takes_long_to_write_is_not_lost() -> None:
    """A session that ends meanwhile waits for it: else it seems that nothing was asked."""

    async def go() -> None:
        long = json.dumps({"id": "c", "choices": [{"message": {"content": "x" * 4_000_000}}]}).encode()

        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 200, long)

        listener = socket.create_server(("127.0.0.1", 0))
        async with (
            serve(answer) as upstream,
            Gateway(endpoint(upstream.url), lambda exchange: None, write=lambda exchange: time.sleep(6)) as made,
        ):
            async with (
                serve_trial(made, "t", listener, Allowance("m", ("chat",), 3)) as session,
                httpx.AsyncClient(base_url=session.base_url, timeout=20) as client,
            ):
                assert len((await client.post(CHAT, json=ASKED)).content) == len(long)
            assert len(session.exchanges) == 1

    asyncio.run(go())
