"""What an API's writer makes of parts that overlap, of ids of another API, and of tokens that nobody counted yet."""

from __future__ import annotations

import json

import pytest

from toolworthy import wire
from toolworthy.wire._part_queue import PartQueue
from toolworthy.wire.assemble import assemble
from toolworthy.wire.ir import (
    Api,
    Counted,
    Ended,
    Event,
    Message,
    PartClosed,
    PartDelta,
    PartOpened,
    Request,
    Response,
    Started,
    Stopped,
    Text,
    ToolCall,
    Usage,
)
from toolworthy.wire.sse import events

REQUEST = Request("m", (Message("user", (Text("x" * 400),)),))
OVERLAPPING: list[Event] = [
    Started("r", "m"),
    PartOpened(0, ToolCall("call_a", "ls", "")),
    PartDelta(0, "{"),
    PartOpened(1, ToolCall("call_b", "cat", "")),
    PartDelta(1, '{"b":'),
    PartDelta(0, "}"),
    PartOpened(2, ToolCall("call_c", "pwd", "")),
    PartDelta(1, "1}"),
    PartClosed(0),
    PartClosed(1),
    PartDelta(2, "{}"),
    PartClosed(2),
    Stopped("tool", "tool_calls"),
    Ended(True),
]


@pytest.mark.parametrize(
    ("api", "opens", "closes"),
    [
        ("messages", "content_block_start", "content_block_stop"),
        ("responses", "response.output_item.added", "response.output_item.done"),
    ],
)
def test_one_part_is_open_at_a_time(api: Api, opens: str, closes: str) -> None:
    encoder, decoder = wire.api(api).encoder(REQUEST), wire.api(api).decoder()
    stream = b"".join(map(encoder.encode, OVERLAPPING))
    marks = [event.event for event in events(stream) if event.event in (opens, closes)]
    assert marks == [opens, closes] * 3
    read = assemble([*decoder.feed(stream), *decoder.close()], tuple(decoder.repairs))
    assert read.repairs == ()
    assert [(call.id, call.name, call.arguments) for call in read.calls] == [
        ("call_a", "ls", "{}"),
        ("call_b", "cat", '{"b":1}'),
        ("call_c", "pwd", "{}"),
    ]


def test_parts_that_never_close_are_closed_in_their_order() -> None:
    queue = PartQueue()
    first, second = PartOpened(0, Text("")), PartOpened(1, Text(""))
    assert queue.add(PartDelta(0, "stray")) == []
    assert queue.add(first) == [first]
    assert queue.add(second) == []
    assert queue.rest() == [PartClosed(0), second, PartClosed(1)]
    assert queue.rest() == []


@pytest.mark.parametrize("name", ["chatcmpl-1", "msg_1", "call_1", "", "gen-" + "x" * 90])
def test_a_response_and_its_items_have_ids_of_this_api(name: str) -> None:
    parts = (Text("a"), ToolCall("call_1", "ls", "{}"))
    made = wire.api("responses").render_response(Response(name, "m", parts, "tool"), REQUEST)
    assert made["id"].startswith("resp_")
    assert name in made["id"]
    assert [item["id"].split("_")[0] for item in made["output"]] == ["msg", "fc"]
    assert max(len(item["id"]) for item in made["output"]) <= 64


def test_input_tokens_are_estimated_until_they_are_counted() -> None:
    def counts(*counted: Event) -> list[dict[str, int]]:
        encoder = wire.api("messages").encoder(REQUEST)
        stream = b"".join(map(encoder.encode, [Started("r", "m"), *counted, Stopped("end", "stop"), Ended(True)]))
        values = [json.loads(event.data) for event in events(stream)]
        return [value.get("usage") or value["message"]["usage"] for value in values if "stop" not in value["type"]]

    first, last = counts(Counted(Usage(input=90, output=3)))
    assert (first["input_tokens"], last["input_tokens"], last["output_tokens"]) == (100, 90, 3)
    first, last = counts()
    assert (first["input_tokens"], last) == (100, {"output_tokens": 0})
