"""Conversations and answers that any wire API can carry, for property tests."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from toolworthy.wire.ir import (
    Message,
    Reasoning,
    Request,
    Response,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)
names = st.from_regex(r"[a-z][a-z0-9_]{0,15}", fullmatch=True)
ids = st.from_regex(r"call_[a-z0-9]{1,8}", fullmatch=True)
arguments = st.dictionaries(names, words | st.integers(-9, 9) | st.booleans() | st.none(), max_size=3).map(
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
)
calls = st.builds(ToolCall, id=ids, name=names, arguments=arguments)


@st.composite
def turns(draw: st.DrawFn) -> list[Message]:
    """A user turn, perhaps a tool loop, and an answer."""
    messages = [Message("user", (Text(draw(words)),))]
    for _ in range(draw(st.integers(0, 2))):
        made = draw(st.lists(calls, min_size=1, max_size=3, unique_by=lambda call: call.id))
        text = draw(st.none() | words)
        messages.append(Message("assistant", (*((Text(text),) if text else ()), *made)))
        results = tuple(ToolResult(call.id, (Text(draw(words)),)) for call in made)
        messages.append(Message("tool", results))
    messages.append(Message("assistant", (Text(draw(words)),)))
    return messages


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request in the canonical shape."""
    head = [Message("system", (Text(draw(words)),))] if draw(st.booleans()) else []
    body = [message for turn in draw(st.lists(turns(), min_size=1, max_size=2)) for message in turn]
    offered = draw(st.lists(names, max_size=3, unique=True))
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    tools = tuple(Tool(name, draw(words), schema) for name in offered)
    choices = [None, ToolChoice("auto"), ToolChoice("required"), *(ToolChoice("named", name) for name in offered)]
    return Request(
        model="m",
        messages=(*head, *body, Message("user", (Text(draw(words)),))),
        tools=tools,
        tool_choice=draw(st.sampled_from(choices)) if tools else None,
        max_tokens=draw(st.integers(1, 9999)),
        temperature=draw(st.none() | st.sampled_from([0.0, 0.5, 1.0])),
        stream=draw(st.booleans()),
    )


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """A whole answer: perhaps reasoning, perhaps text, perhaps calls."""
    parts: list[Text | Thinking | ToolCall] = []
    if draw(st.booleans()):
        parts.append(Thinking(draw(words), "reasoning_content"))
    if draw(st.booleans()):
        parts.append(Text(draw(words)))
    made = draw(st.lists(calls, max_size=3, unique_by=lambda call: call.id))
    usage = Usage(input=draw(st.integers(100, 999)), output=draw(st.integers(0, 99)), cached=draw(st.integers(0, 99)))
    stop, raw = ("tool", "tool_calls") if made else ("end", "stop")
    return Response("r1", "m", (*parts, *made), stop, raw, usage)


efforts = st.sampled_from([None, Reasoning(enabled=True), Reasoning(enabled=True, effort="high")])
