"""Conversations in agents' own words: what goes back has the form in which each agent was seen to send it."""

from __future__ import annotations

from typing import Any

from toolworthy import wire
from toolworthy.records.exchange import Exchange
from toolworthy.reference._reply import stream
from toolworthy.wire.ir import Request, Response, Text, Thinking, ToolCall
from toolworthy.work.probes import load_suite
from toolworthy.work.probes.answer import Answer
from toolworthy.work.probes.material import sequence
from toolworthy.work.probes.recorded import Conversation, recorded


def answered(agent: str, text: str = "", thought: str = "") -> Answer:
    """A call of a tool, as a real stream of the agent's API holds it."""
    thoughts = (Thinking(thought, "reasoning_content"),) if thought else ()
    said = (Text(text),) if text else ()
    parts = (*thoughts, *said, ToolCall("call_1-a", "read", '{"path": "a"}'))
    request = Request(model="m", messages=(), stream=True)
    data = b"".join(stream(recorded(agent).api, Response(id="r_1", model="m", parts=parts, stop="tool"), request))
    return Answer(Exchange.of(recorded(agent).api, "{}", data))


def gone_back(agent: str, text: str = "", thought: str = "") -> list[Any]:
    """What stands behind the order once the call and its result went back."""
    talk = Conversation(agent, "m", sequence([("read", {"path": "a"})]), brief=True)
    field = wire.api(recorded(agent).api).conversation
    order = next(n for n, entry in enumerate(talk.body[field]) if "one after the other" in str(entry))
    talk.go_on(answered(agent, text, thought), "fine")
    return list(talk.body[field][order + 1 :])


def streamed(probe: str) -> bool | None:
    """How the only request of a probe is asked."""
    (key,) = load_suite()[probe].ways()
    return key.stream


def test_opencode_sends_empty_content_and_reasoning() -> None:
    said, result = gone_back("opencode")
    assert (said["content"], said["reasoning_content"]) == ("", "")
    assert result == {"role": "tool", "tool_call_id": "call_1-a", "content": "fine"}


def test_qwen_code_sends_null_content_and_results_in_parts() -> None:
    said, result = gone_back("qwen-code")
    assert said["content"] is None
    assert "reasoning_content" not in said
    assert result["content"] == [{"type": "text", "text": "fine"}]


def test_openclaw_drops_reasoning_and_qwen_code_sends_it_back() -> None:
    assert gone_back("qwen-code", thought="I look.")[0]["reasoning_content"] == "I look."
    assert not [name for name in gone_back("openclaw", thought="I look.")[0] if name.startswith("reasoning")]


def test_openclaw_sends_ids_without_punctuation_and_its_own_message_last() -> None:
    said, result, last = gone_back("openclaw")
    assert (said["tool_calls"][0]["id"], result["tool_call_id"]) == ("call1a", "call1a")
    assert last["role"] == "user"


def test_what_was_said_beside_a_call_goes_back() -> None:
    for agent in ("opencode", "qwen-code", "openclaw"):
        assert gone_back(agent, "I look.")[0]["content"] == "I look."


def test_claude_code_marks_its_newest_result_only() -> None:
    talk = Conversation("claude-code", "m", sequence([("read", {"path": "a"})]), brief=True)
    for _ in range(2):
        talk.go_on(answered("claude-code"), "fine")
    blocks = [block for entry in talk.body["messages"] for block in entry["content"] if isinstance(block, dict)]
    results = [block for block in blocks if block["type"] == "tool_result"]
    assert ["cache_control" in block for block in results] == [False, True]


def test_codex_sends_items_as_they_came() -> None:
    said, result = gone_back("codex")
    assert (said["type"], said["status"], said["call_id"]) == ("function_call", "completed", "call_1-a")
    assert said["id"]
    assert result == {"type": "function_call_output", "call_id": "call_1-a", "output": "fine"}


def test_copilot_says_that_nothing_was_refused() -> None:
    said, result = gone_back("copilot")
    assert said["refusal"] is None
    assert "refusal" not in result


def test_gemini_cli_sends_calls_and_results_as_parts() -> None:
    said, result = gone_back("gemini-cli")
    assert (said["role"], result["role"]) == ("model", "user")
    assert said["parts"][-1]["functionCall"]["id"] == result["parts"][0]["functionResponse"]["id"] == "call_1-a"


def test_grok_cli_is_asked_whole() -> None:
    assert streamed("session-grok-cli") is False
    assert streamed("session-pi") is True


def test_a_brief_request_keeps_every_field_and_tool() -> None:
    for agent in ("claude-code", "codex", "gemini-cli", "opencode", "openclaw", "qwen-code"):
        brief, full = (Conversation(agent, "m", "x", brief=brief).body for brief in (True, False))
        assert brief.keys() == full.keys()
        assert len(brief["tools"]) == len(full["tools"])
        assert len(str(brief)) < len(str(full)) / 1.5
