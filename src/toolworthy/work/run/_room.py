"""Which items may run at the same time, and when those of rate-limited APIs leave the remaining minutes to others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from toolworthy.base.counted import counted
from toolworthy.records.result import ResultKey
from toolworthy.wire.ir import Api
from toolworthy.work.kinds import kind_of
from toolworthy.work.run.plan import Options


class Room:
    """The room for running items.

    Args:
        options: the plan, with the number of items that run at the same time.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._slots: dict[tuple[bool, Api | None], asyncio.Semaphore] = {}
        self._limits: dict[ResultKey, asyncio.Timeout] = {}
        """The time limits of the running items."""
        self._dropped: dict[Api | None, str] = {}
        """APIs whose remaining items are not run, with reasons."""

    def slot(self, key: ResultKey) -> asyncio.Semaphore:
        """Bounds the items that run at the same time: unless the user gives a number, those of each API on their own,
        since all of them may wait for its rate limit."""
        kind = kind_of(key)
        which = kind.heavy, None if self._options.concurrency else kind.api(key)
        return self._slots.setdefault(which, asyncio.Semaphore(self._options.at_once(heavy=kind.heavy)))

    def why_not(self, key: ResultKey) -> str:
        """Why `key` is not run; empty if it may be."""
        return self._dropped.get(kind_of(key).api(key), "")

    @contextlib.asynccontextmanager
    async def time(self, key: ResultKey, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
        """The time that `key` may take: so many seconds, or until its API is dropped.

        Raises:
            TimeoutError: it takes longer.
        """
        async with asyncio.timeout(seconds) as limit:
            self._limits[key] = limit
            try:
                yield limit
            finally:
                del self._limits[key]

    def drop(self, apis: Iterable[Api]) -> list[str]:
        """End the items of rate-limited APIs. Returns a message for each API."""
        new = [api for api in apis if api not in self._dropped]
        for api in new:
            minutes = counted(self._options.budget.minutes or 0, "minute")
            self._dropped[api] = f"the {api} API is rate-limited, and its share of {minutes} is spent"
        for key, limit in self._limits.items():
            if kind_of(key).api(key) in self._dropped:
                limit.reschedule(asyncio.get_running_loop().time())
        return [f"{self._dropped[api]}; its remaining items are skipped" for api in new]
