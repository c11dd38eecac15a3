"""Prepare one request for the endpoint: passed through unchanged, or translated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toolworthy import wire
from toolworthy.base.packing import unpack
from toolworthy.endpoint.target import Endpoint
from toolworthy.wire.declaration import KEY_HEADERS, Operation, Route
from toolworthy.wire.ir import Api, Request
from toolworthy.wire.lenient import as_dict, as_list, dump_json, parse_json
from toolworthy.wire.translate import translate_request

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
MAX_UNPACKED = 64 * 2**20
"""Bytes up to which a request is unpacked."""
_REPLACED = HOP_BY_HOP | KEY_HEADERS | {"host", "content-length", "accept-encoding", "cookie"}


@dataclass(frozen=True)
class Upstream:
    """The request to the endpoint."""

    api: Api
    url: str
    headers: dict[str, str]
    body: bytes
    request: Request | None = None
    """The agent's parsed request; only if it is translated."""
    losses: tuple[str, ...] = ()

    @property
    def translated(self) -> bool:
        """Whether agent and endpoint speak different APIs."""
        return self.request is not None


def plan(
    endpoint: Endpoint,
    route: Route,
    path: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    repaired: bytes | None = None,
) -> Upstream:
    """Address and form of the request to the endpoint.

    Args:
        endpoint: the endpoint.
        route: the agent's route.
        path: the agent's path with its query.
        headers: the agent's.
        body: as it came, maybe packed.
        repaired: its content with repairs; None if none is repaired.

    Raises:
        ValueError: it must be translated, and cannot be.
    """
    assert route.api is not None
    assert route.kind != "health"
    assert route.kind != "other"
    headers = tuple(headers)
    operation: Operation = "model" if route.kind == "models" and route.model else route.kind
    plain = unpacked(headers, body)
    content = plain if repaired is None else repaired
    api = route.api if route.api in endpoint.base_urls else next(iter(endpoint.base_urls))
    if route.kind == "completion":
        api = endpoint.api_for(route.api)
    if api == route.api:
        url = endpoint.url(api, operation, route.model or "", stream=bool(route.stream))
        kept = {name.lower(): value for name, value in headers if name.lower() not in _REPLACED}
        query = "&".join(each for each in path.partition("?")[2].split("&") if not each.startswith("key="))
        full = f"{url}{'&' if '?' in url else '?'}{query}" if query else url
        made = _filled(endpoint, api, route, content)
        if made == plain:
            made = body
        else:
            kept.pop("content-encoding", None)
        return Upstream(api, full, {**kept, **_auth(endpoint, api)}, made)
    fresh = {"content-type": "application/json", "accept": "text/event-stream, application/json"}
    if route.kind != "completion":
        return Upstream(api, endpoint.url(api, operation, route.model or ""), {**fresh, **_auth(endpoint, api)}, b"")
    value = parse_json(content)
    if not isinstance(value, dict):
        raise ValueError("the request body is not a JSON object")
    if _refers_to_stored(value):
        raise ValueError("a stored conversation cannot be translated. Send all of it instead of ids.")
    normal_body = wire.api(route.api).received(path, value)
    request, rendered = translate_request(route.api, api, normal_body, endpoint.dialect)
    url, sent = endpoint.sent(api, rendered.body)
    made = dump_json(sent).encode()
    return Upstream(api, url, {**fresh, **_auth(endpoint, api)}, made, request, rendered.losses)


def unpacked(headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """The body without the content coding that its header names, such as Codex's zstd."""
    coding = next((value for name, value in headers if name.lower() == "content-encoding"), "")
    packed = unpack(body, coding, MAX_UNPACKED) if coding else None
    return packed.data if packed else body


def _refers_to_stored(value: Mapping[str, Any]) -> bool:
    """Whether a request of the Responses API names what the endpoint has stored."""
    named = value.get("previous_response_id") or value.get("conversation")
    return bool(named) or any(as_dict(item).get("type") == "item_reference" for item in as_list(value.get("input")))


def _filled(endpoint: Endpoint, api: Api, route: Route, body: bytes) -> bytes:
    """The body, byte for byte, unless configured fields are added."""
    if route.kind != "completion" or not endpoint.extra_body.get(api):
        return body
    value = parse_json(body)
    return dump_json(endpoint.filled(api, value)).encode() if isinstance(value, dict) else body


def _auth(endpoint: Endpoint, api: Api) -> dict[str, str]:
    return {"accept-encoding": "identity", **endpoint.headers(api)}
