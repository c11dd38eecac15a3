"""``toolworthy matrix``: what every real agent does when the oracle injects a defect, in the situations that trigger
it.

Each pair of an agent and a defect is one trial of a small task, in the sandbox, against the oracle with that defect. On
a stage (`toolworthy.reference.events`), an event is added to the task. Each stage is recorded without a defect first:
that shows which defects its requests can trigger, and the agent's normal reaction. Results are lines of JSON; pairs
that the file already has with the same agent version are skipped.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from toolworthy.agents.install import Installation, ensure
from toolworthy.base import tree
from toolworthy.base.counted import counted
from toolworthy.base.redact import Redactor
from toolworthy.base.sanitize import show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.cli.stop import with_advice
from toolworthy.content import adapters, breakage
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.breakage import MEASURED, OUTCOMES, Measured, Outcome
from toolworthy.content.tasks import Task
from toolworthy.endpoint.target import resolve
from toolworthy.gateway import Gateway
from toolworthy.output.defect_page import situations
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import rank
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.reference import Oracle
from toolworthy.reference.defects import Defect, catalogue, defect
from toolworthy.reference.events import PLAIN, STAGES, Stage, stages
from toolworthy.reference.model import Reply
from toolworthy.reference.server import decoded
from toolworthy.sandbox import choose
from toolworthy.work.run.plan import Options, choose_tasks
from toolworthy.work.trials.trial import TrialBench, run_trial

TASK = "fix-failing-test"
_LOST = "the task is done, but a file that was to be written besides is not whole"
_UNKNOWN = 60.0
"""The most seconds that an agent needs for the plain task, on two idle cores."""


@dataclass(frozen=True)
class Trial:
    """The behaviour of an agent on a stage."""

    stage: Stage
    result: TrialResult
    exchanges: tuple[Exchange, ...]

    @property
    def requests(self) -> int:
        """The number of requests with tools: others (a title, a count of tokens) vary."""
        return sum(exchange.can_act for exchange in self.exchanges)

    @property
    def done(self) -> bool:
        """Whether the task is done, and the stage's files are complete."""
        written = [line for step in self.stage.steps if step.write for line in (step.content or "").splitlines()]
        return self.result.ok and {f"+{line}" for line in written} <= set(self.result.diff.splitlines())

    def meets(self, defect: Defect) -> bool:
        """Whether the agent's requests trigger the defect; for a trial without defects."""
        requests = (one for one in self.exchanges if not one.local)
        if any(defect.answers(one.method, one.path, dict(one.request_headers)) for one in requests):
            return True
        faulty = self._replies(defect)
        return any(one != next(faulty) for one in self._sound)

    @cached_property
    def _sound(self) -> tuple[Reply, ...]:
        return tuple(self._replies())

    def _replies(self, *shown: Defect) -> Iterator[Reply]:
        oracle = Oracle(_task(), adapters.agents(), defects=shown, stage=self.stage)
        for exchange in self.exchanges:
            if exchange.agent_api is not None and not exchange.local:
                body = decoded(dict(exchange.request_headers), exchange.request_body)
                yield oracle.reply(exchange.agent_api, body)


def run(
    defects: Sequence[str], agents: Sequence[str], situations: Sequence[str], out: Path | None, at_once: int
) -> int:
    """Measure the pairs that `out` lacks, append them, and print the matrix. Returns the exit code.

    Args:
        defects: ids; all of the catalogue if empty.
        agents: ids; all real agents if empty.
        situations: only these; all that can be staged if empty.
        out: the file for the lines; None: next to the catalogue.
        at_once: trials at the same time.

    Raises:
        ToolworthyError: an unknown defect, agent or situation, no sandbox, or an agent that cannot be installed.
    """
    path = out or MEASURED
    selected = [defect(name) for name in defects] or list(catalogue())
    staging = stages(situations)
    chosen = [adapters.agent(name) for name in agents] or [a for a in adapters.agents() if a.install]
    try:
        installed = {agent.id: run_until_signal(ensure(agent, show)) for agent in chosen if agent.install}
        run_until_signal(_Measuring(path, installed, at_once).run(selected, chosen, staging))
    except KeyboardInterrupt as error:
        raise with_advice(error, "The same command continues; what was measured is kept.") from None
    breakage.forget()
    show("\n".join(table(breakage.rows(path), [agent.id for agent in chosen])))
    return 0


def table(rows: Sequence[Measured], agents: Sequence[str]) -> Iterator[str]:
    """The matrix as a Markdown table; a stage without a defect first."""
    cells = {(row.defect, row.stage, row.agent): row for row in rows}
    versions = {row.agent: row.version for row in rows}
    yield "| defect | stage | " + " | ".join(f"{agent} {versions.get(agent, '')}".strip() for agent in agents) + " |"
    yield "|---|---|" + "---|" * len(agents)
    for name, stage in sorted({(row.defect, row.stage) for row in rows}):
        measured = [cells.get((name, stage, agent)) for agent in agents]
        outcomes = ["–" if row is None else row.outcome if row.met else "not met" for row in measured]
        yield f"| {name or 'none'} | {stage} | " + " | ".join(outcomes) + " |"


def belongs(defect: Defect, stage: Stage, shows_plain: bool) -> bool:
    """Whether a defect is measured on a stage.

    Args:
        defect: the defect.
        stage: the stage.
        shows_plain: whether the plain task triggers it. A defect that it does not trigger, and whose codes name no
        situation with a stage, is measured on every stage that triggers it.
    """
    if stage.once:
        return defect.stage == stage.id
    named = set(situations(defect))
    anchored = shows_plain or named & {one.situation for one in STAGES if one is not PLAIN}
    return stage.situation in named or not anchored


def outcome(trial: Trial, normal: int) -> Outcome:
    """The outcome of a trial.

    Args:
        trial: the agent's behaviour.
        normal: how many requests it sends without the defect.
    """
    if trial.done:
        return "recovers" if trial.requests > normal else "unaffected"
    if trial.result.agent_ended in ("timeout", "turns"):
        return "hangs"
    if trial.result.agent_ended != "exit" or trial.result.agent_exit not in (0, None):
        return "dies"
    return "wrong result"


def beyond(with_defect: Outcome, alone: Outcome) -> Outcome:
    """The outcome with the defect, if it is worse than with the stage `alone`; otherwise unaffected."""
    failed = ("wrong result", "dies", "hangs")
    return "unaffected" if alone in failed and OUTCOMES.index(with_defect) <= OUTCOMES.index(alone) else with_defect


# ---- trials ----------------------------------------------------------------------------------------------------------


class _Measuring:
    def __init__(self, path: Path, installed: Mapping[str, Installation], at_once: int) -> None:
        self._path = path
        self._installed = installed
        self._places = asyncio.Semaphore(at_once)
        self._have = {(row.defect, row.stage, row.agent, row.version) for row in breakage.rows(path)}
        self._alone: dict[tuple[str, str], Trial] = {}
        """Agent and stage to the trial without a defect."""

    async def run(self, defects: Sequence[Defect], agents: Sequence[AgentAdapter], staging: Sequence[Stage]) -> None:
        concerned = [agent for agent in agents if any(_concerns(defect, agent) for defect in defects)]
        await asyncio.gather(*(self._by_itself(agent, PLAIN) for agent in concerned))
        stages = [stage for stage in staging if stage is not PLAIN]
        await asyncio.gather(*(self._by_itself(agent, stage) for stage in stages for agent in concerned))
        trials = await asyncio.to_thread(lambda: list(self._wanted(defects, concerned, staging)))
        show(counted(len(trials), "trial"))
        await asyncio.gather(*(self._with(defect, agent, stage) for defect, agent, stage in trials))

    def _wanted(
        self, defects: Sequence[Defect], agents: Sequence[AgentAdapter], staging: Sequence[Stage]
    ) -> Iterator[tuple[Defect, AgentAdapter, Stage]]:
        """The trials to make, the worst defects first. Pairs that an agent's requests never trigger are recorded
        without a trial."""
        for injected in sorted(defects, key=lambda one: rank(one.severity)):
            for agent in agents:
                if not _concerns(injected, agent):
                    continue
                plain = self._alone.get((agent.id, PLAIN.id))
                shows_plain = plain is not None and plain.meets(injected)
                for stage in staging:
                    new = (injected.id, stage.id, agent.id, self._version(agent)) not in self._have
                    alone = self._alone.get((agent.id, stage.id))
                    if not new or alone is None or not belongs(injected, stage, shows_plain):
                        continue
                    if alone.meets(injected):
                        yield injected, agent, stage
                    elif injected.of_requests and stage.situation in situations(injected):
                        self._note(injected, agent, stage, None, "unaffected")

    async def _by_itself(self, agent: AgentAdapter, stage: Stage) -> None:
        trial = await self._trial(None, agent, stage)
        if trial is None:
            return
        self._alone[agent.id, stage.id] = trial
        plain = self._alone.get((agent.id, PLAIN.id), trial)
        if ("", stage.id, agent.id, self._version(agent)) not in self._have:
            self._note(None, agent, stage, trial, outcome(trial, plain.requests + stage.requests))

    async def _with(self, defect: Defect, agent: AgentAdapter, stage: Stage) -> None:
        if trial := await self._trial(defect, agent, stage):
            alone = self._alone[agent.id, stage.id]
            with_defect = outcome(trial, alone.requests)
            self._note(defect, agent, stage, trial, beyond(with_defect, outcome(alone, alone.requests)))

    async def _trial(self, defect: Defect | None, agent: AgentAdapter, stage: Stage) -> Trial | None:
        """The line of a trial; None if it could not be measured."""
        async with self._places:
            alone = self._alone.get((agent.id, PLAIN.id))
            seconds = stage.patience + (2 * alone.result.seconds if alone else _UNKNOWN)
            trial = await _trial(defect, agent, self._installed[agent.id], stage, seconds)
        cause = trial.result.cause
        requested = any(exchange.kind == "completion" for exchange in trial.exchanges)
        if cause is None or (requested and cause.kind != "infrastructure"):
            return trial
        show(f"{defect.id if defect else ''}  {stage.id}  {agent.id}  not measured: {cause.detail}")
        return None

    def _note(
        self, defect: Defect | None, agent: AgentAdapter, stage: Stage, trial: Trial | None, result: Outcome
    ) -> None:
        """Append a line; without a trial, it says that the agent does not meet the defect."""
        cause = trial.result.cause if trial else None
        lost = _LOST if trial and trial.result.ok and not trial.done else ""
        row = Measured(
            defect=defect.id if defect else "",
            agent=agent.id,
            version=self._version(agent),
            situation=stage.situation,
            stage=stage.id,
            outcome=result,
            met=trial is not None,
            requests=trial.requests if trial else 0,
            seconds=round(trial.result.seconds, 1) if trial else 0.0,
            detail=cause.detail[:200] if cause else lost,
            on=datetime.date.today().isoformat(),
        )
        with self._path.open("a", encoding="utf-8") as file:
            file.write(row.model_dump_json() + "\n")
        word = row.outcome if row.met else "not met"
        show(f"{row.defect or 'none'}  {row.stage}  {row.agent}  {word}  {row.seconds} s  {row.detail}")

    def _version(self, agent: AgentAdapter) -> str:
        return self._installed[agent.id].version


@cache
def _task() -> tuple[Task, ...]:
    return choose_tasks([TASK], [])


def _concerns(defect: Defect, agent: AgentAdapter) -> bool:
    """Whether an agent can meet the defect here: it speaks the API and streams; defects of keys are excluded, because
    its key is a placeholder."""
    return agent.apis[0] in defect.apis and defect.mode != "whole" and not defect.of_credentials


async def _trial(
    defect: Defect | None, agent: AgentAdapter, installation: Installation, stage: Stage, seconds: float
) -> Trial:
    tasks = _task()
    limit = tasks[0].config.agent.timeout_sec
    async with AsyncExitStack() as stack:
        shown = Oracle(tasks, adapters.agents(), defects=[defect] if defect else [], stage=stage)
        oracle = await stack.enter_async_context(shown)
        endpoint = resolve("oracle").at({api: oracle.base_urls[api] for api in agent.apis[:1]})
        exchanges: list[Exchange] = []
        gateway = await stack.enter_async_context(Gateway(endpoint, exchanges.append))
        out = stack.enter_context(tree.temporary())
        options = Options(endpoint, (agent,), tasks, timeout_factor=seconds / limit, max_turns=30, out=out)
        bench = TrialBench(options, endpoint, gateway, choose("auto"), Redactor(()))
        key = TrialKey(suite="tasks", task=TASK, agent=agent.id)
        result = await run_trial(bench, key, tasks[0], agent, installation)
    return Trial(stage, result, tuple(sorted(exchanges, key=lambda exchange: exchange.index)))
