"""A severity is evidence: what blocks has been seen to stop an agent, and what follows is no root of its own."""

from __future__ import annotations

import json

import pytest

from tests.support.examples import recorded
from toolworthy.content.breakage import Measured, measured, naming
from toolworthy.records.exchange import Chunk
from toolworthy.reference.defects import catalogue
from toolworthy.rules import RULES, Rule, check

HARM = ("wrong result", "dies", "hangs")
REFUSING = {defect.id for defect in catalogue() if any(one.status in (400, 422) for one in defect.refuse)}
CODES = {rule.code: rule for rule in RULES}


def evidence(code: str) -> list[Measured]:
    """What agents did with the defects that a rule names. A refusal (TW609) is named by the probe that met it."""
    if code == "TW609":
        return [row for row in measured() if row.defect in REFUSING]
    return list(naming(code))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.severity == "blocks"], ids=lambda rule: rule.code)
def test_what_blocks_has_stopped_an_agent(rule: Rule) -> None:
    assert [row for row in evidence(rule.code) if row.met and row.outcome in HARM]


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.follows], ids=lambda rule: rule.code)
def test_a_consequence_has_causes_and_none_is_its_own(rule: Rule) -> None:
    seen, ahead = set(), list(rule.follows)
    while ahead:
        code = ahead.pop()
        assert code != rule.code, f"{rule.code} follows from itself"
        if code not in seen:
            seen.add(code)
            ahead += CODES[code].follows


LEAK = '<tool_call name="read_file">{"path": "a"}</tool_call>'


def said(message: dict[str, object], finish: str) -> dict[str, str]:
    """Code to what it follows from, of a whole chat answer to a request that demands a call."""
    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    tool = {"type": "function", "function": {"name": "read_file", "parameters": schema}}
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": "Go."}],
        "tools": [tool],
        "tool_choice": "required",
    }
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 3, "completion_tokens": 20, "total_tokens": 23}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    exchange = recorded(request_body=json.dumps(request).encode(), chunks=(Chunk(0.1, json.dumps(body).encode()),))
    return {finding.code: finding.follows for finding in check([exchange])}


def test_a_leaked_call_is_the_root_of_what_it_brings_about() -> None:
    assert said({"content": LEAK}, "stop") == {"TW201": "", "TW116": "TW201"}
    assert said({"content": LEAK}, "tool_calls") == {"TW201": "", "TW116": "TW201", "TW113": "TW201"}


def test_where_the_cause_is_absent_each_stands_for_itself() -> None:
    assert said({"content": "No."}, "stop") == {"TW116": ""}
    assert said({"content": "No."}, "tool_calls") == {"TW113": "", "TW116": "TW113"}


def test_a_chain_ends_at_its_first_cause() -> None:
    """A call without id, name and arguments: it was never begun."""
    call = {"id": None, "type": "function", "function": {"name": "", "arguments": ""}}
    found = said({"content": "", "tool_calls": [call]}, "tool_calls")
    assert found["TW107"] == ""
    assert {found["TW101"], found["TW105"]} == {"TW107"}
