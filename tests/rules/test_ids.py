"""What is said of ids is said of the endpoint's own, not of those that the parser made up."""

from __future__ import annotations

import json

import pytest

from toolworthy.exchange import Chunk, Exchange
from toolworthy.rules import check


@pytest.mark.parametrize(("given", "codes"), [("call_0", ["TW109"]), (None, ["TW101"])])
def test_an_id_that_was_made_up_is_no_former_calls(given: str | None, codes: list[str]) -> None:
    call = {"id": "call_0", "type": "function", "function": {"name": "run", "arguments": "{}"}}
    asked = [
        {"role": "user", "content": "do it"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_0", "content": "done"},
    ]
    function = {"name": "run", "parameters": {"type": "object", "properties": {}}}
    request = json.dumps({"model": "m", "messages": asked, "tools": [{"type": "function", "function": function}]})
    answer = {"role": "assistant", "content": "", "tool_calls": [{**call, "id": given}]}
    choice = {"index": 0, "message": answer, "finish_reason": "tool_calls"}
    body = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
    exchange = Exchange(
        trial="t",
        index=0,
        kind="completion",
        agent_api="chat",
        endpoint_api="chat",
        method="POST",
        path="/v1/chat/completions",
        request_headers={},
        request_body=request.encode(),
        upstream_body=None,
        losses=(),
        status=200,
        response_headers={"content-type": "application/json"},
        chunks=(Chunk(0.1, body.encode()),),
        started=0.0,
        seconds=1.0,
    )
    found = [finding.code for finding in check([exchange])]
    assert [code for code in found if code in ("TW101", "TW109")] == codes
