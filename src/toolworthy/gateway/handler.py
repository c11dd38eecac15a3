"""One request of an agent, from its first byte to the recorded exchange."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from toolworthy import wire
from toolworthy.base.asgi import respond
from toolworthy.gateway._models import models
from toolworthy.gateway._record import Endless, PendingExchange
from toolworthy.gateway._session import GatewaySession
from toolworthy.gateway.repair import RepairedExchange
from toolworthy.gateway.trial_limits import TOLD, No
from toolworthy.gateway.upstream import HOP_BY_HOP, Upstream, plan, unpacked
from toolworthy.records.exchange import Exchange, ExchangeFailure
from toolworthy.rules.refusal import broken_http
from toolworthy.wire.declaration import Route
from toolworthy.wire.ir import APIS, Api, Failure, Request
from toolworthy.wire.translate import ResponseTranslator, translate_error, translate_response

if TYPE_CHECKING:
    import httpx


MAX_LIST = 8 * 2**20
"""Bytes of a list of models."""
_BYTES_A_TOKEN = 4
"""Characters per token, accurate enough for an agent that asks whether its context is full."""
_BREATH = 64
"""After so many pieces of one response, other tasks get their turn."""
_SENDABLE = range(200, 600)
"""Statuses of final answers that a server can send."""
_UNSENDABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""Characters that header values must not contain (RFC 9110, 5.5)."""

_Raw = list[tuple[bytes, bytes]]


async def handle(session: GatewaySession, scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application of one trial."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    routed = wire.route(scope["method"], target, dict(headers))
    allowance = session.allowance
    refused = allowance.refuses(routed)
    async with allowance.places if allowance.turns is not None else contextlib.nullcontext():
        body = b"" if refused else await _body(receive, allowance.longest)
        coding = next((value for name, value in headers if name == "content-encoding"), "")
        if body is None:
            refused = allowance.too_large()
        elif not refused:
            refused = allowance.refuses_body(routed, body, coding)
        record = PendingExchange(scope["method"], target, headers, body or b"", routed, session.on_sent)
        record.longest = allowance.answer
        if refused:
            await _refuse(session, record, send, refused)
            return
        index = session.begin()
        try:
            await _while_connected(receive, record, _answer(session, record, send))
        finally:
            await _record_exchange(session, record, index)


async def _refuse(session: GatewaySession, record: PendingExchange, send: Any, refused: No) -> None:
    """Refuse a request. Of many refused requests, only the first are recorded, and none of their bodies."""
    session.allowance.refused += 1
    record.body, record.route = b"", Route("other", None)
    try:
        await _local(record, send, refused.status, _error(record.route.api, refused.status, refused.why))
    finally:
        if session.allowance.refused <= TOLD:
            await _record_exchange(session, record, session.begin())


async def _record_exchange(session: GatewaySession, record: PendingExchange, index: int) -> Exchange:
    """Make the exchange and record it. A large one does not block the others; the session's end waits for it."""
    redactor = session.gateway.redactor
    record.over(session.gateway.pulse)
    if not record.large:
        exchange = record.exchange(session.trial, index, redactor)
        session.gateway.write(exchange)
        return _recorded(session, record, exchange)

    def work() -> Exchange:
        made = record.exchange(session.trial, index, redactor)
        made.response, made.request  # noqa: B018 - read here, and not where all wait for it
        session.gateway.write(made)
        return made

    async def record_later() -> Exchange:
        return _recorded(session, record, await asyncio.to_thread(work))

    telling = asyncio.ensure_future(record_later())
    session.telling.add(telling)
    telling.add_done_callback(session.telling.discard)
    return await asyncio.shield(telling)


def _recorded(session: GatewaySession, record: PendingExchange, exchange: Exchange) -> Exchange:
    session.allowance.came(exchange, record.size)
    session.record(exchange)
    return exchange


async def ask(
    session: GatewaySession, path: str, body: bytes, seconds: float, headers: Mapping[str, str] | None = None
) -> Exchange:
    """Send a request as an agent would, with the same recording, but without socket and server.

    Args:
        session: the session that records the exchange.
        path: an agent's route, for instance ``/v1/messages``.
        body: the request's JSON.
        seconds: time limit from the sending of the request on; the exchange then has that failure.
        headers: further headers that an agent would send.
    """
    index = session.begin()
    sent = [("content-type", "application/json"), *(headers or {}).items()]
    record = PendingExchange("POST", path, sent, body, wire.route("POST", path))
    limit = asyncio.timeout(None)
    record.on_sent = lambda: limit.reschedule(asyncio.get_running_loop().time() + seconds)
    try:
        async with limit:
            await _answer(session, record, _discard)
    except TimeoutError:
        record.error = ExchangeFailure("our limit", f"{seconds:.0f} s")
    return await _record_exchange(session, record, index)


async def _discard(message: Any) -> None:
    """Ignore messages to the agent: the response is in the record."""


async def _body(receive: Any, longest: int) -> bytes | None:
    """A request's body; None if it exceeds the limit."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(pieces)
        size += len(message.get("body", b""))
        if size > longest:
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def _while_connected(receive: Any, record: PendingExchange, work: Any) -> None:
    """Run `work`, and cancel it if the agent disconnects."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(receive())
    await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        record.error = ExchangeFailure("agent gone")
    gone.cancel()
    await asyncio.gather(working, gone, return_exceptions=True)
    if not working.cancelled() and (failure := working.exception()) is not None:
        raise failure


async def _answer(session: GatewaySession, record: PendingExchange, send: Any) -> None:
    kind, api = record.route.kind, record.route.api
    endpoint = session.gateway.endpoint
    if kind == "health":
        await _local(record, send, 200, {})
    elif kind == "other":
        message = f"no route for {record.method} {record.path.partition('?')[0]}"
        await _local(record, send, 404, _error(api, 404, message))
    elif kind == "count_tokens" and api and api not in endpoint.base_urls:
        await _local(record, send, 200, wire.api(api).render_count(max(1, len(record.body) // _BYTES_A_TOKEN)))
    else:
        try:
            if repairer := session.gateway.repairer:
                plain = unpacked(record.headers, record.body)
                record.repair = RepairedExchange.of(repairer, record.route, record.path, plain)
            repaired = record.repair.body if record.repair else None
            record.upstream = plan(endpoint, record.route, record.path, record.headers, record.body, repaired)
        except ValueError as error:
            await _local(record, send, 400, _error(api, 400, str(error)))
        else:
            await _forward(session, record, record.upstream, send)


async def _forward(session: GatewaySession, record: PendingExchange, upstream: Upstream, send: Any) -> None:
    async with session.gateway.turn(upstream.api), session.gateway.client() as client:
        record.on_sent()
        await _through(client, session, record, upstream, send)


async def _through(
    client: httpx.AsyncClient, session: GatewaySession, record: PendingExchange, upstream: Upstream, send: Any
) -> None:
    import httpx

    try:
        response = await _sent(client, record, upstream)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        status, record.error = _trouble(error)
        await _send_json(send, status, _error(record.route.api, status, str(record.error)))
        return
    record.status = response.status_code
    record.response_headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        if response.status_code in _SENDABLE:
            await _back(session, record, upstream, response, send)
        else:
            record.error = ExchangeFailure("bad status", str(response.status_code))
            await _send_json(send, 502, _error(record.route.api, 502, str(record.error)))
    except httpx.HTTPError as error:
        # Without the final message, the server breaks the connection, as the endpoint broke its own.
        record.error = _trouble(error)[1]
    except Endless:
        record.error = ExchangeFailure("endless", f"{record.longest >> 20} MiB")
    finally:
        await response.aclose()


async def _sent(client: httpx.AsyncClient, record: PendingExchange, upstream: Upstream) -> httpx.Response:
    """Send a request and return the start of the response. The endpoint may close a kept-alive connection just as it is
    reused, which is not a fault: then the request is repeated on a fresh one."""
    import httpx

    def request(fresh: _Fresh) -> httpx.Request:
        record.clock = time.perf_counter()
        given: Any = {"headers": upstream.headers, "content": upstream.body or None, "extensions": {"trace": fresh}}
        return client.build_request(record.method, upstream.url, **given)

    fresh = _Fresh()
    try:
        return await client.send(request(fresh), stream=True)
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
        if fresh.connected:
            raise
    return await client.send(request(_Fresh()), stream=True)


class _Fresh:
    """Records whether a request opened a new connection."""

    connected = False

    async def __call__(self, event: str, info: Any) -> None:
        self.connected = self.connected or event.startswith("connection.connect")


async def _back(
    session: GatewaySession, record: PendingExchange, upstream: Upstream, response: httpx.Response, send: Any
) -> None:
    if record.route.kind == "models" and (response.status_code != 200 or upstream.api != record.route.api):
        async with _kept(record, response.aiter_bytes()) as pieces:
            async for _ in pieces:
                if record.size > MAX_LIST:
                    raise Endless
        await _send_json(send, *models(record.route, session.gateway.endpoint.model, response.status_code))
    elif not upstream.translated and not (record.repair and response.status_code < 400):
        await _pass_through(record, response, send)
    elif response.status_code >= 400 or not _request(record, upstream).stream:
        await _translate_whole(record, upstream, response, send)
    else:
        await _translate_stream(record, upstream, response, send)


async def _pass_through(record: PendingExchange, response: httpx.Response, send: Any) -> None:
    headers = [
        (name, value) for name, value in response.headers.raw if name.lower().decode("latin-1") not in HOP_BY_HOP
    ]
    await _start(send, response.status_code, headers)
    async with _kept(record, response.aiter_raw()) as pieces:
        async for data in pieces:
            await _more(send, data)
    await _end(send)


async def _translate_whole(record: PendingExchange, upstream: Upstream, response: httpx.Response, send: Any) -> None:
    async with _kept(record, response.aiter_bytes()) as pieces:
        body = b"".join([data async for data in pieces])
    agent = record.route.api
    assert agent is not None
    if response.status_code >= 400:
        out = translate_error(agent, response.status_code, body)
    elif record.repair:
        out = record.repair.whole(agent, upstream.api, response.status_code, body)
    else:
        out = translate_response(agent, upstream.api, _request(record, upstream), response.status_code, body)
    await _start(send, response.status_code, [(b"content-type", b"application/json"), *_passed(response)])
    await _more(send, out)
    await _end(send)


def _request(record: PendingExchange, upstream: Upstream) -> Request:
    """The agent's parsed request, needed for translation or repair."""
    request = record.repair.request if record.repair else upstream.request
    assert request is not None
    return request


_KEPT = (b"retry-after", b"retry-after-ms", b"x-request-id", b"request-id", b"x-should-retry")


def _passed(response: httpx.Response) -> _Raw:
    """Headers that a translated response keeps."""
    return [(name, value) for name, value in response.headers.raw if name.lower() in _KEPT]


async def _translate_stream(record: PendingExchange, upstream: Upstream, response: httpx.Response, send: Any) -> None:
    agent = record.route.api
    assert agent is not None
    translator = ResponseTranslator(agent, upstream.api, _request(record, upstream))
    if record.repair:
        record.repair.edit(translator)
    await _start(send, response.status_code, [(b"content-type", b"text/event-stream"), *_passed(response)])
    async with _kept(record, response.aiter_bytes()) as pieces:
        async for data in pieces:
            if out := translator.feed(data):
                await _more(send, out)
    await _more(send, translator.close())
    await _end(send)


@contextlib.asynccontextmanager
async def _kept(record: PendingExchange, pieces: AsyncIterator[bytes]) -> AsyncIterator[AsyncGenerator[bytes]]:
    """The pieces of a response, each recorded; many pieces at once do not block other requests. The iteration ends with
    the block, even if the block is left early."""

    async def each() -> AsyncGenerator[bytes]:
        number = 0
        async for data in pieces:
            record.keep(data)
            yield data
            number += 1
            if number % _BREATH == 0:
                await asyncio.sleep(0)

    chunks = cast("AsyncGenerator[bytes]", pieces)  # httpx returns an async generator, although it declares an iterator
    async with contextlib.aclosing(chunks), contextlib.aclosing(each()) as kept:
        yield kept


async def _local(record: PendingExchange, send: Any, status: int, value: dict[str, Any]) -> None:
    record.local = True
    record.status = status
    record.response_headers = {"content-type": "application/json"}
    record.keep(json.dumps(value).encode())
    await _send_json(send, status, value, head=record.method == "HEAD")


def _error(api: Api | None, status: int, message: str) -> dict[str, Any]:
    """The gateway's own error, in the agent's format."""
    return wire.api(api or APIS[0]).render_error(Failure(f"toolworthy gateway: {message}", status=status))


async def _send_json(send: Any, status: int, value: dict[str, Any], *, head: bool = False) -> None:
    await respond(send, status, json.dumps(value).encode(), head=head)


async def _start(send: Any, status: int, headers: _Raw) -> None:
    sendable = [(name.lower(), value) for name, value in headers if not _UNSENDABLE.search(value)]
    await send({"type": "http.response.start", "status": status, "headers": sendable})


async def _more(send: Any, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _end(send: Any) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _trouble(error: Exception) -> tuple[int, ExchangeFailure]:
    """HTTP status and message for an endpoint without a complete response."""
    import httpx

    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, httpx.ConnectTimeout):
        return 504, ExchangeFailure("connect timeout")
    if isinstance(error, httpx.TimeoutException):
        return 504, ExchangeFailure("silent")
    if isinstance(error, httpx.ConnectError):
        return 502, ExchangeFailure("unreachable", reason)
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in reason and "closed" not in reason:
        return 502, ExchangeFailure("no HTTP", broken_http(reason))
    if isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError)):
        return 502, ExchangeFailure("broken off", reason)
    return 502, ExchangeFailure("failed", reason)
