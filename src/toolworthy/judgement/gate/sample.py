"""The sample of a run: the scores of every item, without traffic."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from toolworthy.judgement.analysis.leaks import left_in_text
from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.root_cause import RootCause
from toolworthy.judgement.analysis.root_causes import causes_of, root_causes
from toolworthy.judgement.metrics import COSTS, measured, shares
from toolworthy.records.case import CaseResult
from toolworthy.records.conditions import bounds
from toolworthy.records.meta import AgentPrint, EndpointName, RunMeta
from toolworthy.records.result import NOT_RUN, Result, at
from toolworthy.records.score import Leaks, Limit, score_of
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialResult
from toolworthy.work.kinds import by_kind

SCHEMA = 2
"""Version of a baseline file."""
Value = Annotated[float, Field(ge=0)]
_Count = Annotated[int, Field(ge=0, le=1_000_000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AtLimit(_Frozen):
    """The attempts at an item that ended at one run limit."""

    attempts: _Count
    values: dict[str, list[Value]] = {}
    """Their costs, as in ``Unit.values``."""


class Unit(_Frozen):
    """One item of one agent (or with its tools), over all attempts.

    An attempt is judged (``values``), ended at a run limit (``limited``), or is not counted (``missing``).
    """

    suite: str
    item: str
    """Task, case or probe."""
    agent: str
    """Agent, toolset, or the probe's way."""
    digest: str = ""
    """Digest of the task or case: only equal ones are compared."""
    values: dict[str, list[Value]] = {}
    """Metric (without the suite) to one value per attempt."""
    limited: dict[Limit, AtLimit] = {}
    """By limit: attempts not solved within it."""
    missing: dict[str, _Count] = {}
    """How many attempts say nothing about the endpoint, by reason: infrastructure, not run …"""
    repeated: _Count = 0
    """How many judged attempts have the same responses as another one."""
    leaks: Leaks = Leaks()
    """Leaked calls, over all attempts."""
    above_ceiling: bool = False
    """Whether the agent fails the task with every model."""
    failed_by_leaks: int = 0
    """Attempts that failed because the server left a call in the text."""

    @field_validator("values")
    @classmethod
    def _shares(cls, values: dict[str, list[float]]) -> dict[str, list[float]]:
        for name, column in values.items():
            if name not in COSTS and any(value > 1 for value in column):
                raise ValueError(f"{name} is a share, and {max(column):g} is above 1")
        return values

    def counted(self, metric: str, beyond: Collection[Limit] = ()) -> list[float]:
        """One value per attempt; one that ended at a run limit was not solved, but its costs count.

        Args:
            metric: without the suite.
            beyond: limits that differ from the other run's: attempts that ended at them are left out.
        """
        out = list(self.values.get(metric, ()))
        for limit, ended in self.limited.items():
            if limit not in beyond:
                score = [0.0] * ended.attempts if metric in shares(self.suite) else []
                out += score or ended.values.get(metric, ())
        return out

    def uncounted(self, beyond: Collection[Limit] = ()) -> Counter[str]:
        """How many attempts are left out of every rate, by reason."""
        out = Counter(self.missing)
        out.update({at(limit): ended.attempts for limit, ended in self.limited.items() if limit in beyond})
        return out

    def ended(self, beyond: Collection[Limit] = ()) -> Counter[str]:
        """How many attempts count as not solved because they ended at a run limit, by limit."""
        return Counter({limit: ended.attempts for limit, ended in self.limited.items() if limit not in beyond})

    @property
    def passed(self) -> bool:
        """Whether any attempt was solved completely."""
        return any(1 in self.values.get(name, ()) for name in shares(self.suite))

    @property
    def attempts(self) -> int:
        """Number of attempts, including those without a result."""
        judged = max(map(len, self.values.values()), default=0)
        return judged + sum(one.attempts for one in self.limited.values()) + sum(self.missing.values())


class Sample(_Frozen):
    """A run's scores and their conditions: the content of a baseline file."""

    schema_version: int = SCHEMA
    name: str
    toolworthy: str
    started: float
    endpoint: EndpointName
    agents: dict[str, str]
    """Agent to version."""
    units: tuple[Unit, ...]
    limits: dict[str, Any] = {}
    """The options that set limits, with their values."""
    blocking: dict[str, dict[str, str]] = {}
    """Agent to the codes of the root causes that break it on the wire or make it fail in some situation, each with its
    title."""
    decided: dict[str, dict[str, str]] = {}
    """The same for root causes that ``triage.toml`` excuses or calls fixed, from the whole run."""
    triage: dict[str, tuple[str, str]] = {}
    """Code of a root cause to the decision about it: the state, and the state with its note."""
    untested: dict[str, str] = {}
    """Agent that the wire suite could not judge, to the reason."""
    server: dict[str, list[str]] = {}
    """Names and versions that the server reports about itself."""
    fingerprints: dict[str, tuple[AgentPrint, ...]] = {}
    """Agent to its fingerprints."""
    words: dict[str, str] = {}
    """Agent to a hash of its tools, for each agent whose tools the cases offered."""

    def of(self, suite: str) -> Iterator[Unit]:
        """The units of one suite."""
        return (unit for unit in self.units if unit.suite == suite)


def from_run(run: RunDirectory) -> Sample:
    """The sample of a run directory so far.

    Raises:
        ToolworthyError: its ``run.json`` cannot be read.
    """
    meta = run.meta
    probes = run.probes()
    prints = levels(probes)
    decided = [cause for cause in causes_of(run) if str(cause.triage)] if run.triage else []
    lasting = [cause for cause in decided if cause.triage.state != "open"]
    causes = root_causes(meta, probes)
    units = [unit for kind, own in by_kind(run.measured()) if kind.fixture for unit in _units(kind.suite, own, meta)]
    return Sample(
        name=run.path.name,
        toolworthy=meta.toolworthy,
        started=meta.started,
        endpoint=EndpointName.model_validate(dict(meta.endpoint), extra="ignore"),
        agents=meta.agents,
        units=tuple(units),
        limits=bounds(meta),
        blocking={level.agent.id: _titles(causes, level.agent.id) for level in prints},
        decided={agent: _titles(lasting, agent) for agent in sorted({h.agent for c in lasting for h in c.harms})},
        triage={cause.code: (cause.triage.state, str(cause.triage)) for cause in decided},
        untested={level.agent.id: str(level.headline) for level in prints if level.word == "untested"},
        server=meta.server,
        fingerprints={name: tuple(prints) for name, prints in meta.fingerprints.items()},
        words=meta.toolset_hashes,
    )


def always_fails(units: Sequence[Unit]) -> bool:
    """Whether the agent of these units fails their task with every model: then they say nothing about this model. A
    pass in any run refutes that."""
    return any(unit.above_ceiling for unit in units) and not any(unit.passed for unit in units)


def _titles(causes: Sequence[RootCause], agent: str) -> dict[str, str]:
    """Code to title of the root causes that break an agent or make it fail in some situation."""
    return {
        cause.code: cause.title
        for cause in causes
        if any(harm.agent == agent and harm.effect in ("breaks", "fails") for harm in cause.harms)
    }


def _units(suite: str, results: Sequence[Result], meta: RunMeta) -> Iterator[Unit]:
    grouped: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        grouped[result.key.item, result.key.asker].append(result)
    cut = suite in meta.planned and meta.planned[suite] > len(results)
    for (item, agent), attempts in grouped.items():
        first = attempts[0]
        planned = meta.options.trials if cut and hasattr(first.key, "repeat") else len(attempts)
        yield _unit((suite, item, agent, _digest(first, meta)), attempts, max(0, planned - len(attempts)))


def _digest(result: Result, meta: RunMeta) -> str:
    if isinstance(result, CaseResult):
        return meta.cases.get(result.key.item, "")
    return result.task_digest if isinstance(result, TrialResult) else ""


def _unit(key: tuple[str, str, str, str], attempts: Sequence[Result], not_begun: int) -> Unit:
    suite, item, agent, digest = key
    # An agent that the endpoint cannot serve has solved nothing there.
    judged = [result for result in attempts if result.judged or result.status_word == "refused"]
    ended: dict[Limit, list[Result]] = defaultdict(list)
    missing: Counter[str] = Counter()
    for result in attempts:
        if result.limit:
            ended[result.limit].append(result)
        elif result.status_word != "refused" and (why := result.uncounted):
            missing[why] += 1
    if not_begun:
        missing[NOT_RUN] += not_begun
    answers = [answers for result in judged if (answers := score_of(result).answers)]
    return Unit(
        suite=suite,
        item=item,
        agent=agent,
        digest=digest,
        values=measured(suite, judged, "share", "cost"),
        limited={
            limit: AtLimit(attempts=len(own), values=measured(suite, own, "cost")) for limit, own in ended.items()
        },
        missing=dict(missing),
        repeated=len(answers) - len(set(answers)),
        leaks=sum((result.leaks for result in judged), Leaks()),
        above_ceiling=any(isinstance(result, TrialResult) and result.ceiling for result in attempts),
        failed_by_leaks=sum(map(left_in_text, judged)),
    )
