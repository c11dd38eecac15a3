"""Which items of two samples can be compared, and what cannot, said in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from toolworthy.gate.paired import Pair
from toolworthy.gate.policy import Policy
from toolworthy.gate.sample import Sample, Unit
from toolworthy.runs.fingerprint import renamed, reshaped


@dataclass
class Comparable:
    """Units of both samples, side by side."""

    pairs: list[tuple[Unit, Unit | None]] = field(default_factory=list)
    """Each of the baseline's units with the candidate's, None where it has none."""
    notes: list[str] = field(default_factory=list)
    """What is not compared, and why."""

    def of(self, metric: str, agent: str | None = None) -> tuple[list[tuple[Unit, Pair]], int, int]:
        """For one metric: what can be paired, how many of the baseline's items have no value now, and of how many."""
        suite, _, name = metric.partition(".")
        paired: list[tuple[Unit, Pair]] = []
        lost = asked = 0
        for before, after in self.pairs:
            if before.suite != suite or not before.values.get(name) or agent not in (None, before.agent):
                continue
            asked += 1
            now = after.values.get(name) if after else None
            if now:
                paired.append((before, Pair(before.item, tuple(before.values[name]), tuple(now))))
            else:
                lost += 1
        return paired, lost, asked

    def agents(self, suite: str) -> list[str]:
        """The agents of a suite."""
        return list(dict.fromkeys(before.agent for before, _ in self.pairs if before.suite == suite))


def comparable(baseline: Sample, candidate: Sample, policy: Policy) -> Comparable:
    """Put both samples side by side, as far as the policy and honesty allow."""
    out = Comparable()
    now = {(unit.suite, unit.item, unit.agent): unit for unit in candidate.units}
    ran = {unit.suite for unit in candidate.units}
    skipped = dict(_versions(baseline, candidate)) if policy.agent_versions == "same" else {}
    changed: set[str] = set()
    for unit in baseline.units:
        if unit.suite not in ran or (unit.suite != "wire" and unit.agent in skipped):
            continue
        other = now.get((unit.suite, unit.item, unit.agent))
        if other is not None and other.digest != unit.digest:
            changed.add(f"{unit.suite}/{unit.item}")
            continue
        out.pairs.append((unit, other))
    out.notes += list(_notes(baseline, candidate, skipped, changed, ran, policy))
    return out


def _versions(baseline: Sample, candidate: Sample) -> Iterator[tuple[str, str]]:
    """Agents whose version is another now: their drift is not the endpoint's."""
    for agent, version in baseline.agents.items():
        new = candidate.agents.get(agent)
        if new is not None and new != version and agent != "builtin":
            yield agent, f"{agent} was {version} and is {new}"


def _notes(
    baseline: Sample, candidate: Sample, skipped: dict[str, str], changed: set[str], ran: set[str], policy: Policy
) -> Iterator[str]:
    for why in skipped.values():
        yield f'{why}: not compared, since its drift is not the endpoint\'s (agent_versions = "any" compares it)'
    if policy.agent_versions == "any":
        for _, why in _versions(baseline, candidate):
            yield f"{why}: the difference may be the agent's"
    yield from reshaped(baseline, candidate)
    yield from renamed(baseline.server, candidate.server)
    if changed:
        few = ", ".join(sorted(changed)[:3])
        yield f"{len(changed)} items are not the same any more and are not compared: {few}"
    if gone := {unit.suite for unit in baseline.units} - ran:
        yield f"the candidate has no results of {', '.join(sorted(gone))}: not compared"
    if baseline.toolworthy != candidate.toolworthy:
        yield f"the baseline was measured by toolworthy {baseline.toolworthy}, the candidate by {candidate.toolworthy}"
    if baseline.endpoint.get("forced_api") != candidate.endpoint.get("forced_api"):
        yield "one of them was forced to another wire API: the translation is compared as well"
