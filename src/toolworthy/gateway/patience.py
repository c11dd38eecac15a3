"""How long to wait for an endpoint that has no time right now, and how often to ask one that failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from toolworthy.records.exchange import Exchange
from toolworthy.rules.refusal import Refusal, classify

BUSY = (429, 503, 529)
"""Statuses that ask to come again later."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between the tries where the endpoint does not say how long: each is twice the one before."""
UNTOLD = 60.0
"""Seconds in all that are waited where it does not say."""
TOLD = 600.0
"""Seconds in all that are waited where it says how long."""
TRIES = 3
"""How often to ask what fails in a way that may pass."""


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
    told = refusal(exchange)
    return told is not None and (told.kind == "rate limited" or (exchange.status in BUSY and told.passes))


def no_time(exchange: Exchange) -> str:
    """What to say of an endpoint that had no time to the end."""
    told = refusal(exchange)
    if told is None:
        return str(exchange.error)
    return f"{told.kind}: HTTP {exchange.status}, again and again: {told.message[:200]}"


def failed(exchange: Exchange) -> bool:
    """Whether an answer failed in a way that may pass: a server's error, a connection or an answer that broke off."""
    if exchange.error is not None or exchange.status is None or exchange.status >= 500:
        return True
    answer = exchange.response
    if exchange.status != 200 or answer is None:
        return False
    return answer.failure is not None or not exchange.body.strip() or not (answer.complete or answer.stop)


async def patiently(
    ask: Callable[[], Awaitable[Exchange]],
    allowed: float = TOLD,
    passing: Callable[[Exchange], bool] = lambda exchange: False,
    tries: int = TRIES,
) -> Exchange:
    """The answer to a request that is asked again while the endpoint has no time for it.

    Args:
        ask: sends it.
        allowed: seconds in all that may be waited if the endpoint asks for it.
        passing: whether an answer failed in a way that may pass; such a request is sent `tries` times at most.
    """
    import tenacity

    faults = 0

    def again(exchange: Exchange) -> bool:
        nonlocal faults
        faults += not busy(exchange) and passing(exchange)
        return busy(exchange) or passing(exchange)

    def enough(state: tenacity.RetryCallState) -> bool:
        if not busy(_exchange(state)):
            return faults >= tries
        seconds = _told(_exchange(state))
        return state.idle_for >= UNTOLD if seconds is None else state.idle_for + seconds > allowed

    def pause(state: tenacity.RetryCallState) -> float:
        seconds = _told(_exchange(state))
        return min(FIRST_PAUSE * 2 ** (state.attempt_number - 1), LONGEST_PAUSE) if seconds is None else seconds

    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(again), wait=pause, stop=enough, retry_error_callback=_exchange
    )
    found: Exchange = await retrying(ask)
    return found


def _exchange(state: Any) -> Exchange:
    found: Exchange = state.outcome.result()
    return found


def _told(exchange: Exchange) -> float | None:
    """Seconds that the endpoint asks to wait."""
    told = refusal(exchange)
    return told.retry_after if told else None
