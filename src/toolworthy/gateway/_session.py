"""The gateway to an endpoint, and the part of it that belongs to one trial."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from toolworthy.base.redact import Redactor
from toolworthy.base.retry import NAMED_WAIT
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway._pulse import Pulse
from toolworthy.gateway.concurrency import Flow
from toolworthy.gateway.repair import Repairer
from toolworthy.gateway.trial_limits import Allowance
from toolworthy.records.exchange import Exchange
from toolworthy.wire.ir import Api

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 20.0
IDLE_SECONDS = 300.0
"""Seconds without a byte after which a request is aborted. Long, because local servers read prompts slowly."""
KEPT_CONNECTIONS = 64
"""Connections to the endpoint that are kept for later requests."""


class GatewaySession:
    """The part of the gateway that belongs to one trial."""

    def __init__(self, gateway: Gateway, trial: str, port: int, allowance: Allowance | None = None) -> None:
        self.gateway = gateway
        self.allowance = allowance or Allowance()
        self.trial = trial
        self.base_url = f"http://127.0.0.1:{port}"
        self.exchanges: list[Exchange] = []
        self.telling: set[asyncio.Future[Exchange]] = set()
        """Large exchanges that are being parsed and written."""
        self.on_exchange: Callable[[Exchange], None] | None = None
        self.on_sent: Callable[[], None] = lambda: None
        """Called when a request is sent, after waiting for its turn."""
        self._count = 0

    @property
    def begun(self) -> int:
        """Requests so far, those that are not recorded yet included."""
        return self._count

    def begin(self) -> int:
        """Count a request. Returns the number of its exchange."""
        self.gateway.asking(self.trial)
        self._count += 1
        return self._count - 1

    def record(self, exchange: Exchange) -> None:
        """Store an exchange, first on disk."""
        self.gateway.record(exchange)
        if self.gateway.flow and not exchange.local:
            self.gateway.flow.heard(exchange)
        self.exchanges.append(exchange)
        if self.on_exchange is not None:
            self.on_exchange(exchange)


class Gateway:
    """Makes an endpoint available to trials, and records every exchange.

    Args:
        endpoint: where requests go.
        record: gets every exchange once it is over.
        write: gets it before `record`, perhaps on another thread: for slow work.
        repairer: repairs responses for a person's own agent; None in tests, which must see the original.
        asking: called with the trial's id when a request comes.
        flow: limits the requests in flight; None: no limit.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        record: Callable[[Exchange], None],
        asking: Callable[[str], None] = lambda trial: None,
        flow: Flow | None = None,
        write: Callable[[Exchange], None] = lambda exchange: None,
        repairer: Repairer | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.record = record
        self.write = write
        self.asking = asking
        self.flow = flow
        self.repairer = repairer
        self.redactor = Redactor(endpoint.secrets)
        self.pulse = Pulse()
        self._idle: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Gateway:
        self.pulse.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.pulse.stop()
        while self._idle:
            await self._idle.pop().aclose()

    def turn(self, api: Api | None) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait until another request over this API of the endpoint may be in flight."""
        return self.flow.turn(api) if self.flow else contextlib.nullcontext()

    @property
    def patience(self) -> float:
        """Seconds that a request may wait if the endpoint asks for it."""
        return self.flow.allowed() if self.flow else NAMED_WAIT

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client for one request at a time, with the most recently used connection.

        A client that all requests shared would examine each of its connections several times per request, which for 32
        connections costs more than the request itself.
        """
        client = self._idle.pop() if self._idle else self._new_client()
        try:
            yield client
        finally:
            if len(self._idle) < KEPT_CONNECTIONS:
                self._idle.append(client)
            else:
                await client.aclose()

    def _new_client(self) -> httpx.AsyncClient:
        import httpx

        silence = self.endpoint.connection.silence or IDLE_SECONDS
        return self.endpoint.client(timeout=httpx.Timeout(silence, connect=CONNECT_SECONDS, pool=None))

    def direct(self, trial: str) -> GatewaySession:
        """A session for direct requests, without a listener."""
        return GatewaySession(self, trial, 0)
