"""Measure how long this process itself was stalled, so that the delay is not blamed on the endpoint."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque

_BEAT = 0.25
"""Seconds."""
_KEPT = 4096
"""The most stalls that are stored: more than occur during the longest response."""


class Pulse:
    """Wakes up regularly, and records when the event loop was late."""

    def __init__(self) -> None:
        self._latest = time.perf_counter()
        self._stalls: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        """Start and duration of each stall; the latest first."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start on the running loop."""
        self._latest = time.perf_counter()
        self._task = asyncio.ensure_future(self._beat())

    def stop(self) -> None:
        """Stop."""
        if self._task:
            self._task.cancel()

    def stalled(self, since: float) -> float:
        """For how many seconds since a time of ``time.perf_counter`` the loop did not run."""
        if self._task is None:
            return 0.0
        now = time.perf_counter()
        met = itertools.takewhile(lambda stall: sum(stall) > since, self._stalls)
        known = sum(min(long, began + long - since) for began, long in met)
        return known + max(0.0, now - max(self._latest, since) - 2 * _BEAT)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            now = time.perf_counter()
            if (late := now - self._latest - _BEAT) > _BEAT:
                self._stalls.appendleft((now - late, late))
            self._latest = now
