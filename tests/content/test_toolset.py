"""A step says the same in every agent's words."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolworthy import wire
from toolworthy.content import adapters
from toolworthy.content.adapters import Action, AgentAdapter, Scope, ToolSpec, Use
from toolworthy.content.toolset import Operation, due, placeholders, shell, speaker, tool_schema, understand, ways
from toolworthy.wire.ir import Tool
from toolworthy.work.probes.recorded import Conversation, agents_recorded, recorded

AGENTS = adapters.toolsets()
NEEDS = {
    "run": {"command"},
    "read": {"path"},
    "view": {"path"},
    "write": {"path", "content"},
    "edit": {"path", "old", "new"},
    "patch": {"patch"},
    "search": {"pattern"},
    "find": {"pattern"},
    "list": {"path"},
    "wait": {"session"},
}


def offered(agent: AgentAdapter) -> list[Tool]:
    return [Tool(name, "", tool_schema(spec)) for name, spec in agent.tools.items()]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.id)
def test_every_tool_that_does_something_can_be_told_what(agent: AgentAdapter) -> None:
    for use in (use for spec in agent.tools.values() for use in spec.uses):
        assert use.does
        assert placeholders(use.call) == NEEDS[use.does]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.id)
def test_calls_fit_the_schema_of_their_tool(agent: AgentAdapter) -> None:
    import jsonschema_rs

    tools = offered(agent)
    values = {"path": "a.py", "content": "x", "old": "a", "new": "b", "pattern": "a"}
    for action in ("read", "write", "edit", "search", "find", "list"):
        for way in ways(action, values, tools, agent):
            schema = next(tool.parameters for tool in tools if tool.name == way.tool)
            jsonschema_rs.validate(schema, json.loads(way.arguments))
    assert ways("run", {"command": "ls"}, tools, agent)


EDITOR = ToolSpec(
    does="edit",
    when={"command": "str_replace"},
    call={"path": "{path}", "old": "{old}", "new": "{new}"},
    parameters={"command": "string", "path": "string", "old": "string?", "new": "string?", "range": "integer?"},
    also=(
        Use(does="read", when={"command": "view"}, call={"path": "{path}"}, scope=Scope(first="range")),
        Use(does="write", when={"command": "create"}, call={"path": "{path}", "new": "{content}"}),
    ),
)


def test_one_tool_that_does_several_things_is_told_which() -> None:
    tools = [Tool("editor", "", tool_schema(EDITOR))]
    agent = adapters.agent("builtin").model_copy(update={"tools": {"editor": EDITOR}})
    assert speaker(tools, [agent]) == agent

    def said(action: Action, **values: str) -> object:
        (way,) = ways(action, values, tools, agent)
        return json.loads(way.arguments)

    assert said("read", path="a") == {"command": "view", "path": "a"}
    assert said("write", path="a", content="x") == {"command": "create", "path": "a", "new": "x"}
    assert said("edit", path="a", old="x", new="y") == {"command": "str_replace", "path": "a", "old": "x", "new": "y"}
    operation = understand(EDITOR, {"command": "view", "path": "a", "range": 3})
    assert operation == Operation("read", ({"path": "a"},), {"first": 3})
    assert understand(EDITOR, {"command": "insert", "path": "a"}) is None
    assert understand(EDITOR, {"path": "a", "old": "x", "new": "y"}) is None
    assert due(EDITOR) == ("path",)


def test_the_speaker_is_known_by_its_tools() -> None:
    for agent in AGENTS:
        found = speaker(offered(agent), AGENTS)
        assert found is not None
        assert found.id == agent.id
    assert speaker([Tool("zzz")], AGENTS) is None


def test_agents_that_share_names_of_tools_are_told_apart() -> None:
    """By parameters of another name, and by what one of them has besides."""
    opencode = adapters.agent("opencode")
    read = ToolSpec(does="read", parameters={"path": "string"}, call={"path": "{path}"})
    other = opencode.model_copy(update={"id": "other", "tools": {"read": read, "bash": opencode.tools["bash"]}})
    more = opencode.model_copy(update={"id": "more", "tools": {**opencode.tools, "cron": ToolSpec()}})
    every = (more, other, opencode)
    assert [speaker(offered(agent), every) for agent in every] == [more, other, opencode]


def test_absolute_paths_where_the_agent_wants_them() -> None:
    claude = adapters.agent("claude-code")
    way = ways("read", {"path": "a/b.py"}, offered(claude), claude)[0]
    assert json.loads(way.arguments) == {"file_path": "/app/a/b.py"}


def test_unknown_tools_are_guessed_by_their_parameters() -> None:
    text = {"type": "string"}
    tools = [
        Tool("terminal", "", {"properties": {"cmd": text, "why": text}, "required": ["cmd", "why"]}),
        Tool("put", "", {"properties": {"filename": text, "contents": text}, "required": ["filename", "contents"]}),
    ]
    written = ways("write", {"path": "a", "content": "x\n"}, tools, None)
    assert [(way.tool, way.native) for way in written] == [("put", True), ("terminal", False)]
    assert set(json.loads(written[1].arguments)) == {"cmd", "why"}


def test_short_types_are_schemas() -> None:
    spec = ToolSpec(
        parameters={"a": "string", "b": "integer?", "c": "string[]", "d": {"type": "null", "optional": True}}
    )
    schema = tool_schema(spec)
    assert schema["required"] == ["a", "c"]
    assert schema["properties"]["c"] == {"type": "array", "items": {"type": "string"}}
    with pytest.raises(ValueError, match="is not a type"):
        tool_schema(ToolSpec(parameters={"a": "strnig"}))


contents = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=80)


@pytest.mark.process
@settings(max_examples=25, deadline=None)
@given(content=contents, old=contents.filter(bool), new=contents)
def test_shell_ways_are_right_for_any_content(
    tmp_path_factory: pytest.TempPathFactory, content: str, old: str, new: str
) -> None:
    folder = tmp_path_factory.mktemp("w")
    path = "it's a $(dir)/näme.txt"
    subprocess.run(["bash", "-c", shell("write", {"path": path, "content": content})], cwd=folder, check=True)
    assert (folder / path).read_bytes() == content.encode()
    whole = f"A{content.replace(old, '')}B"
    if whole.count(old):
        return
    (folder / path).write_bytes(f"{whole}{old}\r\n".encode())
    subprocess.run(["bash", "-c", shell("edit", {"path": path, "old": old, "new": new})], cwd=folder, check=True)
    assert (folder / path).read_bytes() == f"{whole}{new}\r\n".encode()
    shown = subprocess.run(["bash", "-c", shell("read", {"path": path})], cwd=folder, check=True, capture_output=True)
    assert shown.stdout == (folder / path).read_bytes()


def test_guessing_needs_something_to_go_by() -> None:
    assert ways("run", {"command": "ls"}, [Tool("mystery", "", {"properties": {"x": {"type": "string"}}})], None) == ()


@pytest.mark.parametrize("agent", [name for name in agents_recorded() if adapters.agent(name).tools])
def test_the_speaker_is_known_by_what_it_really_offers(agent: str) -> None:
    body = Conversation(agent, "m", "Hello", brief=True).body
    tools = wire.api(recorded(agent).api).parse_request(body).tools
    found = speaker(tools, AGENTS)
    assert found is not None
    assert found.id == agent


def test_a_tool_that_another_agent_also_has_does_not_hide_the_speaker() -> None:
    body = Conversation("claude-code", "m", "Hello", brief=True).body
    tools = wire.api("messages").parse_request(body).tools
    (other,) = (tool for tool in offered(adapters.agent("letta")) if tool.name == "TaskStop")
    found = speaker([*tools, other], AGENTS)
    assert found is not None
    assert found.id == "claude-code"
