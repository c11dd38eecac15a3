"""Wire APIs: read, assemble, write and translate. Pure: no I/O, standard library only.

Each API is a package here whose ``API`` is a :class:`WireApi`; its name appears only in ``ir.Api``.

The package is also mounted into the sandbox, where the built-in agent uses it.
May import: nothing else of toolworthy, nor any third-party package.
Does not belong here: judging what was read (`rules`).
"""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from toolworthy.wire.declaration import Route, WireApi
from toolworthy.wire.ir import APIS, Api, Request, Response

__all__ = ["WireApi", "api", "parse_body", "parse_request_bytes", "relatives", "route"]


@cache
def api(name: Api) -> WireApi:
    """One wire API."""
    declared: WireApi = import_module(f"toolworthy.wire.{name}").API
    return declared


def relatives(name: Api) -> tuple[Api, ...]:
    """The APIs that can serve an agent that speaks `name`, its own first."""
    return tuple(dict.fromkeys((name, *api(name).relatives, *APIS)))


def route(method: str, target: str, headers: Container[str] = ()) -> Route:
    """The operation and the wire API of an agent's request. A prefix of the path is ignored.

    Args:
        method: HTTP method.
        target: path with its query.
        headers: names of the request's headers, in lower case.
    """
    path = urlsplit(target).path.rstrip("/")
    known = sorted(
        (api(name) for name in APIS), key=lambda wire_api: not f"{path}/".startswith(f"{wire_api.models}/")
    )  # "/v1beta/models" is Gemini's only
    marked = [wire_api for wire_api in known if wire_api.mark in headers]
    for wire_api in (*marked, *known):
        if match := wire_api.asked(method, path):
            return match
    if method in ("GET", "HEAD") and path in ("", "/v1"):
        return Route("health", None)
    return Route("other", None)


def parse_request_bytes(name: Api, body: bytes, path: str = "") -> Request | None:
    """Parse a request body; None if it is not a JSON object. Never raises.

    Args:
        name: the API it is in.
        body: the received bytes.
        path: the request's path, which names the model in some APIs.
    """
    from toolworthy.wire.lenient import parse_json

    value: Any = parse_json(body)
    return api(name).parse_request(api(name).received(path, value)) if isinstance(value, dict) else None


def parse_body(name: Api, status: int, body: bytes, *, streamed: bool) -> Response:
    """Read a whole response body, streamed or not, error or not. Never raises."""
    from toolworthy.wire.assemble import assemble
    from toolworthy.wire.failure import parse_error
    from toolworthy.wire.lenient import parse_json
    from toolworthy.wire.sse import is_stream

    if status >= 400:
        return Response(failure=parse_error(status, body), complete=False)
    if streamed or is_stream(body):
        decoder = api(name).decoder()
        events = [*decoder.feed(body), *decoder.close()]
        return assemble(events, tuple(decoder.repairs))
    return api(name).parse_response(parse_json(body))
