"""Collect the requests and responses of a file, in order."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from toolworthy import wire
from toolworthy.records.exchange import Exchange
from toolworthy.records.formats._markup import encoded
from toolworthy.wire.declaration import Route
from toolworthy.wire.failure import stream_failures
from toolworthy.wire.ir import APIS, Api
from toolworthy.wire.lenient import as_dict, as_int, as_list, dump_json, parse_json
from toolworthy.wire.sse import events, is_stream

_FIRST = re.compile(r"(?:message_start|response\.created)$")
"""Types of events that begin a response."""


def kind(value: Mapping[str, Any]) -> str:
    """The type that a body or an event declares."""
    return next((word for name in ("object", "type") if isinstance(word := value.get(name), str)), "")


def api_of(value: Any) -> Api | None:
    """The wire API of `value`, a response or an event of one; None if it is neither."""
    fields = as_dict(value)
    for api in map(wire.api, APIS):
        if api.kinds.match(kind(fields)) and (api.fields & fields.keys() or kind(fields) != api.answer_kind):
            return api.name
    for api in map(wire.api, APIS):  # a server may omit the type
        listed = [name for name in api.fields if _objects(fields.get(name))]
        if (
            listed
            and api.conversation not in fields
            and (len(api.fields & fields.keys()) > 1 or api.lists <= {*listed})
        ):
            return api.name
    return None


def is_event(value: Mapping[str, Any]) -> bool:
    """Whether a value of some wire API is an event of a stream, not a whole response."""
    choices = [as_dict(choice) for choice in as_list(value.get("choices"))]
    if any({"delta", "message"} & choice.keys() for choice in choices):
        return any("delta" in choice for choice in choices)
    return bool(kind(value)) and kind(value) not in {wire.api(name).answer_kind for name in APIS}


def is_request(value: Mapping[str, Any]) -> bool:
    """Whether a value is the body of a request for a completion."""
    lists = [value.get(wire.api(name).conversation) for name in APIS]
    return any(_objects(item) for item in lists) or (isinstance(value.get("input"), str) and "model" in value)


def _objects(value: Any) -> bool:
    return bool(as_list(value)) and all(isinstance(item, dict) for item in as_list(value))


class Collector:
    """Takes requests, events and responses in the order of a file; makes exchanges."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.places: list[int] = []
        self.partly: list[bool] = []
        self._request: Mapping[str, Any] | None = None
        self._route: Route | None = None
        self._events: list[bytes] = []
        self._marked = False  # whether their stream ends with a marker that is not an event
        self._began = 0

    def asked(self, body: Mapping[str, Any] | None, route: Route | None = None) -> None:
        """Take a request, or its path: the next response answers it."""
        self.flush()
        self._request = body if body is not None else self._request
        self._route = route or self._route

    def event(self, place: int, value: Mapping[str, Any]) -> None:
        """Take a single event of a stream."""
        if _FIRST.match(kind(value)):
            self.flush()
        self._began = self._began if self._events else place
        self._marked = "choices" in value
        name = f"event: {value['type']}\n" if isinstance(value.get("type"), str) else ""
        self._events.append(f"{name}data: {dump_json(value)}\n\n".encode("utf-8", "replace"))

    def flush(self, *, partly: bool = False) -> None:
        """End the stream whose events came one by one. Its end marker is not JSON, and may be missing."""
        if self._events:
            body, self._events = b"".join(self._events), []
            marked = self._marked and not partly
            self.body(self._began, body + (b"data: [DONE]\n\n" if marked else b""), partly=partly)

    def body(
        self,
        place: int,
        body: bytes,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        partly: bool = False,
    ) -> bool:
        """Take a response. Returns whether its wire API is known, by itself or by its request."""
        self.flush()
        api = _api_of_body(body)
        route, self._route = self._route, None
        failure = None if status else _failure_status(body)
        known = api or failure or status or (route and route.kind == "completion")
        if not known or (route and route.kind not in ("completion", "other")):
            return False
        api = api or (route.api if route else None) or (self.exchanges[-1].endpoint_api if self.exchanges else APIS[0])
        request, self._request = self._request, None
        request_body = b"" if request is None else dump_json(dict(request)).encode("utf-8", "replace")
        self.exchanges.append(
            Exchange.of(api or APIS[0], request_body, body, status=status or failure or 200, headers=headers or None)
        )
        self.places.append(place)
        self.partly.append(partly)
        return True


def _api_of_body(body: bytes) -> Api | None:
    if is_stream(body):
        return next((api for event in events(body)[:50] if (api := api_of(parse_json(event.data)))), None)
    return api_of(parse_json(body))


def _failure_status(body: bytes) -> int | None:
    """The HTTP status for an error body without one: the status that it names, else 400; 200 for an error event in a
    stream; None if it reports no error."""
    if is_stream(body):
        return 200 if next(stream_failures(body), None) else None
    value = parse_json(body)
    error = value.get("error") if isinstance(value, dict) else None
    if not error or (isinstance(value, dict) and api_of(value) and "choices" in value):
        return None
    code = as_int(as_dict(error).get("code"))
    return code if code is not None and 400 <= code < 600 else 400


def text_of(content: Mapping[str, Any]) -> bytes | None:
    """The body in a HAR file's ``content``: text, or base64."""
    text = content.get("text")
    if not isinstance(text, str) or not text:
        return None
    if content.get("encoding") == "base64":
        try:
            return base64.b64decode(text)
        except binascii.Error:
            return None
    return encoded(text)
