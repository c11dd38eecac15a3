"""Probes of the suite or of a test's own, run against the oracle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

import httpx

from tests.support.upstream import endpoint
from toolworthy.content import adapters
from toolworthy.gateway import Gateway
from toolworthy.gateway.concurrency import Flow
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.reference import Oracle
from toolworthy.reference._limits import CONTEXT
from toolworthy.reference.defects import Defect
from toolworthy.wire.ir import APIS, Api
from toolworthy.work.probes import Ask, Probe, ProbeBench, load_suite


def run(spoilt: Defect | None, *runs: Callable[[Ask], Awaitable[None]], stream: bool = False) -> list[ProbeResult]:
    """What probes that run these functions, one after the other, say of the oracle with a defect, over chat."""

    async def asked() -> list[ProbeResult]:
        defects = (spoilt,) if spoilt else ()
        async with Oracle((), adapters.agents(), defects=defects) as oracle, httpx.AsyncClient(timeout=None) as client:
            where = replace(endpoint(oracle.url, *APIS, model="oracle"), context=None)
            async with Gateway(where, lambda _: None) as gateway:
                bench = ProbeBench(where, gateway, client)
                results = []
                for at, function in enumerate(runs):
                    name = f"probe-{at}"
                    probe = Probe(name, "x", ("chat",), "both", "degrades", "always", (), "", function)
                    results.append(await bench.run(ProbeKey(probe=name, api="chat", stream=stream), probe))
                return results

    return asyncio.run(asked())


async def ask(
    defects: Sequence[Defect], apis: Iterable[Api], names: Iterable[str], flow: Flow | None = None
) -> list[ProbeResult]:
    """What these probes say of the oracle with these defects; `flow` limits the requests."""
    probes = load_suite()
    keys = [key for name in dict.fromkeys(names) for key in probes[name].ways("standard") if key.api in set(apis)]
    async with Oracle((), adapters.agents(), defects=defects) as oracle, httpx.AsyncClient(timeout=None) as client:
        where = replace(endpoint(oracle.url, *APIS, model="oracle"), context=CONTEXT)
        if any(route.without == "authorization" for defect in defects for route in defect.route):
            where = replace(where, auth="bearer")  # else nothing is answered: whoever uses it has said so
        async with Gateway(where, lambda _: None, flow=flow) as gateway:
            bench = ProbeBench(where, gateway, client)

            async def one(key: ProbeKey) -> ProbeResult:
                return await asyncio.wait_for(bench.run(key), 60)

            return [await one(key) for key in keys]
