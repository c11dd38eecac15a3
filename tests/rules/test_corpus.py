"""Texts by somebody who had not read the code: leaked calls in the notations of many models, and texts that hold none.

``leaks.jsonl``: its first line has the schemas of the tools, each further line a text and the calls that it holds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.examples import recorded
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.rules import check
from toolworthy.rules.leaked import lost_calls

HEAD, *ROWS = [json.loads(line) for line in Path(__file__).with_name("leaks.jsonl").read_text("utf-8").splitlines()]
LOST = {"TW201", "TW204", "TW205"}


def answered(row: dict[str, Any]) -> Exchange:
    """A whole chat answer that holds the text, or thinks it."""
    tools = [{"type": "function", "function": HEAD["tools"][name]} for name in row["tools"]]
    request = {"model": "m", "messages": [{"role": "user", "content": row["request"]}], "tools": tools}
    thinks = row["where"] == "reasoning"
    message = {"role": "assistant", "content": "" if thinks else row["text"]}
    message |= {"reasoning_content": row["text"]} if thinks else {}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return recorded(request_body=json.dumps(request).encode(), chunks=(Chunk(0.1, json.dumps(body).encode()),))


def told(row: dict[str, Any]) -> bool:
    """Whether a rule says that a call was lost."""
    return bool({finding.code for finding in check([answered(row)])} & LOST)


def test_nearly_all_leaked_calls_are_named() -> None:
    leaks = [row for row in ROWS if row["leaked"]]
    missed = [row["id"] for row in leaks if not told(row)]
    assert len(leaks) >= 150
    assert len(missed) <= len(leaks) // 100, missed


def test_nearly_no_text_is_taken_for_a_call() -> None:
    clean = [row for row in ROWS if not row["leaked"]]
    wrong = [row["id"] for row in clean if told(row)]
    assert len(clean) >= 100
    assert len(wrong) <= len(clean) // 50, wrong


def test_they_are_read_as_they_were_meant() -> None:
    """Name and arguments; those whose arguments were cut cannot be."""
    whole = [row for row in ROWS if row["leaked"] and all(call["arguments"] is not None for call in row["leaked"])]
    wrong = []
    for row in whole:
        exchange = answered(row)
        found = lost_calls(exchange.request, exchange.response)
        if [{"name": call.name, "arguments": dict(call.arguments)} for call in found] != row["leaked"]:
            wrong.append(row["id"])
    assert len(wrong) <= len(whole) // 40, wrong
