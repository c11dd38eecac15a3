"""A rate as every output shows it: k of n, its interval, and what was not counted and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from toolworthy.statistics.intervals import Estimate, exact, pooled


@dataclass(frozen=True)
class Rate:
    """How many of the counted attempts succeeded."""

    ok: int
    estimate: Estimate | None
    """With the 95 % interval; None if nothing was counted."""
    limited: Mapping[str, int] = field(default_factory=dict)
    """Of the failures: how many ended at a run limit, by limit."""
    uncounted: Mapping[str, int] = field(default_factory=dict)
    """How many attempts are not counted, by reason."""
    above: int = 0
    """Of the failures: how many the agent fails with every model."""

    @property
    def n(self) -> int:
        """How many count."""
        return self.estimate.n if self.estimate else 0

    @property
    def ended(self) -> int:
        """How many ended at a run limit."""
        return sum(self.limited.values())

    @property
    def missing(self) -> int:
        """How many are not counted."""
        return sum(self.uncounted.values())

    @property
    def open(self) -> tuple[float, float]:
        """The rate if all uncounted attempts had failed, and if all had succeeded; (0, 1) without attempts."""
        whole = self.n + self.missing
        return (self.ok / whole, (self.ok + self.missing) / whole) if whole else (0.0, 1.0)

    @property
    def share(self) -> str:
        """``90% (74%–98%)``, or ``not measured``."""
        return percents(self.estimate) if self.estimate else "not measured"

    @property
    def figures(self) -> str:
        """``27/30 · 90% (74%–98%)``, or ``not measured``."""
        return f"{self.ok}/{self.n} · {self.share}" if self.n else "not measured"

    @property
    def counts(self) -> str:
        """``27/30``, with the ceiling and ``+3 not counted`` if they apply."""
        more = f" (ceiling {self.n - self.above})" if self.above else ""
        more += f" (+{self.missing} not counted)" if self.missing else ""
        return (f"{self.ok}/{self.n}" if self.n else "not measured") + more

    @property
    def notes(self) -> str:
        """Notes on the ceiling, the run limits, the uncounted attempts and the range that these leave open; may be
        empty."""
        parts = [f"this agent cannot pass {self.above} of these with any model"] if self.above else []
        if self.ended:
            others, ended = self.n - self.ok, self.ended
            who = f"{ended} of the {others} others" if ended < others else f"the {others} others"
            kinds = reasons(self.limited) if len(self.limited) > 1 else next(iter(self.limited))
            parts.append(f"{'the other one' if others == 1 else who} ended at a run limit ({kinds})")
        if self.missing:
            note = f"{self.missing} not counted ({reasons(self.uncounted)})"
            low, high = self.open
            parts.append(f"{note}: {percent(low)} to {percent(high)} if they are" if self.n else note)
        return ", ".join(parts)

    def __str__(self) -> str:
        """``27/30 · 90% (74%–98%) · 3 not counted (2 infrastructure, 1 not run): 82% to 91% if they are``."""
        return f"{self.figures} · {self.notes}" if self.notes else self.figures


def rate_of(
    counted: Iterable[tuple[Hashable, bool]],
    limited: Iterable[str] = (),
    uncounted: Iterable[str] = (),
    above: int = 0,
) -> Rate:
    """A rate of attempts.

    Args:
        counted: of each counted attempt, its cluster and whether it succeeded.
        limited: the limit of each failure that ended at a run limit.
        uncounted: the reason of each attempt that is not counted.
        above: how many failures the agent has with every model.
    """
    values = [(cluster, int(ok), 1) for cluster, ok in counted]
    return Rate(sum(ok for _, ok, _ in values), pooled(values), Counter(limited), Counter(uncounted), above)


def rate_of_counts(counts: Iterable[tuple[Hashable, int, int]]) -> Rate:
    """A rate of counts: each has a cluster, the number of successes, and the total."""
    values = list(counts)
    return Rate(sum(good for _, good, _ in values), pooled(values))


def plain(ok: int, n: int) -> Rate:
    """A rate of independent attempts, each its own cluster."""
    return Rate(ok, Estimate(ok / n, *exact(ok, n), n, n) if n else None)


def reasons(counts: Mapping[str, int]) -> str:
    """``2 infrastructure, 1 not run``: the most frequent first."""
    return ", ".join(f"{n} {why}" for why, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n)


def percents(estimate: Estimate | None) -> str:
    """``93% (88%–96%)``, or a dash."""
    return "–" if estimate is None else f"{percent(estimate.value)} ({percent(estimate.low)}–{percent(estimate.high)})"


def percent(value: float) -> str:
    """Without decimals, except near 0 and 1, which must not read as exactly 0 % or 100 %."""
    if value in (0.0, 1.0) or 0.005 <= value < 0.995:
        return f"{value:.0%}"
    return "<0.1%" if value < 0.001 else ">99.9%" if value > 0.999 else f"{value:.1%}"
