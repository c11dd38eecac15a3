"""The wire APIs: reading, assembling and writing them. Pure: no I/O, standard library only.

The package is also mounted into the sandbox, where the built-in agent uses it.
May import: nothing else of toolworthy, nor any third-party package.
Does not belong here: judging what was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from toolworthy.wire.ir import PLAIN, Api, Dialect, Event, Failure, Rendered, Repair, Request, Response


class Decoder(Protocol):
    """Reads an event stream, cut anywhere, into events; the last of ``close`` is ``Ended``. Never raises."""

    repairs: list[Repair]

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""

    def close(self) -> list[Event]:
        """The last events."""


class Encoder(Protocol):
    """Writes events as one API's event stream."""

    def encode(self, event: Event) -> bytes:
        """The bytes of one event."""


class WireApi(Protocol):
    """What the module of every wire API has."""

    COMPLETION_PATH: str
    Decoder: type[Decoder]

    def Encoder(self, request: Request) -> Encoder:
        """An encoder for the answer to `request`."""

    def parse_request(self, body: Mapping[str, Any]) -> Request:
        """Read a request's JSON. Never raises."""

    def render_request(self, request: Request, dialect: Dialect = PLAIN) -> Rendered:
        """Write a request in a provider's dialect."""

    def parse_response(self, body: Any) -> Response:
        """Read a whole answer's JSON. Never raises."""

    def render_response(self, response: Response, request: Request) -> dict[str, Any]:
        """Write a whole answer to `request`."""

    def parse_error(self, status: int, body: bytes) -> Failure:
        """Read an error body of any shape."""

    def render_error(self, failure: Failure) -> dict[str, Any]:
        """Write an error body in this API's envelope."""


def api(name: Api) -> WireApi:
    """The module of one wire API."""
    module: WireApi = import_module(f"toolworthy.wire.{name}")
    return module


def parse_request_bytes(name: Api, body: bytes) -> Request | None:
    """Read a request body; None where it is no JSON object. Never raises."""
    from toolworthy.wire.lenient import parse_json

    value: Any = parse_json(body)
    return api(name).parse_request(value) if isinstance(value, dict) else None


def parse_body(name: Api, status: int, body: bytes, *, streamed: bool) -> Response:
    """Read a whole response body, streamed or not, error or not. Never raises."""
    from toolworthy.wire.assemble import assemble
    from toolworthy.wire.lenient import parse_json
    from toolworthy.wire.sse import is_stream

    module = api(name)
    if status >= 400:
        return Response(failure=module.parse_error(status, body), complete=False)
    if streamed or is_stream(body):
        decoder = module.Decoder()
        events = [*decoder.feed(body), *decoder.close()]
        return assemble(events, tuple(decoder.repairs))
    return module.parse_response(parse_json(body))
