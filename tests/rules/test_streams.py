"""What a stream says twice, late or in the wrong place: the rules tell it from what only looks like it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.rules import check
from toolworthy.wire.sse import events
from toolworthy.work.probes import damage

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "write_file",
            "parameters": {"type": "object", "properties": {"content": {"type": "string"}}},
        },
    }
]


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> str:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'choices': [choice]})}\n\n"


def found(*chunks: str, asked: str = "Go.", n: int = 1) -> set[str]:
    request = {"stream": True, "n": n, "messages": [{"role": "user", "content": asked}], "tools": TOOLS}
    made = Exchange.of("chat", request, "".join((*chunks, "data: [DONE]\n\n")))
    return {finding.code for finding in check([made])}


def called(arguments: str, asked: str = "Go.") -> set[str]:
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "write_file", "arguments": arguments}}
    return found(chunk({"role": "assistant", "tool_calls": [call]}), chunk({}, "tool_calls"), asked=asked)


def test_tags_that_a_value_is_about_are_no_reasoning() -> None:
    about = json.dumps({"content": "strip <think> and </think> from the text"})
    assert "TW193" not in called(about)
    assert "TW193" in called(json.dumps({"path": "It is short.</think>\na.py"}))
    assert "TW193" not in called(json.dumps({"path": "a</think>.py"}), asked="Write to a</think>.py")


@pytest.mark.parametrize(
    "arguments", ["ls -la src tests docs", "path=a.py\ncontent=b", "<path>some long words here</path>"]
)
def test_other_notations_are_no_prose(arguments: str) -> None:
    assert {"TW102", "TW194"} & called(arguments) == {"TW102"}


@pytest.mark.parametrize(
    "arguments",
    [
        "I will read it now.",
        '{"_raw": "I will read the file first."}',
        "我先读取这个文件 {}",
        '{"path": "a"} Then I will wait.',
    ],
)
def test_prose_is_named_as_such(arguments: str) -> None:
    assert "TW194" in called(arguments)


def test_an_end_that_comes_twice_is_no_second_choice() -> None:
    both = [chunk({"role": "assistant", "content": "a"}, None, i) for i in (0, 1)]
    ends = [chunk({}, "stop", i) for i in (0, 1)]
    assert {"TW319", "TW394"} & found(*both, *ends, *ends, n=2) == {"TW394"}
    merged = [chunk({"role": "assistant", "content": "a"}), chunk({"role": "assistant", "content": "b"})]
    assert {"TW319", "TW394"} & found(*merged, chunk({}, "stop"), chunk({}, "stop"), n=2) == {"TW319"}


def test_two_calls_at_one_index_are_no_split_name() -> None:
    def call(name: str) -> str:
        return chunk({"tool_calls": [{"index": 0, "function": {"name": name, "arguments": ""}}]})

    assert "TW393" in found(call("write_"), call("file"))
    assert "TW393" in found(call("write_file"), call("write_file"))
    two = {"index": 0, "id": "call_2", "function": {"name": "write_file"}}
    assert "TW393" not in found(call("write_file"), chunk({"tool_calls": [two]}))


def test_an_end_is_late_by_the_response_s_own_pace() -> None:
    parts = [b"data: " + json.dumps(value).encode() + b"\n\n" for value in _ANSWER]
    fast = tuple(Chunk(at, part) for at, part in zip((0.1, 0.2, 0.3), parts, strict=True))
    slow = tuple(Chunk(at, part) for at, part in zip((0.0, 4.0, 8.0), parts, strict=True))
    made = Exchange.of("chat", {"stream": True}, b"")
    for chunks, late, expected in ((fast, 9.0, True), (fast, 1.0, False), (slow, 13.0, False)):
        codes = {finding.code for finding in check([replace(made, chunks=chunks, seconds=late)])}
        assert ("TW694" in codes) == expected


_ANSWER = [
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    for delta, finish in (({"role": "assistant", "content": "a"}, None), ({"content": "b"}, None), ({}, "stop"))
]


def test_a_keep_alive_without_data_is_no_event() -> None:
    assert [event.data for event in events(b"data:\n\nevent: ping\n\ndata: 1\n\ndata: \n\n")] == ["1"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("a.py\n\nI wait.", "followed by"),
        ("I look.</think>\na.py", "before it"),
        ("a.py.bak", None),
        ("src/a.py", None),
    ],
)
def test_words_beside_a_value_are_the_parser_s(given: str, said: str | None) -> None:
    told = damage.text("a.py", given)
    assert (told is None) == (said is None)
    assert said is None or said in (told or "")
