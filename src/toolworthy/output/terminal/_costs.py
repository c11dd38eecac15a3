"""The cost of a run, in total and per solved task or right case.

All attempts are included, even failed and uncounted ones: a cheap model that needs three attempts is not cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolworthy.content import adapters
from toolworthy.records.case import CaseResult
from toolworthy.records.score import Score
from toolworthy.records.trial import TrialResult
from toolworthy.work.run.estimate import dollars, short


@dataclass(frozen=True)
class Cost:
    """The cost of some trials or cases."""

    name: str
    what: str
    """``solved task`` or ``right case``."""
    input: int
    output: int
    usd: float | None
    """None if a price or a response's tokens are unknown."""
    good: int
    """Sums over those with reported tokens."""
    untold: int
    """Number of those whose tokens the endpoint did not report, or reported as zero."""

    @property
    def whole(self) -> str:
        """The total as text."""
        text = f"{short(self.input)} input and {short(self.output)} output tokens"
        if self.untold:
            text += f" ({self.untold:,} untold)"
        return text if self.usd is None else f"{text}, {dollars(self.usd)}"

    @property
    def each(self) -> str:
        """The cost per solved task or right case, as text."""
        if not self.good:
            return f"no {self.what}"
        text = f"{short((self.input + self.output) / self.good)} tokens"
        if self.usd is not None:
            text += f" and {dollars(self.usd / self.good)}"
        return f"{text} a {self.what} (n {self.good})"


def costs(results: Sequence[TrialResult], cases: Sequence[CaseResult]) -> list[Cost]:
    """One per agent's tasks and one for all cases; none if no response reported tokens."""
    agents = dict.fromkeys(result.key.agent for result in results)
    trials = [(agent, [result for result in results if result.key.agent == agent]) for agent in agents]
    rows = [_cost(f"tasks, {adapters.title(agent)}", "solved task", own) for agent, own in trials]
    return [row for row in (*rows, _cost("tool calls", "right case", cases)) if row is not None]


def _cost(name: str, what: str, results: Sequence[TrialResult] | Sequence[CaseResult]) -> Cost | None:
    priced = [one for one in results if _has_tokens(one.score)]
    if not priced:
        return None
    costs = [one.score.cost_usd for one in priced if one.score.cost_usd is not None]
    return Cost(
        name=name,
        what=what,
        input=sum(one.score.tokens.input or 0 for one in priced),
        output=sum(one.score.tokens.output or 0 for one in priced),
        usd=sum(costs) if len(costs) == len(priced) else None,
        good=sum(one.ok for one in priced),
        untold=sum(bool(one.score.requests) for one in results if not _has_tokens(one.score)),
    )


def _has_tokens(score: Score) -> bool:
    """Endpoints that do not count tokens report zero."""
    return bool(score.tokens.input or score.tokens.output)
