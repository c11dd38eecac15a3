"""A weak model's slips are no fault of a server's; what a server does to its words is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from toolworthy import rules
from toolworthy.records.exchange import Chunk, Exchange

TOOL = {"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
OPENED = '<tool_call>\n{"name": "'


def exchange(message: dict[str, Any], tokens: int = 40, **asked: Any) -> Exchange:
    """A whole chat answer to a request with a tool."""
    stop = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": stop}
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
    answer = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    body = {"model": "m", "messages": [{"role": "user", "content": "Go."}], "tools": [TOOL], **asked}
    return Exchange(
        "trial",
        0,
        "completion",
        "chat",
        "chat",
        "POST",
        "/v1/chat/completions",
        {},
        json.dumps(body).encode(),
        None,
        (),
        200,
        {"content-type": "application/json"},
        (Chunk(0.1, json.dumps(answer).encode()),),
        0.0,
        0.2,
    )


def codes(message: dict[str, Any], tokens: int = 40, **asked: Any) -> set[str]:
    """What the rules say of it."""
    return {finding.code for finding in rules.check([exchange(message, tokens, **asked)])}


@pytest.mark.parametrize(
    "message",
    [
        {"content": OPENED + 'read_file", "arguments": {}}\n</tool_call>'},
        {"reasoning_content": OPENED + 'read_file"}', "content": "done"},
    ],
    ids=["a call as text", "a call in the reasoning"],
)
def test_a_call_that_a_parser_missed_is_found(message: dict[str, Any]) -> None:
    assert "TW201" in codes(message)


@pytest.mark.parametrize(
    "message",
    [
        {"content": "I look. <tool_call>\n", "tool_calls": [CALL]},
        {"content": "<|tool_calls_section_begin|>done"},
    ],
    ids=["a tag beside a call", "a control token"],
)
def test_marks_that_are_left_lose_no_call(message: dict[str, Any]) -> None:
    assert codes(message) & {"TW201", "TW207"} == {"TW207"}


@pytest.mark.parametrize(
    "message",
    [
        {"content": OPENED + '""'},
        {"content": OPENED + 'my_read_file_2"'},
        {"reasoning_content": OPENED + 'xq"', "content": "done"},
        {"reasoning_content": OPENED + 'xq"', "tool_calls": [CALL]},
    ],
    ids=["nothing", "no offered name", "in the reasoning", "in the reasoning before a call"],
)
def test_a_call_that_the_model_only_opened_is_not(message: dict[str, Any]) -> None:
    assert "TW201" not in codes(message)


@pytest.mark.parametrize("text", ["<think>Hm.</think>done", "\n<think>Hm.", "Hm, I see.\n</think>\n\ndone"])
def test_reasoning_at_the_start_of_the_text_is_found(text: str) -> None:
    assert "TW202" in codes({"content": text})


@pytest.mark.parametrize(
    ("text", "reasoning"),
    [
        ("</think>done", ""),
        ("done </think> x </think>", ""),
        ("done <think> x", ""),
        ('{"name": "a</think>b"}', ""),
        ("done </think> x", "Hm."),
    ],
)
def test_a_stray_tag_is_not(text: str, reasoning: str) -> None:
    assert "TW202" not in codes({"content": text, "reasoning_content": reasoning})


@pytest.mark.parametrize(
    ("message", "tokens", "code"),
    [
        ({"content": ""}, 1, None),
        ({"content": "\n"}, 2, None),
        ({"content": ""}, 2, "TW704"),
        ({"content": ""}, 40, "TW704"),
        ({"content": "", "reasoning_content": '""'}, 3, None),
        ({"content": "", "reasoning_content": "I look first."}, 5, "TW710"),
    ],
)
def test_an_empty_answer_counts_where_tokens_are_missing(
    message: dict[str, Any], tokens: int, code: str | None
) -> None:
    assert codes(message, tokens) & {"TW704", "TW710"} == ({code} if code else set())


def streamed(*deltas: dict[str, Any]) -> set[str]:
    """What the rules say of a stream of these deltas."""
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    body = b"".join(b"data: " + json.dumps({"object": "chat.completion.chunk", **c}).encode() + b"\n\n" for c in chunks)
    whole = exchange({"content": "x"}, stream=True)
    head = {"content-type": "text/event-stream"}
    return {
        finding.code
        for finding in rules.check([replace(whole, response_headers=head, chunks=(Chunk(0.1, body),))])
        if finding.code in ("TW323", "TW324")
    }


@pytest.mark.parametrize(
    ("pieces", "again"),
    [
        (['{"a": 1}', '{"a": 1}'], True),
        (['{"a"', '{"a": 1}'], True),
        (['{"a": ', '{"a": 1}', "}"], False),
        (["", '{"a": 1}'], False),
        (['{"a": [', "{}, ", "{}", "]}"], False),
        (['{"a": [{}', "{}"], False),
    ],
)
def test_arguments_that_come_again_are_told_from_those_that_look_alike(pieces: list[str], again: bool) -> None:
    calls: list[dict[str, Any]] = [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    first, *rest = calls
    first |= {"id": "c1", "type": "function", "function": {"name": "read_file", **first["function"]}}
    deltas: list[dict[str, Any]] = [{"tool_calls": [call]} for call in (first, *rest)]
    assert streamed(*deltas) == ({"TW323"} if again else set())


@pytest.mark.parametrize(
    ("pieces", "again"),
    [
        (["All of it ", "stands there.", "All of it stands there."], False),
        (["All of the answer ", "stands there.", "All of the answer stands there."], True),
        (["All of the answer stands there.", " All of the answer stands there."], False),
        (["ha ", "ha "], False),
    ],
)
def test_text_that_comes_again_is_told_from_a_model_that_repeats_itself(pieces: list[str], again: bool) -> None:
    assert streamed(*({"content": piece} for piece in pieces)) == ({"TW324"} if again else set())
