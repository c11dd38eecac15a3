"""Repairs in transit: what the rules find behind the gateway is gone before it, and nothing else changes."""

from __future__ import annotations

import asyncio
import json
import socket

import httpx
import pytest

from toolworthy import rules, wire
from toolworthy.base.packing import Coding, pack
from toolworthy.content import PACKAGE
from toolworthy.endpoint.target import resolve
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.gateway.repair import RepairedExchange, Repairer
from toolworthy.gateway.repair._replay import ReasoningMemory
from toolworthy.public.server import ReferenceServer
from toolworthy.records.exchange import Exchange, RepairKind
from toolworthy.wire.ir import Api, Message, Request, Response, Text, Thinking, ToolCall, ToolResult
from toolworthy.wire.translate import ResponseTranslator
from toolworthy.work.probes.material import READ, orders

pytestmark = pytest.mark.process

BROKEN: tuple[tuple[str, str, RepairKind], ...] = (
    ("call-id-null", "TW101", "call-id"),
    ("id-duplicate-in-one-turn", "TW108", "call-id"),
    ("index-missing", "TW301", "index"),
    ("index-always-zero", "TW302", "index"),
    ("finish-stop-with-tool-calls", "TW112", "stop-reason"),
    ("finish-reason-never-sent", "TW308", "stop-reason"),
    ("tool-calls-in-content-wrong-parser-or-template", "TW201", "leaked-call"),
    ("doubao-seed-tool-call-leak", "TW201", "leaked-call"),
    ("minimax-tool-calls-tag-leak", "TW201", "leaked-call"),
    ("usage-missing-despite-include-usage", "TW701", "usage"),
    ("usage-all-zero", "TW702", "usage"),
)
STREAMED = {"TW301", "TW302", "TW308", "TW701"}
"""Rules about what only a stream has."""
WANTED = (READ.name, {"path": "a.txt"}), (READ.name, {"path": "b.txt"})


def asked(api: Api, *, stream: bool) -> tuple[str, bytes]:
    request = Request(
        "oracle", (Message("user", (Text(orders(WANTED)),)),), tools=(READ,), max_tokens=900, stream=stream
    )
    path, body = wire.api(api).sent(wire.api(api).render_request(request).body)
    return path, json.dumps(body).encode()


def through(
    api: Api,
    stream: bool,
    defects: list[str],
    repairer: Repairer | None,
    over: Api | None = None,
    coding: Coding | None = None,
) -> tuple[Exchange, Exchange]:
    """One request through the gateway: the exchange with the endpoint, and that with the agent."""

    async def go() -> tuple[Exchange, Exchange]:
        recorded: list[Exchange] = []
        path, body = asked(api, stream=stream)
        async with ReferenceServer(defects) as server:
            target = resolve(server.base_url, model="oracle", wire=over)
            listener = socket.create_server(("127.0.0.1", 0))
            async with (
                Gateway(target, recorded.append, repairer=repairer) as gateway,
                serve_trial(gateway, "t", listener) as session,
                httpx.AsyncClient(trust_env=False, timeout=60) as client,
            ):
                headers = {"content-type": "application/json", **wire.api(api).headers}
                if coding:
                    headers["content-encoding"] = coding
                content = pack(body, coding) if coding else body
                answer = await client.post(session.base_url + path, content=content, headers=headers)
        return recorded[0], Exchange.of(
            api, body, answer.content, status=answer.status_code, headers=dict(answer.headers)
        )

    return asyncio.run(go())


def codes(exchange: Exchange) -> set[str]:
    return {finding.code for finding in rules.check([exchange])}


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
@pytest.mark.parametrize(
    ("defect", "code", "kind", "stream"),
    [
        pytest.param(*row, stream, id=f"{row[0]}-{'stream' if stream else 'whole'}")
        for row in BROKEN
        for stream in (True, False)
        if stream or row[1] not in STREAMED
    ],
)
def test_a_repair_leaves_no_finding(defect: str, code: str, kind: RepairKind, api: Api, stream: bool) -> None:
    behind, before = through(api, stream, [defect], Repairer(), over="chat")
    assert code in codes(behind)
    assert codes(before) == set()
    assert kind in {repair.kind for repair in behind.repairs}
    calls = before.response.calls if before.response else ()
    assert tuple((call.name, json.loads(call.arguments)) for call in calls) == WANTED
    assert len({call.id for call in calls}) == 2


def test_an_answer_to_a_packed_request_is_repaired() -> None:
    behind, before = through("chat", True, ["call-id-null"], Repairer(), coding="zstd")
    assert {repair.kind for repair in behind.repairs} == {"call-id"}
    assert codes(before) == set()


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("api", ["chat", "messages", "responses", "gemini"])
def test_a_sound_response_is_not_repaired(api: Api, stream: bool) -> None:
    behind, before = through(api, stream, [], Repairer())
    assert behind.repairs == ()
    assert codes(before) <= ({"TW605"} if api == "gemini" else set())  # its path says that it is to stream
    assert before.response is not None
    assert behind.response is not None
    assert before.response.parts == behind.response.parts
    if not stream:
        assert before.body == behind.body


def test_text_streams_until_a_call_may_begin() -> None:
    """Every word of plain text is sent with the chunk that brought it; a leaked call is held back, and only that."""
    repaired = RepairedExchange(Repairer(), Request("m", (), tools=(READ,)), "chat", b"{}")
    translator = ResponseTranslator("chat", "chat", repaired.request)
    repaired.edit(translator)

    def sent(text: str) -> str:
        chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
        return translator.feed(f"data: {json.dumps(chunk)}\n\n".encode()).decode()

    for word in ("Hello", " a < b", " and <b>bold</b>", " [1]"):
        assert json.dumps(word)[1:-1] in sent(word)
    assert not sent('<tool_call>\n{"name": "read_file", ')
    assert not sent('"arguments": {"path": "a.txt"}}\n</tool_call>')
    rest = translator.feed(b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n').decode()
    assert '"name":"read_file"' in rest.replace(" ", "")
    assert '"finish_reason":"tool_calls"' in rest.replace(" ", "")
    assert "<tool_call>" not in rest


THOUGHT = Thinking("I should look.", "reasoning_content")


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
def test_reasoning_that_the_agent_drops_is_sent_again(api: Api) -> None:
    memory = ReasoningMemory()
    call = ToolCall("call_1", "read_file", "{}")
    memory.keep(Response(parts=(THOUGHT, call)))
    order, result = Message("user", (Text("Go."),)), Message("tool", (ToolResult("call_1", (Text("x"),)),))
    bare = Request("m", (order, Message("assistant", (call,)), result), tools=(READ,), max_tokens=9)
    body = json.dumps(wire.api(api).render_request(bare).body).encode()
    notes: list[tuple[str, str, str]] = []
    again = memory.replay(api, body, lambda *note: notes.append(note))
    read = wire.api(api).parse_request(json.loads(again))
    assistant = next(message for message in read.messages if message.role == "assistant")
    assert [part.text for part in assistant.parts if isinstance(part, Thinking)] == [THOUGHT.text]
    assert [note[0] for note in notes] == ["reasoning-replay"]
    assert memory.replay(api, again, lambda *note: notes.append(note)) == again
    assert len(notes) == 1


def test_without_a_repairer_nothing_is_repaired() -> None:
    behind, before = through("chat", True, ["call-id-null"], None)
    assert behind.repairs == ()
    assert before.body == behind.body


def test_nothing_but_the_proxy_can_repair() -> None:
    """Trials, probes and cases make gateways without one; only the proxy's command makes a repairer."""
    makers = [str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if "Repairer(" in path.read_text()]
    assert makers == ["cli/_proxy.py"]
