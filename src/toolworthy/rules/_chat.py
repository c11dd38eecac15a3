"""Rules on the chunks of a Chat Completions stream."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict

from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View
from toolworthy.wire.failure import event_failure
from toolworthy.wire.lenient import as_dict, as_int, as_key, as_list


@builtin("TW308")
def _missing_finish_reason(view: View) -> Violations:
    if view.answered and view.response.complete and view.response.stop is None and view.response.parts:
        yield f"the {'stream' if view.events else 'response'} ends without a finish_reason", view.tail()


@builtin("TW309")
def _missing_finish_reason_key(view: View) -> Violations:
    for event, choice in view.choices:
        if "finish_reason" not in choice:
            yield "a choice does not have the key finish_reason", event.data
            return


@builtin("TW310")
def _missing_role(view: View) -> Violations:
    deltas = [as_dict(choice.get("delta")) for _, choice in view.choices]
    if deltas and not any(delta.get("role") for delta in deltas):
        yield "no chunk has a role", json.dumps(deltas[0], ensure_ascii=False)


@builtin("TW311")
def _missing_done_marker(view: View) -> Violations:
    if view.events and view.answered and view.response.stop is not None:
        for _ in view.repairs("no-done"):
            yield "the stream does not end with data: [DONE]", view.tail()


@builtin("TW312")
def _data_after_done(view: View) -> Violations:
    marks = [number for number, event in enumerate(view.events) if event.data.strip() == "[DONE]"]
    if marks and marks[0] < len(view.events) - 1:
        yield "an event follows [DONE]", view.events[marks[0] + 1].data
    elif marks and (rest := _STRAY.search(view.exchange.body.rpartition(b"[DONE]")[2])):
        yield "a line that is not an event follows [DONE]", rest.group().decode(errors="replace")


@builtin("TW313")
def _chunk_without_choices(view: View) -> Violations:
    for event in view.events:
        read = event.value or event.data.strip() == "{}"
        if read and not isinstance(event.value.get("choices"), list) and not event_failure(event.value):
            yield f"choices is {json.dumps(event.value.get('choices'))}", event.data


@builtin("TW314")
def _message_instead_of_delta(view: View) -> Violations:
    for _, excerpt in view.repairs("message-instead-of-delta"):
        yield "a choice has message instead of delta", excerpt


@builtin("TW315")
def _changing_response_id(view: View) -> Violations:
    ids: dict[object, int] = defaultdict(int)
    for event in view.events:
        if as_list(event.value.get("choices")) and event.value.get("id"):
            ids[as_key(event.value["id"])] += 1
    if len(ids) > 1:
        yield f"the chunks have {len(ids)} different ids", ", ".join(map(str, list(ids)[:4]))


@builtin("TW316")
def _content_after_finish_reason(view: View) -> Violations:
    finished: set[object] = set()
    for event, choice in view.choices:
        delta = as_dict(choice.get("delta"))
        if as_key(choice.get("index")) in finished and (delta.get("content") or delta.get("tool_calls")):
            yield "content follows the finish_reason", event.data
        if choice.get("finish_reason"):
            finished.add(as_key(choice.get("index")))


@builtin("TW317")
def _wrong_object_type(view: View) -> Violations:
    for event in view.events:
        object_type = event.value.get("object")
        if isinstance(event.value.get("choices"), list) and object_type != "chat.completion.chunk":
            yield _named(object_type, "object" in event.value, "a chunk"), event.data
    object_type = view.whole.get("object")
    if isinstance(view.whole.get("choices"), list) and object_type != "chat.completion":
        yield (
            _named(object_type, "object" in view.whole, "the response"),
            view.exchange.body[:300].decode(errors="replace"),
        )


@builtin("TW318")
def _missing_delta(view: View) -> Violations:
    for event, choice in view.choices:
        if not isinstance(choice.get("delta"), dict) and not isinstance(choice.get("message"), dict):
            yield f"delta is {json.dumps(choice['delta'])}" if "delta" in choice else "delta is missing", event.data


@builtin("TW319")
def _choices_share_index(view: View) -> Violations:
    if (as_int(view.asked.get("n")) or 1) > 1 and (violation := _merged(view)):
        yield violation


@builtin("TW320")
def _too_few_choices(view: View) -> Violations:
    wanted = as_int(view.asked.get("n")) or 1
    whole = [as_dict(choice) for choice in as_list(view.whole.get("choices"))]
    streamed = {as_key(choice.get("index")) for _, choice in view.choices}
    got = len(streamed) if view.events else len(whole)
    if view.answered and view.response.complete and 0 < got < wanted and not _merged(view):
        yield f"requested {wanted} choices, received {got}", view.tail()


@builtin("TW321")
def _invalid_role(view: View) -> Violations:
    for event, choice in view.choices:
        role = as_dict(choice.get("delta")).get("role")
        if role is not None and role != "assistant":
            yield f"the role is {json.dumps(role)}", event.data


@builtin("TW322")
def _empty_finish_reason(view: View) -> Violations:
    for event, choice in view.choices:
        if choice.get("finish_reason") == "":
            yield "finish_reason is an empty string", event.data
            return


@builtin("TW324")
def _repeated_text(view: View) -> Violations:
    texts: dict[object, str] = defaultdict(str)
    for event, choice in view.choices:
        text = as_dict(choice.get("delta")).get("content")
        if isinstance(text, str) and text:
            if len(text) >= _LONG and text == texts[as_key(choice.get("index"))]:
                yield "a delta repeats all text before it", event.data
            texts[as_key(choice.get("index"))] += text


@builtin("TW394")
def _repeated_finish_reason(view: View) -> Violations:
    reasons: dict[object, object] = {}
    several = (as_int(view.asked.get("n")) or 1) > 1
    for event, choice in view.choices:
        index, reason = as_key(choice.get("index")), choice.get("finish_reason")
        if reason and index in reasons and not (several and _merged(view)):
            yield f"a second finish_reason: {reasons[index]!r}, then {reason!r}", event.data
            return
        if reason:
            reasons[index] = reason


_LONG = 24
"""Characters of a text that no model repeats in a single delta by chance."""
_STRAY = re.compile(rb"^[^:\s][^\r\n]*", re.MULTILINE)
"""A line that is neither blank nor a comment."""


def _named(value: object, there: bool, subject: str) -> str:
    return f"object of {subject} is {json.dumps(value)}" if there else f"{subject} has no object"


def _merged(view: View) -> tuple[str, str] | None:
    """Where two choices share an index: twice in one response or chunk, or each with its own start and end. A repeated
    end alone is not a second choice."""
    wanted = as_int(view.asked.get("n")) or 1
    streamed = [(as_key(choice.get("index")), choice) for _, choice in view.choices]
    roles = Counter(index for index, choice in streamed if as_dict(choice.get("delta")).get("role"))
    ends = Counter(index for index, choice in streamed if choice.get("finish_reason"))
    for event in view.events:
        indices = [as_key(as_dict(choice).get("index")) for choice in as_list(event.value.get("choices"))]
        together = any(roles[index] == ends[index] == wanted for index in indices)
        if len(set(indices)) < len(indices) or (wanted > 1 and together):
            return f"more than one choice has the index {indices[0]}", event.data
    whole = [as_key(as_dict(choice).get("index")) for choice in as_list(view.whole.get("choices"))]
    if len(set(whole)) < len(whole):
        return f"more than one choice has the index {whole[0]}", json.dumps(whole)
    return None
