"""Send one request of a case, and return the exchange, or why there is no response to judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolworthy import wire
from toolworthy.base.retry import with_retries
from toolworthy.gateway import GatewaySession, handler
from toolworthy.gateway.retries import again, busy, failed, no_time
from toolworthy.records.exchange import Exchange
from toolworthy.records.score import Limit
from toolworthy.wire.ir import Api, Usage
from toolworthy.wire.lenient import dump_json

MAX_SECONDS = 300.0
"""How long one answer may take; what is not there then is unmeasured."""


class NoAnswer(Exception):
    """There is no response to judge; the message says why."""

    def __init__(self, why: str, limit: Limit | None = None) -> None:
        super().__init__(why)
        self.limit = limit
        """The run limit that ended it, if one did."""


async def ask(session: GatewaySession, api: Api, body: Mapping[str, Any]) -> Exchange:
    """The exchange of one request; an endpoint without time is given some, and what may pass is asked again.

    Raises:
        NoAnswer: the endpoint failed, or a run limit ended it.
    """
    path, sent = wire.api(api).sent(body)
    data = dump_json(sent).encode()

    async def send() -> Exchange:
        return await handler.ask(session, path, data, MAX_SECONDS)

    exchange = await with_retries(send, lambda received: again(received, failed), session.gateway.patience)
    if trouble := _trouble(exchange):
        raise trouble
    return exchange


def _trouble(exchange: Exchange) -> NoAnswer | None:
    """Why an exchange holds nothing of the model's to judge; None where it does."""
    answer = exchange.response
    if busy(exchange):
        return NoAnswer(no_time(exchange))
    if error := exchange.error:
        detail = str(error) if error.kind == "our limit" else f"the endpoint failed: {error}"
        return NoAnswer(detail, "time" if error.kind in ("our limit", "silent") else None)
    if answer is None:
        return NoAnswer("no answer")
    if answer.failure is not None:
        return NoAnswer(f"the endpoint returns HTTP {exchange.status}: {answer.failure.message[:300]}")
    limit = exchange.request.max_tokens if exchange.request else None
    used = (answer.usage or Usage()).output
    if answer.stop == "length" and limit and (used is None or used >= limit - 1):
        return NoAnswer(f"cut by our own limit of {limit} tokens", "tokens")
    return None
