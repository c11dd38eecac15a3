"""Rules over the fragments of tool calls in a Chat Completions stream."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from toolworthy.rules import model
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View, WireEvent, chat_calls
from toolworthy.wire.lenient import as_dict, as_int, as_key, as_list, parse_json

rule = partial(model.rule, area="chat streams")


@rule(
    "TW301",
    "call delta without an index",
    "degrades",
    source="vercel/ai#7238",
    right='Every entry of delta.tool_calls says which call it belongs to: "index": 0 in all fragments of the first '
    'call, "index": 1 in all of the second.',
)
def no_index(view: View) -> Violations:
    """An entry of ``delta.tool_calls`` has no ``index``, the only key that all fragments of a call share. Typed
    clients refuse the chunk; others put parallel calls into one."""
    for detail, excerpt in view.repairs("missing-index"):
        yield detail or "a fragment of a tool call has no index", excerpt


@rule(
    "TW302",
    "two calls under one index",
    "degrades",
    source="InternLM/lmdeploy#3412",
    right='Every call has an index that no other has: {"index": 0, "id": "call_a1", …} begins the first, {"index": 1, '
    '"id": "call_b2", …} the second.',
    situation="parallel-calls",
    follows=("TW304",),
)
def index_reused(view: View) -> Violations:
    """A second call begins under the index of the first. Clients that go by the index glue them together."""
    yield from view.repairs("index-reused")


@rule(
    "TW303",
    "id of a call changes or comes again",
    "degrades",
    source="spring-projects/spring-ai#6369",
    right='Only the first fragment of a call has an id, {"index": 0, "id": "call_a1", …}; later ones leave it out: '
    '{"index": 0, "function": {"arguments": "…"}}.',
)
def id_repeated(view: View) -> Violations:
    """The id belongs to the first fragment of a call only. Clients that take an id as the beginning of a call split it
    where it is repeated, changed or sent empty."""
    for detail, excerpt in view.repairs("id-changes"):
        yield f"the id changes within a call: {detail}", excerpt
    begun: dict[object, set[object]] = defaultdict(set)
    for event, index, call in _fragments(view):
        known, name = begun[index], as_dict(call.get("function") or call.get("custom")).get("name")
        another_call = name and call.get("id") and as_key(call["id"]) not in known
        if known and call.get("id") is not None and not another_call:
            yield "an id is empty on a later fragment" if call["id"] == "" else "an id is repeated", event.data
        known.add(as_key(call.get("id")))


@rule(
    "TW304",
    "first fragment without id or name",
    "blocks",
    source="danny-avila/LibreChat#13987",
    right='A call begins with {"index": 0, "id": "call_a1", "type": "function", "function": {"name": "ls", '
    '"arguments": ""}}; its arguments follow under that index.',
)
def headless(view: View) -> Violations:
    """An index shows up for the first time without id or name, so that its arguments belong to no call. Seen where a
    proxy counts content blocks instead of calls."""
    begun: set[object] = set()
    for event, index, call in _fragments(view):
        name = as_dict(call.get("function") or call.get("custom")).get("name")
        if call.get("index") is not None and index not in begun and not name:
            yield f"index {call['index']} begins without a name", event.data
        begun.add(index)


@rule(
    "TW305",
    "indices with a gap",
    "degrades",
    source="vllm-project/vllm#50782",
    right="The indices number the calls of an answer from 0 without a gap: 0, 1, 2; text and reasoning are not "
    "counted.",
)
def index_gap(view: View) -> Violations:
    """Indices do not run 0, 1, 2 …; clients that keep an array find a hole in it."""
    seen = sorted({index for _, call in view.call_deltas if (index := as_int(call.get("index"))) is not None})
    if seen and seen != list(range(len(seen))):
        yield f"indices of tool calls are {seen}", ""


@rule(
    "TW306",
    "one index twice in a chunk",
    "degrades",
    source="openai/openai-python#3438",
    right="An index stands at most once in a delta: what belongs to one call is joined in one entry, or comes in the "
    "next chunk.",
)
def index_twice(view: View) -> Violations:
    """One chunk has two entries with one index; accumulators that replace instead of append lose one of them."""
    for event, choice in view.choices:
        indices = [as_dict(call).get("index") for call in as_list(as_dict(choice.get("delta")).get("tool_calls"))]
        known = [index for index in indices if index is not None]
        if len(known) != len(set(known)):
            yield "two entries of one chunk have the same index", event.data


@rule(
    "TW307",
    "null where a string belongs",
    "degrades",
    source="aaif-goose/goose#6796",
    right='"name" and "arguments" of a fragment are strings, or left out where there is nothing new: {"index": 0, '
    '"function": {"arguments": "…"}}.',
)
def null_fields(view: View) -> Violations:
    """A fragment has ``arguments: null`` or ``name: null``. Typed clients fail on it, others write "null" into the
    arguments. Leave the field out."""
    for event, call in view.call_deltas:
        function = as_dict(call.get("function"))
        empty = [name for name in ("name", "arguments") if name in function and function[name] is None]
        if empty:
            yield f"{' and '.join(empty)} of a fragment is null", event.data


@rule(
    "TW323",
    "arguments sent again",
    "blocks",
    source="NousResearch/hermes-agent#35718",
    right='A fragment holds only what is new; all of them joined are the arguments, once: {"path": "a.py"}, not '
    '{"path": "a.py"}{"path": "a.py"}.',
)
def arguments_again(view: View) -> Violations:
    """Fragments repeat what fragments before them have brought: each holds all the arguments so far, or the last one
    holds them whole once more. Put together as the API wants it, they are no JSON, and the call is lost."""
    sent: dict[object, list[str]] = defaultdict(list)
    for _, index, call in _fragments(view):
        if text := as_dict(call.get("function")).get("arguments"):
            sent[index].append(str(text))
    for pieces in sent.values():
        *before, last = pieces
        again = before and (last.startswith(before[-1]) or last == "".join(before))
        if again and isinstance(parse_json(last), dict) and parse_json("".join(pieces)) is None:
            yield "the last fragment holds all the arguments again", "".join(pieces)


@rule(
    "TW325",
    "call without its type",
    "degrades",
    source="vercel/ai#12770",
    right='A call says "type": "function" (or "custom") in its first fragment and in a whole answer; later fragments '
    "leave it out.",
    follows=("TW304", "TW107"),
)
def call_type(view: View) -> Violations:
    """A call says ``type: function`` (or ``custom``), streamed in its first fragment, and nothing else later. Typed
    clients refuse it where it is missing there, and wherever it is an empty string."""
    begun: set[object] = set()
    for event, index, call in _fragments(view):
        if (index not in begun and call.get("type") is None) or not _typed(call):
            yield f"the type of a call is {json.dumps(call.get('type'))}", event.data
        begun.add(index)
    for call in chat_calls(view):
        if call.get("type") is None or not _typed(call):
            yield f"the type of a call is {json.dumps(call.get('type'))}", json.dumps(call, ensure_ascii=False)


def _typed(call: Mapping[str, Any]) -> bool:
    return call.get("type") in (None, "function", "custom")


def _fragments(view: View) -> Iterator[tuple[WireEvent, tuple[object, object], Mapping[str, Any]]]:
    """Every fragment of a call, with the indices of choice and call that tell whose it is."""
    for event, choice in view.choices:
        for call in as_list(as_dict(choice.get("delta")).get("tool_calls")):
            yield event, (choice.get("index"), as_dict(call).get("index")), as_dict(call)
