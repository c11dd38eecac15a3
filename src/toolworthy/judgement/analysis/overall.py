"""One verdict for an agent out of all suites: what it did in tasks outweighs what the wire foretells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolworthy.content import adapters, breakage
from toolworthy.judgement.analysis.levels import Level, levels
from toolworthy.judgement.analysis.verdict import WORDS, AgentVerdict, Headline, Why, Word, verdicts
from toolworthy.records.probe import ProbeResult
from toolworthy.records.trial import TrialResult
from toolworthy.work.probes.effects import Reason


@dataclass(frozen=True)
class Overall:
    """One agent on this endpoint."""

    agent: str
    title: str
    version: str
    word: Word
    headline: Headline
    """The verdict in words, with the situations in which it fails and the codes that say so."""
    reasons: tuple[Why, ...]
    """All of them, the weightiest first."""
    tasks: AgentVerdict | None
    wire: Level | None

    @property
    def measured_by(self) -> str:
        """How the verdict was come by, in a few words."""
        tasks = ""
        if self.tasks and self.tasks.judged:
            tasks = f"its tasks: {self.tasks.rate}" + (", too few to be sure" if self.tasks.doubtful else "")
        wire = ""
        if self.wire and self.wire.word != "untested":
            answered = sum(one.judged for one in self.wire.probes)
            own = f", its own requests among them ({', '.join(self.wire.main_path)})" if self.wire.main_path else ""
            wire = f"{answered} of {len(self.wire.probes)} probes of {self.wire.api}{own}"
        return "; ".join(filter(None, (tasks, wire))) or "nothing that tells"


def overall(results: Sequence[TrialResult], probes: Sequence[ProbeResult]) -> tuple[Overall, ...]:
    """One for every agent that ran tasks or that the wire suite speaks of; those that ran tasks come first.

    Tasks that were judged decide: an agent that solved one is not *broken*, whatever the probes say. One that solved
    all still *fails when* probes show a situation that its tasks did not meet. Without tasks the wire's level holds.
    """
    ran = {verdict.agent: verdict for verdict in verdicts(results)}
    wired = {level.agent.id: level for level in levels(probes)}
    return tuple(_of(agent, ran.get(agent), wired.get(agent)) for agent in dict.fromkeys([*ran, *wired]))


def sentence(agents: Sequence[Overall]) -> str:
    """Which agents work, which do not: the whole run, for those who read one line."""
    grouped: dict[Headline, list[str]] = {}
    for agent in sorted(agents, key=lambda one: list(WORDS).index(one.word)):
        grouped.setdefault(agent.headline, []).append(agent.title)
    return " ".join(
        f"{', '.join(names[:-1]) + ' and ' * (len(names) > 1) + names[-1]} {headline.said(several=len(names) > 1)}."
        for headline, names in grouped.items()
    )


def _of(agent: str, tasks: AgentVerdict | None, wire: Level | None) -> Overall:
    known: dict[str, Why] = {}
    for why in _reasons(tasks, wire):
        known.setdefault(why.code or why.text, why)
    headline = _headline(tasks, wire)
    return Overall(
        agent=agent,
        title=adapters.title(agent),
        version=tasks.version if tasks else "",
        word=headline.word,
        headline=headline,
        reasons=tuple(known.values()),
        tasks=tasks,
        wire=wire,
    )


def _headline(tasks: AgentVerdict | None, wire: Level | None) -> Headline:
    if tasks is None or tasks.word == "untested":
        return wire.headline if wire else Headline("untested")
    told = tasks.headline
    if tasks.word == "broken" or wire is None or wire.word in ("works", "untested"):
        return told
    if wire.word == "broken":
        rest = f", although the wire suite finds it {wire.headline}"
        return replace(told, word="works, fails when", rest=rest)
    return replace(told, word="works, fails when", fails=(*told.fails, *wire.fails))


def _reasons(tasks: AgentVerdict | None, wire: Level | None) -> list[Why]:
    """What stops the agent first, then why its tasks failed, then what it only minds."""
    found = [one for one in wire.reasons if not one.root] if wire else []
    met = [(one.effect, Why(_named(one, wire.agent.id), one.code)) for one in found] if wire else []
    told = tasks.reasons if tasks else ()
    return [
        *(why for effect, why in met if effect == "breaks"),
        *(why for why in told if not why.code),
        *(why for effect, why in met if effect == "fails"),
        *(why for effect, why in met if effect == "noted"),
        *(why for why in told if why.code),
    ]


def _named(reason: Reason, agent: str) -> str:
    named = f"fails: {reason.title}" if reason.of_probe else f"{reason.code} {reason.title}"
    when = f", {reason.when}" if reason.effect == "fails" else ""
    did = breakage.did(agent, reason.code)
    return named + when + (f" ({did} in a small task)" if did else "")
