"""Probes of connections. They use connections of their own, because the gateway would repair the faults."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolworthy import wire
from toolworthy.wire.ir import Request
from toolworthy.wire.lenient import as_list, dump_json, parse_json
from toolworthy.work.probes._channel import SHORT, Channel
from toolworthy.work.probes._model import Unmeasured

if TYPE_CHECKING:
    import httpx

_PAGES = ("/slots", "/metrics")
"""Pages that show how many requests a server is serving: llama.cpp; vLLM, SGLang, llama.cpp and others."""
_RUNNING = re.compile(
    r"^\w*:?(?:num_requests_running|num_running_reqs|requests_processing)(?:\{[^}]*\})? ([\d.]+)", re.M
)


@dataclass(frozen=True)
class Trip:
    """A plain request and its answer, over one connection."""

    version: str = ""
    """``HTTP/1.0``, ``HTTP/1.1`` or ``HTTP/2``."""
    headers: Mapping[str, str] | None = None
    error: str = ""
    """Why the answer is missing or incomplete."""
    socket: Any = None

    @property
    def kept(self) -> bool:
        """Whether the answer allows the connection to be reused."""
        connection = (self.headers or {}).get("connection", "").lower()
        framed = {"content-length", "transfer-encoding"} & set(self.headers or {})
        if self.version == "HTTP/1.0":
            return "keep-alive" in connection and bool(framed)
        return "close" not in connection and (bool(framed) or self.version == "HTTP/2")


class ConnectionChannel(Channel):
    """Sends requests over its own connections."""

    async def trips(self, pause: float, times: int = 2) -> tuple[list[Trip], list[bytes | None]]:
        """Send a plain question several times over one connection.

        Args:
            pause: seconds without a request between two of them.
            times: how often.

        Returns:
            The result of each, and what was received in each pause: nothing (None), its end (b"") or bytes.

        Raises:
            Unmeasured: the endpoint has no time, or no plain answer.
        """
        import httpx

        made: list[Trip] = []
        between: list[bytes | None] = []
        seconds = self.surface.knowledge.speed.seconds(0, SHORT)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=600)
        async with self.endpoint.client(timeout=httpx.Timeout(seconds), limits=limits) as client:
            while True:
                made.append(await self._trip(client))
                if len(made) == times or made[-1].error or not made[-1].kept:
                    return made, between
                await asyncio.sleep(pause)
                between.append(await _heard(made[-1].socket))

    @property
    def _headers(self) -> dict[str, str]:
        return {**self.endpoint.headers(self.api), "content-type": "application/json"}

    async def _trip(self, client: httpx.AsyncClient) -> Trip:
        import httpx

        where, body = self.endpoint.sent(self.api, self.body(self.request("Reply with exactly: Hello.")))
        try:
            async with (
                self._session.gateway.turn(self.api),
                client.stream("POST", where, content=dump_json(body).encode(), headers=self._headers) as response,
            ):
                await response.aread()
        except httpx.HTTPError as error:
            return Trip(error=" ".join(str(error).split()) or type(error).__name__)
        if response.status_code >= 400:
            raise Unmeasured(f"a plain request gets HTTP {response.status_code}")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Trip(response.http_version, headers, socket=response.extensions.get("network_stream"))

    @property
    def several(self) -> bool:
        """Whether two requests may run at the same time."""
        flow = self._session.gateway.flow
        return flow is None or flow.limit >= 2

    @contextlib.asynccontextmanager
    async def begun(self, request: Request, *, unread: bool = False) -> AsyncIterator[None]:
        """A request that the end of the block aborts. Its answer has begun; with `unread`, it has only been sent."""
        import httpx

        where, body = self.endpoint.sent(self.api, self.body(request))
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def on_event(event: str, _: Any) -> None:
            if unread and event.endswith("send_request_body.complete") and not ready.done():
                ready.set_result(None)

        async def ask(client: httpx.AsyncClient) -> None:
            data, extensions = dump_json(body).encode(), {"trace": on_event}
            async with client.stream(
                "POST", where, content=data, headers=self._headers, extensions=extensions
            ) as response:
                pieces = response.aiter_raw()  # releasing it would close the connection
                await anext(pieces, None)
                if not ready.done():
                    ready.set_result(None)
                await asyncio.Event().wait()

        seconds = self.surface.knowledge.speed.seconds(0, SHORT)
        async with self._session.gateway.turn(self.api), self.endpoint.client(timeout=seconds) as client:
            asking = asyncio.ensure_future(ask(client))
            try:
                await asyncio.wait({asking, ready}, return_when=asyncio.FIRST_COMPLETED)
                yield
            finally:
                asking.cancel()
                with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                    await asking

    async def behind_head(self, url: str) -> str:
        """What follows the response to a HEAD request on its connection, instead of the next response. Empty for
        nothing."""
        import httpx

        sent = self.endpoint.headers(self.api)
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        seconds = self.surface.knowledge.speed.seconds(0, SHORT)
        async with self.endpoint.client(timeout=seconds, limits=limits) as client:
            try:
                first = await client.head(url, headers=sent)
                if heard := await _heard(first.extensions.get("network_stream")):
                    return repr(heard[:60])
                await client.head(url, headers=sent)
            except httpx.RemoteProtocolError as error:  # it was read with the response, as part of the next one
                match = re.search(r"illegal status line: bytearray\((.*)\)", str(error))
                return match[1][:60] if match else ""
            except httpx.HTTPError:
                return ""
        return ""

    async def timed(self, request: Request) -> tuple[float, float]:
        """Send a request; return the seconds until the answer's first byte, and until its end.

        Raises:
            Unmeasured: no answer comes.
        """
        path, sent = wire.api(self.api).sent(self.body(request))
        answer = await self.once(dump_json(sent).encode(), path)
        self.last = answer
        if not answer.answered or not answer.exchange.chunks:
            raise Unmeasured(f"a plain request gets no response: HTTP {answer.status}")
        return answer.exchange.chunks[0].at, answer.exchange.seconds

    async def running(self) -> int | None:
        """How many requests the endpoint is serving, from a page of its own; None if it has none."""
        import httpx

        root = httpx.URL(self.endpoint.base_urls[self.api])
        for path in _PAGES:
            try:
                async with self._session.gateway.client() as client:
                    page = await client.get(
                        root.copy_with(path=path), headers=self.endpoint.headers(self.api), timeout=5
                    )
            except httpx.HTTPError:
                continue
            if page.status_code == 200 and (count := _counted(page.text)) is not None:
                return count
        return None


def _counted(page: str) -> int | None:
    """The number of current requests on a page."""
    slots = as_list(parse_json(page))
    if slots and all(isinstance(slot, dict) and "is_processing" in slot for slot in slots):
        return sum(bool(slot["is_processing"]) for slot in slots)
    counts = [float(match[1]) for match in _RUNNING.finditer(page)]
    return int(sum(counts)) if counts else None


async def _heard(stream: Any) -> bytes | None:
    """What was received over an idle connection."""
    if stream is None or not stream.get_extra_info("is_readable"):
        return None
    try:
        return bytes(await stream.read(1_000, timeout=1))
    except Exception:  # any of the transport's exceptions: the connection is gone
        return b""
