"""The gateway's own translation of a sound endpoint: no rule finds anything in what the agent gets, and the wire suite
says the same of it as of the endpoint."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from dataclasses import replace

import httpx
import pytest

from tests.support.upstream import endpoint
from toolworthy import rules, wire
from toolworthy.content import adapters
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.records.exchange import Exchange
from toolworthy.records.meta import Tier
from toolworthy.records.probe import ProbeResult
from toolworthy.reference import Oracle
from toolworthy.reference._limits import CONTEXT
from toolworthy.wire.ir import APIS, Api, Message, Reasoning, Request, Text, Thinking
from toolworthy.work.probes import ProbeBench, load_suite
from toolworthy.work.probes.material import LIST, READ, orders

pytestmark = pytest.mark.process

DIRECTIONS = list(itertools.permutations(APIS, 2))
A, B = (READ.name, {"path": "a.txt"}), (READ.name, {"path": "b.txt"})
NOTHING: tuple[str, dict[str, str]] = (LIST.name, {})
THOUGHT = Reasoning(enabled=True, effort="high")


def plain(text: str) -> Request:
    return Request("oracle", (Message("user", (Text(text),)),), tools=(READ, LIST), max_tokens=900)


UNTRANSLATED = {
    "foreign-model",
    "error-unknown-role",
    "model-by-id",
    "models-codex",
    "response-by-id",
    "call-signature",
    "reasoning-encrypted",
}
"""Probes of what the gateway does not offer: it reads any role, and knows only the list of models that it makes itself;
the reference server knows no other model. Our reader does not take reasoning that the gateway sealed for an endpoint's.
"""
STATELESS = {"previous-response-id", "item-reference"}
"""What is refused in words: a translated endpoint stores nothing."""
ONE = {"several-choices", "several-choices-calls"}
LOST: dict[Api, set[str]] = {
    "chat": STATELESS,
    "messages": STATELESS | ONE | {"json-object", "max-tokens-in-arguments"},
    "responses": ONE | {"stop-string", "context-overflow"},
    "gemini": STATELESS | ONE | {"max-tokens-in-arguments", "parallel-disabled", "arguments-in-pieces"},
}
"""Probes of what an endpoint's API has no place for: several choices, stop strings, JSON without a schema, arguments
that are cut or come in pieces, only one call. The Responses API says in a stream of HTTP 200 that the context window is
full."""

WANTED = {
    "text": plain("Reply with exactly: done"),
    "a call": plain(orders([A])),
    "text and a call": plain(orders([A], say="I look.")),
    "a call without arguments": plain(orders([NOTHING])),
    "parallel calls": plain(orders([A, B, NOTHING])),
    "a cut text": replace(plain(f"Reply with exactly: {'done ' * 40}"), max_tokens=8),
    "reasoning": replace(plain("Reply with exactly: done"), reasoning=THOUGHT),
    "reasoning and a call": replace(plain(orders([A])), reasoning=THOUGHT),
    "reasoning and parallel calls": replace(plain(orders([A, B])), reasoning=THOUGHT),
}


def speaking(url: str, api: Api) -> Endpoint:
    """A sound endpoint of one API, of which it is known how to make it think."""
    where = endpoint(url, api, model="oracle")
    dialect = replace(where.dialect, thinking_switch="thinking+effort")
    return replace(where, provider=where.provider.model_copy(update={"dialect": dialect}), context=CONTEXT)


async def through(agent: Api, over: Api) -> dict[tuple[str, bool], tuple[Exchange, Exchange]]:
    """The exchanges of every wanted response, streamed and whole, behind the gateway and before it."""
    before: dict[tuple[str, bool], Exchange] = {}
    recorded: list[Exchange] = []
    async with (
        Oracle((), adapters.agents()) as oracle,
        Gateway(speaking(oracle.url, over), recorded.append) as gateway,
        serve_trial(gateway, "t", socket.create_server(("127.0.0.1", 0))) as session,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        for (kind, wanted), stream in itertools.product(WANTED.items(), (True, False)):
            rendered = wire.api(agent).render_request(replace(wanted, stream=stream), gateway.endpoint.dialect)
            path, sent = wire.api(agent).sent(rendered.body)
            body = json.dumps(sent).encode()
            answer = await client.post(session.base_url + path, content=body, headers=wire.api(agent).headers)
            made = Exchange.of(agent, body, answer.content, status=answer.status_code, headers=dict(answer.headers))
            before[kind, stream] = replace(made, path=path)
    return dict(zip(before, zip(recorded, before.values(), strict=True), strict=True))


@pytest.mark.parametrize(("agent", "over"), DIRECTIONS)
def test_no_rule_finds_fault_with_a_translation(agent: Api, over: Api) -> None:
    pairs = asyncio.run(through(agent, over))
    assert {pair[0].endpoint_api for pair in pairs.values()} == {over}
    found = {
        key: [f"{one.code} {one.detail}" for one in rules.check(pair)]
        for key, pair in pairs.items()
        if rules.check(pair)
    }
    assert not found
    for (kind, _), (behind, before) in pairs.items():
        assert behind.response
        assert before.response
        assert before.response.text == behind.response.text
        assert [call.name for call in before.response.calls] == [call.name for call in behind.response.calls]
        assert before.response.stop == behind.response.stop
        for response in (behind.response, before.response):
            thought = any(isinstance(part, Thinking) and part.text for part in response.parts)
            assert thought == ("reasoning" in kind)


async def asked(agent: Api, over: Api, tier: Tier) -> list[ProbeResult]:
    """What the probes say of the gateway as an endpoint of one API, before an oracle that speaks another."""
    async with (
        Oracle((), adapters.agents()) as oracle,
        Gateway(speaking(oracle.url, over), lambda _: None) as translating,
        serve_trial(translating, "t", socket.create_server(("127.0.0.1", 0))) as session,
        httpx.AsyncClient(trust_env=False, timeout=None) as client,
    ):
        before = speaking(session.base_url, agent)
        async with Gateway(before, lambda _: None) as gateway:
            bench = ProbeBench(before, gateway, client)
            keys = [key for one in load_suite().values() for key in one.ways(tier) if key.api == agent]
            return [await asyncio.wait_for(bench.run(key), 60) for key in keys]


def complaints(results: list[ProbeResult], over: Api) -> list[str]:
    """Findings and failed probes. Agents look for the words of their own API's vendor when the context window is full,
    and get the endpoint's."""
    known = UNTRANSLATED | LOST[over]
    judged = [one for one in results if one.key.probe not in known and not one.key.probe.startswith("full-window-")]
    said = [f"{one.key}: {found.code} {found.detail}" for one in judged for found in one.findings]
    failed = [one for one in judged if one.verdict not in ("supported", "unmeasured")]
    return said + [f"{one.key} {one.verdict}: {one.detail}" for one in failed]


@pytest.mark.parametrize(("agent", "over"), [pair for pair in DIRECTIONS if pair[1] == "chat"])
def test_the_quick_tier_supports_what_is_translated(agent: Api, over: Api) -> None:
    assert not complaints(asyncio.run(asked(agent, over, "quick")), over)


@pytest.mark.nightly
@pytest.mark.parametrize(("agent", "over"), DIRECTIONS)
def test_the_whole_suite_supports_what_is_translated(agent: Api, over: Api) -> None:
    assert not complaints(asyncio.run(asked(agent, over, "standard")), over)
