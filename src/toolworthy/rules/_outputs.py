"""Rules on whether the events of an OpenAI Responses stream agree: indices, order, and the content of items."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from toolworthy.rules._responses import TERMINAL
from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View, WireEvent, overlaps
from toolworthy.wire.lenient import as_dict, as_int, as_key, as_list

_DELTAS = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.reasoning_text": "reasoning",
    "response.reasoning": "reasoning",
    "response.reasoning_summary_text": "summary",
}
"""The kind of content of a delta, or of the event that ends deltas."""
_WHOLE = {"text": "text", "refusal": "refusal", "arguments": "arguments", "input": "input"}
"""Field of the event that ends deltas, by kind; reasoning uses the text field, too."""
_PART_TYPES = {
    "output_text": "text",
    "refusal": "refusal",
    "reasoning_text": "reasoning",
    "summary_text": "summary",
}
_KINDS = {
    "message": ("text", "refusal"),
    "function_call": ("arguments",),
    "custom_tool_call": ("input",),
    "reasoning": ("reasoning", "summary"),
}
"""The kinds of content of each item type: a delta of another kind has a wrong index, which TW519 reports."""
_SEALED = ("reasoning", "summary")
"""Content that the final item may omit or encrypt after it was streamed."""


def _key(event: WireEvent) -> Hashable:
    """The key of an item: its output index, else its id."""
    index = as_int(event.value.get("output_index"))
    item = as_dict(event.value.get("item"))
    return index if index is not None else as_key(event.value.get("item_id") or item.get("id"))


def _place(event: WireEvent) -> int | None:
    """The index of a part within its item."""
    name = "summary_index" if "summary" in event.type else "content_index"
    return as_int(event.value.get(name))


def _written(item: Mapping[str, Any]) -> dict[str, str]:
    """The content of an item, by kind."""
    texts: dict[str, str] = defaultdict(str)
    for name in ("arguments", "input"):
        if isinstance(item.get(name), str):
            texts[name] = item[name]
    for part in map(as_dict, [*as_list(item.get("content")), *as_list(item.get("summary"))]):
        kind = _PART_TYPES.get(str(part.get("type")))
        if kind:
            texts[kind] += str(part.get("refusal" if kind == "refusal" else "text") or "")
    return texts


def _deltas(view: View) -> dict[Hashable, dict[str, str]]:
    """The joined deltas of each item, by kind."""
    texts: dict[Hashable, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for event in view.events:
        kind = _DELTAS.get(event.type.removesuffix(".delta")) if event.type.endswith(".delta") else None
        if kind and isinstance(event.value.get("delta"), str):
            texts[_key(event)][kind] += event.value["delta"]
    return {key: dict(item) for key, item in texts.items()}


@builtin("TW507")
def _deltas_contradict_done(view: View) -> Violations:
    for detail, excerpt in view.repairs("done-differs-from-deltas"):
        yield f"the deltas of the {detail} item differ from its output_item.done", excerpt
    deltas = _deltas(view)
    for event in view.events:
        if event.type == "response.output_item.done":
            item = as_dict(event.value.get("item"))
            written = _written(item)
            for kind, text in deltas.get(_key(event), {}).items():
                if kind not in _KINDS.get(str(item.get("type")), (kind,)):
                    continue
                if written[kind] != text and (written[kind] or kind not in _SEALED):
                    yield f"output_item.done has {_short(written[kind])} for the {kind} {_short(text)}", event.data
        elif event.type.endswith(".done") and (ended := _DELTAS.get(event.type.removesuffix(".done"))):
            whole, sent = event.value.get(_WHOLE.get(ended, "text")), deltas.get(_key(event), {}).get(ended, "")
            parts = len({_place(other) for other in view.events if _key(other) == _key(event)} - {None})
            if sent and isinstance(whole, str) and whole != sent and parts < 2:
                yield f"{event.type} has {_short(whole)} for the {ended} {_short(sent)}", event.data


def _short(text: str) -> str:
    return repr(text if len(text) <= 30 else f"{text[:15]}…{text[-14:]}")


@builtin("TW593")
def _overlapping_items(view: View) -> Violations:
    for event, other in overlaps(view, "response.output_item.added", "response.output_item.done", _key):
        yield f"item {_key(event)} begins before item {other} is done", event.data


@builtin("TW594")
def _index_gap(view: View) -> Violations:
    items = [as_int(event.value.get("output_index")) for event in _of(view, "response.output_item.added")]
    known = [index for index in items if index is not None]
    if known != list(range(len(known))):
        yield f"the output indices of the items are {known}", ""
    places: dict[tuple[Hashable, bool], list[int]] = defaultdict(list)
    for event in view.events:
        place = _place(event)
        if place is not None and place not in (seen := places[_key(event), "summary" in event.type]):
            seen.append(place)
    for (item, before, after), excerpt in _jumps(view):
        yield f"consecutive deltas of item {item} have the content indices {before} and {after}", excerpt
    for (item, summary), seen in places.items():
        if seen != list(range(len(seen))):
            yield f"the {'summary' if summary else 'content'} indices of item {item} are {seen}", ""


def _jumps(view: View) -> Iterator[tuple[tuple[Hashable, int, int], str]]:
    """Where the part's index changes from one delta to the next, although no part ends or begins between them."""
    last: dict[Hashable, tuple[str, int]] = {}
    for event in view.events:
        place, item = _place(event), _key(event)
        if place is None or not event.type.endswith(".delta"):
            last.pop(item, None)
            continue
        kind, before = last.get(item, (event.type, place))
        if kind == event.type and before != place:
            yield (item, before, place), event.data
        last[item] = event.type, place


@builtin("TW595")
def _final_output_contradicts_stream(view: View) -> Violations:
    done = {_key(event): as_dict(event.value.get("item")) for event in _of(view, "response.output_item.done")}
    for event in _of(view, *TERMINAL):
        final = [as_dict(item) for item in as_list(as_dict(event.value.get("response")).get("output"))]
        if len(final) != len(done):
            return  # reported by TW511
        for number, (item, (key, before)) in enumerate(zip(final, sorted(done.items(), key=_order), strict=True)):
            for name, ours, theirs in _differences(item, before):
                yield f"output {number} has the {name} {ours}, item {key} was done with {theirs}", json.dumps(item)


def _differences(item: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in ("type", "name"):
        if item.get(name) != before.get(name):
            yield name, _short(str(item.get(name))), _short(str(before.get(name)))
            return
    ours, theirs = _written(item), _written(before)
    for kind in {**ours, **theirs}:
        if ours[kind] != theirs[kind] and (kind not in _SEALED or (ours[kind] and theirs[kind])):
            yield kind, _short(ours[kind]), _short(theirs[kind])


def _order(done: tuple[Hashable, object]) -> int:
    """Items by output index; those without one in the order of arrival."""
    return done[0] if isinstance(done[0], int) else 0


@builtin("TW596")
def _events_after_terminal_event(view: View) -> Violations:
    types = [event.type for event in view.events]
    ends = [number for number, kind in enumerate(types) if kind in TERMINAL]
    if ends and (rest := [event for event in view.events[ends[0] + 1 :] if event.type]):
        yield f"{rest[0].type} follows {types[ends[0]]}", rest[0].data


def _of(view: View, *kinds: str) -> list[WireEvent]:
    return [event for event in view.events if event.type in kinds]
