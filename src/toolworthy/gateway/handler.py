"""One request of an agent, from its first byte to the recorded exchange."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolworthy.cleaned import cleaned
from toolworthy.exchange import Chunk, Exchange
from toolworthy.gateway import local
from toolworthy.gateway.patience import GIVEN_UP, UNREACHABLE
from toolworthy.gateway.routes import Route, route
from toolworthy.gateway.upstream import HOP_BY_HOP, Upstream, plan
from toolworthy.wire.translate import ResponseTranslator, translate_error, translate_response

if TYPE_CHECKING:
    import httpx

    from toolworthy.gateway.server import Session

MAX_REQUEST = 64 * 2**20
MAX_RECORDED = 64 * 2**20
"""Bytes of an answer that are kept; what comes after is passed on and left out of the record."""

_Headers = list[tuple[str, str]]


@dataclass
class _Record:
    """What is known of an exchange while it happens."""

    method: str
    path: str
    headers: _Headers
    body: bytes
    route: Route
    on_sent: Callable[[], None] = lambda: None
    """Is told when the request has had its turn and is sent."""
    started: float = field(default_factory=time.time)
    clock: float = field(default_factory=time.perf_counter)
    upstream: Upstream | None = None
    status: int | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    kept: int = 0
    error: str | None = None
    local: bool = False

    def keep(self, data: bytes) -> None:
        """Note bytes that came."""
        if self.kept < MAX_RECORDED:
            self.times.append(time.perf_counter() - self.clock)
            self.pieces.append(data[: MAX_RECORDED - self.kept])
        elif self.error is None:
            self.error = f"answer longer than {MAX_RECORDED >> 20} MiB; the record is cut"
        self.kept += len(data)


async def handle(session: Session, scope: Any, receive: Any, send: Any) -> None:
    """The ASGI application of one trial."""
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    anthropic = any(name == "anthropic-version" for name, _ in headers)
    index = session.begin()
    body = await _body(receive)
    asked = route(scope["method"], target, anthropic)
    record = _Record(scope["method"], target, headers, body or b"", asked, session.on_sent)
    try:
        if body is None:
            await _local(record, send, 413, local.error(record.route.api, 413, "request larger than 64 MiB"))
        else:
            await _while_connected(receive, record, _answer(session, record, send))
    finally:
        session.record(_exchange(session, record, index))


async def ask(
    session: Session, path: str, body: bytes, seconds: float, headers: Mapping[str, str] | None = None
) -> Exchange:
    """Ask the endpoint as an agent would, with nobody in between: no socket, no server, the same record.

    Args:
        session: whose exchange it is.
        path: an agent's route, for instance ``/v1/messages``.
        body: the request's JSON.
        seconds: after which the answer is given up, once the request is sent; the exchange then says so.
        headers: that an agent would send besides.
    """
    index = session.begin()
    sent = [("content-type", "application/json"), *(headers or {}).items()]
    record = _Record("POST", path, sent, body, route("POST", path, False))
    limit = asyncio.timeout(None)
    record.on_sent = lambda: limit.reschedule(asyncio.get_running_loop().time() + seconds)
    try:
        async with limit:
            await _answer(session, record, _discard)
    except TimeoutError:
        record.error = f"{OUR_LIMIT} of {seconds:.0f} s"
    exchange = _exchange(session, record, index)
    session.record(exchange)
    return exchange


OUR_LIMIT = "given up at our own limit"
"""How the error of an exchange begins that took too long for us."""


async def _discard(message: Any) -> None:
    """Nobody listens: what came is in the record."""


async def _body(receive: Any) -> bytes | None:
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(pieces)
        size += len(message.get("body", b""))
        if size > MAX_REQUEST:
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def _while_connected(receive: Any, record: _Record, work: Any) -> None:
    """Run `work`, but not for an agent that is gone."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(receive())
    await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        working.cancel()
        record.error = "agent hung up"
    gone.cancel()
    await asyncio.gather(working, gone, return_exceptions=True)
    if not working.cancelled() and (failure := working.exception()) is not None:
        raise failure


async def _answer(session: Session, record: _Record, send: Any) -> None:
    kind, api = record.route.kind, record.route.api
    endpoint = session.gateway.endpoint
    if kind == "health":
        await _local(record, send, 200, {})
    elif kind == "other":
        message = f"no route for {record.method} {record.path.partition('?')[0]}"
        await _local(record, send, 404, local.error(api, 404, message))
    elif kind == "count_tokens" and "messages" not in endpoint.base_urls:
        await _local(record, send, 200, local.token_estimate(record.body))
    else:
        try:
            query = record.path.partition("?")[2]
            record.upstream = plan(endpoint, record.route, query, record.headers, record.body)
        except ValueError as error:
            await _local(record, send, 400, local.error(api, 400, str(error)))
        else:
            await _forward(session, record, record.upstream, send)


async def _forward(session: Session, record: _Record, upstream: Upstream, send: Any) -> None:
    async with session.gateway.turn(), session.gateway.client() as client:
        record.on_sent()
        await _through(client, session, record, upstream, send)


async def _through(client: httpx.AsyncClient, session: Session, record: _Record, upstream: Upstream, send: Any) -> None:
    import httpx

    try:
        response = await _sent(client, record, upstream)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        status, message = _trouble(error)
        record.error = message
        await _send_json(send, status, local.error(record.route.api, status, message))
        return
    record.status = response.status_code
    record.response_headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        await _back(session, record, upstream, response, send)
    except httpx.HTTPError as error:
        # Leaving without the final message makes the server break the connection, as the endpoint's broke.
        record.error = _trouble(error)[1]
    finally:
        await response.aclose()


async def _sent(client: httpx.AsyncClient, record: _Record, upstream: Upstream) -> httpx.Response:
    """The beginning of an answer. A connection that was kept may have been closed by the endpoint just as it was used
    again, which is nobody's fault: only what happens on a fresh one counts."""
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
    """Notes whether a connection was made for a request."""

    connected = False

    async def __call__(self, event: str, info: Any) -> None:
        self.connected = self.connected or event.startswith("connection.connect")


async def _back(session: Session, record: _Record, upstream: Upstream, response: httpx.Response, send: Any) -> None:
    if record.route.kind == "models" and (response.status_code != 200 or upstream.api != record.route.api):
        await response.aread()
        record.keep(response.content)
        listed = local.model_list(session.gateway.endpoint.model, record.route.api)
        await _send_json(send, 200, listed)
    elif not upstream.translated:
        await _pass_through(record, response, send)
    elif response.status_code >= 400 or not upstream.request or not upstream.request.stream:
        await _translate_whole(record, upstream, response, send)
    else:
        await _translate_stream(record, upstream, response, send)


async def _pass_through(record: _Record, response: httpx.Response, send: Any) -> None:
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in HOP_BY_HOP]
    await _start(send, response.status_code, headers)
    async for data in response.aiter_raw():
        record.keep(data)
        await _more(send, data)
    await _end(send)


async def _translate_whole(record: _Record, upstream: Upstream, response: httpx.Response, send: Any) -> None:
    body = b"".join([data async for data in _bounded(record, response)])
    agent = record.route.api
    assert agent is not None
    assert upstream.request is not None
    if response.status_code >= 400:
        out = translate_error(agent, upstream.api, response.status_code, body)
    else:
        out = translate_response(agent, upstream.api, upstream.request, response.status_code, body)
    kept = [(name, value) for name, value in response.headers.multi_items() if name.lower() in _KEPT]
    await _start(send, response.status_code, [("content-type", "application/json"), *kept])
    await _more(send, out)
    await _end(send)


_KEPT = ("retry-after", "retry-after-ms", "x-request-id", "request-id", "x-should-retry")


async def _translate_stream(record: _Record, upstream: Upstream, response: httpx.Response, send: Any) -> None:
    agent = record.route.api
    assert agent is not None
    assert upstream.request is not None
    translator = ResponseTranslator(agent, upstream.api, upstream.request)
    kept = [(name, value) for name, value in response.headers.multi_items() if name.lower() in _KEPT]
    await _start(send, response.status_code, [("content-type", "text/event-stream"), *kept])
    async for data in _bounded(record, response):
        if out := translator.feed(data):
            await _more(send, out)
    await _more(send, translator.close())
    await _end(send)


async def _bounded(record: _Record, response: httpx.Response) -> AsyncIterator[bytes]:
    """Decoded bytes, up to what is kept: a translation must hold them, so that they must not be endless."""
    async for data in response.aiter_bytes():
        record.keep(data)
        if record.kept > MAX_RECORDED:
            return
        yield data


async def _local(record: _Record, send: Any, status: int, value: dict[str, Any]) -> None:
    record.local = True
    record.status = status
    record.response_headers = {"content-type": "application/json"}
    record.keep(json.dumps(value).encode())
    await _send_json(send, status, value, head=record.method == "HEAD")


async def _send_json(send: Any, status: int, value: dict[str, Any], *, head: bool = False) -> None:
    body = json.dumps(value).encode()
    await _start(send, status, [("content-type", "application/json"), ("content-length", str(len(body)))])
    if not head:
        await _more(send, body)
    await _end(send)


async def _start(send: Any, status: int, headers: _Headers) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def _more(send: Any, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _end(send: Any) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _trouble(error: Exception) -> tuple[int, str]:
    """Status for the agent, and the sentence for everyone, for an endpoint that did not answer (whole)."""
    import httpx

    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, httpx.ConnectTimeout):
        return 504, GIVEN_UP[0]
    if isinstance(error, httpx.TimeoutException):
        return 504, GIVEN_UP[1]
    if isinstance(error, httpx.ConnectError):
        return 502, f"{UNREACHABLE}: {reason}"
    if isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError)):
        return 502, f"the endpoint broke the connection: {reason}"
    return 502, f"asking the endpoint failed: {reason}"


def _exchange(session: Session, record: _Record, index: int) -> Exchange:
    upstream, completion = record.upstream, record.route.kind == "completion"
    exchange = Exchange(
        trial=session.trial,
        index=index,
        kind=record.route.kind,
        agent_api=record.route.api if completion else None,
        endpoint_api=upstream.api if completion and upstream else None,
        method=record.method,
        path=record.path,
        request_headers=dict(record.headers),
        request_body=record.body,
        upstream_body=upstream.body if upstream and upstream.translated else None,
        losses=upstream.losses if upstream else (),
        status=record.status,
        response_headers=record.response_headers,
        chunks=tuple(Chunk(at, data) for at, data in zip(record.times, record.pieces, strict=True)),
        started=record.started,
        seconds=time.perf_counter() - record.clock,
        error=record.error,
        local=record.local,
    )
    return cleaned(exchange, session.gateway.redactor)
