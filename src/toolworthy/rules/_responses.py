"""Rules over the events of an OpenAI Responses stream, and the response objects in them."""

from __future__ import annotations

import itertools
import json
from functools import partial

from toolworthy.rules import model
from toolworthy.rules.model import Violations
from toolworthy.rules.view import View, wrong
from toolworthy.wire.lenient import as_dict, as_int

rule = partial(model.rule, area="Responses streams")

_SPEC = "https://platform.openai.com/docs/api-reference/responses-streaming"
TERMINAL = ("response.completed", "response.incomplete", "response.failed")
"""Types of the events that end a stream."""


def items_done(view: View) -> bool:
    """Whether some items came and all of them came to their end: a stream that stops then lacks its last event only."""
    added, done = (
        {event.value.get("output_index") for event in view.events if event.type == f"response.output_item.{kind}"}
        for kind in ("added", "done")
    )
    return bool(done) and added <= done


@rule(
    "TW501",
    "no terminal event",
    "degrades",
    source=_SPEC,
    right="The last event is response.completed, response.incomplete or response.failed, with the whole response in "
    "it.",
)
def no_terminal(view: View) -> Violations:
    """None of response.completed, .incomplete, .failed comes. Codex says "stream disconnected" and asks again."""
    if view.events and view.exchange.error is None and view.response.failure is None and items_done(view):
        for _ in view.repairs("no-terminal-event"):
            yield "the stream ends without response.completed", view.tail()


@rule(
    "TW502",
    "item never announced",
    "degrades",
    source=_SPEC,
    right="Before its first delta an item is announced: response.output_item.added, with its type, its id and the "
    "output_index that the deltas have.",
    follows=("TW519",),
)
def not_added(view: View) -> Violations:
    """Deltas come for an item that no output_item.added opened; typed clients fail on them."""
    for detail, excerpt in view.repairs("missing-item-added"):
        yield f"{detail} without output_item.added", excerpt


@rule(
    "TW505",
    "sequence numbers",
    "cosmetic",
    source=_SPEC,
    right='Each event has a number higher than the one before: "sequence_number": 0, then 1, then 2.',
)
def sequence(view: View) -> Violations:
    """Every event carries a ``sequence_number``, and they rise."""
    numbers = [as_int(event.value.get("sequence_number")) for event in view.events if event.type]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        yield "events without a sequence_number", ""
    elif any(b <= a for a, b in itertools.pairwise(known)):
        yield "sequence numbers do not rise", str(known[:20])


@rule(
    "TW506",
    "event without a type",
    "degrades",
    source="pjq/sap-ai-core-llm-proxy#35",
    right='The JSON of each event has its type, and a response stands in a field of it: {"type": "response.created", '
    '"response": {…}, "sequence_number": 0}.',
)
def untyped(view: View) -> Violations:
    """An event's JSON lacks ``type``, or the response object stands there bare; clients skip it."""
    for event in view.events:
        if event.value and not event.type and not event.value.get("error"):
            yield "an event has no type", event.data


@rule(
    "TW507",
    "done differs from the deltas",
    "blocks",
    source=_SPEC,
    right="output_item.done says what the deltas of its item, joined, said: the same text, the same arguments, letter "
    "for letter.",
)
def differs(view: View) -> Violations:
    """What the final event of an item says is not what its deltas say; clients run one or the other."""
    for detail, excerpt in view.repairs("done-differs-from-deltas"):
        yield f"the {detail} item's deltas say something else than its end", excerpt


@rule(
    "TW510",
    "arguments without deltas",
    "cosmetic",
    source="lidge-jun/opencodex#4652",
    right="The arguments come in response.function_call_arguments.delta, in one piece or many, before "
    "response.function_call_arguments.done repeats them.",
)
def no_deltas(view: View) -> Violations:
    """The arguments of a call come at its end only. Legal, and translators that read deltas lose them."""
    seen = {event.type for event in view.events}
    if "response.function_call_arguments.done" in seen and "response.function_call_arguments.delta" not in seen:
        yield "function_call_arguments.done without a delta", ""


@rule(
    "TW513",
    "stream begins otherwise",
    "degrades",
    source=_SPEC,
    right='The first event is {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_a1", '
    '"status": "in_progress", …}}.',
    follows=("TW506",),
)
def first_event(view: View) -> Violations:
    """The first event is response.created, with the response's id."""
    if view.events and view.answered and view.events[0].type != "response.created":
        yield f"the first event is {view.events[0].type or view.events[0].data[:40]!r}", view.events[0].data


@rule(
    "TW514",
    "error event without its type",
    "blocks",
    source="anomalyco/opencode#18897",
    right='An error in a stream is {"type": "error", "code": "server_error", "message": "…", "param": null, '
    '"sequence_number": 7}, or response.failed.',
    situation="refused-request",
)
def bare_error(view: View) -> Violations:
    """An error inside the stream stands there as another API writes it, without ``type: error``. Typed clients fail to
    read it, and do not see that they may try again."""
    for event in view.events:
        if event.value.get("error") and not event.type:
            yield "an error has no type", event.data


@rule(
    "TW515",
    "response without its fields",
    "degrades",
    source="diegosouzapw/OmniRoute#13956",
    right='Each response object, whole or in an event, has "id": "resp_a1", "object": "response", "status": '
    '"in_progress" (later how it ended) and "output": […].',
)
def fields(view: View) -> Violations:
    """A response object carries ``id``, ``object: response``, ``status`` and ``output``, in its first events, too;
    typed clients fail without."""
    whole = [("the answer", view.whole)] if view.whole and view.answered else []
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


@rule(
    "TW518",
    "content part never announced",
    "degrades",
    source="Wei-Shaw/sub2api#2875",
    right="Before its first text a part is announced: response.content_part.added, with the item_id and content_index "
    "that the deltas have.",
)
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


@rule(
    "TW519",
    "delta without its place",
    "degrades",
    source="Oaklight/llm-rosetta#56",
    right='Each delta says where it belongs: "item_id": "msg_a1", "output_index": 0, and of a text "content_index": 0.',
)
def no_place(view: View) -> Violations:
    """A delta says by ``item_id``, ``output_index`` and, of a text, ``content_index`` what it belongs to. OpenAI's own
    client looks the item up by them and fails without; under another item's index it puts the text there."""
    for detail, excerpt in view.repairs("misplaced-delta"):
        yield f"{detail} has an output_index that is not its item's", excerpt
    for event in view.events:
        missing = [name for name in _PLACES.get(event.type, ()) if event.value.get(name) is None]
        if missing:
            yield f"{event.type} lacks {' and '.join(missing)}", event.data


@rule(
    "TW520",
    "status denies the last event",
    "degrades",
    source="vllm-project/agentic-api#273",
    right='The last event is named after the status in it: response.completed has "status": "completed", '
    'response.incomplete "incomplete", response.failed "failed".',
)
def contradiction(view: View) -> Violations:
    """response.completed holds a response whose status is incomplete, or the like. Clients go by one or the other;
    those that go by the event take an answer that was cut for a whole one."""
    for event in view.events:
        status = as_dict(event.value.get("response")).get("status")
        if event.type in TERMINAL and isinstance(status, str) and event.type != f"response.{status}":
            yield f"{event.type} holds a response that is {status}", event.data
