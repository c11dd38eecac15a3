"""What two versions of an agent ask differently is shown, and what changes in every run is not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from toolworthy.wire import parse_request_bytes
from toolworthy.wire.ir import Request, Tool
from toolworthy.work.run.request_change import changes

TOOL = {"type": "function", "function": {"name": "run", "description": "Runs.", "parameters": {"type": "object"}}}
BODY: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "temperature": 0.5,
    "stop": ["x"],
    "messages": [
        {"role": "system", "content": "It is 2026-11-30. Work in /tmp/a1b2."},
        {"role": "user", "content": "Do"},
    ],
    "tools": [TOOL],
}


def asked(**more: Any) -> tuple[bytes, Request]:
    body = json.dumps({name: value for name, value in {**BODY, **more}.items() if value is not None}).encode()
    request = parse_request_bytes("chat", body)
    assert request is not None
    return body, request


def test_alike_but_for_dates_says_nothing() -> None:
    later = [{"role": "system", "content": "It is 2026-12-01. Work in /tmp/c3d4."}, BODY["messages"][1]]
    assert [*changes(asked(), asked(messages=later))] == []


def test_fields_tools_and_prompt_are_named() -> None:
    other = {"type": "function", "function": {**TOOL["function"], "description": "Runs it."}}  # type: ignore[dict-item]
    new = {"type": "function", "function": {"name": "look", "parameters": {}}}
    prompt = [{"role": "system", "content": "Work."}, BODY["messages"][1]]
    after = asked(temperature=None, stop=["y"], reasoning={"effort": "high"}, tools=[other, new], messages=prompt)
    fields, tools, said = changes(asked(), after)
    assert fields == 'fields: + reasoning.effort; - temperature; stop ["x"] → ["y"]'
    assert tools == "tools, 1 → 2: + look; run changed"
    assert said == "prompt: 36 → 5 characters"


def test_a_long_value_is_a_prompt_and_not_a_setting() -> None:
    """Of a setting, its quotes among its 500 characters, the first 60 are shown."""
    (told,) = changes(asked(), asked(user="x" * 498))
    assert told == "fields: + user"
    assert [*changes(asked(), asked(user="x" * 499))] == []
    (told,) = changes(asked(user="x" * 100), asked(user="y" * 100))
    assert told == f'fields: user "{"x" * 59} → "{"y" * 59}'


def test_settings_are_found_in_objects_and_what_holds_objects_is_none() -> None:
    for after, told in (
        ({"a": {"b": {"c": 1}}}, ["fields: + a.b.c"]),
        ({"a": {}}, ["fields: + a"]),
        ({"a": []}, ["fields: + a"]),
        ({"a": [1, "x"]}, ["fields: + a"]),
        ({"a": [{"b": 1}]}, []),
        ({"stream": False}, ["fields: stream true → false"]),
    ):
        assert [*changes(asked(), asked(**after))] == told


def test_a_tool_changes_with_its_words_and_its_parameters() -> None:
    def tool(**more: Any) -> list[dict[str, Any]]:
        return [{**TOOL, "function": {**TOOL["function"], **more}}]  # type: ignore[dict-item]

    for tools, told in (
        (tool(description="Runs it."), ["tools, 1 → 1: run changed"]),
        (tool(parameters={"type": "object", "required": []}), ["tools, 1 → 1: run changed"]),
        (tool(name="go"), ["tools, 1 → 1: + go; - run"]),
        (None, ["tools, 1 → 0: - run"]),
    ):
        assert [*changes(asked(), asked(tools=tools))] == told


def test_a_character_counts_once_in_any_script() -> None:
    assert [*changes(asked(), asked(user="ü" * 498))] == ["fields: + user"]


def test_a_tool_changes_with_its_grammar_and_not_with_the_order_of_its_keys() -> None:
    body, request = asked()

    def tool(**more: Any) -> tuple[bytes, Request]:
        return body, replace(request, tools=(Tool("run", "Runs.", **more),))

    assert [*changes(tool(parameters={"a": 1, "b": 2}), tool(parameters={"b": 2, "a": 1}))] == []
    assert [*changes(tool(grammar={"syntax": "lark"}), tool(grammar={"syntax": "regex"}))] == [
        "tools, 1 → 1: run changed"
    ]
