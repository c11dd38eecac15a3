"""Rules over the output items of OpenAI Responses, from which Codex takes calls and messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from toolworthy.rules import model
from toolworthy.rules._responses import TERMINAL
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_key, as_list, parse_json

rule = partial(model.rule, area="Responses streams")

_PREFIXES = {"message": "msg_", "function_call": "fc_", "reasoning": "rs_", "custom_tool_call": "ctc_"}


def _final(view: View) -> Mapping[str, Any]:
    for event in view.events:
        if event.type in TERMINAL:
            return as_dict(event.value.get("response"))
    return view.whole


def _items(view: View) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every output item, and where it stands."""
    for event in view.events:
        if event.type in ("response.output_item.added", "response.output_item.done"):
            yield event.type, as_dict(event.value.get("item"))
    for item in as_list(_final(view).get("output")):
        yield "output", as_dict(item)


@rule(
    "TW503",
    "item never completed",
    "blocks",
    source="sgl-project/sglang#12652",
    right="Each item ends with response.output_item.done, which holds it whole and has the output_index of its "
    "output_item.added.",
)
def not_done(view: View) -> Violations:
    """An item lacks its output_item.done, the event from which Codex takes calls and messages: they never happen."""
    if not view.answered or not view.events:
        return
    added = {event.value.get("output_index") for event in view.events if event.type == "response.output_item.added"}
    done = {event.value.get("output_index") for event in view.events if event.type == "response.output_item.done"}
    if added - done:
        yield f"{len(added - done)} item(s) without output_item.done", view.tail()
    for _, excerpt in view.repairs("items-only-at-end"):
        yield "items stand in response.completed only", excerpt


@rule(
    "TW504",
    "call_id differs between events",
    "degrades",
    source="claude-code-best/claude-code#349",
    right="A call has one call_id, the same in output_item.added, in output_item.done and at its place in the output "
    "of the last event.",
)
def unstable(view: View) -> Violations:
    """One call has another call_id in another event; its result answers a call that does not exist."""
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


@rule(
    "TW508",
    "item without id or status",
    "degrades",
    source="diegosouzapw/OmniRoute#13956",
    right='Every item has an id, a message or call also a status: {"type": "function_call", "id": "fc_a1", "call_id": '
    '"call_a1", "status": "completed", …}.',
)
def incomplete_items(view: View) -> Violations:
    """Output items carry ``id`` (and messages and calls ``status``); the SDK's types demand them."""
    for where, item in _items(view):
        kind = item.get("type")
        wanted = ["id"] if kind == "reasoning" else ["id", "status"]
        missing = [name for name in wanted if not isinstance(item.get(name), str) or not item.get(name)]
        if kind in _PREFIXES and missing:
            yield f"{kind} in {where} lacks {' and '.join(missing)}", json.dumps(item, ensure_ascii=False)


@rule(
    "TW509",
    "id with another object's prefix",
    "degrades",
    source="BerriAI/litellm#37946",
    right='Ids begin as their objects do: "resp_a1" (response), "msg_a1" (message), "fc_a1" (function_call), "ctc_a1" '
    '(custom_tool_call), "rs_a1" (reasoning).',
)
def prefix(view: View) -> Violations:
    """Ids of Responses objects begin with resp_, msg_, fc_, rs_. An id with a chat answer's or a call's prefix is
    refused by OpenAI's own API as soon as the item is sent back."""
    if str(_final(view).get("id") or "").startswith(("chatcmpl", "call_", "msg_")):
        yield f"the response's id is {_final(view)['id']}", ""
    for where, item in _items(view):
        kind, name = item.get("type"), item.get("id")
        others = ("chatcmpl", "call_", "resp_", *(p for k, p in _PREFIXES.items() if k != kind))
        if kind in _PREFIXES and isinstance(name, str) and name.startswith(others):
            yield f"{kind} in {where} has the id {name}", json.dumps(item, ensure_ascii=False)


@rule(
    "TW511",
    "final response without its output",
    "degrades",
    source="sgl-project/sglang#12652",
    right="The output of the response in the last event lists every item that output_item.done has completed.",
    follows=("TW503", "TW501", "TW506"),
)
def no_output(view: View) -> Violations:
    """response.completed repeats all items; clients that do not stream take them from there."""
    done = sum(event.type == "response.output_item.done" for event in view.events)
    listed = len(as_list(_final(view).get("output")))
    if done and done != listed:
        yield f"{done} items were completed, {listed} are listed at the end", ""


@rule(
    "TW512",
    "call without its namespace",
    "degrades",
    source="openai/codex#23186",
    right='A call has name and namespace apart, as the tool was offered: "namespace": "files", "name": "read".',
)
def namespace(view: View) -> Violations:
    """A tool offered in a namespace is called without it, or with it glued to the name; Codex finds no such tool."""
    tools = [tool for tool in view.request.tools if tool.namespace] if view.request else []
    for call in view.calls:
        for tool in tools:
            glued = call.name in (f"{tool.namespace}{mark}{tool.name}" for mark in (".", "__", "", "/"))
            if not call.namespace and (glued or (call.name == tool.name and view.api == "responses")):
                yield f"{call.name} is called without its namespace {tool.namespace}", call.arguments


@rule(
    "TW516",
    "output of a call nobody made",
    "degrades",
    source="vllm-project/vllm#55592",
    right="Each output has the call_id of a call that stands in the answer or in the request's input; a call that the "
    "server ran is listed before its output.",
    situation="side-request",
)
def orphan_output(view: View) -> Violations:
    """The answer holds the output of a tool that the server ran, and its call_id is no call's. Nobody can tell what
    it answers; sent back as history it is refused."""
    items = [item for _, item in _items(view)]
    items_before = [as_dict(item) for item in as_list(view.asked.get("input"))]
    calls = {as_key(item.get("call_id")) for item in [*items, *items_before] if not _is_output(item)}
    for item in items:
        if _is_output(item) and item.get("call_id") and as_key(item["call_id"]) not in calls:
            yield f"{item.get('type')} answers {item['call_id']}, which is no call", json.dumps(item)


def _is_output(item: Mapping[str, Any]) -> bool:
    return str(item.get("type") or "").endswith("_output")


@rule(
    "TW517",
    "compaction asked for, none came",
    "degrades",
    source="openai/codex#42393",
    right='The output holds exactly one item {"type": "compaction", "encrypted_content": "…"}, which stands for the '
    "conversation so far.",
    situation="compaction",
)
def no_compaction(view: View) -> Violations:
    """The request ends with a ``compaction_trigger`` item, and the answer holds not exactly one ``compaction`` item.
    Codex ends the session with an error as soon as its context is full."""
    asked = any(as_dict(item).get("type") == "compaction_trigger" for item in as_list(view.asked.get("input")))
    if asked and view.answered and view.exchange.body:
        kinds = [as_dict(item).get("type") for item in as_list(_final(view).get("output"))]
        if kinds.count("compaction") != 1:
            yield f"{kinds.count('compaction')} compaction items among {len(kinds)}", view.tail()


@rule(
    "TW521",
    "cut item called completed",
    "cosmetic",
    source="vllm-project/vllm#57998",
    right='The item that was cut, the last, has "status": "incomplete", as the response has.',
    situation="token-limit",
)
def cut_item(view: View) -> Violations:
    """The token limit cut the response, and its last item, where the cut is, has the status completed."""
    final = _final(view)
    items = [as_dict(item) for item in as_list(final.get("output"))]
    if as_dict(final.get("incomplete_details")).get("reason") != "max_output_tokens" or not items:
        return
    last = items[-1]
    whole = last.get("type") == "function_call" and isinstance(parse_json(str(last.get("arguments"))), dict)
    if last.get("type") in ("message", "function_call") and last.get("status") == "completed" and not whole:
        yield f"the {last['type']} at the end is completed", json.dumps(last, ensure_ascii=False)
