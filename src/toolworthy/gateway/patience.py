"""How long to wait for an endpoint that has no time right now."""

from __future__ import annotations

from toolworthy.exchange import Exchange

PATIENCE = (1.0, 4.0, 15.0)
"""Seconds between the tries of a request that is answered 429 or 503 without a word about when."""
UNREACHABLE = "the endpoint cannot be reached"
"""How the error of an exchange begins where nobody listened."""
_BUSY = (429, 503, 529)
_LONGEST = 30.0


def unreachable(exchange: Exchange) -> bool:
    """Whether nobody listened where the endpoint was."""
    return UNREACHABLE in (exchange.error or "")


def busy(exchange: Exchange) -> bool:
    """Whether the endpoint asks to come again, or is gone for a moment."""
    return exchange.status in _BUSY or unreachable(exchange)


def pause(exchange: Exchange, seconds: float) -> float:
    """Seconds to wait: as the endpoint says, else `seconds`."""
    said = exchange.response_headers.get("retry-after", "")
    return min(float(said), _LONGEST) if said.replace(".", "", 1).isdigit() else seconds
