"""Replay as a kind of work: send a recorded request again, and compare the response with the recorded one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.records import conditions
from toolworthy.records.meta import RunMeta
from toolworthy.records.replay import DECISIVE, ReplayKey, ReplayResult, Side, Status
from toolworthy.work.kind import Kind, Site
from toolworthy.work.replay._bench import ReplayBench
from toolworthy.work.run.plan import Options


class Replays(Kind[ReplayKey, ReplayResult]):
    """One item is one recorded request, sent once to one endpoint."""

    suite, many, fixture = "replay", "requests", ""
    result, words, measures_model = ReplayResult, get_args(Status), False

    @property
    def command(self) -> tuple[str, ...]:
        return (self.suite,)

    def keys(self, plan: Options) -> Sequence[ReplayKey]:
        """Repeats come last, so that an interrupted replay has sent every request."""
        recorded = plan.recording.requests(plan.only, plan.limit) if plan.recording else ()
        sides: tuple[Side, ...] = ("target", "reference") if plan.reference else ("target",)
        return [
            ReplayKey(trial=request.trial, exchange=request.index, number=number, side=side)
            for number in range(1, plan.trials + 1)
            for request in recorded
            for side in sides
        ]

    def reproduce(self, plan: Options, key: ReplayKey) -> str:
        assert plan.recording is not None
        own = replace(plan, only=key.trial, limit=None, reference=plan.reference if key.side == "reference" else None)
        chosen = conditions.arguments(own, self.suite)
        return shlex.join(["toolworthy", *self.command, str(plan.recording.path), *chosen])

    def agents(self, plan: Options) -> Sequence[AgentAdapter]:
        """One agent per recorded wire API, so that preflight tests what will be used."""
        requests = plan.recording.requests(plan.only, plan.limit) if plan.recording else ()
        first = {agent.apis[0]: agent for agent in reversed(adapters.agents())}
        return [first[api] for api in sorted({request.api for request in requests}) if api in first]

    async def open(self, site: Site) -> ReplayBench:
        plan = site.plan
        assert plan.recording is not None
        sides = {"target": (site.endpoint, site.gateway)}
        if plan.reference:
            sides["reference"] = await site.reach(plan.reference, self.agents(plan))
        return ReplayBench(plan.recording, plan.recording.requests(plan.only, plan.limit), sides)

    def unrun(self, plan: Options, key: ReplayKey, why: str) -> ReplayResult:
        return ReplayResult(key=key, status="unmeasured", detail=why)

    def final(self, result: ReplayResult) -> bool:
        """Another attempt would not help where the recording has no response to compare with."""
        return result.status != "unmeasured"

    def reasons(self, results: Sequence[ReplayResult]) -> Iterator[str]:
        """A different decision is not a failure: the recording may be wrong."""
        own = [result.new for result in results if result.key.side == "target"]
        if own and not any(new and not new.error for new in own):
            yield "no request got a response"

    def lines(self, results: Sequence[ReplayResult]) -> Iterator[str]:
        return iter(())

    def columns(self, result: ReplayResult, meta: RunMeta) -> Mapping[str, Any]:
        own = {
            "cause": next((difference.kind for difference in result.differences if difference.kind in DECISIVE), None),
            "credit": None if result.same_decision is None else float(result.same_decision),
            "requests": int(bool(result.exchanges)),
            "agent_api": None,
        }
        if (new := result.new) is None:
            return {**own, "seconds": None}
        return own | {
            "calls": len(new.calls),
            "input_tokens": new.input_tokens,
            "output_tokens": new.output_tokens,
            "first_token_seconds": new.first_seconds,
            "models_answered": (new.model,) if new.model else (),
            "findings": tuple(dict.fromkeys(new.findings)),
        }
