"""The three wire APIs: reading, assembling and writing them. Pure: no I/O, standard library only.

The package is also mounted into the sandbox, where the built-in agent uses it; it must not import anything else of
toolworthy, nor any third-party package.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from toolworthy.wire.ir import Api, Request, Response


def api(name: Api) -> ModuleType:
    """The module of one wire API: ``chat``, ``messages`` or ``responses``; all three have the same members."""
    from toolworthy.wire import chat, messages, responses

    return {"chat": chat, "messages": messages, "responses": responses}[name]


def parse_request_bytes(name: Api, body: bytes) -> Request | None:
    """Read a request body; None where it is no JSON object. Never raises."""
    from toolworthy.wire.lenient import parse_json

    value: Any = parse_json(body)
    result: Request | None = api(name).parse_request(value) if isinstance(value, dict) else None
    return result


def parse_body(name: Api, status: int, body: bytes, *, streamed: bool) -> Response:
    """Read a whole response body, streamed or not, error or not. Never raises."""
    from toolworthy.wire.assemble import assemble
    from toolworthy.wire.lenient import parse_json

    module = api(name)
    if status >= 400:
        return Response(failure=module.parse_error(status, body), complete=False)
    if streamed or body.lstrip()[:6] in (b"data: ", b"event:"):
        decoder = module.Decoder()
        events = [*decoder.feed(body), *decoder.close()]
        return assemble(events, tuple(decoder.repairs))
    response: Response = module.parse_response(parse_json(body))
    return response
