"""Measure the speed of an endpoint, and derive how long to wait for a response: slow is not broken."""

from __future__ import annotations

from dataclasses import dataclass

from toolworthy.records.exchange import Exchange

SHORTEST, LONGEST = 60.0, 600.0
"""Bounds of a limit, in seconds; the longest holds while nothing is known."""
_ROOM = 5.0
"""How many times longer than foreseen an answer may take."""
_LONG = 8 * 2**10
"""Bytes of a request whose reading takes time of its own."""
_SLOW_READER = 100.0
"""Bytes a second that are read of a long request, until it is known: about 25 tokens."""


@dataclass
class Speed:
    """The lowest speed seen so far."""

    first: float | None = None
    """Seconds to the first byte of a short request's answer."""
    rate: float | None = None
    """Tokens a second."""
    reads: float | None = None
    """Bytes of a long request that are read in a second."""

    def saw(self, exchange: Exchange) -> None:
        """Learn from an answer."""
        if exchange.error is not None or exchange.status != 200 or not exchange.chunks or exchange.response is None:
            return
        began, size = exchange.chunks[0].at, len(exchange.request_body)
        if size >= _LONG:
            self.reads = min(self.reads or float("inf"), size / max(began, 1e-3))
        elif exchange.streamed:
            self.first = max(self.first or 0.0, began)
        usage = exchange.response.usage
        tokens = (usage and usage.output) or len(exchange.response.text) // 4
        span = exchange.seconds - (began if exchange.streamed else 0.0)
        if tokens >= 8 and span > 0.05:
            self.rate = min(self.rate or float("inf"), tokens / span)
        elif not exchange.streamed and size < _LONG:
            self.first = max(self.first or 0.0, exchange.seconds)

    @property
    def known(self) -> bool:
        """Whether anything was answered."""
        return self.first is not None or self.rate is not None

    def seconds(self, size: int, tokens: int) -> float:
        """How long an answer of so many tokens to a request of so many bytes may take."""
        if not self.known:
            return LONGEST
        reading = size / (self.reads or _SLOW_READER) if size >= _LONG else 0.0
        foreseen = (self.first or 0.0) + reading + (tokens / self.rate if self.rate else 0.0)
        return min(max(_ROOM * foreseen, SHORTEST), LONGEST)

    def __str__(self) -> str:
        rate = f"{self.rate:.0f} tokens/s" if self.rate else ""
        wait = f"first byte after {self.first:.1f} s" if self.first is not None else ""
        return ", ".join(filter(None, (rate, wait)))
