"""Declare a wire API: one object with everything that other modules need."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol
from urllib.parse import quote, unquote

from toolworthy.wire.ir import PLAIN, Api, Dialect, Event, Failure, ReasoningForm, Rendered, Repair, Request, Response

Operation = Literal["completion", "models", "model", "count_tokens"]
Kind = Literal["completion", "models", "count_tokens", "health", "other"]
"""Kinds of requests: an operation of the API, a check that the server is up, or another."""
Auth = str
"""How a key is sent: ``bearer`` or ``basic`` (a key USER:PASSWORD) for the header Authorization, ``none`` for not at
all, else the lower-case name of the header that takes it."""
KEY_HEADERS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key"})
"""Headers that hold a key."""

_VERSION = re.compile(r"^/v\d\w*(?=/)")


class Decoder(Protocol):
    """Reads an event stream, cut anywhere, into events; the last of ``close`` is ``Ended``. Never raises."""

    @property
    def repairs(self) -> list[Repair]:
        """Repairs so far."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""

    def close(self) -> list[Event]:
        """The last events."""


class Encoder(Protocol):
    """Writes events as one API's event stream."""

    def encode(self, event: Event) -> bytes:
        """The bytes of one event."""


class _RenderRequest(Protocol):
    def __call__(self, request: Request, dialect: Dialect = PLAIN) -> Rendered: ...


@dataclass(frozen=True)
class Route:
    """What a request's path says."""

    kind: Kind
    api: Api | None
    """The API it belongs to; None if unknown."""
    model: str | None = None
    """None if the body names it, or the whole list of models is wanted."""
    stream: bool | None = None
    """None if the body says it."""


@dataclass(frozen=True, kw_only=True)
class WireApi:
    """One wire API. Paths are absolute. They may contain ``{model}``; a stream's path may have a query.

    Inside toolworthy, every body has ``model`` and ``stream``. For an API that has them in the path, :meth:`sent`
    removes them from the body, and :meth:`received` adds them.
    """

    name: Api
    base: str
    """The end of its base URLs, with which its paths begin: ``/v1``, or nothing."""
    completion: str
    """Path of a completion."""
    streaming: str = ""
    """Path of a streamed completion, if different."""
    models: str
    """Path of the list of models."""
    count_tokens: str = ""
    """Path for counting tokens; empty if it has none."""
    auth: Auth
    """How its vendor expects the key."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of every request, such as the API's version."""
    relatives: tuple[Api, ...] = ()
    """The preferred APIs for its agents if an endpoint does not serve it."""
    mark: str = ""
    """Header that only this API's clients send; empty if there is none."""
    conversation: str
    """Field of a request that holds the messages."""
    several: str = ""
    """Request field that asks for several choices; empty if the API has none."""
    id_prefix: str
    """How the id of an answer begins."""
    stops: frozenset[str]
    """Its stop reasons; empty if they are not fixed."""
    fields: frozenset[str]
    """Fields that only its responses and events have."""
    kinds: re.Pattern[str]
    """Prefixes of ``object`` or ``type`` of its responses and events."""
    answer_kind: str = ""
    """``object`` or ``type`` of a whole response; empty if it has neither."""
    lists: frozenset[str] = frozenset()
    """Those of `fields` that identify a response by themselves, if they are a list of objects."""
    whole_calls: Literal["always", "outside streams", "never"] = "never"
    """Where the arguments of a call are an object instead of text, so that they cannot be truncated or empty."""
    reasoning: ReasoningForm | None
    """The form of reasoning that the endpoint signs; None if none is signed."""
    signs_calls: bool = False
    """Whether the signature is on the call that follows the reasoning, not on the reasoning."""
    namespaces: bool = False
    """Whether a call has a separate field for the namespace of its tool."""
    usage_on_request: bool = False
    """Whether a stream has usage only if the request asks for it."""
    text_part: Mapping[str, str] = field(default_factory=lambda: {"type": "text"})
    """What a part of a user's message has besides its text."""
    parts: str = "content"
    """Field of a message that contains its parts."""
    overloaded: int = 503
    """HTTP status of an overloaded endpoint."""
    overflow: str
    """Its vendor's error for a conversation that is longer than the context window, a template of ``{tokens}`` and
    ``{window}``."""
    overflow_code: str | None = None
    """The code of that error."""
    overflow_streamed: bool = False
    """Whether a streamed request gets that error in a stream with HTTP 200."""

    decoder: Callable[[], Decoder]
    encoder: Callable[[Request], Encoder]
    """Writes the stream that answers a request."""
    parse_request: Callable[[Mapping[str, Any]], Request]
    """Read a request's JSON. Never raises."""
    render_request: _RenderRequest
    """Write a request in a provider's dialect."""
    parse_response: Callable[[Any], Response]
    """Read a whole answer's JSON. Never raises."""
    render_response: Callable[[Response, Request], dict[str, Any]]
    """Write a whole answer to a request."""
    render_error: Callable[[Failure], dict[str, Any]]
    """Write an error body in this API's envelope."""
    render_models: Callable[[str, int | None], dict[str, Any]]
    """Write a list of one model, with its context window in tokens if known."""
    render_count: Callable[[int], dict[str, Any]] = lambda tokens: {"input_tokens": tokens}
    """Write a count of tokens."""

    def render_model(self, model: str, context: int | None) -> dict[str, Any]:
        """Write one entry of the list of models."""
        listed = self.render_models(model, context)
        entry: dict[str, Any] = next(value[0] for value in listed.values() if isinstance(value, list))
        return entry

    @property
    def in_path(self) -> bool:
        """Whether the model and the mode are in its paths, not in its bodies."""
        return "{model}" in self.completion

    def path(self, operation: Operation = "completion", model: str = "", *, stream: bool = False) -> str:
        """Path of an operation. `model` matters only where the path names it, `stream` only where it says the mode.

        Raises:
            KeyError: the API has no such operation.
        """
        paths = {
            "completion": self.completion,
            "models": self.models,
            "model": self._entry,
            "count_tokens": self.count_tokens,
        }
        path = self.streaming if stream and self.streaming and operation == "completion" else paths[operation]
        if not path:
            raise KeyError(operation)
        return path.partition("?")[0].replace("{model}", quote(model, safe="/"))

    def asked(self, method: str, path: str) -> Route | None:
        """The operation of a path of this API; None if the API has no such path.

        The version before the path may be missing.

        Args:
            method: HTTP method.
            path: without its query.
        """
        for wanted, pattern, operation, stream in self._patterns:
            if method == wanted and (match := pattern.search(path)):
                model = match.groupdict().get("model")
                named = model is not None
                return Route(operation, self.name, unquote(model) if model else None, stream if named else None)
        if method != "GET" or any(pattern.search(path) for _, pattern, *_ in self._patterns):
            return None
        match = _pattern(self._entry).search(path)
        return Route("models", self.name, unquote(match["model"])) if match else None

    def bare(self, path: str) -> str:
        """`path` without a trailing path of this API."""
        for _, pattern, *_ in self._patterns:
            path = pattern.sub("", path)
        return path

    @property
    def _entry(self) -> str:
        """Path of one entry of the list of models."""
        return f"{self.models}/{{model}}"

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str], Kind, bool]]:
        known: tuple[tuple[str, str, Kind, bool], ...] = (
            ("POST", self.completion, "completion", False),
            ("POST", self.streaming, "completion", True),
            ("POST", self.count_tokens, "count_tokens", False),
            ("GET", self.models, "models", False),
        )
        return [(method, _pattern(path), operation, stream) for method, path, operation, stream in known if path]

    def sent(self, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Path, with its query, and JSON of a completion request."""
        path = self.path(model=str(body.get("model")), stream=bool(body.get("stream")))
        if not self.in_path:
            return path, body
        query = self.streaming.partition("?")[1:] if body.get("stream") else ()
        return "".join((path, *query)), {name: body[name] for name in body if name not in ("model", "stream")}

    def received(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The JSON of a request, with the model and mode from its path."""
        route = self.asked("POST", path.partition("?")[0])
        if route is None or route.model is None:
            return body
        return {**body, "model": route.model, "stream": route.stream}

    def authorised(self, key: str | None, auth: Auth | None = None) -> dict[str, str]:
        """The headers of every request: its version, and the key as `auth` or the API says."""
        way = auth or self.auth
        if not key or way == "none":
            return dict(self.headers)
        if way == "bearer":
            own = {"authorization": f"Bearer {key}"}
        elif way == "basic":
            own = {"authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
        else:
            own = {way: key}
        return {**self.headers, **own}


def _pattern(path: str) -> re.Pattern[str]:
    bare = _VERSION.sub("", path.partition("?")[0])
    return re.compile(re.escape(bare).replace(re.escape("{model}"), "(?P<model>.+)") + "$")
