"""Decide which failed exchanges are retried."""

from __future__ import annotations

from collections.abc import Callable

from toolworthy.base.retry import Retry
from toolworthy.records.exchange import Exchange
from toolworthy.rules.refusal import Refusal, classify
from toolworthy.wire.shapes import CONTEXT_LENGTH_EXCEEDED


def unreachable(exchange: Exchange) -> bool:
    """Whether nothing listened at the endpoint's address."""
    return exchange.error is not None and exchange.error.kind == "unreachable"


def refusal(exchange: Exchange) -> Refusal | None:
    """The endpoint's refusal by HTTP status; None if it did not refuse."""
    if exchange.status is None or exchange.status < 400:
        return None
    return classify(exchange.status, exchange.response_headers, exchange.body)


def busy(exchange: Exchange) -> bool:
    """Whether the endpoint is temporarily busy or unreachable."""
    if unreachable(exchange):
        return True
    refused = refusal(exchange)
    return refused is not None and refused.busy


def no_time(exchange: Exchange) -> str:
    """Why an endpoint that stayed busy gave no response."""
    refused = refusal(exchange)
    if refused is None:
        return str(exchange.error)
    return f"{refused.kind}: HTTP {exchange.status}, repeatedly: {refused.message[:200]}"


def failed(exchange: Exchange) -> bool:
    """Whether a response failed in a transient way: a server error, or a broken connection or response."""
    if exchange.error is not None or exchange.status is None or exchange.status >= 500:
        return True
    answer = exchange.response
    if exchange.status != 200 or answer is None:
        return False
    if answer.failure is not None:
        return answer.failure.code != CONTEXT_LENGTH_EXCEEDED  # a full context window stays full
    return not exchange.body.strip() or not (answer.complete or answer.stop)


def again(exchange: Exchange, passing: Callable[[Exchange], bool] = lambda exchange: False) -> Retry | None:
    """Why to retry a request after this exchange; None if it is not retried.

    Args:
        exchange: the exchange.
        passing: whether a response failed in a transient way.
    """
    refused = refusal(exchange)
    is_busy = busy(exchange)
    return Retry(is_busy, refused.retry_after if refused else None) if is_busy or passing(exchange) else None
