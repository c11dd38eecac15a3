"""What an agent of each wire API sends next."""

from __future__ import annotations

from typing import Any

from toolworthy.wire.ir import Api


def replayed(agent: Api, answer: dict[str, Any]) -> dict[str, Any]:
    """The next request of an agent that replays an answer unchanged, its tools run."""
    if agent == "chat":
        message = answer["choices"][0]["message"]
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "x"} for call in message["tool_calls"]]
        return {"model": "m", "messages": [{"role": "user", "content": "go"}, message, *results]}
    if agent == "messages":
        calls = [block for block in answer["content"] if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "x"} for call in calls]
        turn = [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": results}]
        return {"model": "m", "messages": [{"role": "user", "content": "go"}, *turn]}
    if agent == "gemini":
        said = answer["candidates"][0]["content"]
        calls = [part["functionCall"] for part in said["parts"] if "functionCall" in part]
        results = [{"functionResponse": {**_named(call), "response": {"output": "x"}}} for call in calls]
        contents = [{"role": "user", "parts": [{"text": "go"}]}, said, {"role": "user", "parts": results}]
        return {"model": "m", "contents": contents}
    calls = [item for item in answer["output"] if item["type"] == "function_call"]
    results = [{"type": "function_call_output", "call_id": call["call_id"], "output": "x"} for call in calls]
    return {"model": "m", "input": [{"role": "user", "content": "go"}, *answer["output"], *results]}


def _named(call: dict[str, Any]) -> dict[str, Any]:
    return {name: call[name] for name in ("id", "name") if name in call}
