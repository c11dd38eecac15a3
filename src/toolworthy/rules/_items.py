"""Rules on the output items of OpenAI Responses, from which Codex takes calls and messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy import wire
from toolworthy.rules._responses import TERMINAL
from toolworthy.rules.calls import LONGEST_ID
from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_key, as_list, parse_json

_PREFIXES = {"message": "msg_", "function_call": "fc_", "reasoning": "rs_", "custom_tool_call": "ctc_"}


def _final(view: View) -> Mapping[str, Any]:
    for event in view.events:
        if event.type in TERMINAL:
            return as_dict(event.value.get("response"))
    return view.whole


def _items(view: View) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every output item, and its location."""
    for event in view.events:
        if event.type in ("response.output_item.added", "response.output_item.done"):
            yield event.type, as_dict(event.value.get("item"))
    for item in as_list(_final(view).get("output")):
        yield "output", as_dict(item)


@builtin("TW503")
def _missing_output_item_done(view: View) -> Violations:
    if not view.answered or not view.events:
        return
    added = {event.value.get("output_index") for event in view.events if event.type == "response.output_item.added"}
    done = {event.value.get("output_index") for event in view.events if event.type == "response.output_item.done"}
    if added - done:
        yield f"items without output_item.done: {len(added - done)}", view.tail()
    for _, excerpt in view.repairs("items-only-at-end"):
        yield "items appear only in response.completed", excerpt


@builtin("TW504")
def _changing_call_id(view: View) -> Violations:
    if not view.events:
        return
    ids: dict[object, set[object]] = {}
    for event in view.events:
        if event.type in ("response.output_item.added", "response.output_item.done"):
            item, index = as_dict(event.value.get("item")), event.value.get("output_index")
            if index is not None and item.get("type") in ("function_call", "custom_tool_call"):
                ids.setdefault(as_key(index), set()).add(as_key(item.get("call_id")))
    for number, item in enumerate(as_list(_final(view).get("output"))):
        if as_dict(item).get("type") in ("function_call", "custom_tool_call"):
            ids.setdefault(number, set()).add(as_key(as_dict(item).get("call_id")))
    for index, seen in ids.items():
        if len(seen) > 1:
            yield f"item {index} has the call_ids {', '.join(sorted(map(str, seen)))}", view.tail()


@builtin("TW590")
def _changing_item_id(view: View) -> Violations:
    ids: dict[object, list[str]] = {}
    owner: dict[object, object] = {}
    for event in view.events:
        index, item = event.value.get("output_index"), as_dict(event.value.get("item"))
        if event.type == "response.output_item.added":
            owner.setdefault(as_key(item.get("id")), index)
        name = event.value.get("item_id")
        misplaced = owner.get(as_key(name), index) != index  # it names another item, which TW519 reports
        if index is not None:
            ids.setdefault(as_key(index), []).extend(_ids(None if misplaced else name, item.get("id")))
    listed = [as_dict(item).get("id") for item in as_list(_final(view).get("output"))]
    if ids.keys() == set(range(len(listed))):  # otherwise the final response lists other items, or indices have gaps
        for number, name in enumerate(listed):
            ids[number].extend(_ids(name))
    for index, names in ids.items():
        if len(seen := [*dict.fromkeys(names)]) > 1:
            yield f"item {index} has {len(seen)} ids: {', '.join(name[:40] for name in seen[:3])}", view.tail()


def _ids(*values: object) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]


@builtin("TW591")
def _changing_response_object_id(view: View) -> Violations:
    ids = dict.fromkeys(name for event in view.events for name in _ids(as_dict(event.value.get("response")).get("id")))
    if len(ids) > 1:
        yield f"the events' responses have {len(ids)} ids: {', '.join(name[:40] for name in [*ids][:3])}", view.tail()


@builtin("TW592")
def _overlong_item_id(view: View) -> Violations:
    for name in dict.fromkeys(name for _, item in _items(view) for name in _ids(item.get("id"))):
        if len(name) > LONGEST_ID:
            yield f"an item's id has {len(name)} characters", name


@builtin("TW508")
def _incomplete_output_item(view: View) -> Violations:
    for where, item in _items(view):
        kind = item.get("type")
        wanted = ["id"] if kind == "reasoning" else ["id", "status"]
        missing = [name for name in wanted if not isinstance(item.get(name), str) or not item.get(name)]
        if kind in _PREFIXES and missing:
            yield f"{kind} in {where} has no {' and no '.join(missing)}", json.dumps(item, ensure_ascii=False)


@builtin("TW509")
def _wrong_id_prefix(view: View) -> Violations:
    if str(_final(view).get("id") or "").startswith(("chatcmpl", "call_", "msg_")):
        yield f"the response has the id {_final(view)['id']}", ""
    for where, item in _items(view):
        kind, name = item.get("type"), item.get("id")
        others = ("chatcmpl", "call_", "resp_", *(p for k, p in _PREFIXES.items() if k != kind))
        if kind in _PREFIXES and isinstance(name, str) and name.startswith(others):
            yield f"{kind} in {where} has the id {name}", json.dumps(item, ensure_ascii=False)


@builtin("TW511")
def _incomplete_final_output(view: View) -> Violations:
    done = sum(event.type == "response.output_item.done" for event in view.events)
    listed = len(as_list(_final(view).get("output")))
    if done and done != listed:
        yield f"{done} items were completed, but the final response lists {listed}", ""


@builtin("TW512")
def _missing_tool_namespace(view: View) -> Violations:
    tools = [tool for tool in view.request.tools if tool.namespace] if view.request else []
    for call in view.calls:
        for tool in tools:
            glued = call.name in (f"{tool.namespace}{mark}{tool.name}" for mark in (".", "__", "", "/"))
            if not call.namespace and (glued or (call.name == tool.name and wire.api(view.api).namespaces)):
                yield f"the call of {call.name} has no namespace {tool.namespace}", call.arguments


@builtin("TW516")
def _orphan_tool_output(view: View) -> Violations:
    if not view.knows_request:
        return
    items = [item for _, item in _items(view)]
    items_before = [as_dict(item) for item in as_list(view.asked.get("input"))]
    calls = {as_key(item.get("call_id")) for item in [*items, *items_before] if not _is_output(item)}
    for item in items:
        if _is_output(item) and item.get("call_id") and as_key(item["call_id"]) not in calls:
            yield f"{item.get('type')} has the call_id {item['call_id']}, but there is no such call", json.dumps(item)


def _is_output(item: Mapping[str, Any]) -> bool:
    return str(item.get("type") or "").endswith("_output")


@builtin("TW517")
def _missing_compaction_item(view: View) -> Violations:
    wanted = any(as_dict(item).get("type") == "compaction_trigger" for item in as_list(view.asked.get("input")))
    if wanted and view.answered and view.exchange.body:
        kinds = [as_dict(item).get("type") for item in as_list(_final(view).get("output"))]
        if kinds.count("compaction") != 1:
            yield (
                f"the output has {kinds.count('compaction')} compaction items, not 1",
                view.tail(),
            )


@builtin("TW521")
def _truncated_item_completed(view: View) -> Violations:
    final = _final(view)
    items = [as_dict(item) for item in as_list(final.get("output"))]
    if as_dict(final.get("incomplete_details")).get("reason") != "max_output_tokens" or not items:
        return
    last = items[-1]
    whole = last.get("type") == "function_call" and isinstance(parse_json(str(last.get("arguments"))), dict)
    if last.get("type") in ("message", "function_call") and last.get("status") == "completed" and not whole:
        yield f"the truncated {last['type']} has the status completed", json.dumps(last, ensure_ascii=False)
