"""The very first requests of real agents, with all their fields and headers, as recorded; only the prose is filler."""

import json
from typing import Any

from toolworthy import content
from toolworthy.probes import Ask, probe
from toolworthy.probes.answer import accept, speaks

FILLER = "The quick brown fox jumps over the lazy dog and looks for the file that was named in the task. "


def filled(value: Any) -> Any:
    """`value` with prose of the recorded length."""
    if isinstance(value, dict):
        if set(value) == {"filler"}:
            return (FILLER * (value["filler"] // len(FILLER) + 1))[: value["filler"]]
        return {name: filled(inner) for name, inner in value.items()}
    return [filled(inner) for inner in value] if isinstance(value, list) else value


def told(body: dict[str, Any], text: str) -> dict[str, Any]:
    """`body` with a last order to the model."""
    name = "input" if "input" in body else "messages"
    return {**body, name: [*body[name], {"role": "user", "content": text}]}


async def first(ask: Ask, agent: str) -> None:
    """The request is taken, and answered by text or calls."""
    path = content.FIXTURES / "wire" / "first-requests" / f"{agent}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    body = told(filled(record["body"]), "Reply with exactly: Hello.")
    answer = await ask.send({**body, "model": ask.endpoint.model}, headers=record["headers"], query=record["query"])
    speaks(accept(answer), "Hello.")


@probe("Claude Code's first request", "messages", modes="stream", severity="blocks", agents=("claude-code",))
async def test_first_request_claude_code(ask: Ask) -> None:
    """System blocks, cache marks, beta headers, adaptive thinking, context management, some thirty tools."""
    await first(ask, "claude-code")


@probe("Codex's first request", "responses", modes="stream", severity="blocks", agents=("codex",))
async def test_first_request_codex(ask: Ask) -> None:
    """Role developer, a custom tool with a grammar, namespaces, store off, encrypted reasoning, client_metadata."""
    await first(ask, "codex")


@probe("OpenClaw's first request", "chat", modes="stream", severity="blocks", agents=("openclaw",))
async def test_first_request_openclaw(ask: Ask) -> None:
    """max_completion_tokens, usage in the stream, its tools."""
    await first(ask, "openclaw")


@probe("OpenCode's first request", "chat", modes="stream", severity="blocks", agents=("opencode",))
async def test_first_request_opencode(ask: Ask) -> None:
    """Its tools, and tool_choice auto said aloud."""
    await first(ask, "opencode")


@probe("Qwen Code's first request", "chat", modes="stream", severity="blocks", agents=("qwen-code",))
async def test_first_request_qwen_code(ask: Ask) -> None:
    """Its tools, whose schemas are the richest of all."""
    await first(ask, "qwen-code")
