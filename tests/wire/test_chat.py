"""Chat Completions: what vendors call differently."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolworthy import wire
from toolworthy.wire.assemble import disassemble
from toolworthy.wire.ir import Request, Response, Text, Thinking
from toolworthy.wire.translate import translate_request

WIRE = wire.api("chat")
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "reasoning_content"),
        ({"reasoning_effort": "low"}, "reasoning_content"),
        ({"thinking": {"type": "enabled"}}, "reasoning_content"),
        ({"reasoning": {"effort": "low"}}, "reasoning"),
        ({"reasoning": {"enabled": True}}, "reasoning"),
    ],
)
def test_reasoning_stands_where_the_words_of_the_request_say(asked: dict[str, Any], field: str) -> None:
    request: Request = WIRE.parse_request({**HELLO, **asked})
    answer = Response("c", "m", (Thinking("because", "reasoning_content"), Text("hello")), "end")
    message = WIRE.render_response(answer, request)["choices"][0]["message"]
    assert {name: message[name] for name in message if "reasoning" in name} == {field: "because"}
    encoder = WIRE.encoder(request)
    stream = b"".join(encoder.encode(event) for event in disassemble(answer))
    chunks = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert [delta[name] for delta in deltas for name in delta if "reasoning" in name] == ["because"]
    assert any(field in delta for delta in deltas)


@pytest.mark.parametrize("endpoint", ["chat", "messages", "responses"])
def test_plain_text_is_no_format(endpoint: Any) -> None:
    request, rendered = translate_request("chat", endpoint, {**HELLO, "response_format": {"type": "text"}})
    assert request.response_format is None
    assert rendered.losses == ()
