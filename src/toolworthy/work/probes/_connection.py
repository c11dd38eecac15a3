"""What a probe learns of connections: it holds one of its own, for the gateway would mend what it finds."""

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
"""Where servers tell how many requests they serve: llama.cpp; vLLM, SGLang, llama.cpp and others."""
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
    """Why no whole answer came."""
    socket: Any = None

    @property
    def kept(self) -> bool:
        """Whether the answer lets the connection be used again."""
        told = (self.headers or {}).get("connection", "").lower()
        framed = {"content-length", "transfer-encoding"} & set(self.headers or {})
        if self.version == "HTTP/1.0":
            return "keep-alive" in told and bool(framed)
        return "close" not in told and (bool(framed) or self.version == "HTTP/2")


class ConnectionChannel(Channel):
    """Asks over connections of its own."""

    async def trips(self, pause: float, times: int = 2) -> tuple[list[Trip], list[bytes | None]]:
        """Ask a plain question several times over one connection.

        Args:
            pause: seconds without a request between two of them.
            times: how often.

        Returns:
            What came of each, and what came over the connection in each pause: nothing (None), its end (b"") or bytes.

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
                self._session.gateway.turn(),
                client.stream("POST", where, content=dump_json(body).encode(), headers=self._headers) as came,
            ):
                await came.aread()
        except httpx.HTTPError as error:
            return Trip(error=" ".join(str(error).split()) or type(error).__name__)
        if came.status_code >= 400:
            raise Unmeasured(f"a plain request gets HTTP {came.status_code}")
        told = {name.lower(): value for name, value in came.headers.items()}
        return Trip(came.http_version, told, socket=came.extensions.get("network_stream"))

    @contextlib.asynccontextmanager
    async def begun(self, request: Request) -> AsyncIterator[None]:
        """A request whose answer has begun, and which is left with the block."""
        where, body = self.endpoint.sent(self.api, self.body(request))
        seconds = self.surface.knowledge.speed.seconds(0, SHORT)
        async with (
            self.endpoint.client(timeout=seconds) as client,
            client.stream("POST", where, content=dump_json(body).encode(), headers=self._headers) as came,
        ):
            pieces = came.aiter_raw()  # to let go of it would close the connection
            await anext(pieces, None)
            yield

    async def timed(self, request: Request) -> tuple[float, float]:
        """Send a request: seconds until the answer's first byte, and to its end.

        Raises:
            Unmeasured: no answer comes.
        """
        path, sent = wire.api(self.api).sent(self.body(request))
        answer = await self.once(dump_json(sent).encode(), path)
        self.last = answer
        if not answer.answered or not answer.exchange.chunks:
            raise Unmeasured(f"a plain request has no response: HTTP {answer.status}")
        return answer.exchange.chunks[0].at, answer.exchange.seconds

    async def running(self) -> int | None:
        """How many requests the endpoint serves, by a page of its own; None where it has none."""
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
            if page.status_code == 200 and (told := _counted(page.text)) is not None:
                return told
        return None


def _counted(page: str) -> int | None:
    """Requests that a page counts as served now."""
    slots = as_list(parse_json(page))
    if slots and all(isinstance(slot, dict) and "is_processing" in slot for slot in slots):
        return sum(bool(slot["is_processing"]) for slot in slots)
    counts = [float(found[1]) for found in _RUNNING.finditer(page)]
    return int(sum(counts)) if counts else None


async def _heard(stream: Any) -> bytes | None:
    """What came over a connection that nothing was asked on."""
    if stream is None or not stream.get_extra_info("is_readable"):
        return None
    try:
        return bytes(await stream.read(1_000, timeout=1))
    except Exception:  # whichever of the transport's own: the connection is gone
        return b""
