"""Tool-call cases as a kind of work: a conversation, asked with an agent's tools and judged by what the calls do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.records.case import CaseKey, CaseResult, Status
from toolworthy.records.meta import RunMeta
from toolworthy.records.result import NO_ANSWER
from toolworthy.sandbox import choose
from toolworthy.work.cases._bench import CaseBench
from toolworthy.work.cases.field import REFERENCE, FieldBench, FieldPlayer
from toolworthy.work.cases.player import CasePlayer
from toolworthy.work.kind import ItemOutcome, Kind, Site
from toolworthy.work.run.plan import Options


class Cases(Kind[CaseKey, CaseResult]):
    """One item is one case with the tools of one agent, or of a benchmark's file."""

    suite, many, fixture = "tools", "cases", "case"
    result, words, quick = CaseResult, get_args(Status), True

    def keys(self, plan: Options) -> Sequence[CaseKey]:
        """One that offers no agent's tools is asked once, not with every agent's tools."""
        if plan.field:
            words = (plan.field.kind, *([REFERENCE] if plan.reference else []))
            named = [(name, word) for name in plan.field.items for word in words]
        else:
            agents = {case.id: plan.toolsets[:1] if case.alone else plan.toolsets for case in plan.cases}
            named = [(case, agent.id) for case, own in agents.items() for agent in own]
        repeats = range(1, plan.trials + 1)
        return [CaseKey(case=case, toolset=word, repeat=repeat) for repeat in repeats for case, word in named]

    def alone(self, plan: Options, key: CaseKey) -> tuple[Options, Sequence[str]]:
        if not plan.field:
            return plan, ("--case", key.case, "--agent", key.toolset)
        return plan if key.toolset == REFERENCE else replace(plan, reference=None), ("--case", key.case)

    def plays(self, plan: Options) -> Sequence[Any]:
        return [
            FieldPlayer(plan.field) if plan.field else CasePlayer(plan.cases, (*plan.toolsets, *adapters.toolsets()))
        ]

    async def open(self, site: Site) -> CaseBench | FieldBench:
        plan = site.plan
        if plan.field:
            sides: dict[str, tuple[Endpoint, Gateway]] = {plan.field.kind: (site.endpoint, site.gateway)}
            if plan.reference:
                sides[REFERENCE] = await site.reach(plan.reference, ())
            return FieldBench(plan.field, stream=plan.stream, sides=sides)
        try:
            sandbox = choose(plan.sandbox)
        except ToolworthyError:
            sandbox = None  # a case that needs one says so
        return CaseBench(site.endpoint, site.gateway, plan.cases, plan.toolsets, stream=plan.stream, sandbox=sandbox)

    def unrun(self, plan: Options, key: CaseKey, why: str) -> CaseResult:
        if plan.field:
            category = getattr(plan.field.items[key.case], "category", "verifier")
        else:
            category = next((case.category for case in plan.cases if case.id == key.case), "")
        return CaseResult(key=key, category=category, status="unmeasured", detail=why, unasked=True)

    def outcome_of(self, result: CaseResult) -> ItemOutcome:
        if result.status == "unmeasured":
            return ItemOutcome("skipped", "unmeasured", f"unmeasured: {result.detail}")
        if result.status == "wrong":
            kinds = ", ".join(dict.fromkeys(miss.kind for miss in result.misses if not miss.strict)) or "wrong"
            return ItemOutcome("failure", kinds, kinds, result.explanation)
        return ItemOutcome()

    def reasons(self, results: Sequence[CaseResult]) -> Iterator[str]:
        if wrong := sum(case.status == "wrong" for case in results):
            yield f"{wrong} of {len(results)} tool-call cases are wrong"
        if silent := sum(case.uncounted == NO_ANSWER for case in results):
            yield f"{silent} of {len(results)} tool-call cases without a response"

    def lines(self, results: Sequence[CaseResult]) -> Iterator[str]:
        return iter(())

    def columns(self, result: CaseResult, meta: RunMeta) -> Mapping[str, Any]:
        return {
            "category": result.category,
            "turns": result.turns,
            "cause": next((miss.kind for miss in result.misses if not miss.strict), None),
            "credit": result.credit if result.judged or result.limit else None,
        }
