"""An exchange: a request to an endpoint and its response, byte for byte, with timing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from toolworthy.wire.declaration import Kind
from toolworthy.wire.ir import Api, Request, Response, ToolCall

FailureKind = Literal[
    "agent gone",
    "unreachable",
    "connect timeout",
    "silent",
    "our limit",
    "no HTTP",
    "endless",
    "bad status",
    "broken off",
    "failed",
]
"""Why the response is incomplete. ``silent``: no byte for too long; ``endless``: longer than any plausible response."""
SAID: dict[FailureKind, str] = {
    "agent gone": "agent hung up",
    "unreachable": "the endpoint cannot be reached: {}",
    "connect timeout": "the endpoint did not take the connection in time",
    "silent": "the endpoint went silent and was given up",
    "our limit": "given up at our own limit of {}",
    "no HTTP": "the endpoint's answer is no HTTP: {}",
    "endless": "the endpoint's answer had no end within {}",
    "bad status": "HTTP {} is no status of an answer",
    "broken off": "the endpoint broke the connection: {}",
    "failed": "asking the endpoint failed: {}",
}


@dataclass(frozen=True, slots=True)
class ExchangeFailure:
    """Why an exchange has no complete response; ``str`` gives one line for people."""

    kind: FailureKind
    detail: str = ""
    """The reported reason, or the limit that was reached."""

    def __str__(self) -> str:
        return SAID[self.kind].format(self.detail)


RepairKind = Literal["call-id", "index", "stop-reason", "leaked-call", "reasoning-replay", "usage"]


@dataclass(frozen=True, slots=True)
class TransitRepair:
    """A repair by the proxy in a response on its way to the agent, which got `after`."""

    kind: RepairKind
    before: str
    """The fault that came, in a few words."""
    after: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of a response body as they arrived."""

    at: float
    """Seconds since the request was sent upstream."""
    data: bytes


@dataclass(frozen=True)
class Exchange:
    """One request of an agent and the endpoint's answer. Credentials are redacted before one is made."""

    trial: str
    index: int
    """Number within the trial, from 0."""
    kind: Kind
    agent_api: Api | None
    """The agent's wire API; None for a request that is not a completion."""
    endpoint_api: Api | None
    """The wire API of the request to the endpoint."""
    method: str
    path: str
    """With its query, as the agent sent it."""
    request_headers: Mapping[str, str]
    request_body: bytes
    """As the agent sent it."""
    upstream_body: bytes | None
    """The body sent to the endpoint, if it differs: translated, or with fields added to every request; else None."""
    losses: tuple[str, ...]
    """Losses of the translation."""
    status: int | None
    """HTTP status of the endpoint; None if no response came."""
    response_headers: Mapping[str, str]
    chunks: tuple[Chunk, ...]
    """The endpoint's body, as it sent it."""
    started: float
    """Unix time, seconds."""
    seconds: float
    """Seconds until the last byte, or until the request was aborted."""
    error: ExchangeFailure | None = None
    """Why there is no complete response."""
    local: bool = False
    """Answered by the gateway itself, without the endpoint."""
    repairs: tuple[TransitRepair, ...] = ()
    """Repairs by the proxy, if the user enabled them; the bodies are as received."""

    @classmethod
    def of(
        cls,
        api: Api,
        request: bytes | str | Mapping[str, Any],
        answer: bytes | str | Mapping[str, Any],
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """An exchange that was recorded elsewhere, from raw bodies or their JSON.

        Args:
            api: wire API of both.
            request: body of the request.
            answer: body of the response; for a stream, all of its events.
            status: HTTP status of the answer.
            headers: of the response; by default, a content type that fits the body.
        """
        from toolworthy.wire.sse import is_stream

        request_body, response_body = (_bytes(body) for body in (request, answer))
        if headers is None:
            headers = {"content-type": "text/event-stream" if is_stream(response_body) else "application/json"}
        fields = {name.lower(): value for name, value in headers.items()}
        chunks = (Chunk(0.0, response_body),)
        return cls(
            "",
            0,
            "completion",
            api,
            api,
            "POST",
            "",
            {},
            request_body,
            None,
            (),
            status,
            fields,
            chunks,
            started=0.0,
            seconds=0.0,
        )

    @property
    def translated(self) -> bool:
        """Whether agent and endpoint spoke different APIs."""
        return self.upstream_body is not None and self.agent_api != self.endpoint_api

    @property
    def body(self) -> bytes:
        """The complete body of the response."""
        return b"".join(chunk.data for chunk in self.chunks)

    @cached_property
    def streamed(self) -> bool:
        """Whether the response is an event stream, by its content type or its content."""
        from toolworthy.wire.sse import is_stream

        return "text/event-stream" in self.response_headers.get("content-type", "") or is_stream(self.body)

    @cached_property
    def can_act(self) -> bool:
        """Whether the request offers tools, or asks for edits as text. An agent's other requests are not part of its
        task."""
        from toolworthy.wire.text_edits import wants_text_edits

        return bool(self.request and (self.request.tools or wants_text_edits(self.request)))

    @property
    def is_turn(self) -> bool:
        """Whether it is a successful response in the task's own conversation."""
        return self.can_act and self.response is not None and self.response.failure is None

    @property
    def reached_endpoint(self) -> bool:
        """Whether it is a completion request that the endpoint received: the gateway answers some requests itself."""
        return self.kind == "completion" and not self.local

    @cached_property
    def request(self) -> Request | None:
        """The agent's request in the neutral form; None if it is not a completion."""
        from toolworthy.wire import parse_request_bytes

        return parse_request_bytes(self.agent_api, self.request_body, self.path) if self.agent_api else None

    @cached_property
    def response(self) -> Response | None:
        """The endpoint's response in the neutral form; None if nothing came or it is not a completion."""
        from toolworthy.wire import parse_body

        if self.endpoint_api is None or self.status is None:
            return None
        return parse_body(self.endpoint_api, self.status, self.body, streamed=self.streamed)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls of the answer, in order."""
        return self.response.calls if self.response else ()

    @property
    def first_byte(self) -> float | None:
        """Seconds until the first byte of the body."""
        return self.chunks[0].at if self.chunks else None


def _bytes(body: bytes | str | Mapping[str, Any]) -> bytes:
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode("utf-8", "replace")
