"""The reference server calls the tools of MCP servers under whatever name an agent offers them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from toolworthy import content
from toolworthy.content import adapters
from toolworthy.content.tasks import load_tasks
from toolworthy.reference._next_step import next_answer
from toolworthy.wire.ir import Message, Part, Request, Response, Text, Tool, ToolCall, ToolResult

TASK = next(task for task in load_tasks(content.FIXTURES / "mcp") if task.name == "parts-desk")
SCHEMA = {"type": "object", "properties": {"description": {"type": "string"}}, "required": ["description"]}
GIVES = TASK.steps[0].gives or ""


def own(agent: str) -> list[Tool]:
    return [Tool(name) for name in adapters.agent(agent).tools]


def answer(tools: Sequence[Tool], *more: Message, text: str = "") -> Response:
    messages = (Message("user", (Text(text + TASK.instruction),)), *more)
    return next_answer(Request(model="m", messages=messages, tools=tuple(tools)), [TASK], adapters.agents())


def call_of(response: Response) -> ToolCall | None:
    return next((part for part in response.parts if isinstance(part, ToolCall)), None)


def after(call: ToolCall, result: str) -> tuple[Message, Message]:
    said: tuple[Part, ...] = (ToolResult(call.id, (Text(result),)),)
    return Message("assistant", (call,)), Message("tool", said)


@pytest.mark.parametrize(
    ("agent", "tool"),
    [
        ("claude-code", Tool("mcp__parts-desk__find_part", parameters=SCHEMA)),
        ("codex", Tool("find_part", parameters=SCHEMA, namespace="mcp__parts_desk")),
        ("opencode", Tool("parts-desk_find_part", parameters=SCHEMA)),
        ("gemini-cli", Tool("mcp_parts-desk_find_part", parameters=SCHEMA)),
        ("gptme", Tool("parts-desk_find_part_b4c2f6e8a1d0", parameters=SCHEMA)),  # with a hash
        ("builtin", Tool("find_part", parameters=SCHEMA)),
    ],
)
def test_flat_namespaced_and_bare_names(agent: str, tool: Tool) -> None:
    other = Tool("elsewhere__find_part", parameters=SCHEMA)
    call = call_of(answer([*own(agent), *([other] if agent != "builtin" else []), tool]))
    assert call is not None
    assert (call.name, json.loads(call.arguments)) == (tool.flat_name, TASK.steps[0].arguments)


@pytest.mark.parametrize(("agent", "name", "given"), [("qwen-code", "name", "arguments"), ("openclaw", "id", "args")])
def test_through_a_bridge_by_the_name_that_the_agent_lists(agent: str, name: str, given: str) -> None:
    """One that it changed has a hash at its end."""
    exact = adapters.agent(agent).mcp.tool("parts-desk", "find_part")
    for listed in ("", f'- "{exact}_1no33wr"\n'):
        call = call_of(answer([*own(agent), Tool("tool_call")], text=listed))
        assert call is not None
        assert call.name == "tool_call"
        assert json.loads(call.arguments) == {
            name: exact + ("_1no33wr" if listed else ""),
            given: TASK.steps[0].arguments,
        }


def test_it_waits_for_a_server_that_still_starts() -> None:
    tools = own("claude-code")
    call = call_of(answer([*tools, Tool("WaitForMcpServers")]))
    assert call is not None
    assert (call.name, call.arguments) == ("WaitForMcpServers", "{}")
    found = Tool("mcp__parts-desk__find_part", parameters=SCHEMA)
    next_call = call_of(answer([*tools, found], *after(call, "ready=true")))
    assert next_call is not None
    assert next_call.name == found.name


def test_what_the_agent_adds_to_the_parameters_is_filled_in() -> None:
    added = {"type": "object", "properties": {"risk": {"enum": ["LOW", "HIGH"]}}, "required": ["risk"]}
    call = call_of(answer([*own("openhands"), Tool("find_part", parameters=added)]))
    assert call is not None
    assert json.loads(call.arguments) == {**(TASK.steps[0].arguments or {}), "risk": "LOW"}


def test_it_searches_for_a_tool_that_is_not_offered_yet() -> None:
    schema = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    call = call_of(answer([*own("droid"), Tool("ToolSearch", parameters=schema)]))
    assert call is not None
    assert (call.name, json.loads(call.arguments)) == ("ToolSearch", {"query": "select:parts-desk___find_part"})


def test_without_the_tool_or_with_another_result_it_does_not_go_on() -> None:
    assert call_of(answer(own("claude-code"))) is None
    found = Tool("mcp__parts-desk__find_part", parameters=SCHEMA)
    call = call_of(answer([*own("claude-code"), found]))
    assert call is not None
    wrong = answer([*own("claude-code"), found], *after(call, "part 00000000"))
    assert call_of(wrong) is None
    stock = Tool("mcp__parts-desk__stock_level-in-hall", parameters={})
    right = call_of(answer([*own("claude-code"), found, stock], *after(call, GIVES)))
    assert right is not None
    assert right.name == stock.name
