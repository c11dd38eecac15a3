"""Rules on the fragments of tool calls in a Chat Completions stream."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View, WireEvent, chat_calls
from toolworthy.wire.lenient import as_dict, as_int, as_key, as_list, parse_json


@builtin("TW301")
def _missing_tool_call_index(view: View) -> Violations:
    for detail, excerpt in view.repairs("missing-index"):
        yield detail or "a tool_call delta has no index", excerpt


@builtin("TW302")
def _shared_tool_call_index(view: View) -> Violations:
    yield from view.repairs("index-reused")


@builtin("TW303")
def _repeated_tool_call_id(view: View) -> Violations:
    for detail, excerpt in view.repairs("id-changes"):
        yield f"the id of a call changes: {detail}", excerpt
    begun: dict[object, set[object]] = defaultdict(set)
    for event, index, call in _fragments(view):
        known, name = begun[index], as_dict(call.get("function") or call.get("custom")).get("name")
        another_call = name and call.get("id") and as_key(call["id"]) not in known
        if known and call.get("id") is not None and not another_call:
            yield "a later delta has an empty id" if call["id"] == "" else "a later delta repeats the id", event.data
        known.add(as_key(call.get("id")))


@builtin("TW304")
def _headless_tool_call_delta(view: View) -> Violations:
    begun: set[object] = set()
    for event, index, call in _fragments(view):
        name = as_dict(call.get("function") or call.get("custom")).get("name")
        if call.get("index") is not None and index not in begun and not name:
            yield f"the first delta with index {call['index']} has no name", event.data
        begun.add(index)


@builtin("TW305")
def _tool_call_index_gap(view: View) -> Violations:
    seen = sorted({index for _, call in view.call_deltas if (index := as_int(call.get("index"))) is not None})
    if seen and seen != list(range(len(seen))):
        yield f"the indices of the tool calls are {seen}", ""


@builtin("TW306")
def _duplicate_index_in_chunk(view: View) -> Violations:
    for event, choice in view.choices:
        indices = [as_dict(call).get("index") for call in as_list(as_dict(choice.get("delta")).get("tool_calls"))]
        known = [index for index in indices if index is not None]
        if len(known) != len(set(known)):
            yield "two entries of one chunk have the same index", event.data


@builtin("TW307")
def _null_name_or_arguments(view: View) -> Violations:
    for event, call in view.call_deltas:
        function = as_dict(call.get("function"))
        empty = [name for name in ("name", "arguments") if name in function and function[name] is None]
        if empty:
            yield f"a tool_call delta has {' and '.join(empty)} null", event.data


@builtin("TW323")
def _repeated_arguments(view: View) -> Violations:
    sent: dict[object, list[str]] = defaultdict(list)
    for _, index, call in _fragments(view):
        if text := as_dict(call.get("function")).get("arguments"):
            sent[index].append(str(text))
    for pieces in sent.values():
        *before, last = pieces
        again = before and (last.startswith(before[-1]) or last == "".join(before))
        if again and isinstance(parse_json(last), dict) and parse_json("".join(pieces)) is None:
            yield "the last delta repeats all arguments", "".join(pieces)


@builtin("TW325")
def _missing_tool_call_type(view: View) -> Violations:
    begun: set[object] = set()
    for event, index, call in _fragments(view):
        if (index not in begun and call.get("type") is None) or not _typed(call):
            yield f"the type of a call is {json.dumps(call.get('type'))}", event.data
        begun.add(index)
    for call in chat_calls(view):
        if call.get("type") is None or not _typed(call):
            yield f"the type of a call is {json.dumps(call.get('type'))}", json.dumps(call, ensure_ascii=False)


@builtin("TW393")
def _split_tool_name(view: View) -> Violations:
    begun: dict[object, Mapping[str, Any]] = {}
    offered = {tool.name for tool in view.request.tools} if view.request else set()
    for event, index, call in _fragments(view):
        first = begun.setdefault(index, call)
        name, before = _name(call), _name(first)
        another = call.get("id") not in (None, "", first.get("id")) or (name != before and {name, before} <= offered)
        if first is not call and name and before and not another:
            pieces = f"the name comes in pieces: {before!r}, {name!r}"
            yield "a later delta repeats the name" if name == before else pieces, event.data


@builtin("TW395")
def _interleaved_tool_calls(view: View) -> Violations:
    latest: dict[object, object] = {}
    over: set[object] = set()
    for event, index, call in _fragments(view):
        choice = index[0]
        if call.get("index") is None:
            continue
        if index in over and _grows(call):
            yield f"a delta of call {index[1]} follows the start of another call", event.data
            return
        if choice in latest and latest[choice] != index:
            over.add(latest[choice])
        latest[choice] = index


def _name(call: Mapping[str, Any]) -> str:
    return str(as_dict(call.get("function") or call.get("custom")).get("name") or "")


def _grows(call: Mapping[str, Any]) -> bool:
    written = as_dict(call.get("function") or call.get("custom"))
    return bool(written.get("arguments") or written.get("input"))


def _typed(call: Mapping[str, Any]) -> bool:
    return call.get("type") in (None, "function", "custom")


def _fragments(view: View) -> Iterator[tuple[WireEvent, tuple[object, object], Mapping[str, Any]]]:
    """Every fragment of a call, with its indices of choice and call."""
    for event, choice in view.choices:
        for call in as_list(as_dict(choice.get("delta")).get("tool_calls")):
            yield event, (choice.get("index"), as_dict(call).get("index")), as_dict(call)
