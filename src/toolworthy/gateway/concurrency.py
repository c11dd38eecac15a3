"""Adapts the number of requests in flight: halved when the endpoint is busy, slowly increased while it is not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from toolworthy.base.retry import NAMED_WAIT
from toolworthy.endpoint.connection import MinuteLimit
from toolworthy.gateway.retries import busy, refusal
from toolworthy.records.exchange import Exchange

FIRST = 4
"""Requests in flight at the beginning."""
AUTO = 8
"""The most requests in flight, if no limit is given."""
LONGEST_HOLD = 60.0
"""The most seconds for which one response may pause all requests."""
_CAREFUL = 8
"""How many times more slowly the limit grows beyond a value that was once too high."""


class Flow:
    """Limits the requests in flight to one endpoint, in order of arrival.

    A busy response halves the limit of its time, once for all requests in flight; as many successes as the limit allows
    raise it by one.

    Args:
        most: the most requests in flight; None: as many as succeed.
        waiting: called with the seconds for which all requests are paused.
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
        self._held_until = 0.0
        self._halved = float("-inf")
        self._too_many = float("inf")
        """Requests in flight when the endpoint was last busy."""

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until another request may be in flight and the endpoint is not busy. It counts until the block ends."""
        async with self._room:
            await self._room.wait_for(lambda: self._flying < int(self.limit))
            self._flying += 1
        try:
            await self._time()
            if self._pace:
                await self._pace.wait()
            yield
        finally:
            self._flying -= 1
            async with self._room:
                self._room.notify_all()

    async def _time(self) -> None:
        """Wait until the pause is over; responses may prolong it meanwhile."""
        while True:
            pause = self._held_until - self._clock()
            if pause <= 0:
                return
            await asyncio.sleep(pause)

    def heard(self, exchange: Exchange) -> None:
        """Adapt the limit to the result of a request."""
        now = self._clock()
        if busy(exchange):
            if now - exchange.seconds >= self._halved:
                self._too_many, self._halved = self.limit, now
                self.limit = max(1.0, self.limit / 2)
            refused = refusal(exchange)
            if refused and refused.retry_after:
                self._held_until = max(self._held_until, now + min(refused.retry_after, LONGEST_HOLD))
                self._waiting(self._held_until - now)
        elif exchange.status is not None and exchange.status < 400:
            careful = _CAREFUL if self.limit + 1 > self._too_many else 1
            self.limit = min(float(self.most), self.limit + 1 / (self.limit * careful))
