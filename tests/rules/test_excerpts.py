"""Evidence shows the bytes that are at fault, and begins where something begins."""

from __future__ import annotations

from dataclasses import replace

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
