"""Probes of a test's own, run against the oracle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx

from tests.support.upstream import endpoint
from toolworthy.content import adapters
from toolworthy.gateway import Gateway
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.reference import Oracle
from toolworthy.reference.defects import Defect
from toolworthy.wire.ir import APIS
from toolworthy.work.probes import Ask, Probe, ProbeBench


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
