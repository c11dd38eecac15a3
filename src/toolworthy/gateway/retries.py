"""Which exchanges are none with an endpoint that answers, and which of those are tried again."""

from __future__ import annotations

from collections.abc import Callable

from toolworthy.base.retry import Again
from toolworthy.records.exchange import Exchange
from toolworthy.rules.refusal import Refusal, classify
from toolworthy.wire.shapes import CONTEXT_LENGTH_EXCEEDED


def unreachable(exchange: Exchange) -> bool:
    """Whether nobody listened where the endpoint was."""
    return exchange.error is not None and exchange.error.kind == "unreachable"


def refusal(exchange: Exchange) -> Refusal | None:
    """What the endpoint refused by its status, if it did."""
    if exchange.status is None or exchange.status < 400:
        return None
    return classify(exchange.status, exchange.response_headers, exchange.body)


def busy(exchange: Exchange) -> bool:
    """Whether the endpoint asks to come again, or is gone for a moment."""
    if unreachable(exchange):
        return True
    refused = refusal(exchange)
    return refused is not None and refused.busy


def no_time(exchange: Exchange) -> str:
    """What to say of an endpoint that had no time to the end."""
    refused = refusal(exchange)
    if refused is None:
        return str(exchange.error)
    return f"{refused.kind}: HTTP {exchange.status}, repeatedly: {refused.message[:200]}"


def failed(exchange: Exchange) -> bool:
    """Whether an answer failed in a way that may pass: a server's error, a connection or an answer that broke off."""
    if exchange.error is not None or exchange.status is None or exchange.status >= 500:
        return True
    answer = exchange.response
    if exchange.status != 200 or answer is None:
        return False
    if answer.failure is not None:
        return answer.failure.code != CONTEXT_LENGTH_EXCEEDED  # a window that is full stays full
    return not exchange.body.strip() or not (answer.complete or answer.stop)


def again(exchange: Exchange, passing: Callable[[Exchange], bool] = lambda exchange: False) -> Again | None:
    """Why to send a request again, by what came; None where it is not.

    Args:
        exchange: what came.
        passing: whether an answer failed in a way that may pass.
    """
    refused = refusal(exchange)
    is_busy = busy(exchange)
    return Again(is_busy, refused.retry_after if refused else None) if is_busy or passing(exchange) else None
