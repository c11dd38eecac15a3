"""The rates of agreement between responses. Requests of one recorded trial, and repeated attempts at one request, are
not independent draws."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolworthy.records.replay import Decision, ReplayResult, Side, Status
from toolworthy.statistics.intervals import Estimate, f1
from toolworthy.statistics.rates import Rate, rate_of


@dataclass(frozen=True)
class TriggerAgreement:
    """Call or no call, against the recording."""

    agree: Rate
    precision: Rate
    """Of the calls made now, those where the recording calls too."""
    recall: Rate
    """Of the recorded calls, those where a call is made now."""
    f1: Estimate | None
    """Their harmonic mean; None where nobody calls."""


def share(results: Iterable[ReplayResult], test: Callable[[ReplayResult], bool | None]) -> Rate:
    """The share of results for which `test` is true, among those for which it is not None."""
    tested = [(result, test(result)) for result in results]
    return rate_of(
        ((result.key.trial, ok) for result, ok in tested if ok is not None),
        uncounted=(_REASONS[result.status] for result, ok in tested if ok is None and result.status in _REASONS),
    )


_REASONS: dict[Status, str] = {"failed": "failed", "unmeasured": "not measured"}
"""Reasons why an attempt does not count. If the recording has no response, nothing counts."""


def same_decision(results: Iterable[ReplayResult]) -> Rate:
    """The same calls with the same arguments, or none."""
    return share(results, lambda result: result.same_decision)


def same_tools(results: Iterable[ReplayResult]) -> Rate:
    """The same tools, or none, whatever the arguments."""
    return share(results, lambda result: _both(result, lambda made: made.tools))


def same_trigger(results: Iterable[ReplayResult]) -> Rate:
    """Call or no call, of the requests that offer tools."""
    return share((result for result in results if result.offers_tools), lambda result: _both(result, _calls))


def trigger(results: Sequence[ReplayResult]) -> TriggerAgreement:
    """Call or no call against the recording, of the requests that offer tools."""
    offering = [result for result in results if result.offers_tools]
    both = [result for result in offering if result.status == "compared"]
    return TriggerAgreement(
        same_trigger(offering),
        share(both, lambda result: _old(result) if _new(result) else None),
        share(both, lambda result: _new(result) if _old(result) else None),
        f1((result.key.trial, _old(result) and _new(result), _old(result) != _new(result)) for result in both),
    )


def self_trigger(results: Sequence[ReplayResult]) -> Rate:
    """Call or no call, between the sendings of one request: every pair of them."""
    return _pairs([result for result in results if result.offers_tools], _calls)


def self_decision(results: Sequence[ReplayResult]) -> Rate:
    """The same calls with the same arguments, between the sendings of one request: every pair of them."""
    return _pairs(results, lambda made: made.shape)


def of_side(results: Iterable[ReplayResult], side: Side) -> list[ReplayResult]:
    """The results of one side."""
    return [result for result in results if result.key.side == side]


def _pairs(results: Iterable[ReplayResult], of: Callable[[Decision], object]) -> Rate:
    answers: dict[tuple[str, int], list[object]] = {}
    for result in results:
        if result.new is not None and not result.new.error and result.status in ("compared", "not comparable"):
            answers.setdefault(result.key.request, []).append(of(result.new))
    return rate_of(
        (trial, first == second)
        for (trial, _), answered in answers.items()
        for first, second in itertools.combinations(answered, 2)
    )  # fmt: skip


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
