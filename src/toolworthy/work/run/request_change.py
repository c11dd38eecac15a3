"""The differences between the first requests of two versions of an agent, without parts that change in every run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.wire.ir import Request, Tool
from toolworthy.wire.lenient import as_dict, parse_json
from toolworthy.work.run.fingerprint import steady, system_prompt

_SETTING = 500
"""A longer value is a prompt, not a setting."""
_LONGEST = 60
"""The most characters of a value that are shown."""


def changes(before: tuple[bytes, Request], after: tuple[bytes, Request]) -> Iterator[str]:
    """Differences in fields, tools and prompt, a line each; empty if there are none.

    Args:
        before: the body of a request and what it says.
        after: the same of the other version.
    """
    (old_body, old), (new_body, new) = before, after
    if fields := _compared(*(dict(_fields(as_dict(parse_json(body)))) for body in (old_body, new_body)), values=True):
        yield f"fields: {fields}"
    tools = [{tool.flat_name: _words(tool) for tool in request.tools} for request in (old, new)]
    if names := _compared(*tools):
        yield f"tools, {len(old.tools)} → {len(new.tools)}: {names}"
    prompts = [system_prompt(request) for request in (old, new)]
    if steady(prompts[0]) != steady(prompts[1]):
        yield f"prompt: {len(prompts[0]):,} → {len(prompts[1]):,} characters"


def _compared(old: Mapping[str, str], new: Mapping[str, str], *, values: bool = False) -> str:
    """``+ added; - removed; changed``; with `values`, old and new values."""
    out = [f"- {name}" for name in old.keys() - new.keys()] + [f"+ {name}" for name in new.keys() - old.keys()]
    for name in old.keys() & new.keys():
        if old[name] != new[name]:
            out.append(f"{name} {old[name][:_LONGEST]} → {new[name][:_LONGEST]}" if values else f"{name} changed")
    return "; ".join(sorted(out))


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field and its value, except conversation and tools: lists of objects, long texts."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _fields(item, f"{path}.{name}" if path else name)
    elif not (isinstance(value, list) and any(isinstance(item, dict) for item in value)):
        text = steady(json.dumps(value, ensure_ascii=False))
        if len(text) <= _SETTING:
            yield path, text


def _words(tool: Tool) -> str:
    return steady(json.dumps([tool.description, tool.parameters, tool.grammar], sort_keys=True, ensure_ascii=False))
