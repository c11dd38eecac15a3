"""A rate as every output shows it: k of n, its interval, and what was not counted and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from toolworthy.statistics.intervals import Estimate, exact, pooled


@dataclass(frozen=True)
class Rate:
    """How many of those that count went well."""

    ok: int
    estimate: Estimate | None
    """With the 95 % interval; None where nothing was counted."""
    limited: Mapping[str, int] = field(default_factory=dict)
    """Of those that did not go well: how many ended at a run limit, by limit."""
    uncounted: Mapping[str, int] = field(default_factory=dict)
    """How many more there were that count neither way, by reason."""
    above: int = 0
    """Of those that did not go well: how many their agent tool fails with every model."""

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
        """How many do not count."""
        return sum(self.uncounted.values())

    @property
    def open(self) -> tuple[float, float]:
        """The share if all that does not count had gone badly, and if it had gone well; (0, 1) of nothing."""
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
        """``27/30``, with the ceiling and ``+3 not counted`` where there are such."""
        more = f" (ceiling {self.n - self.above})" if self.above else ""
        more += f" (+{self.missing} not counted)" if self.missing else ""
        return (f"{self.ok}/{self.n}" if self.n else "not measured") + more

    @property
    def notes(self) -> str:
        """What the agent tool fails with every model, what ended at limits, what was not counted and what that leaves
        open; empty where there is nothing to say."""
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
        counted: of each that counts its cluster, and whether it went well.
        limited: at which limit each of those ended that did not go well since it met one.
        uncounted: why each of the others does not count.
        above: how many of them their agent tool fails with every model.
    """
    values = [(cluster, int(ok), 1) for cluster, ok in counted]
    return Rate(sum(ok for _, ok, _ in values), pooled(values), Counter(limited), Counter(uncounted), above)


def rate_of_counts(counts: Iterable[tuple[Hashable, int, int]]) -> Rate:
    """A rate of counts: of each a cluster, how many are good, of how many."""
    values = list(counts)
    return Rate(sum(good for _, good, _ in values), pooled(values))


def plain(ok: int, n: int) -> Rate:
    """A rate of single draws that nothing is known to hang together of."""
    return Rate(ok, Estimate(ok / n, *exact(ok, n), n, n) if n else None)


def reasons(counts: Mapping[str, int]) -> str:
    """``2 infrastructure, 1 not run``: the most frequent first."""
    return ", ".join(f"{n} {why}" for why, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n)


def percents(estimate: Estimate | None) -> str:
    """``93% (88%–96%)``, or a dash."""
    return "–" if estimate is None else f"{percent(estimate.value)} ({percent(estimate.low)}–{percent(estimate.high)})"


def percent(value: float) -> str:
    """Without digits behind the point, but for what is next to none or all: that must not read as none, or all."""
    if value in (0.0, 1.0) or 0.005 <= value < 0.995:
        return f"{value:.0%}"
    return "<0.1%" if value < 0.001 else ">99.9%" if value > 0.999 else f"{value:.1%}"
