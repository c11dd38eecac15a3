"""The reference server's response as bytes. Pure, so that it can be served, tested and changed by defects."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from toolworthy import wire
from toolworthy.reference._limits import CONTEXT, overflow, refusal
from toolworthy.reference.defects import Defect
from toolworthy.reference.model import JSON, STREAM, Reply
from toolworthy.wire import ir
from toolworthy.wire.assemble import disassemble
from toolworthy.wire.lenient import as_dict, as_int, as_list, dump_json, parse_json
from toolworthy.wire.sse import events, format_event

_MOST = 16
"""The most choices of one response."""
_ERROR = 400
_PIECE = 24
"""Characters of one delta, about what real servers send."""


Answering = Callable[[ir.Request], ir.Response]
"""Returns the content of the response to a request."""


def reply(api: ir.Api, body: bytes, answer: Answering, defects: Sequence[Defect] = ()) -> Reply:
    """The response to a completion request, as bytes.

    Args:
        api: the wire API of the request.
        body: the request's JSON.
        answer: returns the content.
        defects: applied in order; none for a correct response.
    """
    made = _reply(api, body, answer, defects)
    for defect in defects if made.status >= _ERROR else ():
        made = defect.spoil_error(made) if api in defect.apis else made
    return made


def _reply(api: ir.Api, body: bytes, answer: Answering, defects: Sequence[Defect]) -> Reply:
    value = parse_json(body)
    if not isinstance(value, dict):
        return error(api, ir.Failure("the request body is not a JSON object", "invalid_request_error", status=400))
    spoiling = [defect for defect in defects if api in defect.apis]
    for defect in spoiling:
        value = defect.assumes(value)
    defects = [defect for defect in spoiling if defect.concerns(value)]
    for defect in defects:
        if refused := defect.refuses(value):
            return refused
    for defect in defects:
        value = defect.hears(value)
    request = wire.api(api).parse_request(value)
    for defect in defects:
        request = defect.understands(request)
    if wrong := refusal(api, value, request):
        return _refused(api, wrong, request)
    response = replace(answer(request), id=_id(api, body))
    response = replace(response, parts=_signed(api, response.parts))
    for defect in spoiling:
        response = defect.spoil_answer(response, request, shows=defect in defects)
    if request.stream:
        made = Reply(200, STREAM, tuple(stream(api, response, request)))
    else:
        made = Reply(200, JSON, (dump_json(wire.api(api).render_response(response, request)).encode(),))
    if (count := as_int(value.get(wire.api(api).several)) or 1) > 1:
        made = _several(made, min(count, _MOST))
    for defect in defects:
        made = defect.spoil_reply(made)
    return made


def stream(api: ir.Api, answer: ir.Response, request: ir.Request) -> Iterator[bytes]:
    """The response as events, in pieces of a few characters, as from a model. A response with a failure breaks off."""
    encoder = wire.api(api).encoder(request)
    first, *rest = disassemble(replace(answer, failure=None))
    if isinstance(first, ir.Started) and answer.usage:
        first = replace(first, usage=replace(answer.usage, output=None))
    events = list(itertools.chain.from_iterable(map(_pieces, [first, *rest])))
    if answer.failure:
        events = [*events[: len(events) * 6 // 10], ir.Failed(answer.failure), ir.Ended(clean=False)]
    for event in events:
        if data := encoder.encode(event):
            yield data


def error(api: ir.Api, failure: ir.Failure, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """An error in the API's own envelope; `failure` has its status."""
    value = wire.api(api).render_error(failure)
    return Reply(failure.status or 400, JSON, (dump_json(value).encode(),), headers=headers)


def overflown(api: ir.Api, body: bytes) -> Reply:
    """The error for a conversation that exceeds the context window, in the words of the API's vendor."""
    return _refused(api, overflow(api, CONTEXT + 1), wire.api(api).parse_request(as_dict(parse_json(body))))


def _refused(api: ir.Api, failure: ir.Failure, request: ir.Request) -> Reply:
    """An error; in a stream if requested and the API's vendor does so."""
    own = wire.api(api)
    if not (request.stream and own.overflow_streamed and failure.code == own.overflow_code):
        return error(api, failure)
    encoder = own.encoder(request)
    events: tuple[ir.Event, ...] = (ir.Started(_id(api, b""), request.model), ir.Failed(failure), ir.Ended(clean=False))
    return Reply(200, STREAM, tuple(filter(None, (encoder.encode(event) for event in events))))


def _signed(api: ir.Api, parts: Sequence[ir.Part]) -> tuple[ir.Part, ...]:
    """Reasoning in the API's own form, signed as by its vendor: on the reasoning, or on the part after it."""
    form = wire.api(api).reasoning
    if form is None or not wire.api(api).signs_calls:
        return tuple(_marked(form, part) if isinstance(part, ir.Thinking) and form else part for part in parts)
    thought = [replace(part, form=form, signature=None) for part in parts if isinstance(part, ir.Thinking)]
    rest = [part for part in parts if not isinstance(part, ir.Thinking)]
    at = next((number for number, part in enumerate(rest) if isinstance(part, ir.ToolCall)), len(rest))
    if not thought and at == len(rest):
        return tuple(rest)
    call = rest[at] if at < len(rest) else None
    mark = ir.Thinking("", form, _mark(str(rest)), call.id if isinstance(call, ir.ToolCall) else None)
    return (*thought, *rest[:at], mark, *rest[at:])


def _marked(form: ir.ReasoningForm, part: ir.Thinking) -> ir.Thinking:
    mark = _mark(part.text)
    return ir.Thinking(part.text, form, mark, f"rs_{mark[-24:]}")


def _mark(text: str) -> str:
    """A signature, which may have to be base64."""
    return "oracle" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() + "00"


def _several(made: Reply, count: int) -> Reply:
    """The response `count` times, for chat's ``n``."""

    def grown(value: Any) -> list[Any]:
        choices = as_list(as_dict(value).get("choices"))
        return [{**value, "choices": [{**choice, "index": i}]} for i in range(count) for choice in choices] or [value]

    if made.content_type != STREAM:
        value = as_dict(parse_json(made.body))
        choices = [choice for each in grown(value) for choice in each["choices"]]
        return replace(made, pieces=(dump_json({**value, "choices": choices}).encode(),))
    pieces = [
        format_event(data)
        for event in events(made.body)
        for data in ([event.data] if event.data == "[DONE]" else map(dump_json, grown(parse_json(event.data))))
    ]
    return replace(made, pieces=tuple(pieces))


def _pieces(event: ir.Event) -> Iterator[ir.Event]:
    if not isinstance(event, ir.PartDelta):
        yield event
        return
    for start in range(0, len(event.text), _PIECE):
        yield ir.PartDelta(event.index, event.text[start : start + _PIECE])


def _id(api: ir.Api, body: bytes) -> str:
    return wire.api(api).id_prefix + hashlib.sha256(body).hexdigest()[:24]
