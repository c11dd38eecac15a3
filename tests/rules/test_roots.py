"""A finding names the fault, not what follows from it: bytes that show the one, and near-misses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.examples import recorded
from toolworthy import wire
from toolworthy.records.exchange import Chunk
from toolworthy.rules import check
from toolworthy.wire import parse_body
from toolworthy.wire.ir import Api

TOOL = {"name": "read_file", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}
SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def codes(api: Api, body: bytes, headers: dict[str, str], *, status: int = 200, **asked: Any) -> set[str]:
    """What the rules say of these bytes."""
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": "Go."}],
        "stream": "event" in str(headers),
        **asked,
    }
    exchange = recorded(
        agent_api=api,
        endpoint_api=api,
        path=wire.api(api).path(model="m"),
        request_body=json.dumps(request).encode(),
        status=status,
        response_headers=headers,
        chunks=(Chunk(0.1, body),),
    )
    return {finding.code for finding in check([exchange])}


def sse(*events: Any) -> bytes:
    """A stream of these JSON values."""
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A chunk of a chat stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}
WHOLE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "output": [MESSAGE],
    "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4},
}


def test_a_whole_response_without_a_status_lacks_a_field_and_nothing_else() -> None:
    assert codes("responses", json.dumps(WHOLE).encode(), JSON) == {"TW515"}


def test_a_whole_chat_answer_without_a_finish_reason_is_not_cut() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": None}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    assert codes("chat", json.dumps(body).encode(), JSON) == {"TW308"}


def test_a_stream_that_stops_in_the_middle_is_cut() -> None:
    assert "TW601" in codes("chat", sse(chunk({"role": "assistant", "content": "Hi"})), SSE)


LONG = "A sentence of an answer that is as long as most are. " * 6


@pytest.mark.parametrize("lead", [b"", b": keep-alive\n\n", b"\xef\xbb\xbf"])
def test_a_stream_under_another_content_type_is_read_as_one(lead: bytes) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 70, "total_tokens": 73}
    done = {**chunk({}, "stop"), "usage": usage}
    body = lead + sse(chunk({"role": "assistant", "content": LONG}), done, "[DONE]")
    assert codes("chat", body, JSON, stream=True) - {"TW607"} == {"TW606"}


def call(arguments: str) -> dict[str, Any]:
    """The first fragment of a call."""
    function = {"name": "read_file", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}]}


@pytest.mark.parametrize("arguments", ["", '{"path": "a'])
def test_arguments_that_an_error_cut_are_the_errors(arguments: str) -> None:
    failed = sse(chunk(call(arguments)), {"error": {"message": "worker died", "type": "server_error"}})
    cut = sse(chunk(call(arguments)))
    assert codes("chat", failed, SSE, tools=[{"type": "function", "function": TOOL}]) == {"TW602"}
    assert codes("chat", cut, SSE, tools=[{"type": "function", "function": TOOL}]) == {"TW601"}


@pytest.mark.parametrize(("arguments", "code"), [("", "TW105"), ('{"path": "a', "TW103")])
def test_in_an_answer_that_ends_in_order_they_are_the_servers(arguments: str, code: str) -> None:
    body = sse(chunk(call(arguments)), chunk({}, "tool_calls"), "[DONE]")
    assert codes("chat", body, SSE, tools=[{"type": "function", "function": TOOL}]) == {code}


@pytest.mark.parametrize(
    ("message", "due"),
    [
        ("Rate limit reached, try again later.", True),
        ("You exceeded your current quota, please check your plan and billing details.", False),
        ("Insufficient balance", False),
    ],
)
def test_only_a_rate_limit_must_say_when_to_come_again(message: str, due: bool) -> None:
    body = json.dumps({"error": {"message": message, "type": "error"}}).encode()
    assert ("TW611" in codes("chat", body, JSON, status=429)) == due


CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read_file", "status": "completed"}
CALL |= {"arguments": '{"path": "a"}'}


@pytest.mark.parametrize(
    "before",
    [
        [],
        [{"type": "response.reasoning_text.delta", "item_id": "rs_1", "output_index": 0, "delta": "Hm."}],
        [{"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "delta": "Hi"}],
        [{"type": "response.output_item.done", "output_index": 0, "item": MESSAGE}],
    ],
    ids=["alone", "behind reasoning", "behind text", "behind an item that is done"],
)
def test_a_call_that_only_the_final_object_holds_is_seen_and_named(before: list[dict[str, Any]]) -> None:
    """Codex runs what output_item.done brings, and this never does."""
    final = {**WHOLE, "status": "completed", "output": [MESSAGE, CALL] if before else [CALL]}
    events = [{"type": "response.created", "response": {**final, "output": []}}, *before]
    body = sse(*events, {"type": "response.completed", "response": final})
    answer = parse_body("responses", 200, body, streamed=True)
    assert [(made.name, made.arguments) for made in answer.calls] == [("read_file", '{"path": "a"}')]
    found = codes("responses", body, SSE, tools=[{"type": "function", **TOOL}])
    assert "TW503" in found
    assert not found & {"TW704", "TW710", "TW113"}


def test_items_that_came_are_not_taken_twice() -> None:
    final = {**WHOLE, "status": "completed", "output": [MESSAGE, CALL]}
    done = [
        {"type": "response.output_item.done", "output_index": number, "item": item}
        for number, item in enumerate([MESSAGE, CALL])
    ]
    body = sse(*done, {"type": "response.completed", "response": final})
    answer = parse_body("responses", 200, body, streamed=True)
    assert (answer.text, len(answer.calls), answer.repairs) == ("Hi", 1, ())


@pytest.mark.parametrize(("usage", "found"), [({}, True), (None, False), ({"prompt_tokens": 3}, False)])
def test_usage_without_numbers_is_told_from_none(usage: Any, found: bool) -> None:
    done = {**chunk({}, "stop"), "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}
    body = sse({**chunk({"role": "assistant", "content": "Hi"}), "usage": usage}, done, "[DONE]")
    assert ("TW711" in codes("chat", body, SSE)) == found


@pytest.mark.parametrize(("at", "found"), [(1.5, True), (1.0, True), (1, False)])
def test_a_time_with_a_fraction_is_told_from_a_whole_one(at: float, found: bool) -> None:
    whole = {**WHOLE, "status": "completed", "created_at": at}
    assert ("TW615" in codes("responses", json.dumps(whole).encode(), JSON)) == found
    stream = sse({**chunk({"role": "assistant", "content": "Hi"}), "created": at}, chunk({}, "stop"), "[DONE]")
    assert ("TW615" in codes("chat", stream, SSE)) == found


@pytest.mark.parametrize(
    ("name", "at", "code"),
    [
        ("created_at", "1744130612", "TW616"),
        ("created_at", None, "TW616"),
        ("created_at", True, "TW616"),
        ("completed_at", "1744130612", "TW616"),
        ("completed_at", None, ""),
        ("completed_at", 1.5, "TW615"),
        ("created_at", 1.5, "TW615"),
    ],
)
def test_a_time_that_is_no_number_is_told_from_one_with_a_fraction(name: str, at: object, code: str) -> None:
    whole = json.dumps({**WHOLE, "status": "completed", "created_at": 1, name: at})
    assert codes("responses", whole.encode(), JSON) & {"TW615", "TW616"} == {code} - {""}


def test_a_responses_stream_that_lacks_only_its_end_is_not_cut() -> None:
    added = {"type": "response.output_item.added", "output_index": 0, "item": {**MESSAGE, "content": []}}
    done = {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE}
    begun = {"type": "response.created", "response": {**WHOLE, "status": "in_progress", "output": []}}
    assert {"TW501", "TW601"} & codes("responses", sse(begun, added, done), SSE) == {"TW501"}
    assert {"TW501", "TW601"} & codes("responses", sse(begun, added), SSE) == {"TW601"}
