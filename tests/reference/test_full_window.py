"""A conversation that is longer than the oracle's window is refused as the API's vendor does, and as agents know it."""

from __future__ import annotations

import json

import pytest

from tests.support.examples import recorded
from toolworthy import wire
from toolworthy.content import adapters
from toolworthy.records.exchange import Chunk
from toolworthy.reference._limits import CHARACTERS, CONTEXT
from toolworthy.reference._reply import reply
from toolworthy.reference.model import Reply
from toolworthy.rules import check
from toolworthy.wire.ir import APIS, Api, Message, Request, Response, Text

READERS = [agent for agent in adapters.agents() if agent.full_window]
DEAF = {"gemini-cli", "grok-cli", "kimi-cli", "nanobot"}
"""Nothing in their code reads an error of the endpoint as a full window."""


def asked(api: Api, *, stream: bool) -> bytes:
    words = Text("word" * (CONTEXT + 1) + " " * CHARACTERS)
    request = Request(model="oracle", messages=(Message("user", (words,)),), max_tokens=64, stream=stream)
    return json.dumps(wire.api(api).render_request(request).body).encode()


def refused(api: Api, *, stream: bool = True) -> Reply:
    return reply(api, asked(api, stream=stream), lambda request: Response("id", request.model))


def test_every_installable_agent_says_what_it_reads() -> None:
    assert {agent.id for agent in adapters.agents() if agent.install} - DEAF == {agent.id for agent in READERS}


@pytest.mark.parametrize("agent", READERS, ids=lambda agent: agent.id)
def test_an_agent_knows_the_refusal_of_its_own_api(agent: adapters.AgentAdapter) -> None:
    made = refused(agent.apis[0])
    assert agent.full_window is not None
    assert agent.full_window.understands(made.status, made.body.decode())


@pytest.mark.parametrize("agent", READERS, ids=lambda agent: agent.id)
def test_an_agent_does_not_know_a_refusal_that_names_nothing(agent: adapters.AgentAdapter) -> None:
    assert agent.full_window is not None
    assert not agent.full_window.understands(400, '{"error":{"message":"All target providers failed.","code":"400"}}')
    assert not agent.full_window.understands(429, '{"error":{"message":"Rate limit reached: too many requests"}}')


def test_a_veto_and_a_status_decide() -> None:
    claude, opencode = adapters.agent("claude-code").full_window, adapters.agent("opencode").full_window
    assert claude is not None
    assert opencode is not None
    said = "prompt is too long: 5 tokens > 3 maximum"
    assert claude.understands(400, said)
    assert claude.understands(200, said), "an error inside a stream has no status of its own"
    assert not claude.understands(500, said)
    assert not opencode.understands(400, f"{said}; rate limit reached")
    assert opencode.understands(413, "")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("stream", [True, False])
def test_the_refusal_is_in_the_form_of_the_api(api: Api, stream: bool) -> None:
    made, own = refused(api, stream=stream), wire.api(api)
    in_stream = stream and own.overflow_streamed
    assert made.status == (200 if in_stream else 400)
    failure = wire.parse_body(api, made.status, made.body, streamed=in_stream).failure
    assert failure is not None
    assert str(CONTEXT) in failure.message
    assert own.overflow_code in (None, failure.code)
    given = {"agent_api": api, "endpoint_api": api, "path": own.completion, "status": made.status}
    exchange = recorded(**given, request_body=asked(api, stream=stream), chunks=(Chunk(0.1, made.body),))
    assert not {one.code for one in check([exchange])} & {"TW602", "TW608", "TW698"}
