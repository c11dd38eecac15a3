"""What the wire suite says of every agent: works; works, fails when …; broken; untested; and why.

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
"""Share of what an agent needs that must have been asked before anything is said of it."""
_NAMED = 3
"""Situations, and codes of each, that a headline names."""


@dataclass(frozen=True)
class Level:
    """One agent on this endpoint, as far as the wire goes."""

    agent: AgentAdapter
    api: Api
    """What it would be served in."""
    word: Word
    reasons: tuple[Reason, ...]
    """The worst first; none that is merely cosmetic."""
    probes: tuple[ProbeResult, ...]
    """What the agent meets of all that was planned on its API."""
    main_path: tuple[str, ...]
    """Ids of the probes of its main path that were planned."""
    asked: float
    """Share of what it needs that the endpoint was asked; 0 if nothing of it was planned."""

    @property
    def translated(self) -> bool:
        """Whether the agent speaks another API than the endpoint is asked in."""
        return self.api not in self.agent.apis[:1]

    @property
    def deciding(self) -> tuple[str, ...]:
        """Codes of what makes it no better than it is; of a rule and what follows from it, the rule."""
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
        """In which situations it fails, each with the codes that say so, in one text; empty if there are none."""
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
    """One level for every real agent that is common or has probes of its own here; none where no probe was planned."""
    if not results:
        return ()
    refused = roots([*same_words(results)])
    return tuple(_level(agent, results, refused) for agent in judged(results))


def reasons(levels: Iterable[Level]) -> tuple[Reason, ...]:
    """Every reason of every agent once, as it is for the agent that it harms most; the worst first."""
    every = sorted(
        (reason for level in levels for reason in level.reasons),
        key=lambda one: (weight(one.effect), bool(one.root), rank(one.severity), one.code),
    )
    unique: dict[str, Reason] = {}
    for reason in every:
        unique.setdefault(reason.code, reason)
    return tuple(unique.values())


def served_apis(results: Sequence[ProbeResult]) -> tuple[Api, ...]:
    """The APIs of the endpoint, whichever probes were selected."""
    served = {api for result in results for api in result.served}
    return tuple(api for api in APIS if api in served)


def _level(agent: AgentAdapter, results: Sequence[ProbeResult], refused: Mapping[str, str]) -> Level:
    own = [one for one in results if one.main_path and one.needed_by(agent.id)]
    api = next((one.endpoint_api for one in own if one.endpoint_api), None)
    api = api or nearest(agent.apis[0], served_apis(results)) or agent.apis[0]
    met = tuple(one for one in results if meets(agent.id, one) and over(one, api))
    causes = tuple(replace(one, root=refused.get(one.code, one.root)) for one in reasons_for(agent.id, met))
    needed = [one for one in met if one.situation not in NEVER]
    # Long prompts are asked over one API and stand for all.
    requested = [one for one in needed if one.judged or one.requests or (one.situation in LONG and not one.unasked)]
    share_asked = len(requested) / len(needed) if needed else 0.0
    planned = tuple(dict.fromkeys(one.key.probe for one in own))
    return Level(agent, api, _word(own, causes, share_asked), causes, met, planned, share_asked)


def _word(own: Sequence[ProbeResult], causes: Sequence[Reason], share_asked: float) -> Word:
    """Broken needs one fault on the main path; to work, all of it must have been answered."""
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
