"""Deltas of a Responses stream belong to an item, by its id where the index is wrong."""

from __future__ import annotations

import json
from typing import Any

from tests.support.examples import recorded
from toolworthy import rules
from toolworthy.records.exchange import Chunk, Exchange

REASONING = {"id": "rs_1", "type": "reasoning", "summary": []}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
SAID = {**MESSAGE, "status": "completed", "content": [{"type": "output_text", "text": "Hello.", "annotations": []}]}


def stream(index: int, item_id: str = "msg_1") -> bytes:
    """Reasoning, then a text whose delta has this index: as ds4codex 0.1.6 sends it, which says 0."""
    response = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "in_progress",
        "output": [],
    }
    delta = {"item_id": item_id, "output_index": index, "content_index": 0, "delta": "Hello."}
    done = {**response, "status": "completed", "output": [REASONING, SAID]}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": REASONING},
        {"type": "response.output_item.added", "output_index": 1, "item": MESSAGE},
        {"type": "response.output_text.delta", **delta},
        {"type": "response.output_item.done", "output_index": 0, "item": REASONING},
        {"type": "response.output_item.done", "output_index": 1, "item": SAID},
        {"type": "response.completed", "response": done},
    ]
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events).encode()


def answer(body: bytes) -> Exchange:
    return recorded(
        agent_api="responses",
        endpoint_api="responses",
        path="/v1/responses",
        request_body=b'{"model": "m", "stream": true, "input": "hi"}',
        response_headers={"content-type": "text/event-stream"},
        chunks=(Chunk(0.1, body),),
    )


def codes(body: bytes) -> set[str]:
    return {finding.code for finding in rules.check([answer(body)])} & {"TW502", "TW507", "TW519", "TW590"}


def test_a_delta_under_another_items_index_is_misplaced_and_its_item_was_announced() -> None:
    assert codes(stream(1)) == set()
    assert codes(stream(0)) == {"TW519"}
    assert codes(stream(0, "msg_2")) == {"TW502", "TW590"}


def test_its_text_is_read_once() -> None:
    response = answer(stream(0)).response
    assert response is not None
    assert response.text == "Hello."
