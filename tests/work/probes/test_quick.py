"""The quick tier, tested by mutation: a defect that was seen to break an agent breaks its session."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.support.upstream import endpoint
from toolworthy.content import adapters, breakage
from toolworthy.gateway import Gateway
from toolworthy.judgement.analysis.levels import Level, levels
from toolworthy.reference import Oracle
from toolworthy.reference.defects import defect
from toolworthy.wire.ir import APIS
from toolworthy.work.probes import ProbeBench, load_suite

HARM = ("wrong result", "dies", "hangs")


def breaks() -> dict[str, list[str]]:
    """Defect to the agents that it was seen to break in a plain task."""
    found: dict[str, list[str]] = {}
    for row in breakage.measured():
        if row.situation == "always" and row.outcome in HARM:
            found.setdefault(row.defect, []).append(row.agent)
    return found


BREAKS = breaks()
UNTOLD = {
    "arguments-after-silence": "the test does not wait as long as it takes to call silence a fault",
    "proxy-hangs-on-stream-error": "as above",
    "silent-prefill": "as above",
    "rate-limit-no-retry-after": "a rate limit is no fault",
    "upstream-429-wrapped-as-500": "as above",
    "messages-count-tokens-404-disables-model": "out of service for a while, by its own word",
    "quota-looks-like-rate-limit": "the account is empty, as the endpoint says",
    "rate-limit-looks-like-quota": "a rate limit is no fault",
    "retry-after-contradicts": "as above",
    "retry-after-fraction": "as above",
    "retry-after-in-words": "as above",
    "retry-after-zero": "as above",
    "empty-length-turn": "the model thinks to its token limit",
}
"""What ends as *untested*, with its reason; never as *works*."""
LONG = {"long-conversation-500"}
"""What a recorded session is too short to meet: the long conversation that this tier asks of each endpoint shows it."""

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("hurry")]


async def quick(name: str, agents: list[str]) -> dict[str, Level]:
    """The levels of these agents, by their sessions, and by a long conversation where sessions are too short."""
    probes = load_suite()
    names = ["long-conversation"] * (name in LONG) + [f"session-{agent}" for agent in agents]
    keys = [key for probe in names for key in probes[probe].ways("quick")]
    shown = [defect(name)]
    async with Oracle((), adapters.agents(), defects=shown) as oracle, httpx.AsyncClient(timeout=None) as client:
        where = endpoint(oracle.url, *APIS, model="oracle")
        async with Gateway(where, lambda _: None) as gateway:
            bench = ProbeBench(where, gateway, client)
            results = await asyncio.gather(*(asyncio.wait_for(bench.run(key), 60) for key in keys))
    return {level.agent.id: level for level in levels(results)}


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_what_breaks_an_agent_breaks_its_session(name: str) -> None:
    found = asyncio.run(quick(name, BREAKS[name]))
    wanted = (
        {"broken", "untested"} if name in UNTOLD else {"broken", "works, fails when"} if name in LONG else {"broken"}
    )
    missed = {agent: found[agent].headline for agent in BREAKS[name] if found[agent].word not in wanted}
    assert not missed
