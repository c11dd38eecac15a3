"""One verdict for an agent out of all suites: what it did in tasks outweighs what the wire foretells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolworthy import adapters
from toolworthy.analysis.levels import Level, Reason, levels
from toolworthy.analysis.verdict import AgentVerdict, Word, verdicts
from toolworthy.probes import ProbeResult
from toolworthy.runs.result import TrialResult

_MOST = 3
"""Reasons at the top of a page; all stand further down."""


@dataclass(frozen=True)
class Why:
    """One reason."""

    text: str
    code: str = ""
    """Of the rule or probe behind it, or ""."""


@dataclass(frozen=True)
class Overall:
    """One agent on this endpoint."""

    agent: str
    title: str
    version: str
    word: Word
    reasons: tuple[Why, ...]
    more: int
    """Reasons that are left out here."""
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


def _of(agent: str, tasks: AgentVerdict | None, wire: Level | None) -> Overall:
    known: dict[str, Why] = {}
    for why in _reasons(tasks, wire):
        known.setdefault(why.code or why.text, why)
    unique = tuple(known.values())
    return Overall(
        agent=agent,
        title=_title(agent),
        version=tasks.version if tasks else "",
        word=_word(tasks, wire),
        reasons=unique[:_MOST],
        more=max(0, len(unique) - _MOST),
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
    met = wire.reasons if wire else ()
    told = [Why(reason, _code(reason)) for reason in (tasks.reasons if tasks else ())]
    return [
        *(Why(_named(reason), reason.code) for reason in met if reason.severity == "blocks"),
        *(why for why in told if not why.code),
        *(Why(_named(reason), reason.code) for reason in met if reason.severity != "blocks"),
        *(why for why in told if why.code),
    ]


def _code(reason: str) -> str:
    first = reason.split(" ", 1)[0]
    return first if first.startswith("TW") and first[2:].isdigit() else ""


def _named(reason: Reason) -> str:
    return f"{reason.code} {reason.title}" if _code(reason.code) else reason.title


def _title(agent: str) -> str:
    # An adapter of the user's own is not known to a page that is made later.
    return next((one.title for one in adapters.agents() if one.id == agent), agent)
