"""What the wire suite says of every agent: works, works with caveats, broken, untested; and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from toolworthy import adapters
from toolworthy.adapters import AgentAdapter
from toolworthy.analysis.severity import severity_for
from toolworthy.analysis.verdict import Word
from toolworthy.endpoint import nearest
from toolworthy.probes import ProbeResult
from toolworthy.rules.model import Severity, rank
from toolworthy.wire.ir import APIS, Api

CORE = "one-call"
"""Where this was not measured, nothing is known of an agent."""


@dataclass(frozen=True)
class Reason:
    """Something that an agent meets."""

    code: str
    """Of a rule, or the id of a probe."""
    title: str
    severity: Severity
    detail: str


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

    @property
    def translated(self) -> bool:
        """Whether the agent speaks another API than the endpoint is asked in."""
        return self.api not in self.agent.apis[:1]

    @property
    def deciding(self) -> tuple[str, ...]:
        """Codes of what makes it no better than it is."""
        wanted = "blocks" if self.word == "broken" else "degrades"
        return tuple(dict.fromkeys(reason.code for reason in self.reasons if reason.severity == wanted))


def levels(results: Sequence[ProbeResult]) -> tuple[Level, ...]:
    """One level for every real agent, from its probes and findings on the API that it would be served in."""
    served = {result.key.api for result in results if result.requests or result.unasked}
    out = []
    for agent in adapters.agents():
        if agent.install is None:
            continue
        api = nearest(agent.apis[0], served)
        if api is not None:
            out.append(_level(agent, api, [result for result in results if result.key.api == api]))
    return tuple(out)


def reasons(found: Iterable[Level]) -> tuple[Reason, ...]:
    """Every reason of every agent once, the worst first."""
    every = sorted(
        (reason for level in found for reason in level.reasons), key=lambda one: (rank(one.severity), one.code)
    )
    unique: dict[str, Reason] = {}
    for reason in every:  # what is worst for any agent
        unique.setdefault(reason.code, reason)
    return tuple(unique.values())


def served_apis(results: Sequence[ProbeResult]) -> tuple[Api, ...]:
    """The APIs that answered."""
    asked = {result.key.api for result in results if result.requests}
    return tuple(api for api in APIS if api in asked)


def _level(agent: AgentAdapter, api: Api, results: list[ProbeResult]) -> Level:
    mine = [result for result in results if result.key.stream is not False]  # agents stream
    met = tuple(_met(agent, results))
    found = [reason for reason in (*_findings(agent, mine), *_verdicts(agent, met)) if reason.severity != "cosmetic"]
    found.sort(key=lambda reason: (rank(reason.severity), reason.code))
    core = [result for result in mine if result.key.probe == CORE]
    dead = any(result.key.probe == "plain-answer" and result.verdict == "broken" for result in mine)
    measured = (any(result.verdict != "unmeasured" for result in core) or dead) and not any(
        result.unasked for result in filter(_needs_of(agent), results)
    )
    return Level(agent, api, _word(found, measured), tuple(found), met)


def _word(found: Sequence[Reason], measured: bool) -> Word:
    if any(reason.severity == "blocks" for reason in found):
        return "broken"
    if not measured:
        return "untested"
    return "works with caveats" if found else "works"


def _needs_of(agent: AgentAdapter) -> Callable[[ProbeResult], bool]:
    """Whether the agent meets what a probe asks: a failure of what it never sends is not its trouble."""
    return lambda result: "*" in result.agents or agent.id in result.agents


def _findings(agent: AgentAdapter, results: Iterable[ProbeResult]) -> Iterable[Reason]:
    seen: set[str] = set()
    for result in filter(_needs_of(agent), results):
        for finding in result.findings:
            if finding.code not in seen:
                seen.add(finding.code)
                severity = severity_for(agent.id, finding.code, finding.severity)
                yield Reason(finding.code, finding.title, severity, finding.detail)


def _met(agent: AgentAdapter, results: Sequence[ProbeResult]) -> Iterator[ProbeResult]:
    """What stands in an agent's way where it fails: agents stream, so of both ways the streamed one counts.

    What is asked whole only is asked so for cheapness; agents meet it streamed as well.
    """
    streamed = {result.key.probe for result in results if result.key.stream}
    for result in filter(_needs_of(agent), results):
        if result.key.stream is not False or result.key.probe not in streamed:
            yield result


def _verdicts(agent: AgentAdapter, met: Iterable[ProbeResult]) -> Iterable[Reason]:
    for result in met:
        if result.verdict not in ("supported", "unmeasured"):
            severity = severity_for(agent.id, result.key.probe, result.severity)
            yield Reason(result.key.probe, result.title, severity, f"{result.verdict}: {result.detail}")
