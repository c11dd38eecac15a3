"""Starts each round of attempts after an interim analysis of the one before, for runs that end once decided."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from toolworthy.records.result import ResultKey
from toolworthy.records.store import RunDirectory
from toolworthy.work.kind import attempt


@dataclass(frozen=True)
class Next:
    """The result of an interim analysis."""

    suites: frozenset[str]
    """Suites that continue."""
    why: str
    """Why other suites need no more attempts."""


Looking = Callable[[RunDirectory, int, frozenset[str]], Next]
"""Analyses a run after a number of attempts; takes the suites with attempts left."""


class Release:
    """Decides which attempts may start. Used on the session's loop only.

    Args:
        look: called after every attempt at every item; None: all attempts may start at once.
    """

    def __init__(self, look: Looking | None) -> None:
        self._look = look
        self._lock = asyncio.Lock()
        self._lacking: dict[int, set[ResultKey]] = {}
        """By number of the attempt: keys without a result yet."""
        self._suites: dict[int, set[str]] = defaultdict(set)
        """By number of the attempt: its suites."""
        self._begun: dict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._now = 1
        self._over = False
        self._why: dict[str, str] = {}
        """Suites that need no more attempts."""
        self._broken: Exception | None = None

    def expect(self, keys: Iterable[ResultKey]) -> None:
        """Announce `keys` before any of them starts."""
        for key in keys:
            self._lacking.setdefault(attempt(key), set()).add(key)
            self._suites[attempt(key)].add(key.suite)

    async def why_not(self, key: ResultKey) -> str:
        """Wait for the turn of `key`; return "" if it may start, or why it is not needed.

        Raises: Exception: the error of the analysis.
        """
        if self._look is None or attempt(key) == 1:
            return ""
        if attempt(key) > self._now:
            await self._begun[attempt(key)].wait()
        if self._broken:
            raise self._broken
        return self._why.get(key.suite, "")

    async def done(self, key: ResultKey, run: RunDirectory) -> None:
        """Note that `key` has a result. The last result of a round triggers an analysis."""
        self._lacking.get(attempt(key), set()).discard(key)
        if self._look is None:
            return
        async with self._lock:
            while not self._over and not self._lacking.get(self._now):
                await self._next(self._look, run)

    async def _next(self, look: Looking, run: RunDirectory) -> None:
        """Analyse, and start the next attempt of the suites that are still open."""
        remaining = frozenset(suite for number, own in self._suites.items() if number > self._now for suite in own)
        try:
            decided = await asyncio.to_thread(look, run, self._now, remaining)
            self._why = {suite: self._why.get(suite, decided.why) for suite in remaining - decided.suites}
        except Exception as error:  # callers that wait for an attempt must get it
            self._broken = error
        self._now += 1
        self._over = self._broken is not None or not remaining - set(self._why)
        for number in self._lacking:
            if self._over or number <= self._now:
                self._begun[number].set()
