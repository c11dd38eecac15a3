"""What Open Responses (2026-04-24) demands of a response object and of every event, as far as we write them.

Read off its OpenAPI document. Reasoning text has OpenAI's event names here; Open Responses calls the same events
``response.reasoning.*``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from toolworthy.wire.sse import SseParser

NONE = type(None)
NUMBER = (int, float)
Shape = dict[str, Any]

WHERE: Shape = {"item_id": str, "output_index": int}
PLACE: Shape = {**WHERE, "content_index": int}
PARTS: dict[str, Shape] = {
    "output_text": {"text": str, "annotations": list},
    "reasoning_text": {"text": str},
    "summary_text": {"text": str},
    "refusal": {"refusal": str},
}
ITEMS: dict[str, Shape] = {
    "message": {"id": str, "status": str, "role": str, "content": list},
    "function_call": {"id": str, "call_id": str, "name": str, "arguments": str, "status": str},
    "custom_tool_call": {"id": str, "call_id": str, "name": str, "input": str},
    "reasoning": {"id": str, "summary": list},
}
RESPONSE: Shape = {
    "id": str,
    "created_at": int,
    "completed_at": (int, NONE),
    "status": str,
    "incomplete_details": (dict, NONE),
    "model": str,
    "previous_response_id": (str, NONE),
    "instructions": (str, NONE),
    "output": list,
    "error": (dict, NONE),
    "tools": list,
    "tool_choice": (str, dict),
    "truncation": str,
    "parallel_tool_calls": bool,
    "text": dict,
    "top_p": NUMBER,
    "presence_penalty": NUMBER,
    "frequency_penalty": NUMBER,
    "top_logprobs": int,
    "temperature": NUMBER,
    "reasoning": (dict, NONE),
    "usage": (dict, NONE),
    "max_output_tokens": (int, NONE),
    "max_tool_calls": (int, NONE),
    "store": bool,
    "background": bool,
    "service_tier": str,
    "metadata": dict,
    "safety_identifier": (str, NONE),
    "prompt_cache_key": (str, NONE),
}
USAGE: Shape = {
    "input_tokens": int,
    "output_tokens": int,
    "total_tokens": int,
    "input_tokens_details": dict,
    "output_tokens_details": dict,
}
FUNCTION: Shape = {"name": str, "description": (str, NONE), "parameters": (dict, NONE), "strict": (bool, NONE)}
EVENTS: dict[str, Shape] = {
    **{name: {"response": dict} for name in ("created", "in_progress", "completed", "failed", "incomplete")},
    "output_item.added": {"output_index": int, "item": dict},
    "output_item.done": {"output_index": int, "item": dict},
    "content_part.added": {**PLACE, "part": dict},
    "content_part.done": {**PLACE, "part": dict},
    "output_text.delta": {**PLACE, "delta": str},
    "output_text.done": {**PLACE, "text": str},
    "reasoning_text.delta": {**PLACE, "delta": str},
    "reasoning_text.done": {**PLACE, "text": str},
    "function_call_arguments.delta": {**WHERE, "delta": str},
    "function_call_arguments.done": {**WHERE, "arguments": str},
    "custom_tool_call_input.delta": {**WHERE, "delta": str},
    "custom_tool_call_input.done": {**WHERE, "input": str},
}
STATUSES = {"in_progress", "completed", "incomplete"}


def complaints(response: Any) -> list[str]:
    """What is wrong with a response object."""
    return list(_response(response))


def stream_complaints(stream: bytes) -> list[str]:
    """What is wrong with an event stream."""
    parser = SseParser()
    events = [(sse.event, json.loads(sse.data)) for sse in [*parser.feed(stream), *parser.close()]]
    found = [wrong for name, event in events for wrong in _event(name, event)]
    if [event.get("sequence_number") for _, event in events] != list(range(len(events))):
        found.append("sequence_number has gaps")
    last = [n for n, (_, event) in enumerate(events) if event["type"] in _TERMINAL]
    return found if last == [len(events) - 1] else [*found, f"terminal events at {last} of {len(events)}"]


_TERMINAL = ("response.completed", "response.incomplete", "response.failed")


def _event(name: str | None, event: dict[str, Any]) -> Iterator[str]:
    kind = event["type"]
    shape = EVENTS.get(kind.removeprefix("response."))
    if shape is None or name != kind:
        yield f"event {name} of type {kind}"
        return
    yield from _fields(kind, event, {"sequence_number": int, **shape})
    if "response" in shape:
        yield from _response(event["response"])
    if "item" in shape:
        yield from _item(event["item"])
    if "part" in shape:
        yield from _typed("part", event["part"], PARTS)


def _response(value: Any) -> Iterator[str]:
    yield from _fields("response", value, RESPONSE)
    if value.get("object") != "response" or value.get("truncation") not in ("auto", "disabled"):
        yield "object or truncation"
    for item in value["output"]:
        yield from _item(item)
    for tool in value["tools"]:
        yield from _fields("tool", tool, FUNCTION) if tool["type"] == "function" else ()
    choice = value["tool_choice"]
    if not (choice in ("none", "auto", "required") if isinstance(choice, str) else choice.get("name")):
        yield f"tool_choice {choice}"
    if value["usage"] is not None:
        yield from _fields("usage", value["usage"], USAGE)
        yield from _fields("usage", value["usage"]["input_tokens_details"], {"cached_tokens": int})
        yield from _fields("usage", value["usage"]["output_tokens_details"], {"reasoning_tokens": int})
    if value["error"] is not None:
        yield from _fields("error", value["error"], {"code": str, "message": str})
    if value["incomplete_details"] is not None:
        yield from _fields("incomplete_details", value["incomplete_details"], {"reason": str})
    if value["text"].get("format", {}).get("type") not in ("text", "json_object", "json_schema"):
        yield "text.format"


def _item(item: Any) -> Iterator[str]:
    yield from _typed("item", item, ITEMS)
    if item.get("status", "completed") not in STATUSES:
        yield f"status {item['status']} of an item"
    for part in [*item.get("content", []), *item.get("summary", [])]:
        yield from _typed("part", part, PARTS)


def _typed(what: str, value: Any, shapes: dict[str, Shape]) -> Iterator[str]:
    if value.get("type") not in shapes:
        yield f"{what} of type {value.get('type')}"
    else:
        yield from _fields(value["type"], value, shapes[value["type"]])


def _fields(what: str, value: Any, shape: Shape) -> Iterator[str]:
    for name, kinds in shape.items():
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        if name not in value:
            yield f"{what} has no {name}"
        elif type(value[name]) not in kinds:
            yield f"{what}.{name} is {value[name]!r}"
