"""Collects a request and its response, up to limits, and turns them into an exchange."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from toolworthy.base.redact import Redactor
from toolworthy.gateway._pulse import Pulse
from toolworthy.gateway.repair import RepairedExchange
from toolworthy.gateway.upstream import Upstream
from toolworthy.records.exchange import Chunk, Exchange, ExchangeFailure
from toolworthy.records.sanitized import cleaned
from toolworthy.wire.declaration import Route

MAX_ANSWER = 32 * 2**20
"""The most bytes of one response. No token limit of an agent comes near; longer ones are taken for endless."""
UNFINISHED = 2**20
"""Of a longer aborted response, only the beginning is kept."""
KEPT_OF_ENDLESS = 2**16
"""How many bytes of such a response are kept."""
MAX_PIECES = 2**14
"""The most pieces with their own times; all later ones become one piece."""
LARGE = 2**18
"""Larger exchanges are parsed in a thread."""

Headers = list[tuple[str, str]]


class Endless(Exception):
    """A response is longer than the limit."""


@dataclass
class PendingExchange:
    """An exchange that has not ended yet."""

    method: str
    path: str
    headers: Headers
    body: bytes
    route: Route
    on_sent: Callable[[], None] = lambda: None
    """Called when the request is sent, after waiting for its turn."""
    started: float = field(default_factory=time.time)
    clock: float = field(default_factory=time.perf_counter)
    upstream: Upstream | None = None
    status: int | None = None
    response_headers: dict[str, str] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    pieces: list[bytes | bytearray] = field(default_factory=list)
    size: int = 0
    error: ExchangeFailure | None = None
    local: bool = False
    repair: RepairedExchange | None = None
    """Repairs the response; None in tests, which must see the original."""
    longest: int = MAX_ANSWER
    """The most bytes of the response."""
    ended: float = 0.0
    """Time at which the exchange ended."""

    def keep(self, data: bytes) -> None:
        """Add received bytes.

        Raises:
            Endless: the response is longer than any plausible one.
        """
        self.size += len(data)
        if self.size > self.longest:
            raise Endless
        now = time.perf_counter() - self.clock
        if len(self.pieces) > MAX_PIECES:
            self.pieces[-1] += data
            self.times[-1] = now
        else:
            self.times.append(now)
            self.pieces.append(data if len(self.pieces) < MAX_PIECES else bytearray(data))

    def over(self, pulse: Pulse) -> None:
        """Record the end of the response, without the time in which this process was stalled."""
        latest = self.clock + (self.times[-1] if self.times else 0.0)
        self.ended = max(latest, time.perf_counter() - pulse.stalled(latest))

    def _cut(self) -> None:
        """Keep only the beginning, and the time of the last byte."""
        size, last = 0, self.times[-1]
        for number, piece in enumerate(self.pieces):
            size += len(piece)
            if size > KEPT_OF_ENDLESS:
                self.pieces[number] = piece[: len(piece) - (size - KEPT_OF_ENDLESS)]
                del self.pieces[number + 1 :], self.times[number + 1 :]
                self.times[-1] = last
                return

    @property
    def large(self) -> bool:
        """Whether parsing it takes so long that it should not block others."""
        return len(self.body) + self.size > LARGE

    def exchange(self, trial: str, index: int, redactor: Redactor) -> Exchange:
        """The exchange, without secrets."""
        if self.error is not None and self.size > UNFINISHED:
            self._cut()
        upstream, completion = self.upstream, self.route.kind == "completion"
        made = Exchange(
            trial=trial,
            index=index,
            kind=self.route.kind,
            agent_api=self.route.api if completion else None,
            endpoint_api=upstream.api if completion and upstream else None,
            method=self.method,
            path=self.path,
            request_headers=dict(self.headers),
            request_body=self.body,
            upstream_body=upstream.body if completion and upstream and upstream.body != self.body else None,
            losses=upstream.losses if upstream else (),
            status=self.status,
            response_headers=self.response_headers,
            chunks=tuple(Chunk(at, bytes(data)) for at, data in zip(self.times, self.pieces, strict=True)),
            started=self.started,
            seconds=(self.ended or time.perf_counter()) - self.clock,
            error=self.error,
            local=self.local,
            repairs=tuple(self.repair.repairs) if self.repair else (),
        )
        return cleaned(made, redactor)
