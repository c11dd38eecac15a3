"""Interim analyses of a running comparison: their number and levels, so that early stopping keeps the error rate.

Five analyses at 5 % each would be wrong far more often than once in twenty. Instead, each spends a part of the total
error: K. K. G. Lan and D. L. DeMets, "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), with
their spending function like O'Brien and Fleming's: next to nothing early, nearly all at the end.

Their boundaries follow from the joint distribution of the looks, which nobody knows for a test that takes clusters into
account, or for several criteria at once. Here look k is judged at what it alone spends, f(t_k) - f(t_(k-1)), t being
the share of attempts. By the union bound the chance that any look errs is at most the sum, which is the whole error,
whatever depends on what. It is strict: by their boundaries the last look would be judged at nearly the whole error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from toolworthy.judgement.gate.decide import GateDecision


@dataclass(frozen=True)
class Look:
    """One analysis."""

    attempts: int
    """After how many attempts at every item."""
    alpha: float
    """The error rate of a claim in this analysis."""


def spent(alpha: float, share: float) -> float:
    """How much of the error `alpha` may have been spent when this share of the attempts is there: f(t)."""
    from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]

    if share <= 0:
        return 0.0
    return float(2 * ndtr(ndtri(alpha / 2) / sqrt(min(1.0, share))))


def plan(alpha: float, most: int) -> tuple[Look, ...]:
    """One analysis after each of `most` attempts; their error rates sum up to `alpha`."""
    shares = [spent(alpha, number / most) for number in range(most + 1)]
    return tuple(Look(number, shares[number] - shares[number - 1]) for number in range(1, most + 1))


def to_go_on_with(decision: GateDecision, suites: Iterable[str]) -> frozenset[str]:
    """Which of `suites` more attempts are worth while on: those with a criterion that is still open; none once decided.

    Whole suites, never single items. Whoever repeats the items that have just failed, or leaves out those that went
    well, draws the next attempts by what came out of the last: the rates of both runs would then be rates of a chosen
    few, and no longer comparable. A suite's criteria are judged on all its items, equally often tried, at every look.
    """
    if decision.answer != "inconclusive":
        return frozenset()
    undecided = {one.name.partition(".")[0] for one in decision.judged if one.answer == "inconclusive"}
    return frozenset(suites) & undecided
