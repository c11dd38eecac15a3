"""Trials as a kind of work: an agent at a task, judged by hidden tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from toolworthy.agents import mcp
from toolworthy.agents.install import ensure
from toolworthy.base.redact import Redactor
from toolworthy.content.adapters import AgentAdapter
from toolworthy.records.meta import RunMeta
from toolworthy.records.trial import Status, TrialKey, TrialResult
from toolworthy.work.kind import ItemOutcome, Kind, Site
from toolworthy.work.run.plan import Options
from toolworthy.work.scoring.words import cause
from toolworthy.work.trials.trial import TrialBench, sandbox_for, without


class Trials(Kind[TrialKey, TrialResult]):
    """One item is one attempt of an agent at a task."""

    suite, many, fixture = "tasks", "trials", "trial"
    result, words, heavy = TrialResult, get_args(Status), True

    def keys(self, plan: Options) -> Sequence[TrialKey]:
        """Repeats come last, so that an interrupted run has tried every task."""
        return [
            TrialKey(suite="tasks", task=task.name, agent=agent.id, repeat=repeat)
            for repeat in range(1, plan.trials + 1)
            for task in plan.tasks
            for agent in plan.agents
        ]

    def alone(self, plan: Options, key: TrialKey) -> tuple[Options, Sequence[str]]:
        own = [str(task.path.resolve()) for task in plan.tasks if task.name == key.task and plan.task_folders]
        return replace(plan, task_folders=tuple(own)), ("--task", key.task, "--agent", key.agent)

    def agents(self, plan: Options) -> Sequence[AgentAdapter]:
        sandbox_for(plan, plan.agents)
        return plan.agents

    async def open(self, site: Site) -> TrialBench:
        """Choose a sandbox, and install the agents."""
        sandbox = sandbox_for(site.plan, site.plan.agents)
        if sandbox.name == "none":
            site.listener.line("no sandbox: what the model writes runs with your rights and sees your files")
        needs_sdk = any(task.mcp for task in site.plan.tasks)
        context = TrialBench(
            site.plan,
            site.endpoint,
            site.gateway,
            sandbox,
            Redactor(site.endpoint.secrets),
            site.listener,
            refused=site.refused,
            mcp_sdk=await ensure(mcp.sdk(), site.listener.line, sandbox) if needs_sdk else None,
        )
        for agent in site.plan.agents:
            if agent.install and agent.id not in site.refused:
                context.installations[agent.id] = await ensure(agent, site.listener.line, sandbox)
        return context

    def unrun(self, plan: Options, key: TrialKey, why: str) -> TrialResult:
        return without(plan, key, "unmeasured", cause("not run", "our limit", said=why))

    def outcome_of(self, result: TrialResult) -> ItemOutcome:
        kind = result.cause.kind if result.cause else result.status
        message = result.cause.detail if result.cause else result.status
        match result.status:
            case "passed":
                return ItemOutcome()
            case "unmeasured":
                return ItemOutcome("skipped", kind, f"unmeasured: {message}")
            case "failed" if result.agents_own:
                return ItemOutcome("skipped", kind, f"not the endpoint's failure: {message}")
            case "error":
                return ItemOutcome("error", kind, f"not counted against the model: {message}", result.explanation)
            case _:  # preflight's refusal of an agent is the endpoint's failure
                return ItemOutcome("failure", kind, message, result.explanation)

    def reasons(self, results: Sequence[TrialResult]) -> Iterator[str]:
        counts = Counter(result.status for result in results)
        ended = sum(result.limit is not None for result in results)
        if failed := counts["failed"] - sum(result.agents_own for result in results):
            yield f"{failed} of {len(results)} trials failed"
        if refused := counts["refused"]:
            yield f"{refused} of {len(results)} trials refused: their agent cannot run here"
        if ended:
            yield f"{ended} of {len(results)} trials ended at a run limit"
        if without := counts["error"] - ended:
            yield f"{without} of {len(results)} trials without a result"

    def lines(self, results: Sequence[TrialResult]) -> Iterator[str]:
        return iter(())

    def columns(self, result: TrialResult, meta: RunMeta) -> Mapping[str, Any]:
        counts = result.judged or result.limit is not None
        return {
            "agent_version": result.agent_version or meta.agents.get(result.key.agent),
            "agent_api": result.agent_api,
            "cause": result.cause.kind if result.cause else None,
            "fault": result.cause.fault if result.cause else None,
            "ceiling": result.ceiling or None,
            "credit": result.verification.reward if result.verification and counts else None,
        }
