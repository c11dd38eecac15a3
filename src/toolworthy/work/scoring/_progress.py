"""The course of a trial, as far as it explains a failure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from toolworthy import rules
from toolworthy.content.adapters import AgentAdapter
from toolworthy.records.conversation import messages_of
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Finding
from toolworthy.sandbox.model import CommandOutcome
from toolworthy.work.scoring._edits import JudgedEdit, judge_edits
from toolworthy.work.scoring.calls import JudgedCall, judge_calls


@dataclass(frozen=True)
class Course:
    """The exchanges of one trial, and where in them the agent still made progress."""

    asked: Sequence[Exchange]
    """Every completion, in order; at least one."""
    outcome: CommandOutcome
    """How the agent's process ended."""
    agent: AgentAdapter
    max_turns: int

    @cached_property
    def task(self) -> tuple[Exchange, ...]:
        """The task's own conversation; side requests, without tools, are ignored."""
        return tuple(exchange for exchange in self.asked if exchange.can_act) or tuple(self.asked)

    @cached_property
    def last(self) -> Exchange:
        """The last exchange of the task's own conversation."""
        return self.task[-1]

    @cached_property
    def calls(self) -> tuple[JudgedCall, ...]:
        """The calls whose effect can be judged."""
        every = judge_calls(self.asked, self.agent)
        return tuple(call for call in every if not (self.out_of_turns and call.exchange == self.last.index))

    @cached_property
    def edits(self) -> tuple[JudgedEdit, ...]:
        """The edits that were written as text."""
        return judge_edits(self.asked, self.agent)

    @cached_property
    def used(self) -> frozenset[int]:
        """The responses whose calls the agent all executed without errors."""
        ran: dict[int, bool] = {}
        for call in judge_calls(self.asked, self.agent):
            ran[call.exchange] = ran.get(call.exchange, True) and bool(call.executed)
        return frozenset(index for index, well in ran.items() if well)

    @cached_property
    def settled(self) -> int:
        """Index of the last response that the agent used, by which it recovered from all earlier faults; -1 for
        none."""
        return max(self.used, default=-1)

    @cached_property
    def out_of_turns(self) -> bool:
        """Whether our limit of turns ended the trial: we stopped the agent, or it was told the limit, stopped itself
        there, and left the calls of its last answer without results."""
        if self.outcome.ended == "turns":
            return True
        used_up = sum(exchange.is_turn for exchange in self.task) >= self.max_turns
        return self.outcome.ended == "exit" and self.agent.knows_turn_limit and used_up and bool(self.last.calls)

    @cached_property
    def open(self) -> tuple[Exchange, ...]:
        """The responses from the last one on that the agent used: their calls without results may have mattered."""
        unseen = self.last.index if self.out_of_turns else None  # the agent's reaction is unknown
        left_out = self.thrown_away | {unseen}
        return tuple(
            exchange for exchange in self.task if exchange.index >= self.settled and exchange.index not in left_out
        )

    @cached_property
    def thrown_away(self) -> frozenset[int]:
        """Superseded responses: errors before the end, and responses to a request that the agent repeated, if the last
        of these is sound."""
        blocked = {exchange.evidence.exchange for exchange in self.findings if exchange.severity == "blocks"}
        replaced: set[int] = set()
        sound = self.last.index not in blocked
        for exchange, after in reversed(list(itertools.pairwise(self.task))):
            again = messages_of(exchange) == messages_of(after)
            if (again and sound) or exchange.response is None or exchange.response.failure is not None:
                replaced.add(exchange.index)
            if not again:
                sound = exchange.index not in blocked
        return frozenset(replaced)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """The findings in the task's own conversation."""
        return rules.check(self.task)

    @cached_property
    def open_findings(self) -> tuple[Finding, ...]:
        """The findings that may have stopped the agent: in responses after the last one that it used, and of a code
        that no used response has."""
        borne = {finding.code for finding in self.findings if finding.evidence.exchange in self.used}
        after = {finding.index for finding in self.open} - {self.settled}
        return tuple(
            finding for finding in self.findings if finding.evidence.exchange in after and finding.code not in borne
        )

    def root(self, finding: Finding) -> Finding:
        """The fault of the same response that caused this one; the finding itself if none did."""
        own = (sibling for sibling in self.findings if sibling.evidence.exchange == finding.evidence.exchange)
        return next((self.root(sibling) for sibling in own if sibling.code == finding.follows), finding)
