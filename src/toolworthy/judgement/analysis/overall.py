"""One verdict for each agent from all suites: results of tasks outweigh predictions of the wire suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolworthy.content import adapters
from toolworthy.judgement.analysis.levels import Level, levels
from toolworthy.judgement.analysis.root_cause import RootCause, listed
from toolworthy.judgement.analysis.verdict import WORDS, WORKING, AgentVerdict, Headline, Word, verdicts
from toolworthy.records.probe import ProbeResult
from toolworthy.records.trial import TrialResult


@dataclass(frozen=True)
class Overall:
    """The verdict on one agent on this endpoint."""

    agent: str
    title: str
    version: str
    word: Word
    headline: Headline
    """The verdict as text, with the situations in which the agent fails, and codes."""
    tasks: AgentVerdict | None
    wire: Level | None

    @property
    def measured_by(self) -> str:
        """What the verdict is based on, in a few words."""
        tasks = ""
        if self.tasks and self.tasks.judged:
            tasks = f"its tasks: {self.tasks.rate}" + (", too few to be sure" if self.tasks.doubtful else "")
        wire = ""
        if self.wire and self.wire.word != "untested":
            answered = sum(one.judged for one in self.wire.probes)
            own = f", its own requests among them ({', '.join(self.wire.main_path)})" if self.wire.main_path else ""
            wire = f"{answered} of {len(self.wire.probes)} probes of {self.wire.api}{own}"
        return "; ".join(filter(None, (tasks, wire))) or "no evidence"


def overall(results: Sequence[TrialResult], probes: Sequence[ProbeResult]) -> tuple[Overall, ...]:
    """The verdict on every agent with tasks or a level; agents with tasks come first.

    Judged tasks decide: an agent that solved one is not *broken*, whatever the probes show. One that solved all still
    *fails when* probes show a situation that its tasks did not meet. Without tasks, the level decides.
    """
    ran = {verdict.agent: verdict for verdict in verdicts(results)}
    wired = {level.agent.id: level for level in levels(probes)}
    return tuple(_of(agent, ran.get(agent), wired.get(agent)) for agent in dict.fromkeys([*ran, *wired]))


def alike(agents: Sequence[Overall]) -> list[list[Overall]]:
    """Agents one by one, except that agents that are untested for the same reason form a group."""
    grouped: dict[str, list[Overall]] = {}
    for agent in agents:
        untested = agent.word == "untested" and agent.tasks is None
        through = agent.wire.api if agent.wire and agent.wire.translated else ""
        grouped.setdefault(f"{agent.headline} {through}" if untested else agent.agent, []).append(agent)
    return [*grouped.values()]


def sentence(agents: Sequence[Overall]) -> str:
    """The verdicts of a run in one line."""
    grouped: dict[Headline, list[str]] = {}
    for agent in sorted(agents, key=lambda one: list(WORDS).index(one.word)):
        grouped.setdefault(agent.headline, []).append(agent.title)
    return " ".join(
        f"{listed(names)} {headline.in_sentence(several=len(names) > 1)}." for headline, names in grouped.items()
    )


def headline(agents: Sequence[Overall], causes: Sequence[RootCause]) -> str:
    """The whole run in a line: how many agents work, and how many root causes break the others."""
    work = [agent for agent in agents if agent.word in WORKING]
    limited = sum(agent.word == "works, fails when" for agent in work)
    untested = sum(agent.word == "untested" for agent in agents)
    if untested == len(agents):
        return "No agent could be judged." if agents else ""
    if len(agents) == 1:
        text = f"{agents[0].title} {'works' if work else 'is broken'}" + ", but fails in some situations" * limited
    else:
        text = (
            f"All {len(agents)} agents work"
            if len(work) == len(agents)
            else f"{len(work)} of {len(agents)} agents work"
        )
        some = f", {limited} of them {'fail' if limited > 1 else 'fails'} in some situations" * bool(limited)
        text += ", but fail in some situations" if limited == len(work) > 1 else some
        text += f"; {untested} could not be judged" * bool(untested)
    breaking = [cause for cause in causes if cause.breaks]
    broken = list(dict.fromkeys(adapters.title(agent) for cause in breaking for agent in cause.breaks))
    if breaking:
        many = f"{len(breaking)} root causes break" if len(breaking) > 1 else "One root cause breaks"
        text += f". {many} {listed(broken) if len(broken) < len(agents) else 'every agent'}"
    return f"{text}."


def _of(agent: str, tasks: AgentVerdict | None, wire: Level | None) -> Overall:
    headline = _headline(tasks, wire)
    version = tasks.version if tasks else ""
    return Overall(agent, adapters.title(agent), version, headline.word, headline, tasks, wire)


def _headline(tasks: AgentVerdict | None, wire: Level | None) -> Headline:
    if tasks is None or tasks.word == "untested":
        return wire.headline if wire else Headline("untested")
    headline = tasks.headline
    if tasks.word == "broken" or wire is None or wire.word in ("works", "untested"):
        return headline
    if wire.word == "broken":
        contradiction = f", although the wire suite finds it {wire.headline}"
        return replace(headline, word="works, fails when", rest=contradiction)
    return replace(headline, word="works, fails when", fails=(*headline.fails, *wire.fails))
