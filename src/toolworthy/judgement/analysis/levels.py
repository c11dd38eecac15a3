"""Levels of agents, from the wire suite: works; works, fails when …; broken; untested; each with reasons.

A level needs evidence: the main path of an agent, its own recorded requests, must have been answered. Only a fault on
it breaks the agent. Everything else is a situation in which it fails, or is noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.situations import NEVER
from toolworthy.endpoint.target import nearest
from toolworthy.judgement.analysis._same_words import roots, same_words
from toolworthy.judgement.analysis.verdict import Headline, Word
from toolworthy.records.finding import rank
from toolworthy.records.probe import ProbeResult
from toolworthy.wire.ir import APIS, Api
from toolworthy.work.probes.effects import Reason, judged, meets, over, reasons_for, weight
from toolworthy.work.probes.tiers import LONG

ENOUGH = 0.75
"""The share of the required probes that must have run before an agent gets a level."""
_NAMED = 3
"""The most situations, and codes of each, in a headline."""


@dataclass(frozen=True)
class Level:
    """The level of one agent on this endpoint."""

    agent: AgentAdapter
    api: Api
    """The wire API that serves it."""
    word: Word
    reasons: tuple[Reason, ...]
    """The worst first, without cosmetic ones."""
    probes: tuple[ProbeResult, ...]
    """The planned probes on its API that the agent meets."""
    main_path: tuple[str, ...]
    """Ids of the planned probes of its main path."""
    asked: float
    """The share of its required probes that ran; 0 if none was planned."""

    @property
    def translated(self) -> bool:
        """Whether its requests are translated."""
        return self.api not in self.agent.apis[:1]

    @property
    def deciding(self) -> tuple[str, ...]:
        """Codes of the root causes that determine the level."""
        effect = "breaks" if self.word == "broken" else "fails"
        return tuple(dict.fromkeys(one.root or one.code for one in self.reasons if one.effect == effect))

    @property
    def headline(self) -> Headline:
        """The level in words: ``works, fails when the token limit cuts a response (TW103)``."""
        if self.word == "broken":
            return Headline(self.word, f" ({_few(self.deciding)})")
        if self.word == "untested":
            return Headline(self.word, f": {self._why_untested()}")
        share = "" if self.asked == 1 else f"; {self.asked:.0%} of what it needs was tested"
        return Headline(self.word, fails=self.fails, rest=share)

    @property
    def fails(self) -> tuple[str, ...]:
        """The situations in which it fails, each with codes, as one text; empty if there are none."""
        grouped: dict[str, list[str]] = {}
        known = {reason.code for reason in self.reasons if reason.effect == "fails"}
        for reason in self.reasons:
            if reason.effect == "fails" and (not reason.root or reason.root not in known):
                grouped.setdefault(reason.when, []).append(reason.root or reason.code)
        situations = [f"{when} ({_few(codes)})" for when, codes in grouped.items()]
        more = f", and in {len(situations) - _NAMED} more situations" if len(situations) > _NAMED + 1 else ""
        shown = situations[:_NAMED] if more else situations
        return (f"{', '.join(shown)}{more}",) if situations else ()

    def _why_untested(self) -> str:
        own = [one for one in self.probes if one.main_path]
        if self.probes and self.asked < ENOUGH:
            return f"{self.asked:.0%} of the required probes ran"
        if not own:
            return "no recorded request was sent"
        details = (one.detail for one in own if not one.judged)
        return next(filter(None, details), "no recorded request got a response")


def levels(results: Sequence[ProbeResult]) -> tuple[Level, ...]:
    """The level of every real agent that is common or has its own probes here; none if no probe was planned."""
    if not results:
        return ()
    refused = roots([*same_words(results)])
    return tuple(_level(agent, results, refused) for agent in judged(results))


def reasons(levels: Iterable[Level]) -> tuple[Reason, ...]:
    """Every reason once, as for the agent that it harms most; the worst first."""
    every = sorted(
        (reason for level in levels for reason in level.reasons),
        key=lambda one: (weight(one.effect), bool(one.root), rank(one.severity), one.code),
    )
    unique: dict[str, Reason] = {}
    for reason in every:
        unique.setdefault(reason.code, reason)
    return tuple(unique.values())


def served_apis(results: Sequence[ProbeResult]) -> tuple[Api, ...]:
    """The APIs of the endpoint, whatever probes were selected."""
    served = {api for result in results for api in result.served}
    return tuple(api for api in APIS if api in served)


def _level(agent: AgentAdapter, results: Sequence[ProbeResult], refused: Mapping[str, str]) -> Level:
    own = [one for one in results if one.main_path and one.needed_by(agent.id)]
    api = next((one.endpoint_api for one in own if one.endpoint_api), None)
    api = api or nearest(agent.apis[0], served_apis(results)) or agent.apis[0]
    met = tuple(one for one in results if meets(agent.id, one) and over(one, api))
    causes = tuple(replace(one, root=refused.get(one.code, one.root)) for one in reasons_for(agent.id, met))
    needed = [one for one in met if one.situation not in NEVER]
    # Long prompts are sent over one API only, and count for all.
    requested = [one for one in needed if one.judged or one.requests or (one.situation in LONG and not one.unasked)]
    share_asked = len(requested) / len(needed) if needed else 0.0
    planned = tuple(dict.fromkeys(one.key.probe for one in own))
    return Level(agent, api, _word(own, causes, share_asked), causes, met, planned, share_asked)


def _word(own: Sequence[ProbeResult], causes: Sequence[Reason], share_asked: float) -> Word:
    """The level: one fault on the main path means broken; works requires responses to all of it."""
    if any(reason.effect == "breaks" for reason in causes):
        return "broken"
    answered = [one for one in own if one.judged]
    if not answered or len(answered) < len(own) or share_asked < ENOUGH:
        return "untested"
    return "works, fails when" if any(reason.effect == "fails" for reason in causes) else "works"


def _few(codes: Sequence[str]) -> str:
    unique = list(dict.fromkeys(codes))
    more = f", {len(unique) - _NAMED} more" if len(unique) > _NAMED else ""
    return ", ".join(unique[:_NAMED]) + more
