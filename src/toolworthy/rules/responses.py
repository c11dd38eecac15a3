"""Rules over OpenAI Responses: the grammar of its events, and what Codex needs of its items."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.rules.model import Violations, rule
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, as_int, as_list, parse_json

_SPEC = "https://platform.openai.com/docs/api-reference/responses-streaming"
_TERMINAL = ("response.completed", "response.incomplete", "response.failed")
_PREFIXES = {"message": "msg_", "function_call": "fc_", "reasoning": "rs_", "custom_tool_call": "ctc_"}


def _final(view: View) -> Mapping[str, Any]:
    for event in view.events:
        if event.type in _TERMINAL:
            return as_dict(event.value.get("response"))
    return view.whole


def _items(view: View) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every output item, and where it stands."""
    for event in view.events:
        if event.type in ("response.output_item.added", "response.output_item.done"):
            yield event.type, as_dict(event.value.get("item"))
    for item in as_list(_final(view).get("output")):
        yield "output", as_dict(item)


@rule("TW501", "no terminal event", "blocks", "responses", source=_SPEC)
def no_terminal(view: View) -> Violations:
    """None of response.completed, .incomplete, .failed comes. Codex says "stream disconnected" and asks again."""
    if view.events and view.exchange.error is None and view.response.failure is None:
        for _ in view.repairs("no-terminal-event"):
            yield "the stream ends without response.completed", view.tail()


@rule("TW502", "item never announced", "degrades", "responses", source=_SPEC)
def not_added(view: View) -> Violations:
    """Deltas come for an item that no output_item.added opened; typed clients fail on them."""
    for detail, excerpt in view.repairs("missing-item-added"):
        yield f"{detail} without output_item.added", excerpt


@rule("TW503", "item never completed", "blocks", "responses", source="sgl-project/sglang#12652")
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


@rule("TW504", "call_id differs between events", "blocks", "responses", source="claude-code-best/claude-code#349")
def unstable(view: View) -> Violations:
    """One call has another call_id in another event; its result answers a call that does not exist."""
    if not view.events:
        return
    ids: dict[object, set[object]] = {}
    for event in view.events:
        if event.type in ("response.output_item.added", "response.output_item.done"):
            item, index = as_dict(event.value.get("item")), event.value.get("output_index")
            if index is not None and item.get("type") in ("function_call", "custom_tool_call"):
                ids.setdefault(index, set()).add(item.get("call_id"))
    for number, item in enumerate(as_list(_final(view).get("output"))):
        if as_dict(item).get("type") in ("function_call", "custom_tool_call"):
            ids.setdefault(number, set()).add(as_dict(item).get("call_id"))
    for index, seen in ids.items():
        if len(seen) > 1:
            yield f"item {index} has the call_ids {', '.join(sorted(map(str, seen)))}", view.tail()


@rule("TW505", "sequence numbers", "cosmetic", "responses", source=_SPEC)
def sequence(view: View) -> Violations:
    """Every event carries a ``sequence_number``, and they rise."""
    numbers = [as_int(event.value.get("sequence_number")) for event in view.events if event.value]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        yield "events without a sequence_number", ""
    elif any(b <= a for a, b in itertools.pairwise(known)):
        yield "sequence numbers do not rise", str(known[:20])


@rule("TW506", "event without a type", "blocks", "responses", source="pjq/sap-ai-core-llm-proxy#35")
def untyped(view: View) -> Violations:
    """An event's JSON lacks ``type``, or the response object stands there bare; clients skip it."""
    for event in view.events:
        if event.value and not event.type and not event.value.get("error"):
            yield "an event has no type", event.data


@rule("TW507", "done differs from the deltas", "blocks", "responses", source=_SPEC)
def differs(view: View) -> Violations:
    """What the final event of an item says is not what its deltas say; clients run one or the other."""
    for detail, excerpt in view.repairs("done-differs-from-deltas"):
        yield f"the {detail} item's deltas say something else than its end", excerpt


@rule("TW508", "item without id or status", "degrades", "responses", source="diegosouzapw/OmniRoute#13956")
def incomplete_items(view: View) -> Violations:
    """Output items carry ``id`` (and messages and calls ``status``); the SDK's types demand them."""
    for where, item in _items(view):
        kind = item.get("type")
        wanted = ["id"] if kind == "reasoning" else ["id", "status"]
        missing = [name for name in wanted if not isinstance(item.get(name), str) or not item.get(name)]
        if kind in _PREFIXES and missing:
            yield f"{kind} in {where} lacks {' and '.join(missing)}", json.dumps(item, ensure_ascii=False)


@rule("TW509", "id with another object's prefix", "degrades", "responses", source="BerriAI/litellm#37946")
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


@rule("TW510", "arguments without deltas", "cosmetic", "responses", source="lidge-jun/opencodex#4652")
def no_deltas(view: View) -> Violations:
    """The arguments of a call come at its end only. Legal, and translators that read deltas lose them."""
    seen = {event.type for event in view.events}
    if "response.function_call_arguments.done" in seen and "response.function_call_arguments.delta" not in seen:
        yield "function_call_arguments.done without a delta", ""


@rule("TW511", "final response without its output", "degrades", "responses", source="sgl-project/sglang#12652")
def no_output(view: View) -> Violations:
    """response.completed repeats all items; clients that do not stream take them from there."""
    done = sum(event.type == "response.output_item.done" for event in view.events)
    listed = len(as_list(_final(view).get("output")))
    if done and done != listed:
        yield f"{done} items were completed, {listed} are listed at the end", ""


@rule("TW512", "call without its namespace", "blocks", "responses", source="openai/codex#23186")
def namespace(view: View) -> Violations:
    """A tool offered in a namespace is called without it, or with it glued to the name; Codex finds no such tool."""
    tools = [tool for tool in view.request.tools if tool.namespace] if view.request else []
    for call in view.calls:
        for tool in tools:
            glued = call.name in (f"{tool.namespace}{mark}{tool.name}" for mark in (".", "__", "", "/"))
            if not call.namespace and (glued or (call.name == tool.name and view.api == "responses")):
                yield f"{call.name} is called without its namespace {tool.namespace}", call.arguments


@rule("TW513", "stream begins otherwise", "degrades", "responses", source=_SPEC)
def first_event(view: View) -> Violations:
    """The first event is response.created, with the response's id."""
    if view.events and view.answered and view.events[0].type != "response.created":
        yield f"the first event is {view.events[0].type or view.events[0].data[:40]!r}", view.events[0].data


@rule("TW514", "error event without its type", "blocks", "responses", source="anomalyco/opencode#18897")
def bare_error(view: View) -> Violations:
    """An error inside the stream stands there as another API writes it, without ``type: error``. Typed clients fail to
    read it, and do not see that they may try again."""
    for event in view.events:
        if event.value.get("error") and not event.type:
            yield "an error has no type", event.data


@rule("TW515", "response without its fields", "degrades", "responses", source="diegosouzapw/OmniRoute#13956")
def fields(view: View) -> Violations:
    """A response object carries ``id``, ``object: response``, ``status`` and ``output``, in its first events, too;
    typed clients fail without."""
    whole = [("the answer", view.whole)] if view.whole and view.answered else []
    events = [(event.type, event.value) for event in view.events if event.type in ("response.created", *_TERMINAL)]
    events += [(event.type, event.value) for event in view.events if event.type == "response.in_progress"]
    for where, response in [*whole, *((kind, as_dict(value.get("response"))) for kind, value in events)]:
        wrong = [
            name
            for name, fine in (
                ("id", isinstance(response.get("id"), str) and response.get("id")),
                ("object", response.get("object") == "response"),
                ("status", isinstance(response.get("status"), str)),
                ("output", isinstance(response.get("output"), list)),
            )
            if not fine
        ]
        if wrong:
            yield f"{where}: wrong or missing: {', '.join(wrong)}", json.dumps(response, ensure_ascii=False)


@rule("TW516", "output of a call nobody made", "degrades", "responses", source="vllm-project/vllm#55592")
def orphan_output(view: View) -> Violations:
    """The answer holds the output of a tool that the server ran, and its call_id is no call's. Nobody can tell what
    it answers; sent back as history it is refused."""
    items = [item for _, item in _items(view)]
    items_before = [as_dict(item) for item in as_list(view.asked.get("input"))]
    calls = {item.get("call_id") for item in [*items, *items_before] if not _is_output(item)}
    for item in items:
        if _is_output(item) and item.get("call_id") and item["call_id"] not in calls:
            yield f"{item.get('type')} answers {item['call_id']}, which is no call", json.dumps(item)


def _is_output(item: Mapping[str, Any]) -> bool:
    return str(item.get("type") or "").endswith("_output")


@rule("TW517", "compaction asked for, none came", "blocks", "responses", source="openai/codex#42393")
def no_compaction(view: View) -> Violations:
    """The request ends with a ``compaction_trigger`` item, and the answer holds not exactly one ``compaction`` item.
    Codex ends the session with an error as soon as its context is full."""
    asked = any(as_dict(item).get("type") == "compaction_trigger" for item in as_list(view.asked.get("input")))
    if asked and view.answered and view.exchange.body:
        kinds = [as_dict(item).get("type") for item in as_list(_final(view).get("output"))]
        if kinds.count("compaction") != 1:
            yield f"{kinds.count('compaction')} compaction items among {len(kinds)}", view.tail()


@rule("TW518", "content part never announced", "degrades", "responses", source="Wei-Shaw/sub2api#2875")
def part_not_added(view: View) -> Violations:
    """Text comes for a part of a message that no content_part.added opened. OpenAI's own client looks for that part and
    fails; others drop the text."""
    added: set[object] = set()
    for event in view.events:
        place = (event.value.get("item_id"), event.value.get("content_index"))
        if event.type == "response.content_part.added":
            added.add(place)
        elif event.type == "response.output_text.delta" and place[1] is not None and place not in added:
            yield "a text delta comes without content_part.added", event.data


_PLACES = {
    "response.output_text.delta": ("item_id", "output_index", "content_index"),
    "response.function_call_arguments.delta": ("item_id", "output_index"),
}


@rule("TW519", "delta without its place", "degrades", "responses", source="Oaklight/llm-rosetta#56")
def no_place(view: View) -> Violations:
    """A delta says by ``item_id``, ``output_index`` and, of a text, ``content_index`` what it belongs to. OpenAI's own
    client looks the item up by them and fails without."""
    for event in view.events:
        missing = [name for name in _PLACES.get(event.type, ()) if event.value.get(name) is None]
        if missing:
            yield f"{event.type} lacks {' and '.join(missing)}", event.data


@rule("TW520", "status denies the last event", "degrades", "responses", source="vllm-project/agentic-api#273")
def contradiction(view: View) -> Violations:
    """response.completed holds a response whose status is incomplete, or the like. Clients go by one or the other;
    those that go by the event take an answer that was cut for a whole one."""
    for event in view.events:
        status = as_dict(event.value.get("response")).get("status")
        if event.type in _TERMINAL and isinstance(status, str) and event.type != f"response.{status}":
            yield f"{event.type} holds a response that is {status}", event.data


@rule("TW521", "cut item called completed", "cosmetic", "responses", source="vllm-project/vllm#57998")
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
