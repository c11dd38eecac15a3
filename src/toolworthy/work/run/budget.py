"""The budget of a run, in US dollars, tokens or minutes, and how much of it is spent.

Money and tokens are those of the whole run, what was spent before ``--resume`` included; minutes are those of one
invocation. Once a budget is spent, nothing new starts; running items are finished and may exceed the budget. For
minutes, a short grace period limits that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolworthy.base.counted import counted
from toolworthy.base.retry import NAMED_WAIT
from toolworthy.content.providers import Prices
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import read_exchanges
from toolworthy.records.meta import Budget
from toolworthy.records.score import Tokens
from toolworthy.wire.ir import Response
from toolworthy.work.scoring.measure import cost

_GRACE, _LONGEST_GRACE = 0.03, 60.0
"""Grace period for running items after the minutes are over: a share of them, and the most seconds."""
_LIMITED = 2 / 3
"""Share of the minutes that rate-limited APIs may use while items of others wait for them."""
_CACHE = ("cached", "cache_write", "cache_write_1h")
_BYTES_A_TOKEN = 4
"""Bytes per token for responses without usage, so that the budget still applies."""


@dataclass(frozen=True)
class Took:
    """What one exchange took."""

    input: int
    output: int
    usd: float | None
    """None if no price is known."""


class Spending:
    """Counts what a run spends, and compares it with its budget.

    Args:
        budget: the limits.
        prices: of the endpoint that a trial, case or probe uses, by its id.
        clock: monotonic seconds.
        began: when the minutes began, by that clock; None for now.
    """

    def __init__(
        self,
        budget: Budget,
        prices: Callable[[str], Prices | None],
        clock: Callable[[], float] = time.monotonic,
        began: float | None = None,
    ) -> None:
        self.budget = budget
        self.tokens, self.usd = 0, 0.0
        self._before = 0, 0.0
        """Tokens and dollars that were spent before this invocation."""
        self._prices, self._clock = prices, clock
        self._began = clock() if began is None else began

    def add(self, exchange: Exchange) -> Took:
        """Add one exchange. Returns its cost."""
        tokens = tokens_of(exchange)
        prices = self._prices(exchange.trial)
        sent, made = (count or 0 for count in (tokens.input, tokens.output))
        took = Took(sent, made, cost(tokens, prices.rates(sent, exchange.started)) if prices else None)
        self.tokens += took.input + took.output
        self.usd += took.usd or 0.0
        return took

    def recall(self, recorded: Path) -> None:
        """Count all earlier exchanges in the run's folder, including those of repeated attempts."""
        if self.budget.usd is None and self.budget.tokens is None:
            return
        for path in sorted(recorded.glob("*.jsonl.zst")):
            for exchange in read_exchanges(path):
                self.add(exchange)
        self._before = self.tokens, self.usd

    @property
    def spent(self) -> str:
        """Which budget is spent, in a few words; empty while new items may start."""
        budget = self.budget
        if budget.usd is not None and self.usd >= budget.usd:
            return f"budget of ${budget.usd:,g} is spent"
        if budget.tokens is not None and self.tokens >= budget.tokens:
            return f"budget of {counted(budget.tokens, 'token')} is spent"
        if budget.minutes is not None and self._elapsed >= 60 * budget.minutes:
            return f"budget of {counted(budget.minutes, 'minute')} is spent"
        return ""

    @property
    def seconds_left(self) -> float | None:
        """Seconds that an item started now may take, including the grace period; None: no limit."""
        if self.budget.minutes is None:
            return None
        return self.patience() + min(_GRACE * 60 * self.budget.minutes, _LONGEST_GRACE)

    def patience(self) -> float:
        """Seconds that a request may wait if the endpoint asks for it."""
        return NAMED_WAIT if self.budget.minutes is None else max(0.0, 60 * self.budget.minutes - self._elapsed)

    @property
    def presses(self) -> bool:
        """Whether so few of the minutes are left that rate-limited APIs must leave them to the others."""
        minutes = self.budget.minutes
        return minutes is not None and self._elapsed >= _LIMITED * 60 * minutes

    @property
    def seconds_until_spent(self) -> float | None:
        """Seconds until tokens or dollars are spent at the present rate; None if they never are."""
        tokens, usd = self._before
        gone = ((self.budget.tokens, self.tokens, self.tokens - tokens), (self.budget.usd, self.usd, self.usd - usd))
        seconds = [
            max(0.0, most - now) / new * self._elapsed for most, now, new in gone if most is not None and new > 0
        ]
        return min(seconds, default=None)

    @property
    def _elapsed(self) -> float:
        return self._clock() - self._began


def tokens_of(exchange: Exchange) -> Tokens:
    """What one exchange took. Errors and what never reached the endpoint took nothing.

    Where an answer tells no usage, a token is taken for four bytes of what was sent and said.
    """
    if not exchange.reached_endpoint or exchange.status is None or exchange.status >= 400:
        return Tokens(input=0, output=0)
    answer = exchange.response or Response()
    usage = answer.usage
    sent = exchange.request_body if exchange.upstream_body is None else exchange.upstream_body
    return Tokens(
        input=(usage and usage.input) or len(sent) // _BYTES_A_TOKEN,
        output=(usage and usage.output) or _output_bytes(answer) // _BYTES_A_TOKEN,
        **{name: getattr(usage, name) for name in _CACHE if usage and usage.input},
    )


def _output_bytes(answer: Response) -> int:
    """Bytes of text, reasoning and arguments."""
    texts = (getattr(part, name, "") for part in answer.parts for name in ("text", "arguments"))
    return sum(len(text.encode("utf-8", "replace")) for text in texts if isinstance(text, str))
