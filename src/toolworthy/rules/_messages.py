"""Rules on the events of an Anthropic Messages stream."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View, WireEvent, overlaps, wrong
from toolworthy.wire.failure import event_failure
from toolworthy.wire.lenient import as_dict, as_int, as_key, as_list, parse_json

_DELTA_OF = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
}


@builtin("TW401")
def _missing_message_stop(view: View) -> Violations:
    if view.events and view.answered and view.response.stop is not None:
        for _ in view.repairs("no-message-stop"):
            yield "the stream does not end with message_stop", view.tail()


@builtin("TW402")
def _wrong_message_start_count(view: View) -> Violations:
    count = sum(event.type == "message_start" for event in view.events)
    if view.events and view.answered and count != 1 and any(event.type != "ping" for event in view.events):
        yield f"the stream has {count} message_start events, not 1", view.events[0].data


@builtin("TW403")
def _unopened_or_unclosed_block(view: View) -> Violations:
    for detail, excerpt in view.repairs("missing-block-start", "missing-index", "index-reused"):
        yield (
            f"{detail or 'a block without an index'} has no content_block_start of its own",
            excerpt,
        )
    started = {event.value.get("index") for event in view.events if event.type == "content_block_start"}
    stopped = {event.value.get("index") for event in view.events if event.type == "content_block_stop"}
    if view.answered and view.response.complete and started - stopped:
        yield "a content block is not closed", view.tail()


@builtin("TW404")
def _delta_type_mismatch(view: View) -> Violations:
    kinds: dict[object, str] = {}
    for event in view.events:
        if event.type == "content_block_start":
            kinds[event.value.get("index")] = str(as_dict(event.value.get("content_block")).get("type"))
        elif event.type == "content_block_delta":
            kind = kinds.get(event.value.get("index"), "")
            delta = as_dict(event.value.get("delta")).get("type")
            if kind in _DELTA_OF and delta not in _DELTA_OF[kind]:
                yield f"{delta} in a {kind} block", event.data


@builtin("TW405")
def _events_after_message_stop(view: View) -> Violations:
    types = [event.type for event in view.events]
    if "message_stop" in types and set(types[types.index("message_stop") + 1 :]) - {"", "ping"}:
        yield f"{types[types.index('message_stop') + 1]} follows message_stop", view.tail()


@builtin("TW406")
def _missing_event_name(view: View) -> Violations:
    for detail, excerpt in view.repairs("missing-event-name"):
        yield f"{detail} has no event field", excerpt


@builtin("TW407")
def _missing_stop_reason(view: View) -> Violations:
    if view.answered and view.response.stop is None and (view.whole or view.response.complete) and view.response.parts:
        yield "stop_reason is null or missing", view.tail()


@builtin("TW408")
def _done_marker_in_messages(view: View) -> Violations:
    for _ in view.repairs("done-marker"):
        yield "the stream has [DONE]", view.tail()


@builtin("TW409")
def _unknown_event_type(view: View) -> Violations:
    for detail, excerpt in view.repairs("unknown-event", "unknown-delta"):
        yield f"{detail!r} is not an event or delta of this API", excerpt


@builtin("TW410")
def _input_in_block_start(view: View) -> Violations:
    for _, excerpt in view.repairs("input-at-start"):
        yield "content_block_start has the input", excerpt


@builtin("TW411")
def _incomplete_message_object(view: View) -> Violations:
    starts = [as_dict(event.value.get("message")) for event in view.events if event.type == "message_start"]
    for message in starts[:1] or ([dict(view.whole)] if view.whole and view.answered else []):
        fine = {
            "id": isinstance(message.get("id"), str) and message.get("id"),
            "type": message.get("type") == "message",
            "role": message.get("role") == "assistant",
            "content": isinstance(message.get("content"), list),
            "usage": isinstance(message.get("usage"), dict),
        }
        if names := wrong(fine):
            yield f"wrong or missing: {names}", json.dumps(message, ensure_ascii=False)


@builtin("TW412")
def _only_pings(view: View) -> Violations:
    if view.events and {event.type for event in view.events} == {"ping"}:
        yield f"{len(view.events)} pings, no message", view.tail()


@builtin("TW413")
def _missing_thinking_signature(view: View) -> Violations:
    blocks = [as_dict(block) for block in as_list(view.whole.get("content"))]
    blocks += [
        as_dict(event.value.get("content_block")) for event in view.events if event.type == "content_block_start"
    ]
    signed = any(as_dict(event.value.get("delta")).get("type") == "signature_delta" for event in view.events)
    if not signed and any(block.get("type") == "thinking" and "signature" not in block for block in blocks):
        yield "a thinking block has no signature", view.tail()


_RUN_BY_SERVER = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_")
"""Prefixes of the types of tools that the endpoint runs itself; bash, editor and computer are client tools."""


@builtin("TW414")
def _server_tool_as_client_tool(view: View) -> Violations:
    tools = [as_dict(tool) for tool in as_list(view.asked.get("tools"))]
    own = {as_key(tool.get("name")) for tool in tools if str(tool.get("type") or "").startswith(_RUN_BY_SERVER)}
    for call in view.calls:
        if call.name in own:
            yield f"tool_use calls {call.name}, which the server must run", call.arguments


@builtin("TW415")
def _untyped_messages_event(view: View) -> Violations:
    for event in view.events:
        if event.value and not event.type and not event_failure(event.value):
            yield "an event has no type", event.data


@builtin("TW416")
def _wrong_error_format(view: View) -> Violations:
    for event in view.events:
        if event.value and not event.type and event_failure(event.value):
            yield "an error in the stream has no type", event.data
    errors = [dict(event.value) for event in view.events if event.type == "error"]
    if view.exchange.status is not None and view.exchange.status >= 400:
        errors.append(as_dict(parse_json(view.exchange.body)))
    for value in errors:
        error = as_dict(value.get("error"))
        if error.get("message") and not (value.get("type") == "error" and isinstance(error.get("type"), str)):
            yield "the error does not have the format of this API", json.dumps(value, ensure_ascii=False)


@builtin("TW417")
def _late_input_tokens(view: View) -> Violations:
    first = [as_dict(as_dict(event.value.get("message")).get("usage")) for event in view.events[:2]]
    last = [as_dict(event.value.get("usage")) for event in view.events if event.type == "message_delta"]
    if any(event.type == "message_start" for event in view.events[:2]):
        begun, ended = max(map(_input, first)), max(map(_input, last), default=0)
        if ended and not begun:
            yield f"message_start counts no input tokens, message_delta counts {ended}", view.events[0].data


@builtin("TW490")
def _lost_input_tokens(view: View) -> Violations:
    started = next((as_dict(event.value.get("message")) for event in view.events if event.type == "message_start"), {})
    first = as_int(as_dict(started.get("usage")).get("input_tokens"))
    for event in view.events:
        usage = as_dict(event.value.get("usage"))
        if event.type == "message_delta" and first and usage.get("input_tokens") == 0 and not _cached(usage):
            yield f"message_start counts {first} input tokens, message_delta 0", event.data


def _cached(usage: Mapping[str, Any]) -> int:
    return sum(as_int(usage.get(f"cache_{kind}_input_tokens")) or 0 for kind in ("read", "creation"))


@builtin("TW418")
def _reused_block_index(view: View) -> Violations:
    begun: set[object] = set()
    for event in view.events:
        if event.type == "content_block_start" and event.value.get("index") is not None:
            if event.value["index"] in begun:
                yield f"a second block has the index {event.value['index']}", event.data
            begun.add(event.value["index"])


@builtin("TW419")
def _text_in_block_start(view: View) -> Violations:
    for event in view.events:
        block = as_dict(event.value.get("content_block"))
        kind = block.get("type")
        if event.type == "content_block_start" and kind in ("text", "thinking") and block.get(kind):
            yield f"content_block_start has the {kind}", event.data


@builtin("TW493")
def _overlapping_blocks(view: View) -> Violations:
    for event, other in overlaps(view, "content_block_start", "content_block_stop", _index):
        yield f"block {event.value.get('index')} begins before block {other} has ended", event.data


def _index(event: WireEvent) -> Hashable:
    return as_key(event.value.get("index"))


@builtin("TW494")
def _block_index_gap(view: View) -> Violations:
    starts = [event for event in view.events if event.type == "content_block_start"]
    indices = (as_int(event.value.get("index")) for event in starts)
    begun = list(dict.fromkeys(index for index in indices if index is not None))
    if begun and begun != list(range(len(begun))):
        yield f"the indices of the content blocks are {begun}", ""


@builtin("TW495")
def _repeated_stop_reason(view: View) -> Violations:
    earlier: object = None
    for event in view.events:
        if event.type == "message_delta":
            reason = as_dict(event.value.get("delta")).get("stop_reason")
            if earlier and (reason or "stop_reason" in as_dict(event.value.get("delta"))):
                yield f"the stop_reason is {earlier!r}, then {json.dumps(reason)}", event.data
            earlier = reason or earlier


def _input(usage: dict[str, object]) -> int:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(as_int(usage.get(name)) or 0 for name in names)
