"""Limits the requests of one trial to its agent's needs, because the model's commands can reach the gateway, too."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from toolworthy.base.packing import unpack
from toolworthy.gateway._record import MAX_ANSWER
from toolworthy.records.exchange import Exchange
from toolworthy.wire.declaration import Route
from toolworthy.wire.ir import Api
from toolworthy.wire.lenient import as_dict, parse_json

MAX_REQUEST = 64 * 2**20
"""The most bytes of any request."""
TRIAL_REQUEST = 16 * 2**20
"""The most bytes of one request of a trial: more than any context window."""
TRIAL_ANSWER = 8 * 2**20
"""The most bytes of one response to a trial: more than its agent's token limit allows."""
TRIAL_BYTES = 128 * 2**20
"""The most bytes of all requests of a trial, and of all responses to it."""
AT_ONCE = 8
"""The most requests of one trial in memory."""
TOLD = 20
"""The most refused requests that are recorded."""
_SIDE = 40
"""Completions beyond the task's turns that an agent may request, in addition to once more its turns."""
_OTHERS = 5
"""Requests of any kind per allowed completion."""


@dataclass(frozen=True)
class No:
    """A refused request."""

    status: int
    why: str


@dataclass
class Allowance:
    """The remaining allowance; without `turns`, as for a user's own agent, only single requests are limited."""

    model: str = ""
    apis: Collection[Api] = ()
    turns: int | None = None
    spent: str = ""
    """The part of the allowance that is used up, in a few words; empty while none is."""
    completions: int = 0
    requests: int = 0
    sent: int = 0
    received: int = 0
    refused: int = 0
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @property
    def longest(self) -> int:
        """The most bytes of the next request."""
        return MAX_REQUEST if self.turns is None else min(TRIAL_REQUEST, max(0, TRIAL_BYTES - self.sent))

    @property
    def answer(self) -> int:
        """The most bytes of the next response."""
        return MAX_ANSWER if self.turns is None else TRIAL_ANSWER

    def refuses(self, route: Route) -> No | None:
        """The refusal of a request before its body is read, if any."""
        if self.turns is None:
            return None
        self.requests += 1
        completions = 2 * self.turns + _SIDE
        if self.requests > _OTHERS * completions:
            return self._no(f"{_OTHERS * completions} requests are used up")
        if max(self.sent, self.received) >= TRIAL_BYTES:
            return self._no(f"{TRIAL_BYTES >> 20} MiB are used up")
        if route.kind in ("completion", "count_tokens") and route.api not in self.apis:
            return No(404, f"this trial speaks {' and '.join(self.apis)}")
        if route.kind == "completion":
            if self.completions >= completions:
                return self._no(f"{completions} completions are used up")
            self.completions += 1
        return None

    def refuses_body(self, route: Route, body: bytes, coding: str) -> No | None:
        """The refusal of a request for its content, if any."""
        self.sent += len(body)
        if self.turns is None or route.kind != "completion":
            return None
        packed = unpack(body, coding)
        model = route.model or as_dict(parse_json(packed.data if packed else body)).get("model")
        return None if model == self.model else No(404, f"this trial may only request the model {self.model}")

    def too_large(self) -> No:
        """The refusal of a request that is too large."""
        most = self.longest
        if self.turns is not None and most < TRIAL_REQUEST:
            return self._no(f"{TRIAL_BYTES >> 20} MiB are used up")
        return No(413, f"request larger than {most >> 20} MiB")

    def came(self, exchange: Exchange, size: int) -> None:
        """Count a response. A failed request does not count as a turn."""
        self.received += size
        if exchange.kind == "completion" and (exchange.error or exchange.status is None or exchange.status >= 400):
            self.completions -= 1

    def _no(self, why: str) -> No:
        self.spent = self.spent or why
        return No(429, f"this trial sent more requests than its turns explain: {why}")
