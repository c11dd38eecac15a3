"""Exchanges, a case, and what a run tells of itself: the plain ones, from which a test departs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from toolworthy.records.exchange import Chunk, Exchange

ABOUT: dict[str, Any] = {
    "toolworthy": "0.1.0",
    "python": "3",
    "platform": "p",
    "command": "c",
    "started": 1_790_000_000.0,
    "endpoint": {"name": "e", "provider": "generic", "model": "m", "base_urls": {}, "forced_api": None},
    "agents": {"codex": "0.169.0"},
}
"""What ``run.json`` tells of a run."""
A_LOOK = """
[[case]]
id = "look"
category = "single"
files."a.py" = "x = 1\\n"
[[case.turn]]
user = "Show me a.py."
right = [[{ do = "read", path = "a.py" }]]
"""
"""A case of a user's own: one look."""


def recorded(**more: Any) -> Exchange:
    """A request to Chat Completions and its answer, but for what is given."""
    made = Exchange(
        trial="t",
        index=0,
        kind="completion",
        agent_api="chat",
        endpoint_api="chat",
        method="POST",
        path="/v1/chat/completions",
        request_headers={},
        request_body=b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}',
        upstream_body=None,
        losses=(),
        status=200,
        response_headers={"content-type": "application/json"},
        chunks=(Chunk(0.25, b"{}"),),
        started=1.0,
        seconds=0.5,
    )
    return replace(made, **more)


def chat(messages: list[dict[str, Any]], answer: dict[str, Any], *, index: int = 0, finish: str = "stop") -> Exchange:
    """A whole answer to these messages, with the tool `run` offered."""
    run = {"type": "function", "function": {"name": "run", "parameters": {"type": "object", "properties": {}}}}
    request = {"model": "m", "messages": messages, "tools": [run]}
    choice = {"index": 0, "message": {"role": "assistant", **answer}, "finish_reason": finish}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    told = (Chunk(0.1, json.dumps(body).encode()),)
    return recorded(index=index, request_body=json.dumps(request).encode(), chunks=told)
