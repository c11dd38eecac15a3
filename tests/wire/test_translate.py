"""What one API said, another must say the same way, and back again."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.replaying import replayed
from tests.support.strategies import requests, responses
from toolworthy import wire
from toolworthy.wire.assemble import assemble, disassemble
from toolworthy.wire.failure import parse_error
from toolworthy.wire.ir import (
    PLAIN,
    Api,
    Message,
    Reasoning,
    Request,
    Response,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from toolworthy.wire.translate import ResponseTranslator, translate_error, translate_request, translate_response

APIS: tuple[Api, ...] = get_args(Api)
PAIRS = list(itertools.product(APIS, APIS))
few = settings(max_examples=25)


def heard(request: Request) -> Request:
    """What of a request every API carries: its raw tools are the API's own."""
    tools = tuple(replace(tool, raw=None, raw_api=None, strict=None) for tool in request.tools)
    return replace(request, tools=tools, extra={}, stream=request.stream)


def said(response: Response) -> tuple[object, ...]:
    """What of an answer every API carries."""
    parts = tuple(
        part.text if isinstance(part, (Text, Thinking)) else (part.id, part.name, json.loads(part.arguments))
        for part in response.parts
        if isinstance(part, (Text, Thinking, ToolCall))
    )
    usage = response.usage
    counts = (usage.input, usage.output, usage.cached) if usage else None
    return parts, response.stop, counts, response.complete


@pytest.mark.slow
@pytest.mark.parametrize("api", APIS)
@few
@given(request=requests())
def test_a_request_survives_being_written_and_read(api: Api, request: Request) -> None:
    rendered = wire.api(api).render_request(request)
    assert rendered.losses == ()
    assert heard(wire.api(api).parse_request(rendered.body)) == request


@pytest.mark.slow
@pytest.mark.parametrize(("agent", "endpoint"), PAIRS)
@few
@given(request=requests())
def test_a_request_survives_translation(agent: Api, endpoint: Api, request: Request) -> None:
    body = wire.api(agent).render_request(request).body
    _, rendered = translate_request(agent, endpoint, body)
    assert heard(wire.api(endpoint).parse_request(rendered.body)) == request


@pytest.mark.parametrize("api", APIS)
@few
@given(response=responses(), data=st.data())
def test_a_stream_reads_the_same_however_it_is_cut(api: Api, response: Response, data: st.DataObject) -> None:
    request = Request("m", (), extra={"stream_options": {"include_usage": True}})
    encoder = wire.api(api).encoder(request)
    stream = b"".join(encoder.encode(event) for event in disassemble(response))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in itertools.pairwise([0, *cuts, len(stream)])]
    decoder = wire.api(api).decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
    read = assemble(events, tuple(decoder.repairs))
    assert read.repairs == ()
    assert said(read) == said(response)


@pytest.mark.parametrize("api", APIS)
@few
@given(response=responses())
def test_a_whole_answer_survives_being_written_and_read(api: Api, response: Response) -> None:
    body = wire.api(api).render_response(response, Request("m", ()))
    read = wire.api(api).parse_response(json.loads(json.dumps(body)))
    assert read.repairs == ()
    assert said(read) == said(response)


@pytest.mark.parametrize(("agent", "endpoint"), PAIRS)
@few
@given(response=responses(), data=st.data())
def test_a_translated_stream_says_the_same(agent: Api, endpoint: Api, response: Response, data: st.DataObject) -> None:
    request = Request("m", (), stream=True, extra={"stream_options": {"include_usage": True}})
    source = wire.api(endpoint).encoder(request)
    stream = b"".join(source.encode(event) for event in disassemble(response))
    cut = data.draw(st.integers(0, len(stream)))
    translator = ResponseTranslator(agent, endpoint, request)
    out = translator.feed(stream[:cut]) + translator.feed(stream[cut:]) + translator.close()
    assert said(wire.parse_body(agent, 200, out, streamed=True)) == said(response)


@pytest.mark.parametrize(("agent", "endpoint"), PAIRS)
@few
@given(response=responses())
def test_plain_json_where_a_stream_was_asked_for_is_understood(agent: Api, endpoint: Api, response: Response) -> None:
    request = Request("m", (), stream=True, extra={"stream_options": {"include_usage": True}})
    body = json.dumps(wire.api(endpoint).render_response(response, request)).encode()
    translator = ResponseTranslator(agent, endpoint, request)
    out = translator.feed(body) + translator.close()
    assert said(wire.parse_body(agent, 200, out, streamed=True)) == said(response)


@pytest.mark.parametrize(("agent", "endpoint"), PAIRS)
def test_reasoning_comes_back_to_its_endpoint_as_it_left(agent: Api, endpoint: Api) -> None:
    """An agent replays what it was given; the endpoint must get its own reasoning again, signature and all."""
    form = wire.api(endpoint).reasoning
    item = "rs_1" if form == "reasoning_item" else None
    thought = Thinking("because", form or "reasoning_content", "c2lnbmVk" if form else None, item)
    call = ToolCall("call_1", "ls", "{}")
    answer = wire.api(agent).render_response(Response("r", "m", (thought, call), "tool"), Request("m", ()))
    _, rendered = translate_request(agent, endpoint, replayed(agent, answer))
    read = wire.api(endpoint).parse_request(rendered.body)
    back = [part for message in read.messages for part in message.parts if isinstance(part, Thinking)]
    assert [(part.form, part.signature) for part in back] == [(thought.form, thought.signature)]
    if not item:  # its encrypted content holds the text
        assert back[0].text == "because"


@pytest.mark.parametrize("endpoint", ["chat", "messages", "gemini"])
def test_codex_tools_cross_and_come_back(endpoint: Api) -> None:
    """A free-form tool and a namespaced one are plain functions for the endpoint, and themselves for the agent."""
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
    body = {
        "model": "m",
        "input": [{"type": "message", "role": "developer", "content": "be brief"}, {"role": "user", "content": "go"}],
        "tools": [
            {"type": "custom", "name": "apply_patch", "description": "patch", "format": grammar},
            {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "spawn", "parameters": {}}]},
            {"type": "web_search"},
        ],
        "stream": True,
    }
    request, rendered = translate_request("responses", endpoint, body)
    assert rendered.losses == ("server tool web_search dropped",)
    offered = wire.api(endpoint).parse_request(rendered.body)
    assert [tool.name for tool in offered.tools] == ["apply_patch", "agents__spawn"]
    calls = (
        ToolCall("call_1", "apply_patch", '{"input":"*** Begin Patch"}'),
        ToolCall("call_2", "agents__spawn", "{}"),
    )
    encoder = wire.api(endpoint).encoder(Request("m", ()))
    stream = b"".join(encoder.encode(event) for event in disassemble(Response("r", "m", calls, "tool", "tool_calls")))
    translator = ResponseTranslator("responses", endpoint, request)
    read = wire.parse_body("responses", 200, translator.feed(stream) + translator.close(), streamed=True)
    patch, spawn = read.calls
    assert (patch.custom, patch.arguments) == (True, "*** Begin Patch")
    assert (spawn.namespace, spawn.name) == ("agents", "spawn")


@pytest.mark.parametrize(("agent", "endpoint"), PAIRS)
def test_an_error_keeps_the_endpoints_words(agent: Api, endpoint: Api) -> None:
    body = json.dumps({"error": {"message": "no such model", "type": "invalid_request_error"}}).encode()
    told = parse_error(404, translate_error(agent, 404, body))
    assert told.message == "no such model"
    read = translate_response(agent, endpoint, Request("m", ()), 200, body)
    assert wire.parse_body(agent, 200, read, streamed=False).failure is not None


@pytest.mark.parametrize("api", APIS)
@few
@given(noise=st.binary(max_size=400), response=responses(), place=st.floats(0, 1))
def test_no_stream_is_too_broken_to_read(api: Api, noise: bytes, response: Response, place: float) -> None:
    encoder = wire.api(api).encoder(Request("m", ()))
    stream = b"".join(encoder.encode(event) for event in disassemble(response))
    at = int(place * len(stream))
    decoder = wire.api(api).decoder()
    events = decoder.feed(stream[:at] + noise + stream[at + len(noise) :]) + decoder.close()
    assert type(events[-1]).__name__ == "Ended"
    assert wire.parse_body(api, 200, noise, streamed=False) is not None
    assert wire.parse_body(api, 500, noise, streamed=False).failure is not None


def test_a_message_with_results_and_text_keeps_both() -> None:
    body = {
        "messages": [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "ls", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "a", "is_error": True},
                    {"type": "text", "text": "well?"},
                ],
            },
        ]
    }
    request, rendered = translate_request("messages", "chat", body)
    assert request.messages[2:] == (
        Message("tool", (ToolResult("t1", (Text("a"),), is_error=True),)),
        Message("user", (Text("well?"),)),
    )
    assert rendered.body["messages"][2] == {"role": "tool", "tool_call_id": "t1", "content": "Error: a"}
    assert Tool("x").flat_name == "x"


@pytest.mark.parametrize("api", APIS)
def test_a_wish_to_think_without_a_setting_for_it_is_a_loss(api: Api) -> None:
    wish = Reasoning(enabled=True, effort="high", budget_tokens=2048)
    asked = Request("m", (Message("user", (Text("go"),)),), reasoning=wish)
    assert wire.api(api).render_request(asked, replace(PLAIN, thinking_switch="none")).losses == (
        "thinking settings dropped",
    )
    assert wire.api(api).render_request(asked, replace(PLAIN, thinking_switch="reasoning_effort")).losses == ()
    silent = replace(asked, reasoning=Reasoning(summary="auto"))
    assert wire.api(api).render_request(silent, replace(PLAIN, thinking_switch="none")).losses == ()
