"""What a request of an agent is: which operation, in which wire API."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from toolworthy import wire
from toolworthy.wire.ir import APIS, Api

Kind = Literal["completion", "models", "count_tokens", "health", "other"]


@dataclass(frozen=True)
class Route:
    """An operation, and the API it belongs to where that is known."""

    kind: Kind
    api: Api | None
    model: str | None = None
    """As the path names it; None where it does not."""
    stream: bool | None = None
    """As the path says it; None where it does not."""


def route(method: str, target: str, headers: Container[str] = ()) -> Route:
    """The route of a request. Prefixes do not matter: agents add ``/v1`` or not, as they like.

    Args:
        method: HTTP method.
        target: path with its query.
        headers: names of the request's headers, in lower case.
    """
    path = urlsplit(target).path.rstrip("/")
    found = [(wire.api(name), asked) for name in APIS if (asked := wire.api(name).asked(method, path))]
    marked = [(api, asked) for api, asked in found if api.mark and api.mark in headers]
    for api, asked in marked or found:
        return Route(asked.operation, api.name, asked.model, asked.stream)
    if method in ("GET", "HEAD") and path in ("", "/v1"):
        return Route("health", None)
    return Route("other", None)
