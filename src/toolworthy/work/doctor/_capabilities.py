"""Request two calls and reasoning in one response over one wire API, and derive its abilities."""

from __future__ import annotations

import json
from dataclasses import replace

from toolworthy import rules, wire
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, ask
from toolworthy.records.doctor import Answer, WireApiReport
from toolworthy.records.exchange import Exchange
from toolworthy.rules.refusal import classify
from toolworthy.wire.ir import Api, Dialect, Message, Reasoning, Request, Text, Thinking
from toolworthy.work.probes.material import READ, TOOLS, orders

SECONDS = 25.0
"""Time limit in seconds of one response."""
_ENOUGH, _FEW = 2_048, 512
"""Token limits: room to think and call twice, and to call twice."""
_USD = 0.003
"""The most that the output of one response may cost, in dollars, if the price is known: three stay under a cent."""
_WANTED = (READ.name, {"path": "a.txt"}), (READ.name, {"path": "b.txt"})


async def capabilities(gateway: Gateway, api: Api) -> WireApiReport:
    """The abilities of one API."""
    endpoint = gateway.endpoint
    request, dialect = _request(endpoint), endpoint.dialect
    if endpoint.provider.id == "generic" and dialect.thinking_switch == "none":
        dialect = replace(dialect, thinking_switch="reasoning_effort")  # unknown, so it is tried
    exchange = await send(gateway, request, api, SECONDS, dialect)
    if request.reasoning and _refused(exchange):
        exchange = await send(gateway, replace(request, reasoning=None), api, SECONDS)
    refused = _refused(exchange)
    response = exchange.response
    calls = response.calls if response else ()
    forms = [part.form for part in response.parts if isinstance(part, Thinking)] if response else []
    detail = refused or (str(exchange.error) if exchange.error else "")
    return WireApiReport(
        api=api,
        base_url=endpoint.public().base_urls[api],
        streaming=_streaming(exchange, refused),
        tools="no" if refused else _known(bool(calls)),
        parallel_calls=_known(len(calls) > 1),
        thinking=[*dict.fromkeys(forms)],
        findings=[*dict.fromkeys(one.code for one in rules.check([exchange]) if not one.follows)],
        detail=gateway.redactor.text(detail),
    )


async def send(
    gateway: Gateway, request: Request, api: Api, seconds: float, dialect: Dialect | None = None
) -> Exchange:
    """The exchange of one request over an API of the endpoint, in its own dialect or another."""
    rendered = wire.api(api).render_request(request, dialect or gateway.endpoint.dialect)
    path, body = wire.api(api).sent(rendered.body)
    session = gateway.direct("doctor")
    return await ask(session, path, json.dumps(body).encode(), seconds, wire.api(api).headers)


def _request(endpoint: Endpoint) -> Request:
    room = _ENOUGH
    if endpoint.prices and endpoint.prices.output:
        room = max(_FEW, min(_ENOUGH, int(_USD / endpoint.prices.output * 1_000_000)))
    thinks = room == _ENOUGH
    return Request(
        model=endpoint.model,
        messages=(Message("user", (Text(orders(_WANTED)),)),),
        tools=TOOLS,
        max_tokens=room,
        stream=True,
        reasoning=Reasoning(enabled=True, effort=next(iter(endpoint.dialect.efforts), None)) if thinks else None,
    )


def _refused(exchange: Exchange) -> str:
    """The error instead of a response; "" if there is none."""
    refusal = classify(exchange.status, exchange.response_headers, exchange.body) if exchange.status else None
    return f"HTTP {exchange.status}: {' '.join(refusal.message.split())[:200]}" if refusal else ""


def _known(seen: bool) -> Answer:
    return "yes" if seen else "unknown"


def _streaming(exchange: Exchange, refused: str) -> Answer:
    if refused or not exchange.status:
        return "unknown"
    return "yes" if "event-stream" in exchange.response_headers.get("content-type", "") else "no"
