"""Calls in text are found by what they are, in notations that no pattern knows, and text about calls is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolworthy.rules.leaked import leaked_calls, lost_calls
from toolworthy.wire.ir import Message, Request, Response, Role, Text, Thinking, Tool, ToolCall, ToolResult
from toolworthy.work.probes.material import LIST, READ, WRITE, schema

FIND = Tool("find", "", schema("query", query="string", limit="integer", exact="boolean"))
TOOLS = (READ, WRITE, LIST, FIND)
A = {"path": "a"}

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ('<tool_call id="c1" name="read_file">\n{"path": "a"}\n</tool_call>', "read_file", A),
    ('<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>', "read_file", A),
    ("<function=read_file>\n<parameter=path>\na\n</parameter>\n</function>", "read_file", A),
    ('<x:invoke name="read_file"><x:parameter name="path">a</x:parameter></x:invoke>', "read_file", A),
    ("<read_file>\n<path>a</path>\n</read_file>", "read_file", A),
    ("<tool_call>read_file\n<arg_key>path</arg_key>\n<arg_value>a</arg_value>\n</tool_call>", "read_file", A),
    ("<tool_name>read_file</tool_name>\n<parameters><path>a</path></parameters>", "read_file", A),
    ('<tool name="read_file" path="a"/>', "read_file", A),
    ('commentary to=functions.read_file json{"path": "a"}', "read_file", A),
    ('[TOOL_CALLS]read_file[ARGS]{"path": "a"}', "read_file", A),
    ('I look.\n\n```json\n{"name": "read_file", "arguments": {"path": "a"}}\n```', "read_file", A),
    ('{"function": {"name": "read_file", "arguments": "{\\"path\\": \\"a\\"}"}}', "read_file", A),
    ('{"arguments": {"path": "a"}, "tool": "read_file"}', "read_file", A),
    ("{'name': 'read_file', 'arguments': {'path': 'a'}}", "read_file", A),
    ("{name: 'read_file', arguments: {path: 'a',}}", "read_file", A),
    ('To do so, I need a tool.\n\n[read_file(path="a")]', "read_file", A),
    ('```tool_code\nprint(default_api.read_file(path="a"))\n```', "read_file", A),
    ("<start_function_call>call:read_file{path:<escape>a<escape>}<end_function_call>", "read_file", A),
    ('Thought: I should look\nAction: read_file\nAction Input: {"path": "a"}', "read_file", A),
    ("tool: read_file\nargs:\n  path: a\n", "read_file", A),
    ('✿FUNCTION✿: read_file\n✿ARGS✿: {"path": "a"}', "read_file", A),
    (
        "<find><query>x</query><limit>3</limit><exact>true</exact></find>",
        "find",
        {"query": "x", "limit": 3, "exact": True},
    ),
    ('find(query="x", limit=3, exact=true)', "find", {"query": "x", "limit": 3, "exact": True}),
    ('<invoke name="list_files">\n</invoke>', "list_files", {}),
    ('{"name": "list_files", "arguments": {}}', "list_files", {}),
]
PROSE = [
    'You can call read_file with {"path": "a"} to read it.',
    'The tool takes JSON: `{"name": "read_file", "arguments": {"path": "a"}}`.',
    'For example:\n\n```json\n{"name": "read_file", "arguments": {"path": "a"}}\n```\n\nThe server then answers.',
    'An example of a call:\n<tool_call>\n{"name": "read_file", "arguments": {"path": "a"}}\n</tool_call>',
    "I have read it with read_file (path a), it is fine.",
    "read_file(path) returns the text of a file.",
    '```python\ndef main():\n    text = read_file(path="a")\n    print(text)\n```',
    '{"tools": [{"name": "read_file", "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}]}',
    "name: read_file\ndescription: Reads.\nparameters:\n  path: string\n",
    '{"name": "read_file", "arguments": {"path": "..."}}',
    '{"name": "read_file", "arguments": {"file": "a"}}',
    '{"name": "other_tool", "arguments": {"path": "a"}}',
    'User: read it\nAssistant: <tool_call>{"name": "read_file", "arguments": {"path": "a"}}</tool_call>',
    "I could use list_files() here.",
    '{"name": "find", "version": "1.0.0"}',
]


@pytest.mark.parametrize(("text", "name", "arguments"), CALLS)
def test_a_call_is_found_in_any_notation(text: str, name: str, arguments: dict[str, Any]) -> None:
    assert [(call.name, call.arguments) for call in leaked_calls(text, TOOLS)] == [(name, arguments)]


@pytest.mark.parametrize("text", PROSE)
def test_text_about_a_call_is_none(text: str) -> None:
    assert leaked_calls(text, TOOLS) == ()


def test_several_calls_are_all_found_in_their_order() -> None:
    one = '<tool_call name="read_file">{"path": "%s"}</tool_call>'
    both = leaked_calls(f"{one % 'a'}\n{one % 'b'}", TOOLS)
    assert [call.arguments["path"] for call in both] == ["a", "b"]
    row = leaked_calls('[read_file(path="a"), read_file(path="b")]', TOOLS)
    assert [call.arguments["path"] for call in row] == ["a", "b"]


LEAK = '<tool_call name="read_file">{"path": "a"}</tool_call>'


def asked(*parts: Any, role: Role = "user") -> Request:
    """A request that offers the tools and holds these parts."""
    return Request("m", (Message("user", (Text("Go."),)), Message(role, parts)), TOOLS)


@pytest.mark.parametrize(
    ("request_", "lost"),
    [
        (asked(Text("Read a.")), 1),
        (asked(Text(f"Repeat: {LEAK}")), 0),
        (asked(ToolResult("c", (Text(f"# log\n{LEAK}"),)), role="tool"), 0),
        (asked(Text(LEAK), role="assistant"), 1),
    ],
    ids=["asked for it", "asked to repeat it", "read it in a file", "said it before"],
)
def test_what_the_request_holds_was_quoted(request_: Request, lost: int) -> None:
    assert len(lost_calls(request_, Response(parts=(Text(LEAK),)))) == lost


@pytest.mark.parametrize(
    ("parts", "lost"),
    [
        ((Thinking(LEAK, "reasoning_content"), Text("done")), 1),
        ((Thinking('read_file(path="a")', "reasoning_content"), Text("done")), 0),
        ((Text(LEAK), ToolCall("c", "read_file", '{"path": "a"}')), 0),
        ((Text(LEAK), ToolCall("c", "read_file", '{"path": "b"}')), 1),
    ],
    ids=["marked, in the reasoning", "planned in the reasoning", "made as well", "beside another"],
)
def test_a_call_that_is_made_or_planned_is_not_lost(parts: Any, lost: int) -> None:
    assert len(lost_calls(asked(), Response(parts=parts))) == lost


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([*"<>{}[]()\"'`:=,|\n ", "read_file", "path", "a", "</", "```", "[TOOL", "json"])))
@example(['{{"name": "read_file"}}'])  # to Python a set of what no set can hold
@example(["read_file(path={{}})"])
def test_nothing_is_too_odd_to_be_read(pieces: list[str]) -> None:
    for call in leaked_calls("".join(pieces), TOOLS):
        assert call.name == "read_file"
        assert call.excerpt


def test_a_long_text_costs_bounded_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that repeats itself until its limit names a tool ten thousand times."""
    tried = []
    monkeypatch.setattr("toolworthy.rules._notations._json_behind", lambda *_: tried.append(1))
    leaked_calls("read_file " * 10_000, TOOLS)
    assert 0 < len(tried) < 1_000


def test_a_method_of_an_object_is_no_call_of_a_tool() -> None:
    write = Tool("write", "", {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}})
    assert not leaked_calls('area_func.write("width * height", "width * height")', (write,))
    assert leaked_calls('functions.write("width", "height")', (write,))
    assert leaked_calls('[write(a="width", b="height")]', (write,))
