"""Preflight, one request with tools over each wire API, and the settings of every agent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from toolworthy.base.version import __version__
from toolworthy.content import providers
from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.preflight import Check, Preflight, preflight
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.records.doctor import CheckState, ContextReport, DoctorCheck, DoctorReport, Spent
from toolworthy.records.exchange import Exchange
from toolworthy.records.score import Tokens
from toolworthy.work.doctor._agents import reports
from toolworthy.work.doctor._capabilities import capabilities
from toolworthy.work.doctor._context import measured_context
from toolworthy.work.run.budget import tokens_of
from toolworthy.work.run.embedded import reached
from toolworthy.work.scoring.measure import cost

_STATES: dict[bool | None, CheckState] = {True: "ok", False: "bad", None: "unknown"}


async def examine(
    target: Endpoint,
    agents: Sequence[AgentAdapter],
    *,
    find_context: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> DoctorReport:
    """The report on an endpoint.

    Args:
        target: as the user named it.
        agents: the agents to report on.
        find_context: whether to find the longest input that it accepts.
        say: called with messages about waits.

    Raises:
        ToolworthyError: it cannot be reached, or refuses the key or the model.
    """
    begun = time.monotonic()
    exchanges: list[Exchange] = []
    async with contextlib.AsyncExitStack() as stack:
        checked = await preflight(await reached(target, stack), agents, say)
        gateway = await stack.enter_async_context(Gateway(checked.endpoint, exchanges.append))
        asked = [target.forced_api] if target.forced_api else [*checked.endpoint.base_urls]
        apis = await asyncio.gather(*(capabilities(gateway, api) for api in asked))
        context = ContextReport(declared=checked.endpoint.context)
        if find_context:
            context = await measured_context(gateway, context, say)
    return DoctorReport(
        toolworthy=__version__,
        endpoint=checked.endpoint.public(),
        key="accepted" if checked.endpoint.key else "none",
        models=list(checked.models),
        checks=[DoctorCheck(name=one.name, state=_state(one), detail=one.detail) for one in checked.checks],
        apis=[*apis],
        context=context,
        agents=reports(target, checked, agents, apis),
        setup="" if target.is_oracle else providers.provider(target.provider.id).hints.get("setup", ""),
        spent=_spent(checked, exchanges, time.monotonic() - begun),
    )


def _state(check: Check) -> CheckState:
    if check.reading:
        return "note"
    return "absent" if check.absent else _STATES[check.ok]


def _spent(checked: Preflight, exchanges: Sequence[Exchange], seconds: float) -> Spent:
    tokens = [
        Tokens(input=checked.usage.input or 0, output=checked.usage.output or 0),
        *(tokens_of(exchange) for exchange in exchanges),
    ]
    usd, prices = None, checked.endpoint.prices
    if prices:
        usd = sum(cost(one, prices.rates(one.input or 0, time.time())) or 0.0 for one in tokens)
    return Spent(
        requests=checked.requests + len(exchanges),
        input_tokens=sum(one.input or 0 for one in tokens),
        output_tokens=sum(one.output or 0 for one in tokens),
        usd=usd,
        seconds=round(seconds, 2),
    )
