"""Put reasoning back into a request, in front of the calls that followed it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from toolworthy.wire.ir import Api, Thinking
from toolworthy.wire.lenient import as_dict, as_list, as_str

Before = Callable[[str], tuple[Thinking, ...]]
"""The reasoning before a call, by the call's id; empty if unknown."""
_Insert = Callable[[dict[str, Any], Before], list[str]]
_REASONING = ("reasoning_content", "reasoning", "reasoning_details")


def reinsert(api: Api, value: dict[str, Any], before: Before) -> list[str]:
    """Insert missing reasoning into a request's JSON. Returns the ids of the calls before which it was inserted."""
    insert = _INSERTS.get(api)
    return insert(value, before) if insert else []


def _chat(value: dict[str, Any], before: Before) -> list[str]:
    done = []
    for message in map(as_dict, as_list(value.get("messages"))):
        if message.get("role") != "assistant" or any(message.get(name) for name in _REASONING):
            continue
        for call in map(as_dict, as_list(message.get("tool_calls"))):
            if thinking := before(as_str(call.get("id"))):
                name = thinking[0].form if thinking[0].form in _REASONING[:2] else _REASONING[0]
                message[name] = "".join(part.text for part in thinking)
                done.append(as_str(call.get("id")))
                break
    return done


def _messages(value: dict[str, Any], before: Before) -> list[str]:
    done = []
    for message in map(as_dict, as_list(value.get("messages"))):
        blocks = message.get("content")
        if message.get("role") != "assistant" or not isinstance(blocks, list):
            continue
        kinds = {as_str(as_dict(block).get("type")) for block in blocks}
        if kinds & {"thinking", "redacted_thinking"}:
            continue
        ids = [as_str(as_dict(block).get("id")) for block in blocks if as_dict(block).get("type") == "tool_use"]
        if call_id := next((call_id for call_id in ids if before(call_id)), ""):
            blocks[:0] = [_block(part) for part in before(call_id)]
            done.append(call_id)
    return done


def _block(part: Thinking) -> Mapping[str, Any]:
    if part.form == "redacted_thinking":
        return {"type": "redacted_thinking", "data": part.signature or ""}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}


def _responses(value: dict[str, Any], before: Before) -> list[str]:
    items = value.get("input")
    if not isinstance(items, list):
        return []
    done: list[str] = []
    made: list[Any] = []
    reasoned = False
    for item in items:
        kind, call_id = as_dict(item).get("type"), as_str(as_dict(item).get("call_id"))
        calls = kind in ("function_call", "custom_tool_call")
        if calls and not reasoned and (thinking := before(call_id)):
            made += [_item(part) for part in thinking]
            done.append(call_id)
        reasoned = kind == "reasoning" or (reasoned and calls) or (calls and bool(before(call_id)))
        made.append(item)
    items[:] = made
    return done


def _item(part: Thinking) -> Mapping[str, Any]:
    item = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": part.text}]}
    own = {"id": part.id} if part.id else {}
    return {**own, **item, **({"encrypted_content": part.signature} if part.signature else {})}


_INSERTS: Mapping[Api, _Insert] = {"chat": _chat, "messages": _messages, "responses": _responses}
