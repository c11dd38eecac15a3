"""Shared knowledge of the probes of one wire API, so that none sends requests that cannot succeed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from toolworthy.wire.ir import Api
from toolworthy.work.probes._model import NO_CALLS, UNMADE
from toolworthy.work.probes._speed import Speed

_T = TypeVar("_T")

CALL_LESS = 2
"""After so many probes without any call, no further call is requested."""


@dataclass
class Knowledge:
    """What is known about the endpoint as a whole."""

    say: Callable[[str], None] = lambda text: None
    """Called with messages for the user."""
    speed: Speed = field(default_factory=Speed)
    stopped: str = ""
    """Why no more requests are useful: an empty account, a bad key, an unknown model."""
    passed: int = 0
    """The number of requests that failed and succeeded when repeated."""
    untold: dict[str, str] = field(default_factory=dict)
    """By the id of a probe that one API tells for all: why it cannot be told."""
    locks: dict[Api, bytes] = field(default_factory=dict)
    """By API, an invalid request after which valid ones were refused for a while."""

    def stop(self, why: str) -> None:
        """Send no further requests."""
        if not self.stopped:
            self.stopped = why
            self.say(f"{why}; the remaining probes are skipped")


class Calls:
    """Whether the model makes calls over one API."""

    def __init__(self, api: Api, knowledge: Knowledge) -> None:
        self.made = 0
        """Probes in which it made the requested calls."""
        self.refused = 0
        """Probes in which it did not."""
        self.less = ""
        """Why requesting a call is not useful."""
        self.cause = NO_CALLS
        """The cause of that, as of a probe."""
        self._silent = 0
        self._api, self._knowledge = api, knowledge
        self._first = asyncio.Lock()

    @property
    def tries(self) -> int:
        """How often to ask for a call."""
        return 1 if self.refused >= 3 and not self.made else 3

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One probe after the other, until it is known whether the model calls at all."""
        async with contextlib.AsyncExitStack() as alone:
            if not self._known:
                await alone.enter_async_context(self._first)
            if self._known:
                await alone.aclose()
            yield

    @property
    def _known(self) -> bool:
        return bool(self.made or self.less or self.refused > CALL_LESS)

    def missed(self, why: str, cause: str, silent: bool) -> None:
        """A probe has asked for a call in every way and got none; `silent` if there was none at all."""
        self.refused += 1
        self._silent += silent
        if self._silent >= CALL_LESS and not self.made and not self.less:
            self.less, self.cause = why, cause if cause in UNMADE else NO_CALLS
            self._knowledge.say(f"probes that need a call are skipped over {self._api}: {why}")


@dataclass
class Surface:
    """What is known about one API, streamed or whole."""

    knowledge: Knowledge
    calls: Calls
    dead: str = ""
    """Why further requests are not useful."""
    hangs: int = 0
    """Endless responses in a row."""
    obeys: bool = False
    """Whether the model has once said exactly the requested text."""
    thinks: bool = False
    """Whether it thinks first, so that its responses need a higher token limit."""
    babbles: bool = False
    """Whether it always writes up to its token limit."""
    faults: int = 0
    """Requests that failed again and again."""
    _shared: dict[str, Any] = field(default_factory=dict)
    _gates: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def shared(self, name: str, make: Callable[[], Awaitable[_T]]) -> _T:
        """What `make` finds out for every probe of this API that asks for `name`: it is called once, or again where it
        raised."""
        async with self._gates.setdefault(name, asyncio.Lock()):
            if name not in self._shared:
                self._shared[name] = await make()
        made: _T = self._shared[name]
        return made

    @property
    def tries(self) -> int:
        """How often to retry transient failures: more if that has helped, less if not."""
        if self.knowledge.passed:
            return 5
        return 3 if self.faults < 2 else 2
