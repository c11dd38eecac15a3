"""The reference server in a provider's dialect: the wire suite says what is true of that provider, and nothing else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields, replace
from typing import Any

import httpx
import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters, providers
from toolworthy.content.providers import ProviderAdapter
from toolworthy.endpoint.oracle import in_dialect
from toolworthy.endpoint.target import resolve
from toolworthy.gateway import Gateway
from toolworthy.records.meta import Tier
from toolworthy.records.probe import ProbeResult
from toolworthy.reference import Oracle
from toolworthy.reference._limits import CONTEXT
from toolworthy.reference.dialects import expected, shown_by, traits
from toolworthy.reference.model import Reply
from toolworthy.wire.ir import Api, Dialect
from toolworthy.work.probes import ProbeBench, load_suite
from toolworthy.work.probes.recorded import agents_recorded, recorded

EVERY = [one.id for one in providers.every() if one.id != "generic"]
SOME = ["deepseek", "anthropic", "openrouter"]
STATED = {"foreign-model", "previous-response-id", "item-reference", "models-codex", "response-by-id"}
"""Probes to which the reference server says no in words, on purpose."""
INVENTED = {
    "gemini-thought-signature-required": "missing a thought_signature",
    "ids-of-nine-characters-only": "must be a-z, A-Z, 0-9, with a length of 9",
}
"""Refusals of every history whose calls the endpoint did not make: chat has no place for the vendor's substitute for a
signature, and ids have the endpoint's own form."""
TOOL = {"type": "function", "function": {"name": "run", "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "run", "arguments": "{}"}}
BACK = [
    {"role": "user", "content": "Run it."},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "ok"},
]


async def asked(dialect: str, tier: Tier) -> list[ProbeResult]:
    """What the probes of a tier say of the reference server in this dialect."""
    endpoint = resolve(f"oracle@{dialect}")
    shown = shown_by(endpoint.provider)
    async with Oracle((), adapters.agents(), defects=shown) as oracle, httpx.AsyncClient(timeout=None) as client:
        endpoint = replace(endpoint.at(oracle.base_urls), context=CONTEXT)
        keys = [key for one in load_suite().values() for key in one.ways(tier) if key.api in endpoint.base_urls]
        async with Gateway(endpoint, lambda _: None) as gateway:
            bench = ProbeBench(endpoint, gateway, client)
            return [await asyncio.wait_for(bench.run(key), 60) for key in keys]


def of_agents(provider: ProviderAdapter) -> set[str]:
    """Sessions and first requests that the provider refuses for what the agent is recorded to send, or to drop."""
    shown = {one.id for one in shown_by(provider)}
    records = [one for one in map(recorded, agents_recorded()) if one.api == "chat"]
    refused = set()
    if "reasoning-content-must-be-echoed" in shown:
        refused |= {f"session-{one.agent}" for one in records if one.history.reasoning == "drop"}
    if "max-tokens-vs-max-completion-tokens" in shown:
        sends = [one.agent for one in records if "max_tokens" in one.body]
        refused |= {f"{kind}-{agent}" for agent in sends for kind in ("session", "first-request")}
    if "gemini-thought-signature-required" in shown:  # agents know no extra_content
        refused |= {f"session-{one.agent}" for one in records}
    if "system-not-first-refused" in shown:
        late = [one.agent for one in records if _late_system(one.body["messages"])]
        refused |= {f"{kind}-{agent}" for agent in late for kind in ("session", "first-request")}
    return refused


def _late_system(messages: list[dict[str, Any]]) -> bool:
    """Whether a system message comes after the first message."""
    return any(message["role"] == "system" for message in messages[1:])


def unexpected(results: list[ProbeResult], provider: ProviderAdapter) -> list[str]:
    """What is said that is not true of the provider."""
    true = expected(provider) | STATED | of_agents(provider)
    words = [INVENTED[one.id] for one in shown_by(provider) if one.id in INVENTED]
    said = [
        f"{one.key}: {found.code} {found.detail}"
        for one in results
        for found in one.findings
        if not found.follows and found.code not in true
    ]
    said += [
        f"{one.key} {one.verdict}: {one.detail}"
        for one in results
        if one.verdict in ("rejected", "ignored", "broken") and one.key.probe not in true
        if not any(refused in one.detail for refused in words)
    ]
    return said


@pytest.mark.process
@pytest.mark.parametrize("dialect", SOME)
def test_the_quick_tier_says_what_is_true_of_the_provider(dialect: str) -> None:
    results = asyncio.run(asked(dialect, "quick"))
    assert results
    assert not unexpected(results, providers.provider(dialect))


@pytest.mark.process
@pytest.mark.nightly
@pytest.mark.parametrize("dialect", EVERY)
def test_the_whole_suite_says_what_is_true_of_the_provider(dialect: str) -> None:
    assert not unexpected(asyncio.run(asked(dialect, "standard")), providers.provider(dialect))


def sent(dialect: str, *, api: Api = "chat", **body: Any) -> Reply:
    provider = providers.provider(dialect)
    oracle = Oracle((), adapters.agents(), defects=shown_by(provider))
    plain = {"model": "oracle", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2_000}
    return oracle.reply(api, json.dumps({**plain, **body}).encode())


def test_deepseek_keeps_connections_alive_in_its_own_ways() -> None:
    assert sent("deepseek").body.startswith(b"\n\n")
    assert json.loads(sent("deepseek").body)["choices"][0]["message"]["reasoning_content"]
    assert sent("deepseek", stream=True).body.startswith(b": keep-alive\n\n")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"messages": BACK, "tools": [TOOL]}, "must be passed back"),
        ({"tools": [TOOL], "tool_choice": "required"}, "does not support this tool_choice"),
        ({"messages": [{"role": "developer", "content": "Hello"}]}, "role"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}, "response_format"),
    ],
)
def test_deepseek_refuses_what_it_refuses(body: dict[str, Any], says: str) -> None:
    assert sent("deepseek", **body).status == 400
    assert says in json.loads(sent("deepseek", **body).body)["error"]["message"]
    assert sent("generic", **body).status == 200


@pytest.mark.parametrize("body", [{"messages": BACK, "tools": [TOOL]}, {"tools": [TOOL], "tool_choice": "required"}])
def test_deepseek_takes_it_with_thinking_off(body: dict[str, Any]) -> None:
    assert sent("deepseek", thinking={"type": "disabled"}, **body).status == 200


@pytest.mark.parametrize(
    ("dialect", "where"),
    [
        ("qwen", ("message",)),
        ("sglang", ("message",)),
        ("zai", ("error", "message")),
        ("vllm", ("error", "message")),
        ("generic", ("error", "message")),
    ],
)
def test_an_error_stands_where_the_provider_puts_it(dialect: str, where: tuple[str, ...]) -> None:
    value = json.loads(sent(dialect, model="another").body)
    for key in where:
        value = value[key]
    assert "does not exist" in value


@pytest.mark.parametrize(
    ("dialect", "field"),
    [("deepseek", "reasoning_content"), ("vllm", "reasoning"), ("openrouter", "reasoning_details"), ("openai", None)],
)
def test_reasoning_stands_where_the_provider_puts_it(dialect: str, field: str | None) -> None:
    limit = {"max_tokens": None, "max_completion_tokens": 2_000} if dialect == "openai" else {}
    made = sent(dialect, reasoning_effort="high", **limit)
    message = json.loads(made.body).get("choices", [{"message": {}}])[0]["message"]
    found = {name for name in message if name.startswith("reasoning")} - {"reasoning"} or {*message} & {"reasoning"}
    assert found == ({field} if field else set())


def test_a_dialect_serves_the_apis_of_its_provider() -> None:
    every = {api: f"http://127.0.0.1:1/{api}" for api in ("chat", "messages", "responses", "gemini")}
    assert {*resolve("oracle@anthropic").at(every).base_urls} == {"messages"}
    assert {*resolve("oracle").at(every).base_urls} == {*every}
    with pytest.raises(ToolworthyError, match="has no chat API"):
        resolve("oracle@anthropic", wire="chat")
    with pytest.raises(ToolworthyError, match="no provider is called 'depseek'; did you mean 'deepseek'"):
        resolve("oracle@depseek")


def test_the_option_names_the_dialect() -> None:
    assert in_dialect("oracle", "deepseek") == "oracle@deepseek"
    assert in_dialect("oracle:usage-all-zero", "qwen") == "oracle@qwen:usage-all-zero"
    assert in_dialect("https://example.com", None) == "https://example.com"
    with pytest.raises(ToolworthyError, match="--dialect belongs to --endpoint oracle"):
        in_dialect("deepseek", "deepseek")
    assert resolve("oracle@qwen:usage-all-zero").defects[-1] == "usage-all-zero"


def test_every_trait_is_of_something_that_a_dialect_can_say() -> None:
    known = {field.name for field in fields(Dialect)}
    assert {name for trait in traits() for name in trait.of} <= known
    said = [one.dialect for one in providers.every()]
    assert [t.of for t in traits() if not any(all(getattr(d, n) == v for n, v in t.of.items()) for d in said)] == []
