"""One verdict for an agent out of all suites: what it did in tasks outweighs what the wire foretells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolworthy import adapters, breakage
from toolworthy.analysis.levels import Level, Reason, levels
from toolworthy.analysis.verdict import AgentVerdict, Why, Word, verdicts
from toolworthy.probes import ProbeResult
from toolworthy.runs.result import TrialResult

_VERBS: dict[Word, tuple[str, str]] = {
    "works": ("works", "work"),
    "works with caveats": ("works with caveats", "work with caveats"),
    "broken": ("is broken", "are broken"),
    "untested": ("is untested", "are untested"),
}
"""Of one agent, and of several."""


@dataclass(frozen=True)
class Overall:
    """One agent on this endpoint."""

    agent: str
    title: str
    version: str
    word: Word
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
        wire = f"probes of {self.wire.api}" if self.wire and self.wire.word != "untested" else ""
        return "; ".join(filter(None, (tasks, wire))) or "nothing that tells"


def overall(results: Sequence[TrialResult], probes: Sequence[ProbeResult]) -> tuple[Overall, ...]:
    """One for every agent that ran tasks or that the wire suite speaks of; those that ran tasks come first.

    Tasks that were judged decide: an agent that solved one is not *broken*, whatever the probes say, and one that
    solved all *works with caveats* if the probes say that something stands in its way. Without them the wire's level
    holds.
    """
    ran = {verdict.agent: verdict for verdict in verdicts(results)}
    wired = {level.agent.id: level for level in levels(probes)}
    return tuple(_of(agent, ran.get(agent), wired.get(agent)) for agent in dict.fromkeys([*ran, *wired]))


def sentence(agents: Sequence[Overall]) -> str:
    """Which agents work, which do not: the whole run, for those who read one line."""
    told = []
    for word, (one, several) in _VERBS.items():
        names = [agent.title for agent in agents if agent.word == word]
        if names:
            listed = ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]
            told.append(f"{listed} {several if len(names) > 1 else one}.")
    return " ".join(told)


def _of(agent: str, tasks: AgentVerdict | None, wire: Level | None) -> Overall:
    known: dict[str, Why] = {}
    for why in _reasons(tasks, wire):
        known.setdefault(why.code or why.text, why)
    return Overall(
        agent=agent,
        title=adapters.title(agent),
        version=tasks.version if tasks else "",
        word=_word(tasks, wire),
        reasons=tuple(known.values()),
        tasks=tasks,
        wire=wire,
    )


def _word(tasks: AgentVerdict | None, wire: Level | None) -> Word:
    foretold: Word = wire.word if wire else "untested"
    if tasks is None or tasks.word == "untested":
        return foretold
    if tasks.word == "works" and foretold in ("broken", "works with caveats"):
        return "works with caveats"
    return tasks.word


def _reasons(tasks: AgentVerdict | None, wire: Level | None) -> list[Why]:
    """What stops the agent first, then why its tasks failed, then what it only minds."""
    met = [(one.severity, Why(_named(one, wire.agent.id), one.code)) for one in wire.reasons] if wire else []
    told = tasks.reasons if tasks else ()
    return [
        *(why for severity, why in met if severity == "blocks"),
        *(why for why in told if not why.code),
        *(why for severity, why in met if severity != "blocks"),
        *(why for why in told if why.code),
    ]


def _named(reason: Reason, agent: str) -> str:
    named = f"{reason.code} {reason.title}" if reason.code.startswith("TW") else f"fails: {reason.title}"
    did = breakage.did(agent, reason.code)
    return f"{named} ({did} in a small task)" if did else named
