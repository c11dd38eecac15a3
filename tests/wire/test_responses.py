"""What we write in OpenAI Responses has every field that its readers may count on."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.support.open_responses import complaints, stream_complaints
from tests.support.strategies import responses
from toolworthy import wire
from toolworthy.wire.assemble import assemble, disassemble
from toolworthy.wire.ir import Failure, Request, Response, Text, Thinking, ToolCall

WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
PATCH = {"type": "custom", "name": "patch", "description": "patches"}
ASKED: dict[str, Any] = {
    "model": "m",
    "input": "hi",
    "tools": [WEATHER, PATCH, {"type": "web_search"}],
    "tool_choice": {"type": "custom", "name": "patch"},
    "parallel_tool_calls": False,
    "temperature": 0.5,
    "top_p": 0.25,
    "max_output_tokens": 99,
    "max_tool_calls": 3,
    "metadata": {"a": "b"},
    "prompt_cache_key": "k",
    "safety_identifier": "s",
    "truncation": "auto",
    "user": "u",
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_object"}},
}
WIRE = wire.api("responses")
REQUESTS = [Request("m", ()), WIRE.parse_request(ASKED)]


def written(response: Response, request: Request) -> bytes:
    encoder = WIRE.encoder(request)
    return b"".join(encoder.encode(event) for event in disassemble(response))


@pytest.mark.parametrize("request_", REQUESTS, ids=["plain", "settings"])
@given(response=responses())
def test_every_object_and_event_is_whole(request_: Request, response: Response) -> None:
    assert complaints(WIRE.render_response(response, request_)) == []
    assert stream_complaints(written(response, request_)) == []


@pytest.mark.parametrize(
    ("response", "status"),
    [
        (Response("r", "m", (Text("a"),), "length"), "incomplete"),
        (Response("r", "m", (Text("a"),), "filter"), "incomplete"),
        (Response("r", "m", (), "error", failure=Failure("broken")), "failed"),
        (
            Response("r", "m", (Thinking("t", "reasoning_content", None), ToolCall("c", "patch", "x")), "tool"),
            "completed",
        ),
    ],
)
def test_so_is_one_that_ends_otherwise(response: Response, status: str) -> None:
    for request in REQUESTS:
        stream = written(response, request)
        assert stream_complaints(stream) == []
        last = json.loads(stream.strip().split(b"\n")[-1].removeprefix(b"data: "))["response"]
        assert (last["status"], last["completed_at"] is None) == (status, status != "completed")


def test_what_was_asked_for_is_said_back() -> None:
    made = WIRE.render_response(Response("r", "m", (Text("a"),), "end"), REQUESTS[1])
    assert {name: made[name] for name in ASKED if name not in ("input", "tools")} == {
        name: value for name, value in ASKED.items() if name not in ("input", "tools")
    }
    assert [tool["type"] for tool in made["tools"]] == ["function", "custom", "web_search"]
    assert made["tools"][0] == {**WEATHER, "description": None, "strict": None}
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}
    asked = WIRE.parse_request({"model": "m", "input": "hi", "text": {"format": schema}, "tool_choice": "required"})
    made = WIRE.render_response(Response("r", "m", (Text("a"),), "end"), asked)
    assert made["text"]["format"] == {**schema, "description": None, "strict": False}
    assert made["tool_choice"] == "required"


def test_reasoning_is_read_under_both_of_its_names() -> None:
    thought = Response("resp_r", "m", (Thinking("because", "reasoning_item", None, "rs_1"), Text("a")), "end")
    stream = written(thought, REQUESTS[0])
    assert b"response.reasoning_text.delta" in stream
    for told in (stream, stream.replace(b"response.reasoning_text.", b"response.reasoning.")):
        decoder = WIRE.decoder()
        events = [*decoder.feed(told), *decoder.close()]
        read = assemble(events, tuple(decoder.repairs))
        assert read.repairs == ()
        assert replace(read, raw_stop=None) == thought


def test_the_words_of_a_failure_are_read_where_they_stand_beside_the_response() -> None:
    failed: dict[str, Any] = {"id": "r", "status": "failed", "error": None, "output": []}
    event = {"type": "response.failed", "response": failed, "error": {"message": "no provider", "code": "upstream"}}
    body = f"event: response.failed\ndata: {json.dumps(event)}\n\n".encode()
    read = wire.parse_body("responses", 200, body, streamed=True)
    assert read.failure == Failure("no provider", code="upstream")
