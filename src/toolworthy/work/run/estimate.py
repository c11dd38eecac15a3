"""Estimates the cost of a run, after preflight and before its first item.

``fixtures/estimates.json`` holds what each item took when it was measured on the oracle, which says no more than it
must: medians of input tokens, output tokens and requests, by suite, agent (toolset, way) and item. A model that
thinks, or needs a second try, takes more output and more turns.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import floor, log10
from statistics import median

from toolworthy import content
from toolworthy.base.counted import counted
from toolworthy.content import providers
from toolworthy.endpoint.target import Endpoint
from toolworthy.records.result import ResultKey
from toolworthy.records.score import Tokens
from toolworthy.wire.ir import Api
from toolworthy.work.kinds import KINDS, kind_of
from toolworthy.work.run._order import sent
from toolworthy.work.run.plan import Options
from toolworthy.work.scoring.measure import cost

LARGE_USD, LARGE_MINUTES = 1.0, 10.0
"""Larger estimates need the user's consent."""
Taken = tuple[float, float, float]
"""Input tokens, output tokens, requests."""
Table = Mapping[str, Mapping[str, Mapping[str, Taken]]]
"""Suite, agent, item."""


@dataclass(frozen=True)
class RunEstimate:
    """An estimate for some items."""

    input: float
    output: float
    requests: float
    unknown: int = 0
    """Items that were never measured; they are assumed to be like the others."""

    def usd(self, options: Options) -> float | None:
        """The price at this time of day; None if no price is known."""
        prices = options.endpoint.prices
        tokens = Tokens(input=round(self.input), output=round(self.output))
        return cost(tokens, prices.rates(0, time.time())) if prices else None


@cache
def table() -> Table:
    """The measurements that estimates are based on."""
    rows: Table = json.loads((content.FIXTURES / "estimates.json").read_text(encoding="utf-8"))
    return rows


def estimate(keys: Sequence[ResultKey], known: Table) -> RunEstimate:
    """The sum over `keys`."""
    total, unknown = [0.0, 0.0, 0.0], 0
    for key in keys:
        taken = known.get(key.suite, {}).get(key.asker, {}).get(key.item)
        unknown += taken is None
        total = [
            sum_so_far + amount
            for sum_so_far, amount in zip(total, taken or _usual(known, key.suite, key.asker), strict=True)
        ]
    return RunEstimate(total[0], total[1], total[2], unknown)


def _usual(known: Table, suite: str, agent: str) -> Taken:
    """The estimate for an item that was never measured: the agent's median, else that of all."""
    own = known.get(suite, {}).get(agent)
    rows = [*own.values()] if own else [row for items in known.get(suite, {}).values() for row in items.values()]
    if not rows:
        return 0.0, 0.0, 0.0
    first, second, third = (median(column) for column in zip(*rows, strict=True))
    return first, second, third


@dataclass(frozen=True)
class Forecast:
    """The estimate for a plan, as text."""

    text: str
    usd: float | None
    minutes: float | None

    @property
    def large(self) -> bool:
        """Whether to ask before it starts."""
        return (self.usd or 0.0) >= LARGE_USD or (self.minutes or 0.0) >= LARGE_MINUTES

    def __str__(self) -> str:
        return self.text


def forecast(
    options: Options, every: Sequence[ResultKey], endpoint: Endpoint | None = None, seconds: float | None = None
) -> Forecast:
    """The estimate for these items.

    Args:
        options: the plan.
        every: all items of the plan.
        endpoint: the endpoint after preflight, whose missing APIs get no requests; None if unknown.
        seconds: time of a small response, by preflight.
    """
    if not any(key.suite in table() for key in every):
        return Forecast(f"{counted(len(every), 'request')} or more; nobody has measured what they take", None, None)
    served: Collection[Api] | None = None
    if endpoint is not None:
        served = [endpoint.forced_api] if endpoint.forced_api else endpoint.base_urls
    keys = _asked(options, [key for key in every if key.suite in table()], served)
    whole = estimate(keys, table())
    usd = whole.usd(options)
    trials = [key for key in keys if kind_of(key).heavy]
    each = estimate(trials, table()).requests / len(trials) if trials else 0.0
    requests = f"{each:.0f} requests a task" if trials else f"{whole.requests:,.0f} requests"
    text = f"about {short(whole.input)} input and {short(whole.output)} output tokens, {requests}"
    minutes = None
    if seconds is not None:
        minutes = whole.requests * seconds / options.at_once(heavy=bool(trials)) / 60
        text += f", {max(1, round(minutes)):,} min or more at the speed of preflight"
    if usd is not None:
        listed = options.endpoint.prices == providers.provider(options.endpoint.provider.id).prices.get(
            options.endpoint.model
        )
        whose = f"{options.endpoint.provider.title}'s list price" if listed else "the price that you gave"
        text += f"; about {dollars(usd)} at {whose}"
    if whole.unknown:
        text += f"; {whole.unknown} of {len(keys)} items have no estimate; the median is used"
    text += "; less if it is decided early" if options.until_decided else ""
    return Forecast(text + _beyond(options, whole, usd) + _instead(options, keys, served), usd, minutes)


def _asked(options: Options, keys: Sequence[ResultKey], served: Collection[Api] | None) -> list[ResultKey]:
    """Those that send requests."""
    return sent(options, [key for key in keys if served is None or kind_of(key).asked(options, served, key)])


def _instead(options: Options, keys: Sequence[ResultKey], served: Collection[Api] | None) -> str:
    """The estimates for larger and smaller plans, if all of a kind is planned."""
    text = ""
    for kind in KINDS.values():
        own = {key for key in keys if key.suite == kind.suite}
        if not own or own < {*_asked(options, kind.keys(options), served)}:
            continue
        for option, other in kind.instead(options).items():
            taken = estimate(_asked(other, kind.keys(other), served), table())
            dear = f", {dollars(usd)}" if (usd := taken.usd(options)) is not None else ""
            text += f"; {option}: {taken.requests:,.0f} requests, {short(taken.input + taken.output)} tokens{dear}"
    return text


def _beyond(options: Options, whole: RunEstimate, usd: float | None) -> str:
    budget = options.budget
    if budget.usd is not None and usd is not None and usd > budget.usd:
        return f"; the budget of ${budget.usd:,g} will not do"
    if budget.tokens is not None and whole.input + whole.output > budget.tokens:
        return f"; the budget of {budget.tokens:,} tokens will not do"
    return ""


def short(tokens: float) -> str:
    """``1.9M``, ``30k``, ``800``."""
    if tokens >= 999_500:
        return f"{tokens / 1e6:.1f}M"
    return f"{tokens / 1e3:.0f}k" if tokens >= 1_000 else f"{tokens:.0f}"


def dollars(usd: float) -> str:
    """``$1.40``, ``$0.036``, ``$0.00031``: two significant digits."""
    if usd >= 1 or usd == 0:
        return f"${usd:,.2f}"
    return f"${usd:.{max(2, 1 - floor(log10(usd)))}f}"
