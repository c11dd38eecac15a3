"""Send recorded requests again, adapted to each endpoint, and compare the responses."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from toolworthy.base.retry import with_retries
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, ask
from toolworthy.gateway.retries import again, busy
from toolworthy.records.exchange import Exchange
from toolworthy.records.replay import Decision, ReplayKey, ReplayResult
from toolworthy.wire.ir import Request
from toolworthy.work.replay._adapt import Prepared, prepare
from toolworthy.work.replay._compare import decision, differences
from toolworthy.work.replay.recording import Recorded, Recording

SECONDS = 600.0
"""Time limit in seconds of one response; as long as agents wait."""
_PATIENT = 3
"""After so many unreachable requests in a row, none is retried."""


class ReplayBench:
    """Sends the requests of one replay.

    Args:
        recording: the recording to replay.
        requests: the requests of it to send.
        sides: the endpoints, each with a gateway.
    """

    def __init__(
        self, recording: Recording, requests: Sequence[Recorded], sides: Mapping[str, tuple[Endpoint, Gateway]]
    ) -> None:
        self._recording, self._sides = recording, sides
        self._requests = {(request.trial, request.index): request for request in requests}
        self._old: dict[tuple[str, int], Decision] = {}
        self._gone: Counter[str] = Counter()
        """Requests in a row that reached nobody, by side."""

    async def run(self, key: ReplayKey) -> ReplayResult:
        """Send one request. Never raises: without a response, the result is unmeasured or failed."""
        item = self._requests[key.request]
        recorded = self._recording.exchange(item)
        base = ReplayResult(key=key, status="unmeasured", source=self._source(item))
        request = recorded.request
        if request is None:
            return base.model_copy(update={"detail": "the recorded request is not a JSON object"})
        endpoint, gateway = self._sides[key.side]
        prepared = prepare(recorded, request, endpoint, self._provider(key, endpoint))
        exchange = await self._send(key, gateway, prepared)
        base = base.model_copy(update={"started": exchange.started})
        # Rules over a long stream take time; on a thread, so that they do not stretch the times of other answers.
        return await asyncio.to_thread(self._compared, base, recorded, request, prepared, exchange)

    async def _send(self, key: ReplayKey, gateway: Gateway, prepared: Prepared) -> Exchange:
        """Send a request; wait for a busy endpoint, but not forever for an unreachable one."""
        session = gateway.direct(str(key))

        async def once() -> Exchange:
            return await ask(session, prepared.path, prepared.body, SECONDS, prepared.headers)

        patient = self._gone[key.side] < _PATIENT
        exchange = await (with_retries(once, again, gateway.patience) if patient else once())
        self._gone[key.side] = self._gone[key.side] + 1 if _unreachable(exchange) else 0
        return exchange

    def _provider(self, key: ReplayKey, endpoint: Endpoint) -> str:
        """Of the recorded endpoint; a reference is that endpoint, unless something else is known of it."""
        return self._recording.endpoint.provider or (endpoint.provider.id if key.side == "reference" else "")

    def _source(self, item: Recorded) -> str:
        """The recorded file, relative to a run directory."""
        inside = self._recording.path in item.file.parents
        return str(item.file.relative_to(self._recording.path)) if inside else item.file.name

    def _compared(
        self, base: ReplayResult, recorded: Exchange, request: Request, prepared: Prepared, exchange: Exchange
    ) -> ReplayResult:
        place = base.key.request
        if place not in self._old:
            self._old[place] = decision(recorded, request)
        old, why = self._old[place], _unmeasured(exchange)
        new = None if why else decision(exchange, request)
        status = "compared" if not old.error else "not comparable"
        if new is None or new.error:
            status = "unmeasured" if new is None else "failed"
        same_api = prepared.adapted.api == prepared.adapted.recorded_api
        free = request.tool_choice is None or request.tool_choice.mode == "auto"
        return base.model_copy(
            update={
                "status": status,
                "detail": why or (new.error if new else "") or old.error,
                "offers_tools": bool(request.tools) and free,
                "old": old,
                "new": new,
                "differences": differences(old, new, same_api=same_api) if new else (),
                "adapted": prepared.adapted,
                "exchange": exchange.index,
            }
        )


def _unmeasured(exchange: Exchange) -> str:
    """Why an exchange says nothing about the endpoint's decisions; empty if it does."""
    if exchange.error and (_unreachable(exchange) or exchange.error.kind == "our limit"):
        return str(exchange.error)
    return f"HTTP {exchange.status}: the endpoint had no time" if busy(exchange) else ""


def _unreachable(exchange: Exchange) -> bool:
    """Whether nothing listened at the endpoint's address."""
    return exchange.error is not None and exchange.error.kind in ("unreachable", "connect timeout")
