"""Every example is true: the rule finds its fault in the bad bytes, and not in the good ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolworthy.records.exchange import Exchange
from toolworthy.rules import RULES, Rule, check
from toolworthy.wire.ir import Api

ALONE = {
    "TW612",  # a pause shows in the timing, not in the bytes
    "TW694",  # so does a late end
    "TW614",  # compressed bytes are not text
}
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}}}
SAID = [{"role": "user", "content": "Go."}]
REQUESTS: dict[Api, dict[str, Any]] = {
    "chat": {
        "messages": SAID,
        "tools": [{"type": "function", "function": {"name": "read_file", "parameters": SCHEMA}}],
        "stream_options": {"include_usage": True},
    },
    "messages": {"messages": SAID, "max_tokens": 999, "tools": [{"name": "read_file", "input_schema": SCHEMA}]},
    "responses": {"input": SAID, "tools": [{"type": "function", "name": "read_file", "parameters": SCHEMA}]},
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": "Go."}]}],
        "tools": [{"functionDeclarations": [{"name": "read_file", "parameters": SCHEMA}]}],
    },
}


def codes(rule: Rule, response: str) -> set[str]:
    """What the rules find in an example."""
    assert rule.example
    head, body = response.split("\n\n", 1) if response.startswith("HTTP/1.1 ") else ("HTTP/1.1 200", response)
    status, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    streams = body.startswith(("data:", "event:", ":"))
    api = rule.apis[0]
    request = {"model": "m", "stream": streams, **REQUESTS[api], **json.loads(rule.example.request or "{}")}
    made = Exchange.of(api, request, body, status=int(status.split()[1]), headers=headers or None)
    return {finding.code for finding in check([made])}


SHOWN = [rule for rule in RULES if rule.example and not rule.example.unrun]


def test_every_rule_has_an_example_that_runs_or_a_reason() -> None:
    assert {rule.code for rule in RULES} - {rule.code for rule in SHOWN} == ALONE


@pytest.mark.parametrize("rule", SHOWN, ids=lambda rule: rule.code)
def test_the_bad_bytes_break_the_rule_and_the_good_ones_do_not(rule: Rule) -> None:
    assert rule.example
    assert rule.code in codes(rule, rule.example.bad)
    assert rule.code not in codes(rule, rule.example.good)
