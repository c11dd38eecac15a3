"""One criterion judged, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from toolworthy.judgement.gate._compare import Compared
from toolworthy.judgement.gate.policy import Policy
from toolworthy.records.gate import Answer
from toolworthy.statistics.rates import reasons

_TOO_MANY = 200
"""Attempts an item beyond which nobody would go."""
_ENDLESS = 1e6


@dataclass
class Judged:
    """One criterion."""

    name: str
    answer: Answer
    said: str
    """Figures in words."""
    p_worse: float | None = None
    p_borne: float | None = None
    needed: str = ""
    """What would decide it."""
    more: list[str] = field(default_factory=list)
    """What could have been found, what was lost."""

    @property
    def next(self) -> list[str]:
        """Notes on the figures."""
        return [*([self.needed] if self.needed and self.answer == "inconclusive" else []), *self.more]


def counted(number: int, noun: str) -> str:
    """So many of something."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def needed(decides: Callable[[float], bool], attempts: float, stuck: str) -> str:
    """How many attempts would decide, if what was seen is the truth; `stuck` where no number would."""
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
    """What is said where so much is missing that nothing is judged."""
    return Judged(name, "inconclusive", _lacks(of, policy), needed=of.advice, more=[*of.count()])


def lack(judged: Judged, of: Compared, policy: Policy) -> None:
    """Let nothing pass where more is missing than the policy bears. What fails whatever is missing, fails."""
    if judged.answer == "pass":
        judged.answer = "inconclusive"
    judged.said += f"; {_lacks(of, policy)}"
    judged.needed = of.advice


def _lacks(of: Compared, policy: Policy) -> str:
    attempts = of.before.made + of.after.made
    why = reasons(of.before.uncounted + of.after.uncounted)
    text = f"{of.without} of {attempts} attempts of both runs have no value ({why})"
    if of.missing:
        text += f", {of.missing} of {of.asked} baseline results have no counterpart in the candidate: {of.why}"
    return f"{text}; {policy.unmeasured:.0%} may be missing"
