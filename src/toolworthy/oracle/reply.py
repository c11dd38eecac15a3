"""The oracle's answer as bytes: pure, so that it can be served, tested and spoilt."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolworthy import wire
from toolworthy.wire.assemble import disassemble
from toolworthy.wire.ir import Api, Event, Failure, PartDelta, Request, Response
from toolworthy.wire.lenient import dump_json, parse_json

if TYPE_CHECKING:
    from toolworthy.oracle.defects import Defect

JSON = "application/json"
STREAM = "text/event-stream"
_PIECE = 24
"""Characters of one delta, about what real servers send."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    content_type: str
    pieces: tuple[bytes, ...]
    """The body, as it is sent: for a stream an event each."""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces)


def reply(api: Api, body: bytes, answer: Callable[[Request], Response], defect: Defect | None = None) -> Reply:
    """What is sent back for a completion request.

    Args:
        api: the wire API asked in.
        body: the request as it came.
        answer: what to say.
        defect: how to spoil it; None for an answer as it should be.
    """
    value = parse_json(body)
    if not isinstance(value, dict):
        return error(api, 400, "the request body is no JSON object")
    request = wire.api(api).parse_request(value)
    if not request.messages:
        return error(api, 400, "the request has no messages")
    spoils = defect is not None and api in defect.apis
    if defect and spoils and (refusal := defect.refuses(value)):
        return refusal
    said = replace(answer(request), id=_id(api, body))
    if defect and spoils:
        said = defect.spoil_answer(said, request)
    if request.stream:
        made = Reply(200, STREAM, tuple(stream(api, said, request)))
    else:
        made = Reply(200, JSON, (dump_json(wire.api(api).render_response(said, request)).encode(),))
    return defect.spoil_reply(made) if defect and spoils else made


def stream(api: Api, answer: Response, request: Request) -> Iterator[bytes]:
    """The answer as events, in pieces of a few characters, as a model would say it."""
    encoder = wire.api(api).Encoder(request)
    for event in itertools.chain.from_iterable(map(_pieces, disassemble(answer))):
        if data := encoder.encode(event):
            yield data


def error(api: Api, status: int, message: str) -> Reply:
    """An error in the API's own envelope."""
    value = wire.api(api).render_error(Failure(message, "invalid_request_error", status=status))
    return Reply(status, JSON, (dump_json(value).encode(),))


def _pieces(event: Event) -> Iterator[Event]:
    if not isinstance(event, PartDelta):
        yield event
        return
    for start in range(0, len(event.text), _PIECE):
        yield PartDelta(event.index, event.text[start : start + _PIECE])


def _id(api: Api, body: bytes) -> str:
    prefix = {"chat": "chatcmpl-", "messages": "msg_", "responses": "resp_"}[api]
    return prefix + hashlib.sha256(body).hexdigest()[:24]
