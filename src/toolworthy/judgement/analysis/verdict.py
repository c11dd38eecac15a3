"""Verdicts of a run, per agent, and per agent and task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from toolworthy.judgement.analysis.success import success
from toolworthy.records.trial import TrialResult
from toolworthy.statistics.rates import Rate

Word = Literal["works", "works, fails when", "broken", "untested"]
WORDS: dict[Word, str] = {"works": "✓", "works, fails when": "~", "broken": "✗", "untested": "?"}
"""Each verdict with its mark."""
WORKING: tuple[Word, ...] = ("works", "works, fails when")
WIDE = 0.5
"""With a wider interval, there is too little data for a verdict. Six tasks or scenarios with equal results suffice;
seventeen if half of them succeed."""
_MOST = 3
"""The most kinds of failure that a verdict names."""
Cell = Literal["pass", "flaky", "fail", "error", "cannot work"]


@dataclass(frozen=True)
class Why:
    """One reason for a verdict."""

    text: str
    tasks: tuple[str, ...] = ()
    """The agent whose failed trials it explains, if any."""


@dataclass(frozen=True)
class Headline:
    """A verdict as text: alone, or in a sentence about one agent or several."""

    word: Word
    how: str = ""
    """The words after "works", "broken" or "untested"."""
    fails: tuple[str, ...] = ()
    """Where it fails: in a share of trials, or in certain situations."""
    rest: str = ""

    def __str__(self) -> str:
        return self._works("works", "", "fails") if self.word in WORKING else f"{self.word}{self.how}"

    def in_sentence(self, *, several: bool) -> str:
        """The words after the names of agents in a sentence."""
        if self.word not in WORKING:
            return f"{'are' if several else 'is'} {self}"
        return self._works("work", "but ", "fail") if several else self._works("works", "but ", "fails")

    def _works(self, works: str, but: str, fails: str) -> str:
        failing = f", {but}{fails} " + f", and {fails} ".join(self.fails) if self.fails else ""
        return f"{works}{self.how}{failing}{self.rest}"


@dataclass(frozen=True)
class AgentVerdict:
    """The verdict on one agent on this endpoint."""

    agent: str
    version: str
    word: Word
    passed: int
    judged: int
    """Trials that passed or failed; errors and trials that did not run say nothing about the endpoint."""
    own: int
    """Of these, those for which only the agent is at fault: they say nothing about the endpoint, either."""
    rate: Rate
    """The rate of solved trials, including those that ended at a run limit."""
    translated: bool
    reasons: tuple[Why, ...]

    @property
    def headline(self) -> Headline:
        """The verdict in words."""
        n, ended, missing = self.rate.n, self.rate.ended, self.rate.missing
        if self.word == "works, fails when":
            more = f", {ended} more ended at a run limit" if ended else ""
            return Headline(self.word, fails=(f"in {self.judged - self.passed - self.own} of {n} trials{more}",))
        how = ""
        if self.own and self.word in ("works", "untested"):
            others = f", {ended} more ended at a run limit" if ended else ""
            can = f" in {self.passed} of {n} trials" if self.word == "works" else ""
            how = f"{can}: {'the others' if can and not ended else self.own} failed by the agent tool{others}"
        elif self.word == "works" and ended:
            how = f" in {self.passed} of {n} trials, the others ended at a run limit"
        elif self.word == "works" and missing:
            how = f" in the {self.judged} of {self.judged + missing} trials that were measured"
        elif self.word == "untested" and ended:
            how = f": {'the only trial' if n == 1 else f'all {n} trials'} ended at a run limit"
        return Headline(self.word, how)

    @property
    def doubtful(self) -> bool:
        """Whether there is too little data to say how often it passes."""
        estimate = self.rate.estimate
        return estimate is not None and estimate.high - estimate.low > WIDE


def verdicts(results: Sequence[TrialResult]) -> tuple[AgentVerdict, ...]:
    """One verdict per agent, in the order of the results."""
    agents = dict.fromkeys(result.key.agent for result in results)
    return tuple(_verdict(agent, [result for result in results if result.key.agent == agent]) for agent in agents)


def _verdict(agent: str, results: list[TrialResult]) -> AgentVerdict:
    judged = [result for result in results if result.judged]
    passed = [result for result in judged if result.ok]
    own = sum(result.agents_own for result in judged)
    refused = [result for result in results if result.status == "refused" and result.cause]
    reasons = [*_causes(results)][:_MOST]
    if refused and refused[0].cause:
        reasons.insert(0, Why(refused[0].cause.detail))
    return AgentVerdict(
        agent=agent,
        version=next((result.agent_version for result in results if result.agent_version), ""),
        word=_word(len(passed), len(judged) - own, bool(refused)),
        passed=len(passed),
        judged=len(judged),
        own=own,
        rate=success(results),
        translated=any(result.score.translated for result in results),
        reasons=tuple(reasons),
    )


def _causes(results: Sequence[TrialResult]) -> Iterator[Why]:
    """Why trials failed, with their tasks; the most frequent first."""
    failed = [(result.cause.kind, result.key.task) for result in results if result.cause and result.status == "failed"]
    for kind, count in Counter(kind for kind, _ in failed).most_common():
        yield Why(f"{kind} ×{count}", tasks=tuple(dict.fromkeys(task for other, task in failed if other == kind)))


def _word(passed: int, judged: int, refused: bool) -> Word:
    if judged == 0:
        return "broken" if refused else "untested"
    if passed == judged:
        return "works"
    return "works, fails when" if passed else "broken"


def cell(results: Sequence[TrialResult]) -> tuple[Cell | None, str]:
    """The result of one agent at one task over all attempts, and the figure to show; None if nothing was run.

    An attempt that ended at a run limit was not solved; if all did, it is an error, not a failure.
    """
    if not results:
        return None, ""
    rate = success(results)
    figure = f"{rate.ok}/{rate.n}" if rate.n else ""
    if rate.n == rate.ended:
        return ("cannot work" if any(result.status == "refused" for result in results) else "error"), figure
    if rate.ok == rate.n:
        return "pass", figure
    return ("flaky" if rate.ok else "fail"), figure
