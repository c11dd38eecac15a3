"""Rules on HTTP and SSE: status, headers, framing, errors, silence."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

from toolworthy import wire
from toolworthy.rules._responses import items_done
from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.refusal import classify
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, parse_json

_LIMIT = re.compile(
    r"context.?(?:length|window|size|limit|overflow)"
    r"|\b(?:prompt|input|request|messages?)\b[^.]{0,40} too (?:long|large)"
    r"|longer than the (?:maximum )?model|token (?:count|limit)|(?:prompt|input) (?:length|exceeds)|reduce the length",
    re.IGNORECASE,
)
"""Servers' errors for a conversation that is too long for the model."""


@builtin("TW601")
def _truncated_response(view: View) -> Violations:
    response = view.response
    only_last = items_done(view)  # TW501 names the one event that is missing
    ended = view.exchange.status is not None and view.exchange.error is None and response.failure is None
    cut_off = ended and not only_last and not response.complete and response.stop is None
    if cut_off and view.exchange.body and _read_something(view):
        yield "the response stops before its end", view.tail()
    if view.exchange.error and view.exchange.error.kind == "broken off":
        yield str(view.exchange.error), view.tail()


@builtin("TW602")
def _error_in_success_response(view: View) -> Violations:
    failure, status, own = view.response.failure, view.exchange.status, wire.api(view.api) if view.api else None
    if own and own.overflow_streamed and failure and failure.code == own.overflow_code and view.exchange.streamed:
        return  # as the API's vendor sends it
    if failure and status is not None and status < 400 and view.exchange.body.strip():
        yield f"HTTP {status}, but the body is an error: {failure.message[:200]}", view.tail()


@builtin("TW603")
def _invalid_json(view: View) -> Violations:
    for detail, excerpt in view.repairs("bad-json"):
        yield "an event is not a JSON object", excerpt or detail
    body = view.exchange.body
    if _whole_expected(view) and body.strip() and not isinstance(parse_json(body), dict):
        yield "the response is not a JSON object", body[:300].decode(errors="replace")


@builtin("TW604")
def _empty_response(view: View) -> Violations:
    if view.exchange.error is None and view.exchange.status == 200:
        if not view.exchange.body.strip():
            yield "the body is empty", ""
        elif view.exchange.streamed and not view.events:
            yield "the stream has no events", view.tail()


@builtin("TW605")
def _stream_flag_ignored(view: View) -> Violations:
    there = view.answered and view.knows_request and view.exchange.body
    if there and bool(view.asked.get("stream")) != view.exchange.streamed:
        requested, received = (
            ("a stream", "one JSON body") if view.asked.get("stream") else ("one JSON body", "a stream")
        )
        yield f"requested {requested}, received {received}", view.exchange.body[:200].decode(errors="replace")


@builtin("TW606")
def _wrong_content_type(view: View) -> Violations:
    if not view.answered or not view.exchange.body:
        return
    declared = view.exchange.response_headers.get("content-type", "")
    wanted = "text/event-stream" if view.exchange.streamed else "application/json"
    if wanted not in declared:
        yield f"content-type is {declared or 'missing'}, but the body is {wanted}", ""


@builtin("TW607")
def _malformed_sse(view: View) -> Violations:
    if not view.exchange.streamed:
        return
    for detail, _ in view.repairs("unknown-sse-field"):
        yield f"a line begins with {detail!r}", detail
    for _ in view.repairs("no-final-blank-line"):
        yield "the last event does not end with a blank line", view.tail()
    if view.exchange.body.startswith(b"\xef\xbb\xbf"):
        yield "the stream begins with a byte order mark", ""
    for event in view.events:
        if "\n" in event.data:
            yield "the JSON of an event is spread over several data lines", event.data


@builtin("TW608")
def _missing_error_message(view: View) -> Violations:
    if view.exchange.status is None or view.exchange.status < 400:
        return
    value = parse_json(view.exchange.body)
    error = value.get("error") if isinstance(value, dict) else None
    if not (isinstance(error, dict) and isinstance(error.get("message"), str) and error["message"]):
        yield f"HTTP {view.exchange.status}: the body has no error.message", view.tail()


@builtin("TW609")
def _request_refused(view: View) -> Violations:
    if view.exchange.status in (400, 422) and view.knows_request and not _LIMIT.search(_message(view)):
        yield f"HTTP {view.exchange.status}: {_message(view)[:200]}", view.tail()


@builtin("TW610")
def _server_error(view: View) -> Violations:
    if view.exchange.status is not None and view.exchange.status >= 500:
        yield f"HTTP {view.exchange.status}: {_message(view)[:200]}", view.tail()


@builtin("TW611")
def _missing_retry_after(view: View) -> Violations:
    exchange = view.exchange
    if exchange.status != 429 or {"retry-after", "retry-after-ms"} & set(exchange.response_headers):
        return
    refusal = classify(exchange.status, exchange.response_headers, exchange.body)
    if refusal and refusal.kind == "rate limited":
        yield "HTTP 429 without a Retry-After header", ""


@builtin("TW612")
def _long_silence(view: View) -> Violations:
    times = [0.0, *(chunk.at for chunk in view.exchange.chunks)]
    longest = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
    if longest >= SILENCE:
        yield f"no bytes for {longest:.0f} s", ""


@builtin("TW613")
def _missing_space_after_colon(view: View) -> Violations:
    if view.exchange.streamed and (match := _TIGHT.search(view.exchange.body)):
        yield f"no space after {match[1].decode()}:", match.group().decode(errors="replace")


@builtin("TW614")
def _undeclared_compression(view: View) -> Violations:
    body, coding = view.exchange.body, view.exchange.response_headers.get("content-encoding", "")
    if body.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")) and coding in ("", "identity"):
        yield "the body is compressed, but there is no content-encoding header", body[:16].hex()


@builtin("TW615")
def _fractional_timestamp(view: View) -> Violations:
    for name, value, written in _timestamps(view):
        if isinstance(value, float):
            yield f"{name} is {json.dumps(value)[:40]}", written


@builtin("TW616")
def _timestamp_not_a_number(view: View) -> Violations:
    for name, value, written in _timestamps(view):
        if (isinstance(value, bool) or not isinstance(value, (int, float))) and (value, name) != (None, "completed_at"):
            yield f"{name} is {json.dumps(value)[:40]}", written


def _timestamps(view: View) -> Iterator[tuple[str, object, str]]:
    """Name and value of each timestamp, and the bytes that contain it."""
    for value, written in [(event.value, event.data) for event in view.events] or [(view.whole, view.tail())]:
        for holder in (value, as_dict(value.get("response"))):
            for name in ("created", "created_at", "completed_at"):
                if name in holder:
                    yield name, holder[name], written


@builtin("TW694")
def _late_end(view: View) -> Violations:
    exchange = view.exchange
    if not view.answered or exchange.status is None or view.api is None or (last_word := _said_all(view)) is None:
        return
    times = [chunk.at for chunk in exchange.chunks if chunk.at <= last_word]
    pace = max((b - a for a, b in itertools.pairwise(times)), default=0.0)
    late = exchange.seconds - last_word
    if late >= LATE and late > _SLOWER * pace:
        yield f"the response ends {late:.0f} s after its last content", view.tail()


def _said_all(view: View) -> float | None:
    """The time at which all content of a response had arrived; None if unknown."""
    chunks, size = view.exchange.chunks, 0
    if not chunks:
        return None
    body = view.exchange.body if view.exchange.streamed else b""
    ends = [match.end() for match in _LAST_ITEM.finditer(body)] or [match.end() for match in _STOPS.finditer(body)]
    if not ends:
        return chunks[-1].at if view.response.complete or view.whole else None
    for chunk in chunks:
        size += len(chunk.data)
        if size >= ends[-1]:
            return chunk.at
    return None


@builtin("TW695")
def _unusual_keep_alive(view: View) -> Violations:
    if not (view.events and view.answered):
        return
    for block in _BLANK.split(view.exchange.body.removeprefix(b"\xef\xbb\xbf")):
        lines = [line for line in _LINE.split(block) if line.strip()]
        fields = [line for line in lines if not line.startswith(b":")]
        data = [line for line in fields if line.startswith(b"data")]
        shown = block.decode(errors="replace")
        if fields and not data and all(map(_FIELD.match, fields)):
            yield f"an event has {fields[0].partition(b':')[0].decode()} and no data", shown
        elif data and all(map(_NO_DATA.match, data)):
            yield "an event has empty data", shown
        elif data and len(fields) < len(lines):
            yield "a comment is inside an event, without a blank line", shown
    if _ONLY_CR.search(view.exchange.body):
        yield "lines end with a carriage return alone", ""


LATE = 3.0
"""Seconds that the end of a stream may take."""
_SLOWER = 3
"""Factor by which this must exceed the longest earlier pause."""
_LAST_ITEM = re.compile(rb'"type"\s*:\s*"response\.output_item\.done"')
_STOPS = re.compile(rb'"(?:finish_reason|finishReason|stop_reason)"\s*:\s*"|"type"\s*:\s*"response\.completed"')
_LINE = re.compile(rb"\r\n|\r|\n")
_BLANK = re.compile(rb"(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r(?!\n)|\n)+")
_FIELD = re.compile(rb"(?:event|id|retry)(?::|\Z)")
_NO_DATA = re.compile(rb"data:?[ \t]*\Z")
_ONLY_CR = re.compile(rb"\r(?!\n|\Z)")
_TIGHT = re.compile(rb"^(data|event):[^\s][^\r\n]{0,300}", re.MULTILINE)
SILENCE = 60.0


def _message(view: View) -> str:
    return view.response.failure.message if view.response.failure else ""


def _whole_expected(view: View) -> bool:
    return view.exchange.status == 200 and not view.exchange.streamed and not view.asked.get("stream")


def _read_something(view: View) -> bool:
    """Whether any part of it could be parsed; garbage has its own rule."""
    return bool(view.events and any(event.value for event in view.events)) or bool(json.dumps(dict(view.whole)) != "{}")
