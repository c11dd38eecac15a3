"""Rules on the events of an OpenAI Responses stream, and the response objects in them."""

from __future__ import annotations

import itertools
import json

from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View, wrong
from toolworthy.wire.lenient import as_dict, as_int

TERMINAL = ("response.completed", "response.incomplete", "response.failed")
"""Types of the events that end a stream."""


def items_done(view: View) -> bool:
    """Whether at least one item came and all are complete: a stream that stops then lacks only its last event."""
    added, done = (
        {event.value.get("output_index") for event in view.events if event.type == f"response.output_item.{kind}"}
        for kind in ("added", "done")
    )
    return bool(done) and added <= done


@builtin("TW501")
def _missing_terminal_event(view: View) -> Violations:
    if view.events and view.exchange.error is None and view.response.failure is None and items_done(view):
        for _ in view.repairs("no-terminal-event"):
            yield "the stream does not end with response.completed", view.tail()


@builtin("TW502")
def _missing_output_item_added(view: View) -> Violations:
    for detail, excerpt in view.repairs("missing-item-added"):
        yield f"{detail} has no output_item.added", excerpt


@builtin("TW505")
def _bad_sequence_numbers(view: View) -> Violations:
    numbers = [as_int(event.value.get("sequence_number")) for event in view.events if event.type]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        yield "an event has no sequence_number", ""
    elif any(b <= a for a, b in itertools.pairwise(known)):
        yield "the sequence numbers do not increase", str(known[:20])


@builtin("TW506")
def _untyped_responses_event(view: View) -> Violations:
    for event in view.events:
        if event.value and not event.type and not event.value.get("error"):
            yield "an event has no type", event.data


@builtin("TW510")
def _missing_arguments_delta(view: View) -> Violations:
    seen = {event.type for event in view.events}
    if "response.function_call_arguments.done" in seen and "response.function_call_arguments.delta" not in seen:
        yield "function_call_arguments.done comes without a delta", ""


@builtin("TW513")
def _missing_response_created(view: View) -> Violations:
    if view.events and view.answered and view.events[0].type != "response.created":
        yield f"the first event is {view.events[0].type or view.events[0].data[:40]!r}", view.events[0].data


@builtin("TW514")
def _untyped_error_event(view: View) -> Violations:
    for event in view.events:
        if event.value.get("error") and not event.type:
            yield "an error has no type", event.data


@builtin("TW515")
def _incomplete_response_object(view: View) -> Violations:
    whole = [("the response", view.whole)] if view.whole and view.answered else []
    events = [(event.type, event.value) for event in view.events if event.type in ("response.created", *TERMINAL)]
    events += [(event.type, event.value) for event in view.events if event.type == "response.in_progress"]
    for where, response in [*whole, *((kind, as_dict(value.get("response"))) for kind, value in events)]:
        fine = {
            "id": isinstance(response.get("id"), str) and response.get("id"),
            "object": response.get("object") == "response",
            "status": isinstance(response.get("status"), str),
            "output": isinstance(response.get("output"), list),
        }
        if names := wrong(fine):
            yield f"{where}: wrong or missing: {names}", json.dumps(response, ensure_ascii=False)


@builtin("TW518")
def _missing_content_part_added(view: View) -> Violations:
    added: set[object] = set()
    for event in view.events:
        place = (event.value.get("item_id"), event.value.get("content_index"))
        if event.type == "response.content_part.added":
            added.add(place)
        elif event.type == "response.output_text.delta" and place[1] is not None and place not in added:
            yield "a text delta has no content_part.added before it", event.data


_PLACES = {
    "response.output_text.delta": ("item_id", "output_index", "content_index"),
    "response.function_call_arguments.delta": ("item_id", "output_index"),
}


@builtin("TW519")
def _misplaced_delta(view: View) -> Violations:
    for detail, excerpt in view.repairs("misplaced-delta"):
        yield f"{detail} has the output_index of another item", excerpt
    for event in view.events:
        missing = [name for name in _PLACES.get(event.type, ()) if event.value.get(name) is None]
        if missing:
            yield f"{event.type} has no {' and no '.join(missing)}", event.data


@builtin("TW520")
def _status_contradicts_event(view: View) -> Violations:
    for event in view.events:
        status = as_dict(event.value.get("response")).get("status")
        if event.type in TERMINAL and isinstance(status, str) and event.type != f"response.{status}":
            yield f"{event.type} has a response with the status {status}", event.data
