"""How often answers agree, counted so that repeated sendings of one request do not pass for independent ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolworthy.replay.model import Decision, ReplayResult, Side
from toolworthy.statistics import wilson


@dataclass(frozen=True)
class Share:
    """`ok` of `n`, over `requests` recorded requests."""

    ok: int
    n: int
    requests: int

    def __str__(self) -> str:
        if self.n == 0:
            return "not measured"
        low, high = self.interval
        over = f", {self.requests} requests" if self.requests != self.n else ""
        part = self.ok / self.n
        digits = 1 if 0.99 < part < 1 or 0 < part < 0.01 else 0  # nearly all must not read as all
        return f"{self.ok}/{self.n} · {part:.{digits}%} ({low:.0%}–{high:.0%}{over})"

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, 95 %, at the size of as many independent answers as there are requests: N sendings of one request
        tell little more than one."""
        return wilson(self.ok / self.n * self.requests, self.requests) if self.n else (0.0, 1.0)


@dataclass(frozen=True)
class Trigger:
    """Call or no call, against the recording."""

    agree: Share
    precision: Share
    """Of the calls made now, those where the recording calls too."""
    recall: Share
    """Of the recorded calls, those where a call is made now."""

    @property
    def f1(self) -> float | None:
        """Their harmonic mean; None where nobody calls."""
        both = self.precision.ok
        wrong = self.precision.n + self.recall.n - 2 * both
        return 2 * both / (2 * both + wrong) if both + wrong else None


def share(results: Iterable[ReplayResult], test: Callable[[ReplayResult], bool | None]) -> Share:
    """Of the results for which `test` can be told, those for which it holds."""
    told = [(result.key.request, ok) for result in results if (ok := test(result)) is not None]
    return Share(sum(ok for _, ok in told), len(told), len({request for request, _ in told}))


def same_decision(results: Iterable[ReplayResult]) -> Share:
    """The same calls with the same arguments, or none."""
    return share(results, lambda result: result.same_decision)


def same_tools(results: Iterable[ReplayResult]) -> Share:
    """The same tools, or none, whatever the arguments."""
    return share(results, lambda result: _both(result, lambda made: made.tools))


def same_trigger(results: Iterable[ReplayResult]) -> Share:
    """Call or no call, of the requests that offer tools."""
    return share(results, lambda result: _both(result, _calls) if result.offers_tools else None)


def trigger(results: Sequence[ReplayResult]) -> Trigger:
    """Call or no call against the recording, of the requests that offer tools."""
    both = [result for result in results if result.status == "compared" and result.offers_tools]
    return Trigger(
        same_trigger(both),
        share(both, lambda result: _old(result) if _new(result) else None),
        share(both, lambda result: _new(result) if _old(result) else None),
    )


def self_trigger(results: Sequence[ReplayResult]) -> Share:
    """Call or no call, between the sendings of one request: every pair of them."""
    return _pairs([result for result in results if result.offers_tools], _calls)


def self_decision(results: Sequence[ReplayResult]) -> Share:
    """The same calls with the same arguments, between the sendings of one request: every pair of them."""
    return _pairs(results, lambda made: made.shape)


def of_side(results: Iterable[ReplayResult], side: Side) -> list[ReplayResult]:
    """What was asked of one side."""
    return [result for result in results if result.key.side == side]


def _pairs(results: Iterable[ReplayResult], of: Callable[[Decision], object]) -> Share:
    answers: dict[tuple[str, int], list[object]] = {}
    for result in results:
        if result.new is not None and not result.new.error and result.status in ("compared", "not comparable"):
            answers.setdefault(result.key.request, []).append(of(result.new))
    pairs = [
        (request, one == other)
        for request, made in answers.items()
        for one, other in itertools.combinations(made, 2)
    ]  # fmt: skip
    return Share(sum(ok for _, ok in pairs), len(pairs), len({request for request, _ in pairs}))


def _both(result: ReplayResult, of: Callable[[Decision], object]) -> bool | None:
    if result.status != "compared" or result.old is None or result.new is None:
        return None
    return of(result.old) == of(result.new)


def _calls(made: Decision) -> bool:
    return bool(made.calls)


def _old(result: ReplayResult) -> bool:
    return result.old is not None and bool(result.old.calls)


def _new(result: ReplayResult) -> bool:
    return result.new is not None and bool(result.new.calls)
