"""The oracle answers what the tests of other projects ask it: Open Responses' and gpt-oss's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.open_responses import complaints, stream_complaints
from toolworthy.reference._next_step import next_answer
from toolworthy.reference._reply import reply

SCHEMA = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
WEATHER = {"type": "function", "name": "get_weather", "description": "Get the weather", "parameters": SCHEMA}
CALL = 'Call the tool `get_weather` with exactly these arguments: {"location": "Paris"}\nThen reply with exactly: done'
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
FILE = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"}


def item(role: str, content: Any, **more: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content, **more}


ASKED: dict[str, dict[str, Any]] = {
    "basic": {"input": [item("user", "Say hello in exactly 3 words.")]},
    "string": {"input": "Say hello."},
    "system": {"input": [item("system", "You are a pirate."), item("user", "Say hello.")]},
    "call": {"input": [item("user", CALL)], "tools": [WEATHER]},
    "forced": {"input": "hi", "tools": [WEATHER], "tool_choice": {"type": "function", "name": "get_weather"}},
    "image": {"input": [item("user", [{"type": "input_text", "text": "What is it?"}, IMAGE])]},
    "file": {"input": [item("user", [{"type": "input_text", "text": "What is it?"}, FILE])]},
    "turns": {"input": [item("user", "I am Al."), item("assistant", "Hello Al!"), item("user", "Who am I?")]},
    "phase": {"input": [item("assistant", "Four.", phase="final_answer"), item("user", "Repeat.")]},
    "reasoning": {"input": "hi", "reasoning": {"effort": "low", "summary": "auto"}},
    "cut": {"input": "Reply with exactly: " + "long " * 60, "max_output_tokens": 16},
}


def ask(api: Any, body: dict[str, Any]) -> bytes:
    made = reply(api, json.dumps({"model": "oracle", **body}).encode(), lambda asked: next_answer(asked, [], []))
    assert made.status == 200
    return made.body


@pytest.mark.parametrize("name", ASKED)
def test_open_responses_finds_every_field(name: str) -> None:
    whole = json.loads(ask("responses", ASKED[name]))
    assert complaints(whole) == []
    assert whole["status"] == ("incomplete" if name == "cut" else "completed")
    kinds = {entry["type"] for entry in whole["output"]}
    assert {"call": "function_call", "forced": "function_call", "reasoning": "reasoning"}.get(name, "message") in kinds
    assert stream_complaints(ask("responses", {**ASKED[name], "stream": True})) == []


def test_an_output_goes_back_as_it_came() -> None:
    first = json.loads(ask("responses", {**ASKED["call"], "reasoning": {"effort": "low"}}))
    call = next(entry for entry in first["output"] if entry["type"] == "function_call")
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    second = json.loads(ask("responses", {"input": [item("user", CALL), *first["output"], result], "tools": [WEATHER]}))
    assert complaints(second) == []
    assert second["output"][-1]["content"][0]["text"] == "done"


def test_gpt_oss_finds_its_reasoning() -> None:
    made = json.loads(ask("responses", ASKED["reasoning"]))
    thought = next(entry for entry in made["output"] if entry["type"] == "reasoning")
    assert [part["type"] for part in thought["content"]] == ["reasoning_text"]
    stream = ask("responses", {**ASKED["reasoning"], "stream": True})
    assert b'"response.reasoning_text.delta"' in stream
    assert b'"response.reasoning_text.done"' in stream
    hello = {"messages": [{"role": "user", "content": "hi"}], "reasoning": {"effort": "low"}}
    assert json.loads(ask("chat", hello))["choices"][0]["message"]["reasoning"]
    assert b'"reasoning":' in ask("chat", {**hello, "stream": True})


def test_an_agents_sdk_that_asks_for_plain_text_is_obeyed() -> None:
    order = {"messages": [{"role": "user", "content": "Reply with exactly: done"}], "response_format": {"type": "text"}}
    assert json.loads(ask("chat", order))["choices"][0]["message"]["content"] == "done"
