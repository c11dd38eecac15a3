"""Which items of two samples can be compared, and what cannot, said in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from toolworthy.analysis.leaks import leak_rate_of
from toolworthy.gate.paired import Pair
from toolworthy.gate.policy import Policy
from toolworthy.gate.sample import Sample, Unit
from toolworthy.runs.fingerprint import renamed, reshaped

Why = Literal["suite", "version", "agent", "changed", "gone", "unmeasured"]
"""Why a unit of the baseline cannot be compared."""
_MEND: dict[Why, str] = {
    "suite": "run that suite as well, or give a policy that does not name it",
    "version": 'measure the baseline again with these agents (agent_versions = "any" compares them all the same)',
    "agent": 'measure the candidate with these agents too, or name those that count in the policy: agents = ["…"]',
    "changed": "measure the baseline again with this version of the suite",
    "gone": "run them: --resume RUN goes on with a run that was cut short",
    "unmeasured": "find out why (errors, or an endpoint that reports no usage), then --resume RUN",
}


@dataclass
class Compared:
    """One metric of both samples."""

    paired: list[tuple[Unit, Pair]] = field(default_factory=list)
    lost: dict[Why, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    """The baseline's units that have nothing beside them, by reason."""

    @property
    def missing(self) -> int:
        """How many units have nothing beside them."""
        return sum(len(units) for units in self.lost.values())

    @property
    def asked(self) -> int:
        """How many units the baseline has."""
        return len(self.paired) + self.missing

    @property
    def why(self) -> str:
        """Every reason, with names."""
        return "; ".join(_said(why, units) for why, units in self.lost.items())

    @property
    def mend(self) -> str:
        """What to do about the reason that most have."""
        return _MEND[max(self.lost, key=lambda why: len(self.lost[why]))]


@dataclass
class Comparable:
    """Units of both samples, side by side."""

    rows: list[tuple[Unit, Unit | None, Why | None]] = field(default_factory=list)
    """Each of the baseline's units with the candidate's, or why there is none."""
    notes: list[str] = field(default_factory=list)
    """What else is to be known."""

    def of(self, metric: str, agent: str | None = None) -> Compared:
        """One metric, of one agent or of all."""
        suite, _, name = metric.partition(".")
        out = Compared()
        for before, after, why in self.rows:
            if before.suite != suite or not before.values.get(name) or agent not in (None, before.agent):
                continue
            now = after.values.get(name) if after else None
            if why is None and now:
                out.paired.append((before, Pair(before.item, tuple(before.values[name]), tuple(now))))
            else:
                out.lost[why or "unmeasured"].append(before)
        return out

    def told_once(self, metric: str) -> int:
        """How many units have a value of it on one side alone, though both ran them: usage that is not told."""
        suite, _, name = metric.partition(".")
        both = [(before, after) for before, after, why in self.rows if after and not why and before.suite == suite]
        return sum(bool(before.values.get(name)) != bool(after.values.get(name)) for before, after in both)

    def without_value(self, paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
        """Attempts at the items compared that gave no value: infrastructure, limits of ours."""
        items = {(unit.suite, unit.item, unit.agent) for unit, _ in paired}
        both = [(before, after) for before, after, _ in self.rows if (before.suite, before.item, before.agent) in items]
        told = []
        for side, missing, valued in (
            ("baseline", sum(before.missing for before, _ in both), sum(len(pair.before) for _, pair in paired)),
            ("candidate", sum(after.missing for _, after in both if after), sum(len(pair.after) for _, pair in paired)),
        ):
            if missing:
                told.append(f"{missing} of {missing + valued} attempts of the {side} gave no value and do not count")
        return told

    def failed_by_leaks(self, metric: str, paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
        """How many of the candidate's failures are calls that the server left in the text: none of the model's."""
        if metric not in ("tasks.pass", "tools.strict", "tools.lenient", "tools.credit"):
            return []
        items = {(unit.suite, unit.item, unit.agent) for unit, _ in paired}
        both = [(before, after) for before, after, _ in self.rows if (before.suite, before.item, before.agent) in items]
        before, now = (sum(unit.failed_by_leaks for unit in side if unit) for side in zip(*both, strict=True))
        failed = sum(value < 1 for _, pair in paired for value in pair.after)
        was = f"{before} in the baseline" if before else "none in the baseline"
        return [f"{now} of {failed} failures are calls that the server left in the text ({was})"] if now else []

    def agents(self, suite: str) -> list[str]:
        """The agents of a suite, by name."""
        return sorted({before.agent for before, _, _ in self.rows if before.suite == suite})


def comparable(baseline: Sample, candidate: Sample, policy: Policy) -> Comparable:
    """Put both samples side by side, as far as the policy and honesty allow."""
    out = Comparable()
    now = {(unit.suite, unit.item, unit.agent): unit for unit in candidate.units}
    ran = {unit.suite for unit in candidate.units}
    present = {(unit.suite, unit.agent) for unit in candidate.units}
    other = dict(_versions(baseline, candidate))
    for unit in baseline.units:
        if unit.suite != "wire" and not policy.counts(unit.agent):
            continue
        after = now.get((unit.suite, unit.item, unit.agent))
        why: Why | None = None
        if unit.suite not in ran:
            why = "suite"
        elif unit.suite == "tasks" and unit.agent in other and policy.agent_versions == "same":
            why = "version"
        elif after is None:
            why = "gone" if (unit.suite, unit.agent) in present else "agent"
        elif after.digest != unit.digest:
            why = "changed"
        out.rows.append((unit, after, why))
    out.notes += _notes(baseline, candidate, other, policy)
    return out


def _said(why: Why, units: list[Unit]) -> str:
    n = len(units)
    agents, items, suites = ({getattr(unit, of) for unit in units} for of in ("agent", "item", "suite"))
    return {
        "suite": f"the candidate has no results of {_few(suites)}",
        "version": f"{n} of agents in another version ({_few(agents)}), whose drift is not the endpoint's",
        "agent": f"{n} of agents that the candidate was not measured with ({_few(agents)})",
        "changed": f"{n} are not the same items any more ({_few(items)})",
        "gone": f"{n} not run ({_few(items)})",
        "unmeasured": f"{n} gave no value ({_few(items)})",
    }[why]


def _few(names: set[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")


def _versions(baseline: Sample, candidate: Sample) -> Iterator[tuple[str, str]]:
    """Agents whose version is another now: their drift is not the endpoint's. The built-in one is toolworthy's."""
    for agent, version in baseline.agents.items():
        new = candidate.agents.get(agent)
        if new is not None and new != version and agent != "builtin":
            yield agent, f"{agent} was {version} and is {new}"


def _notes(baseline: Sample, candidate: Sample, other: dict[str, str], policy: Policy) -> Iterator[str]:
    for side, sample in (("baseline", baseline), ("candidate", candidate)):
        if not sample.units:
            yield f"the {side} {sample.name} has no results at all"
    for agent, why in other.items():
        if policy.counts(agent):
            yield why if policy.agent_versions == "same" else f"{why}: the difference may be the agent's"
    yield from reshaped(baseline, candidate)
    yield from renamed(baseline.server, candidate.server)
    yield from _new(baseline, candidate, policy)
    yield from _leaks(baseline, candidate)
    if baseline.toolworthy != candidate.toolworthy:
        yield f"the baseline was measured by toolworthy {baseline.toolworthy}, the candidate by {candidate.toolworthy}"
    if baseline.endpoint.get("forced_api") != candidate.endpoint.get("forced_api"):
        yield "one of them was forced to another wire API: the translation is compared as well"


def _leaks(baseline: Sample, candidate: Sample) -> Iterator[str]:
    """How often the candidate's server left a call in the text, beside the baseline's."""
    before, now = (
        leak_rate_of((f"{unit.suite}/{unit.item}", unit.leaks) for unit in sample.units)
        for sample in (baseline, candidate)
    )
    if now and now.ok:
        yield f"calls that the server left in the text: {now}; in the baseline {before or 'not measured'}"


def _new(baseline: Sample, candidate: Sample, policy: Policy) -> Iterator[str]:
    """What the candidate has alone."""
    known = {(unit.suite, unit.item, unit.agent) for unit in baseline.units}
    new = [unit for unit in candidate.units if (unit.suite, unit.item, unit.agent) not in known]
    for suite in sorted({unit.suite for unit in new}):
        own = [unit for unit in new if unit.suite == suite and (suite == "wire" or policy.counts(unit.agent))]
        if own:
            yield f"{len(own)} results of {suite} have none in the baseline beside them and are not compared"
