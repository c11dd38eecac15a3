"""Translate requests from an agent's wire API to the endpoint's, and responses back. Pure, streamed or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from toolworthy import wire
from toolworthy.wire.assemble import disassemble
from toolworthy.wire.failure import parse_error
from toolworthy.wire.ir import PLAIN, Api, Dialect, Event, Rendered, Repair, Request, Response
from toolworthy.wire.lenient import dump_json, parse_json


def translate_request(
    agent: Api, endpoint: Api, body: Mapping[str, Any], dialect: Dialect = PLAIN
) -> tuple[Request, Rendered]:
    """The agent's request in the neutral form, and the request for the endpoint."""
    request: Request = wire.api(agent).parse_request(body)
    rendered: Rendered = wire.api(endpoint).render_request(request, dialect)
    return request, rendered


Edit = Callable[[Event], Iterable[Event]]
"""The events to write in place of an event."""


def _unchanged(event: Event) -> Iterable[Event]:
    return (event,)


class ResponseTranslator:
    """Turns an endpoint's event stream into the agent's, as it comes.

    An endpoint that answers plain JSON although a stream was asked for is understood, too.
    """

    def __init__(self, agent: Api, endpoint: Api, request: Request) -> None:
        self.edit: Edit = _unchanged
        self._endpoint = endpoint
        self._decoder = wire.api(endpoint).decoder()
        self._encoder = wire.api(agent).encoder(request)
        self._head = b""
        self._is_json: bool | None = None

    def feed(self, data: bytes) -> bytes:
        """The agent's bytes for some more of the endpoint's."""
        if self._is_json is None:
            self._head += data
            begun = self._head.lstrip(b" \t\r\n\xef\xbb\xbf")
            if not begun:
                return b""
            self._is_json = begun[:1] in (b"{", b"[")
            data, self._head = (b"", self._head) if self._is_json else (self._head, b"")
        elif self._is_json:
            self._head += data
            return b""
        return self._encode(self._decoder.feed(data))

    def close(self) -> bytes:
        """The agent's last bytes."""
        if self._is_json:
            response: Response = wire.api(self._endpoint).parse_response(parse_json(self._head))
            return self._encode(disassemble(response))
        return self._encode(self._decoder.close())

    def _encode(self, events: Any) -> bytes:
        return b"".join(self._encoder.encode(made) for event in events for made in self.edit(event))

    @property
    def repairs(self) -> list[Repair]:
        """What the decoder repaired so far; the list grows."""
        return self._decoder.repairs


def translate_response(agent: Api, endpoint: Api, request: Request, status: int, body: bytes) -> bytes:
    """A whole answer in the agent's API, whether the endpoint streamed it or not."""
    response = wire.parse_body(endpoint, status, body, streamed=False)
    if response.failure is not None:
        return dump_json(wire.api(agent).render_error(response.failure)).encode()
    return dump_json(wire.api(agent).render_response(response, request)).encode()


def translate_error(agent: Api, status: int, body: bytes) -> bytes:
    """An error body in the agent's envelope, the endpoint's own words in it."""
    return dump_json(wire.api(agent).render_error(parse_error(status, body))).encode()
