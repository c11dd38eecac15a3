"""The result of one criterion, as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from toolworthy.judgement.gate._compare import Compared
from toolworthy.judgement.gate.policy import Policy
from toolworthy.records.gate import Answer
from toolworthy.statistics.rates import reasons

_TOO_MANY = 200
"""More attempts per item are not suggested."""
_ENDLESS = 1e6


@dataclass
class Judged:
    """One criterion."""

    name: str
    answer: Answer
    figures: str
    """Figures in words."""
    p_worse: float | None = None
    p_borne: float | None = None
    needed: str = ""
    """Advice on how to get a decision."""
    more: list[str] = field(default_factory=list)
    """Further notes."""

    @property
    def next(self) -> list[str]:
        """Notes on the figures."""
        return [*([self.needed] if self.needed and self.answer == "inconclusive" else []), *self.more]


def needed(decides: Callable[[float], bool], attempts: float, stuck: str) -> str:
    """How many attempts would decide, if the measured values are the true ones; `stuck` if no number would."""
    if not decides(_ENDLESS):
        return stuck
    if not decides(_TOO_MANY / attempts):
        return f"more than {_TOO_MANY} attempts per item would be needed; add items"
    few, many = int(attempts) + 1, _TOO_MANY
    while few < many:
        middle = (few + many) // 2
        few, many = (few, middle) if decides(middle / attempts) else (middle + 1, many)
    advice = f"about {many} attempts per item on both sides would decide, if the measured values are the true ones"
    return f"{advice} (now {attempts:.3g}): --trials {many}"


def too_few(name: str, of: Compared, policy: Policy) -> Judged:
    """The text if too much is missing for a judgement."""
    return Judged(name, "inconclusive", _lacks(of, policy), needed=of.advice, more=[*of.count()])


def lack(judged: Judged, of: Compared, policy: Policy) -> None:
    """Turn a pass into inconclusive if more is missing than the policy allows. A fail whatever the missing values are
    stays a fail."""
    if judged.answer == "pass":
        judged.answer = "inconclusive"
    judged.figures += f"; {_lacks(of, policy)}"
    judged.needed = of.advice


def _lacks(of: Compared, policy: Policy) -> str:
    attempts = of.before.made + of.after.made
    why = reasons(of.before.uncounted + of.after.uncounted)
    text = f"{of.without} of {attempts} attempts of both runs have no value ({why})"
    if of.missing:
        text += f", {of.missing} of {of.asked} baseline results have no counterpart in the candidate: {of.why}"
    return f"{text}; {policy.unmeasured:.0%} may be missing"
