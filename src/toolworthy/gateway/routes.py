"""What a request of an agent is: which operation, in which wire API."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from toolworthy.records.exchange import Kind
from toolworthy.wire.ir import Api

COMPLETIONS: dict[Api, str] = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
"""Where an agent asks for completions, by the API that it speaks."""
_COMPLETIONS: tuple[tuple[str, Api], ...] = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/messages", "messages"),
)


@dataclass(frozen=True)
class Route:
    """An operation, and the API it belongs to where that is known."""

    kind: Kind
    api: Api | None


def route(method: str, target: str, anthropic: bool) -> Route:
    """The route of a request. Prefixes do not matter: agents add ``/v1`` or not, as they like.

    Args:
        method: HTTP method.
        target: path with its query.
        anthropic: whether the request carries an ``anthropic-version`` header.
    """
    path = urlsplit(target).path.rstrip("/")
    if method == "POST":
        for suffix, api in _COMPLETIONS:
            if path.endswith(suffix):
                return Route("completion", api)
        if path.endswith("/messages/count_tokens"):
            return Route("count_tokens", "messages")
    if method == "GET" and path.endswith("/models"):
        return Route("models", "messages" if anthropic else "chat")
    if method in ("GET", "HEAD") and path in ("", "/v1"):
        return Route("health", None)
    return Route("other", None)
