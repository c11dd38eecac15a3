"""Which items of two samples can be compared, and why others cannot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from math import fsum
from typing import Literal, NamedTuple

from toolworthy.judgement.analysis.leaks import leak_rate_of
from toolworthy.judgement.gate.paired import Pair
from toolworthy.judgement.gate.policy import Policy
from toolworthy.judgement.gate.sample import Sample, Unit, always_fails
from toolworthy.judgement.metrics import COSTS, main_metrics, shares
from toolworthy.records.conditions import unlike
from toolworthy.records.result import NOT_RUN, at
from toolworthy.records.score import Limit
from toolworthy.statistics.rates import reasons
from toolworthy.work.run.fingerprint import renamed, reshaped

Why = Literal["suite", "version", "agent", "changed", "gone", "unmeasured"]
"""Why a unit of the baseline cannot be compared."""


class _Reason(NamedTuple):
    """The texts for one reason why units cannot be compared."""

    text: str
    """A template of {n} units, and the names of some of the {agents}, {items} and {suites}."""
    advice: str
    attempts: str = NOT_RUN
    """The reason under which their attempts are counted."""


_REASONS: dict[Why | Literal["limits"], _Reason] = {
    "suite": _Reason(
        "the candidate has no results of {suites}", "run that suite as well, or give a policy that does not name it"
    ),
    "version": _Reason(
        "{n} of agents in another version ({agents}), which may behave differently",
        'measure the baseline again with these agents (agent_versions = "any" compares them anyway)',
        "another version of the agent",
    ),
    "agent": _Reason(
        "{n} of agents that the candidate was not measured with ({agents})",
        'measure the candidate with these agents too, or name those that count in the policy: agents = ["…"]',
    ),
    "changed": _Reason(
        "{n} have changed since ({items})",
        "measure the baseline again with this version of the suite",
        "another item under its name",
    ),
    "gone": _Reason("{n} not run ({items})", "run them: --resume RUN continues an interrupted run"),
    "unmeasured": _Reason(
        "{n} gave no value ({items})", "find out why (errors, or an endpoint that reports no usage), then --resume RUN"
    ),
    "limits": _Reason("", "measure both within the same limits; --resume does not repeat attempts that ended at one"),
}
NO_VALUE = "without usage"
"""The reason of attempts that ran without reporting what they cost."""


@dataclass
class AttemptCounts:
    """The attempts of one side, by outcome."""

    counted: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    """Counted as not solved, by the run limit at which they ended."""
    uncounted: Counter[str] = field(default_factory=Counter)
    """By reason."""
    repeated: int = 0
    """Copies of another attempt at the same item."""

    @property
    def made(self) -> int:
        """All attempts."""
        return self.counted + self.uncounted.total()


@dataclass
class Compared:
    """One metric of both samples, compared."""

    paired: list[tuple[Unit, Pair]] = field(default_factory=list)
    """The baseline's units that have values on both sides."""
    evidence: list[Pair] = field(default_factory=list)
    """The same pairs with identical attempts counted once: rates are the same."""
    alone: list[Pair] = field(default_factory=list)
    """Units that both sides tried, without any value on one side; only the number of attempts is known."""
    absent: list[Pair] = field(default_factory=list)
    """Units that the candidate did not try: it lacks as many attempts as the baseline made."""
    lost: dict[Why, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    """The baseline's units without a counterpart, by reason."""
    before: AttemptCounts = field(default_factory=AttemptCounts)
    after: AttemptCounts = field(default_factory=AttemptCounts)
    beyond: Collection[Limit] = ()
    """Limits that differ between the two runs: attempts that ended at one are missing."""

    @property
    def missing(self) -> int:
        """Number of units without a counterpart."""
        return sum(len(units) for units in self.lost.values())

    @property
    def asked(self) -> int:
        """How many units the baseline has."""
        return len(self.paired) + self.missing

    @property
    def without(self) -> int:
        """How many attempts of both sides have no value."""
        return self.before.uncounted.total() + self.after.uncounted.total()

    @property
    def share(self) -> float:
        """The share of attempts without a value, of both sides."""
        return self.without / max(1, self.before.made + self.after.made)

    def filled(self, against: bool, absent: bool = True) -> list[Pair]:
        """Every pair with its missing attempts filled in, against the candidate or in its favour.

        Args:
            against: whether against the candidate.
            absent: whether units that the candidate did not try are filled in, too.
        """
        return [pair.filled(against) for pair in [*self.evidence, *self.alone, *(self.absent if absent else ())]]

    @property
    def why(self) -> str:
        """Every reason, with names."""
        return "; ".join(_text(why, units) for why, units in self.lost.items())

    @property
    def advice(self) -> str:
        """The advice on the reason with the most attempts."""
        uncounted = self.before.uncounted + self.after.uncounted
        attempts: Counter[Why | Literal["limits"]] = Counter()
        for why, units in self.lost.items():
            if why != "unmeasured":
                attempts[why] = sum(unit.attempts for unit in units)
                uncounted[_REASONS[why].attempts] -= attempts[why]
        attempts["limits"] = sum(uncounted.pop(at(limit), 0) for limit in self.beyond)
        attempts["gone"] += uncounted.pop(NOT_RUN, 0)
        attempts["unmeasured"] = uncounted.total()
        return _REASONS[attempts.most_common(1)[0][0]].advice

    def count(self, range_of: Callable[[str], str] = lambda side: "") -> Iterator[str]:
        """Notes on each side: attempts that are not counted, that count as not solved, and that count once.

        Args:
            range_of: the range of a side's rate (``before``, ``after``) over all possible missing values.
        """
        for side, name, of in (("before", "baseline", self.before), ("after", "candidate", self.after)):
            if of.ended:
                yield (
                    f"{of.ended.total()} of {of.made} attempts of the {name} ended at a run limit "
                    f"({reasons(of.ended)}) and count as not solved"
                )
            if of.uncounted:
                lies = range_of(side)
                yield (
                    f"{of.uncounted.total()} of {of.made} attempts of the {name} are not counted "
                    f"({reasons(of.uncounted)})" + (f": {lies} if they are" if lies else "")
                )
            if of.repeated:
                yield (
                    f"{of.repeated} of {of.counted} attempts of the {name} are identical to another one at the same "
                    f"item: they count in the rate, but not as evidence"
                )


@dataclass
class Comparable:
    """Units of both samples, side by side."""

    rows: list[tuple[Unit, Unit | None, Why | None]] = field(default_factory=list)
    """Each of the baseline's units with the candidate's, or the reason why there is none."""
    notes: list[str] = field(default_factory=list)
    """Further notes."""
    beyond: dict[str, dict[Limit, tuple[str, str]]] = field(default_factory=dict)
    """By suite: the limits that differ between the two runs, with both values."""

    def of(self, metric: str, agent: str | None = None) -> Compared:
        """One metric, of one agent or of all."""
        suite, _, name = metric.partition(".")
        beyond = self.beyond.get(suite, {})
        out = Compared(beyond=beyond)
        for before, after, why in self.rows:
            if before.suite == suite and agent in (None, before.agent) and _asked(before, name, beyond):
                _put(out, (before, after, why), name, beyond)
        return out

    def told_once(self, metric: str) -> int:
        """Number of units that both ran, with a value on one side only: usage was not reported."""
        suite, _, name = metric.partition(".")
        both = [(before, after) for before, after, why in self.rows if after and not why and before.suite == suite]
        return sum(bool(before.counted(name)) != bool(after.counted(name)) for before, after in both)

    def failed_by_leaks(self, metric: str, paired: Sequence[tuple[Unit, Pair]]) -> list[str]:
        """How many of the candidate's failures are leaked calls, the server's fault."""
        suite, _, name = metric.partition(".")
        if suite == "wire" or name in COSTS:
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


def _asked(unit: Unit, metric: str, beyond: Collection[Limit]) -> bool:
    """Whether the baseline has a metric for a unit: not costs that were not reported, nor probes that say nothing about
    the model."""
    judged = any(unit.values.get(name) for name in shares(unit.suite))
    nothing = unit.suite != "wire" and metric in shares(unit.suite) and not judged
    return nothing or bool(unit.counted(metric, beyond))


def _put(out: Compared, row: tuple[Unit, Unit | None, Why | None], metric: str, beyond: Collection[Limit]) -> None:
    """Add one unit of the baseline and its counterpart in the candidate."""
    before, after, why = row
    counterpart = None if why else after
    was, now = (tuple(unit.counted(metric, beyond)) if unit else () for unit in (before, counterpart))
    lacks = _count(out.before, before, len(was), metric, beyond)
    if counterpart:
        lacks_now = _count(out.after, counterpart, len(now), metric, beyond)
    else:  # as many attempts as the baseline made
        lacks_now = before.attempts
        out.after.uncounted[_REASONS[why or "gone"].attempts] += lacks_now
    pair = Pair(before.item, was, now, lacks, lacks_now)
    if counterpart and was and now:
        out.paired.append((before, pair))
        once = _once(was, before.repeated, metric), _once(now, counterpart.repeated, metric)
        out.evidence.append(Pair(before.item, *once, lacks, lacks_now))
    else:
        (out.alone if counterpart else out.absent).append(pair)
        out.lost[why or "unmeasured"].append(before)


def _count(tally: AttemptCounts, unit: Unit, values: int, metric: str, beyond: Collection[Limit]) -> int:
    """Add a unit's attempts to its side. Returns how many have no value."""
    without = unit.uncounted(beyond)
    without[NO_VALUE] += unit.attempts - without.total() - values
    tally.counted += values
    tally.uncounted += without
    if metric in shares(unit.suite):
        tally.ended += unit.ended(beyond)
        tally.repeated += unit.repeated
    return without.total()


def _once(values: Sequence[float], repeated: int, metric: str) -> tuple[float, ...]:
    """As many values as there are attempts that differ, as whole as they can be, with the mean of all.

    What is drawn once and told ten times is known as well as what is drawn once. The mean stays that of all attempts:
    that of those that differ would make much of what is rare.
    """
    if not repeated or metric in COSTS:
        return tuple(values)
    n = max(1, len(values) - repeated)
    total = round(fsum(values) * n / len(values), 9)
    whole = int(total)
    fraction = (round(total - whole, 9),) if whole < n else ()
    return (1.0,) * whole + fraction + (0.0,) * (n - whole - len(fraction))


def comparable(baseline: Sample, candidate: Sample, policy: Policy) -> Comparable:
    """Pair the units of both samples that are comparable and in the policy."""
    out = Comparable()
    now = {(unit.suite, unit.item, unit.agent): unit for unit in candidate.units}
    ran = {unit.suite for unit in candidate.units}
    present = {(unit.suite, unit.agent) for unit in candidate.units}
    other = dict(_versions(baseline, candidate))
    above: list[Unit] = []
    for unit in baseline.units:
        if unit.suite != "wire" and not policy.counts(unit.agent):
            continue
        after = now.get((unit.suite, unit.item, unit.agent))
        if always_fails([unit, *([after] if after else [])]):
            above.append(unit)
            continue
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
    out.beyond = {suite: unlike(baseline.limits, candidate.limits, suite) for suite in main_metrics()}
    out.notes += _above(above)
    out.notes += _limits(out.beyond, baseline, candidate)
    out.notes += _notes(baseline, candidate, other, policy)
    return out


def _above(units: Sequence[Unit]) -> Iterator[str]:
    for agent in sorted({unit.agent for unit in units}):
        items = _few({unit.item for unit in units if unit.agent == agent})
        yield f"{agent} fails {items} with every model: not compared"


def _text(why: Why, units: list[Unit]) -> str:
    names = {f"{of}s": _few({getattr(unit, of) for unit in units}) for of in ("agent", "item", "suite")}
    return _REASONS[why].text.format(n=len(units), **names)


def _few(names: set[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")


def _versions(baseline: Sample, candidate: Sample) -> Iterator[tuple[str, str]]:
    """Agents with another version: their changes are not the endpoint's. The built-in agent's version is
    toolworthy's."""
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
            yield why if policy.agent_versions == "same" else f"{why}; the difference may come from the agent"
    yield from reshaped(baseline, candidate)
    yield from renamed(baseline.server, candidate.server)
    yield from _new(baseline, candidate, policy)
    yield from _leaks(baseline, candidate)
    if baseline.toolworthy != candidate.toolworthy:
        yield f"the baseline was measured by toolworthy {baseline.toolworthy}, the candidate by {candidate.toolworthy}"
    if baseline.endpoint.forced_api != candidate.endpoint.forced_api:
        yield "one of them was forced to another wire API, so the translation is compared as well"


def _limits(beyond: dict[str, dict[Limit, tuple[str, str]]], baseline: Sample, candidate: Sample) -> Iterator[str]:
    """Notes on limits that differ, and the attempts that ended at them."""
    for suite, own in beyond.items():
        for was, now in dict.fromkeys(own.values()):
            limits = [limit for limit, pair in own.items() if pair == (was, now)]
            ended = [
                sum(unit.ended()[limit] for unit in sample.of(suite) for limit in limits)
                for sample in (baseline, candidate)
            ]
            note = f"the limits of {suite} differ: {was} in the baseline, {now} in the candidate"
            if any(ended):
                note += (
                    f"; {ended[0]} attempts of the baseline and {ended[1]} of the candidate ended at it, and might "
                    "have been solved within the other's, so they are not counted. Measure both within the same limits"
                )
            yield note


def _leaks(baseline: Sample, candidate: Sample) -> Iterator[str]:
    """The rates of leaked calls of both sides."""
    before, now = (
        leak_rate_of((f"{unit.suite}/{unit.item}", unit.leaks) for unit in sample.units)
        for sample in (baseline, candidate)
    )
    if now and now.ok:
        yield f"calls that the server left in the text: {now}; in the baseline {before or 'not measured'}"


def _new(baseline: Sample, candidate: Sample, policy: Policy) -> Iterator[str]:
    """Notes on units that only the candidate has."""
    measured_before = {(unit.suite, unit.item, unit.agent) for unit in baseline.units}
    new = [unit for unit in candidate.units if (unit.suite, unit.item, unit.agent) not in measured_before]
    for suite in sorted({unit.suite for unit in new}):
        own = [unit for unit in new if unit.suite == suite and (suite == "wire" or policy.counts(unit.agent))]
        if own:
            yield f"{len(own)} results of {suite} have no counterpart in the baseline and are not compared"
