"""Adapts the number of requests in flight: halved when the endpoint is busy, slowly increased while it is not.

A pause that the endpoint asks for over one wire API does not delay requests over the others: rate limits often apply to
one route only. A limit of the whole account soon pauses each API on its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from toolworthy.base.retry import NAMED_WAIT
from toolworthy.endpoint.connection import MinuteLimit
from toolworthy.gateway.retries import busy, refusal
from toolworthy.records.exchange import Exchange
from toolworthy.wire.ir import Api

FIRST = 4
"""Requests in flight at the beginning."""
AUTO = 8
"""The most requests in flight, if no limit is given."""
LONGEST_HOLD = 60.0
"""The most seconds for which one response may pause the requests of its API."""
_CAREFUL = 8
"""How many times more slowly the limit grows beyond a value that was once too high."""


@dataclass
class _Route:
    """The requests to one wire API of the endpoint."""

    flying: int = 0
    held_until: float = 0.0
    busy: bool = False
    """Whether the last response was busy: until one is not, the API gets one request at a time."""


class Flow:
    """Limits the requests in flight to one endpoint, in order of arrival.

    A busy response halves the limit of its time, once for all requests in flight; as many successes as the limit allows
    raise it by one. An API that stays busy does not halve it again.

    Args:
        most: the most requests in flight; None: as many as succeed.
        waiting: called with the seconds for which the requests of one API are paused.
        allowed: the most seconds that a request may wait if the endpoint names a delay.
        clock: monotonic seconds.
        pace: limits the requests per minute; None: no limit.
    """

    def __init__(
        self,
        most: int | None = None,
        waiting: Callable[[float], None] = lambda seconds: None,
        allowed: Callable[[], float] = lambda: NAMED_WAIT,
        clock: Callable[[], float] = time.monotonic,
        pace: MinuteLimit | None = None,
    ) -> None:
        self._pace = pace
        self.most = most or AUTO
        self.limit = float(min(FIRST, self.most))
        self.allowed = allowed
        self._waiting, self._clock = waiting, clock
        self._flying = 0
        self._room = asyncio.Condition()
        self._routes: defaultdict[Api | None, _Route] = defaultdict(_Route)
        self._halved = float("-inf")
        self._too_many = float("inf")
        """Requests in flight when the endpoint was last busy."""

    @property
    def busy(self) -> frozenset[Api]:
        """The APIs whose last response was busy."""
        return frozenset(api for api, route in self._routes.items() if api and route.busy)

    @contextlib.asynccontextmanager
    async def turn(self, api: Api | None) -> AsyncIterator[None]:
        """Wait until another request over `api` may be in flight. It counts until the block ends."""
        route = self._routes[api]
        await self._enter(route)
        try:
            if self._pace:
                await self._pace.wait()
            yield
        finally:
            self._flying -= 1
            route.flying -= 1
            async with self._room:
                self._room.notify_all()

    async def _enter(self, route: _Route) -> None:
        """Wait until `route` is not paused and has room; responses may prolong the pause meanwhile."""
        while True:
            async with self._room:
                await self._room.wait_for(lambda: self._pause(route) > 0 or self._has_room(route))
                if self._pause(route) <= 0:
                    self._flying += 1
                    route.flying += 1
                    return
            await asyncio.sleep(self._pause(route))

    def _pause(self, route: _Route) -> float:
        return route.held_until - self._clock()

    def _has_room(self, route: _Route) -> bool:
        return self._flying < int(self.limit) and not (route.busy and route.flying)

    def heard(self, exchange: Exchange) -> None:
        """Adapt the limit to the result of a request."""
        now, route = self._clock(), self._routes[exchange.endpoint_api or exchange.agent_api]
        if busy(exchange):
            if not route.busy and now - exchange.seconds >= self._halved:
                self._too_many, self._halved = self.limit, now
                self.limit = max(1.0, self.limit / 2)
            refused = refusal(exchange)
            if refused and refused.retry_after:
                route.held_until = max(route.held_until, now + min(refused.retry_after, LONGEST_HOLD))
                self._waiting(route.held_until - now)
            route.busy = True
        elif exchange.status is not None and exchange.status < 400:
            careful = _CAREFUL if self.limit + 1 > self._too_many else 1
            route.busy = False
            self.limit = min(float(self.most), self.limit + 1 / (self.limit * careful))
