"""The effect of each result of the wire suite on one agent: breaks, fails in a situation, or only noted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from toolworthy.content import adapters, situations
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.situations import PHRASES, Situation
from toolworthy.endpoint.target import nearest
from toolworthy.records.finding import Severity, rank
from toolworthy.records.probe import ProbeResult
from toolworthy.rules import codes, removed_by_translation
from toolworthy.wire.ir import Api
from toolworthy.work.probes.severity import severity_for

Effect = Literal["breaks", "fails", "untested", "noted"]
"""``breaks``: the agent's own requests, as in every plain task, fail. ``fails``: it fails in a situation, or for some
responses only. ``untested``: the agent's own requests could not be sent. ``noted``: the agent tolerates it."""


def weight(effect: Effect) -> int:
    """Severity as a number; 0 is the worst."""
    return get_args(Effect).index(effect)


@dataclass(frozen=True)
class Reason:
    """A fault that affects an agent."""

    code: str
    """The code of a rule, or the id of a probe."""
    of_probe: bool
    title: str
    severity: Severity
    """The severity for this agent."""
    situation: Situation
    effect: Effect
    detail: str
    root: str = ""
    """Code of the rule whose fault it follows from; "" if it is a root cause itself."""
    count: int = 1
    """Probes that show it."""
    of: int = 1
    """Probes of the same kind that were answered."""

    @property
    def when(self) -> str:
        """The text after "fails": the situation, or how often."""
        if phrase := PHRASES[self.situation]:
            return f"when {phrase}"
        return f"in {self.count} of {self.of} probes"


def reasons_for(agent: str, results: Sequence[ProbeResult]) -> tuple[Reason, ...]:
    """The faults that an agent meets in these results, each code once, the worst first, without cosmetic ones.

    Args:
        agent: its id.
        results: the results that it meets (:func:`meets`), over the API that serves it.
    """
    answered = [result for result in results if result.judged]
    grouped: dict[str, list[Reason]] = {}
    for result in results:
        for reason in of_result(agent, result):
            grouped.setdefault(reason.code, []).append(reason)
    merged = (_merged(reasons, len(answered)) for reasons in grouped.values())
    return tuple(sorted(merged, key=_place))


def judged(results: Iterable[ProbeResult]) -> tuple[AgentAdapter, ...]:
    """The real agents that these results are about: the common ones, and those whose own requests were planned."""
    own = {agent for result in results if result.main_path for agent in result.agents}
    return tuple(agent for agent in adapters.agents() if agent.install and (agent.common or agent.id in own))


def affected(result: ProbeResult, code: str = "", agents: Iterable[AgentAdapter] | None = None) -> tuple[str, ...]:
    """Ids of the agents that this one result harms, by its verdict or its findings; an agent is harmed only over the
    API that serves it.

    Args:
        result: of a probe.
        code: count only this rule or probe; "": all.
        agents: only these; None: those that the result is about (:func:`judged`).
    """

    def harms(reason: Reason) -> bool:
        return reason.effect != "noted" and code in ("", reason.code)

    return tuple(
        agent.id
        for agent in (judged([result]) if agents is None else agents)
        if over(result, nearest(agent.apis[0], result.served)) and any(map(harms, of_result(agent.id, result)))
    )


def over(result: ProbeResult, api: Api | None) -> bool:
    """Whether an agent served by `api` meets a result; its own requests also count if translated."""
    return result.main_path or (result.endpoint_api or result.key.api) == api


def meets(agent: str, result: ProbeResult) -> bool:
    """Whether an agent meets the probed behaviour in this mode: agents stream, unless their own requests do not."""
    return result.needed_by(agent) and (result.main_path or result.key.stream is not False)


def of_result(agent: str, result: ProbeResult) -> Iterator[Reason]:
    """The effects of one result on one agent: of its findings, then of its verdict."""
    if not meets(agent, result):
        return
    ending: dict[Effect, str] = {}
    translated = _translated(agent, result)
    for finding in result.findings:
        if translated and removed_by_translation(finding.code):
            continue
        situation = situations.met_in(result.situation, finding.situation)
        severity = severity_for(agent, finding.code, finding.severity, situation)
        at_end = finding.evidence.exchange >= result.requests - 1  # in the response that ended the probe
        if situation in situations.NEVER or severity == "cosmetic":
            if at_end and finding.severity != "cosmetic" and not finding.follows:
                ending.setdefault("noted", finding.code)  # its consequences may still harm
            continue
        if finding.follows:
            yield Reason(
                finding.code, False, finding.title, severity, situation, "noted", finding.detail, finding.follows
            )
            continue
        # A leaked call that came properly when requested again: the fault occurs at times, as a rate.
        at_times = result.ok and finding.code in codes("leaks into text")
        effect = _effect(severity, situation, result.main_path and not at_times)
        if at_end:
            ending.setdefault(effect, finding.code)
        yield Reason(finding.code, False, finding.title, severity, situation, effect, finding.detail)
    if not result.judged or result.ok or result.situation in situations.NEVER:
        return
    detail = f"{result.verdict}: {result.detail}"
    severity = severity_for(agent, result.key.probe, result.severity, result.situation, detail)
    effect = "breaks" if result.main_path else _effect(severity, result.situation, False)
    if result.situation == "always" and not result.main_path:
        effect = "noted"  # the agent's own requests are better evidence
    root = (
        result.cause
        or ending.get("breaks")
        or ending.get("fails")
        or ("" if effect != "noted" else ending.get("noted", ""))
    )
    if severity != "cosmetic":
        yield Reason(result.key.probe, True, result.title, severity, result.situation, effect, detail, root)


def _translated(agent: str, result: ProbeResult) -> bool:
    """Whether translation serves the agent over the API of this result."""
    native = next(((one.apis[0], *one.variants) for one in adapters.agents() if one.id == agent), None)
    return native is not None and (result.endpoint_api or result.key.api) not in native


def _effect(severity: Severity, situation: Situation, main_path: bool) -> Effect:
    if severity != "blocks":
        return "noted"
    return "breaks" if main_path and situation == "always" else "fails"


def _merged(reasons: Sequence[Reason], answered: int) -> Reason:
    """The worst of them, with their number."""
    worst = min(reasons, key=_place)
    return replace(worst, count=len(reasons), of=max(answered, len(reasons)))


def _place(reason: Reason) -> tuple[int, int, bool, int, str]:
    """Sort key: breaking faults first, then the most common situations; causes before consequences."""
    order = situations.order(reason.situation)
    return weight(reason.effect), order, bool(reason.root), rank(reason.severity), reason.code
