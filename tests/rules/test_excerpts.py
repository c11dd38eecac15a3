"""Evidence shows the bytes that are at fault, and begins where something begins."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.examples import chat
from toolworthy.records.exchange import Chunk
from toolworthy.rules import check
from toolworthy.rules.view import View

CALL = {"id": "call_1", "type": "function", "function": {"name": "run", "arguments": '{"say": "stop"}'}}


def test_a_stop_reason_that_denies_the_calls_is_shown_alone() -> None:
    answered = chat([{"role": "user", "content": "do it"}], {"content": "", "tool_calls": [CALL]}, finish="stop")
    (excerpt,) = (found.evidence.excerpt for found in check([answered]) if found.code == "TW112")
    assert excerpt.replace(" ", "") == '"finish_reason":"stop"'


def test_the_end_of_a_stream_begins_with_a_line() -> None:
    asked = chat([{"role": "user", "content": "do it"}], {"content": ""})
    for body, end in ((b"data: " + b"x" * 900 + b"\n\ndata: [DONE]\n\n", "data: [DONE]\n\n"), (b"y" * 900, "y" * 300)):
        assert View(replace(asked, chunks=(Chunk(0.0, body),))).tail() == end


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_without_an_id_is_shown_from_the_calls_on(stream: bool) -> None:
    call = {"index": 0, **CALL, "id": None}
    answered = chat([{"role": "user", "content": "do it"}], {"content": "", "tool_calls": [call]}, finish="tool_calls")
    if stream:
        about = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m" * 300}
        chunk = {**about, "choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}}]}
        data = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        headers = {"content-type": "text/event-stream"}
        answered = replace(answered, chunks=(Chunk(0.0, data),), response_headers=headers)
    (excerpt,) = (found.evidence.excerpt for found in check([answered]) if found.code == "TW101")
    assert excerpt.replace(" ", "").startswith('"tool_calls":[{')
    assert '"id":null' in excerpt.replace(" ", "")
