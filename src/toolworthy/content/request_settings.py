"""Settings of every request to an endpoint, such as headers, and rate limits: in the user's file and in those
of providers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from toolworthy.base.loading import Strict
from toolworthy.base.redact import credential, looks_like_key
from toolworthy.wire.declaration import Auth
from toolworthy.wire.ir import Api

_NAME = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
"""Of a header; RFC 9110, section 5.1."""
AuthName = Annotated[Auth, StringConstraints(pattern=rf"^{_NAME}$", to_lower=True)]


class RequestSettings(Strict):
    """Fields that an endpoint and a provider both have."""

    headers: dict[str, str] = Field(default_factory=dict)
    """Headers of every request; ``env:NAME`` for the value of an environment variable, the only way to give a key."""
    query: dict[str, str] = Field(default_factory=dict)
    """Parameters of every URL. Reports show them."""
    extra_body: dict[Api, dict[str, Any]] = Field(default_factory=dict)
    """Wire API to fields of every completion request; they replace what a client sends. Tables are merged."""
    timeout: float | None = Field(None, gt=0)
    """Seconds without a byte after which the endpoint counts as hanging."""
    concurrency: int | None = Field(None, ge=1)
    """The most requests in flight."""
    requests_per_minute: int | None = Field(None, ge=1)
    """The most requests in any minute."""

    @field_validator("headers")
    @classmethod
    def _no_secret(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not re.fullmatch(_NAME, name) or not (text.isascii() and text.isprintable()):
                raise ValueError(f"{name!r} is not a valid header. Use ASCII, and no blanks in the name.")
            if (credential(name) or looks_like_key(text)) and not re.fullmatch(r"env:\w+", text):
                raise ValueError(f'a file must not hold a key. Name its variable: {name} = "env:VARIABLE"')
        return value

    @field_validator("query")
    @classmethod
    def _no_secret_parameter(cls, value: dict[str, str]) -> dict[str, str]:
        if any(credential(f"x-{name}") or looks_like_key(text) for name, text in value.items()):
            raise ValueError('a URL must not hold a key. Send it in a header: headers = { NAME = "env:VARIABLE" }')
        return value

    @field_validator("extra_body")
    @classmethod
    def _no_secret_field(cls, value: dict[Api, dict[str, Any]]) -> dict[Api, dict[str, Any]]:
        if any(looks_like_key(text, by_looks=False) for text in _texts(value)):
            raise ValueError("a file must not hold a key. Send it in a header, which takes it from the environment.")
        return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
