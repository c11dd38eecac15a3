"""Probes as a kind of work: one behaviour of an endpoint, asked over one API, streamed or whole."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from toolworthy.records import conditions
from toolworthy.records.finding import rank
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult, Verdict
from toolworthy.rules import label
from toolworthy.wire.ir import Api
from toolworthy.work.kind import ItemOutcome, Kind, Site
from toolworthy.work.probes._bench import ProbeBench
from toolworthy.work.probes._declare import PROBES, Probe, load_suite
from toolworthy.work.probes.effects import affected, judged
from toolworthy.work.probes.tiers import LONG, TIERS
from toolworthy.work.run.plan import Options


class Probes(Kind[ProbeKey, ProbeResult]):
    """One item is one way of a probe."""

    suite, many, fixture = "wire", "probes", "probed"
    result, words, settles, measures_model = ProbeResult, get_args(Verdict), True, False

    def keys(self, plan: Options) -> Sequence[ProbeKey]:
        return [key for probe in load_suite().values() if _asked_of(plan, probe) for key in probe.ways(plan.tier)]

    def items(self, plan: Options, test: Any) -> Sequence[ProbeKey]:
        """All APIs and modes of the test's probe."""
        return [*test.probe.ways()]

    def planned(self, plan: Options, key: ProbeKey) -> bool:
        probe = PROBES[key.probe]
        return _asked_of(plan, probe) and key in probe.ways(plan.tier)

    def label(self, key: ProbeKey, repeated: bool) -> str:
        return key.way

    def reproduce(self, plan: Options, key: ProbeKey) -> str:
        if (probe := PROBES.get(key.probe)) and (node := probe.node(key)):  # of a user's own file
            given = conditions.arguments(replace(plan, adapters=()), self.suite)
            return shlex.join(["pytest", "-p", "toolworthy.plugin", *given, node])
        return super().reproduce(plan, key)

    def alone(self, plan: Options, key: ProbeKey) -> tuple[Options, Sequence[str]]:
        named = [word for agent in PROBES[key.probe].uncommon for word in ("--agent", agent)]
        return plan, (*named, "-k", f"test_{key.probe.replace('-', '_')}[{key.way}]")

    def instead(self, plan: Options) -> Mapping[str, Options]:
        return {f"--tier {tier}": replace(plan, tier=tier) for tier in TIERS if tier != plan.tier}

    def rank(self, key: ProbeKey) -> tuple[int, ...]:
        return PROBES[key.probe].rank(key)

    def api(self, key: ProbeKey) -> Api | None:
        return key.api

    def late(self, key: ProbeKey) -> bool:
        """Probes that send invalid requests run last."""
        return PROBES[key.probe].late

    def once(self, plan: Options, key: ProbeKey) -> str:
        """Long prompts, and probes that do not depend on the API, are sent once; over other APIs and modes only if that
        shows a fault."""
        probe = PROBES[key.probe]
        return key.probe if plan.tier != "full" and (probe.once or probe.situation in LONG) else ""

    def asked(self, plan: Options, served: Container[Api], key: ProbeKey) -> bool:
        return key.api in served or PROBES[key.probe].main_path

    async def open(self, site: Site) -> ProbeBench:
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        client = httpx.AsyncClient(timeout=None, limits=limits, trust_env=False)
        await site.stack.enter_async_context(client)
        return ProbeBench(site.endpoint, site.gateway, client, site.listener.line)

    def unrun(self, plan: Options, key: ProbeKey, why: str) -> ProbeResult:
        return PROBES[key.probe].result(key, "unmeasured", why, unasked=True)

    def outcome_of(self, result: ProbeResult) -> ItemOutcome:
        """A probe fails if it shows a fault that affects an agent. Findings are reported with the rules."""
        if not result.judged:
            return ItemOutcome("skipped", "unmeasured", f"unmeasured: {result.detail}")
        if result.ok:
            return ItemOutcome()
        message = f"{result.verdict}: {result.detail}"
        if not affected(result, result.key.probe):
            return ItemOutcome("harmless", result.verdict, message)
        findings = "\n".join(f"{label(finding.code)}: {finding.title}: {finding.detail}" for finding in result.findings)
        text = (result.title, result.detail, findings, f"again: {result.reproduce}")
        return ItemOutcome("failure", result.verdict, message, "\n".join(filter(None, text)))

    def reasons(self, results: Sequence[ProbeResult]) -> Iterator[str]:
        agents = judged(results)
        harmed = {agent for probe in results for agent in affected(probe, agents=agents)}
        if harmed:
            yield f"wire faults harm {len(harmed)} of {len(agents)} agents"

    def lines(self, results: Sequence[ProbeResult]) -> Iterator[str]:
        return iter(())

    def columns(self, result: ProbeResult, meta: RunMeta) -> Mapping[str, Any]:
        own = [result.severity] if result.judged and not result.ok else []
        return {
            "severity": min((*own, *(finding.severity for finding in result.findings)), key=rank, default=None),
            "requests": result.requests,
            "translated": False,
            "agent_api": result.key.api,
            "endpoint_api": result.key.api,
        }


def _asked_of(plan: Options, probe: Probe) -> bool:
    """Whether a run includes this probe: probes of uncommon agents only if one of them is named, or in tier full."""
    wanted = {agent.id for agent in plan.agents}
    return plan.tier == "full" or not probe.uncommon or not wanted.isdisjoint(probe.uncommon)
