"""Two small programs that send a recorded request again, with curl and with httpx; they need no toolworthy."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from toolworthy import wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.redact import MARK, credential, looks_like_key
from toolworthy.content import providers
from toolworthy.endpoint.environment import Header
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway.upstream import plan
from toolworthy.records.exchange import Exchange
from toolworthy.records.meta import EndpointRecord
from toolworthy.wire.ir import APIS

URL, KEY = "ENDPOINT_URL", "ENDPOINT_KEY"
"""Environment variables of both programs. Not a vendor's own name: a key must not go to a different company."""
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
"""Valid header names (RFC 9110, 5.1, 5.6.2), in lower case."""
_PLACE = "KEY"


@dataclass(frozen=True)
class Sent:
    """A request as sent to the endpoint, without the key."""

    method: str
    base_url: str
    """The recorded base URL, without user, password and query; empty if unknown or the embedded oracle's."""
    path: str
    """The route after the base URL, with its query."""
    headers: Mapping[str, str]
    """Headers without the one with the key."""
    auth: str
    """The header with the key, up to the key, for instance ``authorization: Bearer``."""
    body: bool
    """Whether it has a body."""


def sent(exchange: Exchange, endpoint: EndpointRecord) -> Sent:
    """The request that was sent to the endpoint.

    Args:
        exchange: redacted.
        endpoint: the record in ``run.json``.

    Raises:
        ToolworthyError: the request never got to the endpoint.
    """
    urls = endpoint.base_urls
    served = (exchange.endpoint_api,) if exchange.endpoint_api else tuple(api for api in APIS if api in urls) or APIS
    provider = providers.provider(endpoint.provider or "generic")
    named = Endpoint("", provider, {api: _query(urls.get(api, "")) for api in served}, endpoint.model, _PLACE)
    where = replace(named, query=endpoint.query, extra_body=endpoint.extra_body, **_headers(endpoint))
    headers = exchange.request_headers
    target = wire.route(exchange.method, exchange.path, headers)
    if exchange.local or target.api is None:
        raise ToolworthyError("toolworthy answered this request itself: it says nothing about the endpoint")
    try:
        planned = plan(where, target, exchange.path, headers.items(), exchange.request_body)
    except ValueError as error:
        raise ToolworthyError(f"the request cannot be sent again: {error}") from error
    ((name, value),) = ((name, value) for name, value in where.headers(planned.api).items() if value.endswith(_PLACE))
    unpacked = {name, "content-encoding"}  # the body is kept as text
    kept = {
        other: text for other, text in planned.headers.items() if other not in unpacked and _is_safe_header(other, text)
    }
    return Sent(
        method=exchange.method,
        base_url=public(urls.get(planned.api, "")),
        path=planned.url,
        headers=dict(sorted(kept.items())),
        auth=f"{name}: {value.removesuffix(_PLACE)}",
        body=exchange.method != "GET",
    )


def _headers(endpoint: EndpointRecord) -> dict[str, Any]:
    """How the endpoint takes its key, and its further headers, as fields of :class:`Endpoint`. Where the key goes in a
    header of its own, this is the one that the programs ask for."""
    names = endpoint.headers
    plain = tuple(Header(name, value) for name, value in names.items() if not value.startswith("env:"))
    secret = [name for name, value in names.items() if value.startswith("env:")]
    if endpoint.auth == "none" and secret:
        return {"auth": "none", "extra": (*plain, Header(secret[0], _PLACE))}
    if endpoint.auth == "basic":
        return {"auth": "none", "extra": (*plain, Header("authorization", f"Basic {_PLACE}"))}
    return {"auth": None if endpoint.auth == "none" else endpoint.auth, "extra": plain}


def public(url: str) -> str:
    """`url` without parts that may be secret: user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    except ValueError:
        return ""


def _query(url: str) -> str:
    """The query of a base URL, which follows every route; "" if it may contain a key."""
    query = url.partition("#")[0].partition("?")[2]
    held = any(credential(f"x-{name}") or looks_like_key(value) for name, value in parse_qsl(query))
    return "" if held or not query else f"?{query}"


def shell(request: Sent) -> str:
    """``reproduce.sh``, for any POSIX shell."""
    options = [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in request.headers.items()]
    # without this, curl would send Expect: 100-continue, which agents do not.
    options += ["--header 'expect:'", "--data-binary @request.json"] if request.body else []
    known = f"recorded={shlex.quote(request.base_url)}\nurl=${{{URL}:-$recorded}}"
    return _template("reproduce.sh.txt").format(
        url=URL,
        key=KEY,
        default=" (default: the recorded one)" if request.base_url else "",
        set_url=known if request.base_url else f"url=${{{URL}:?is to be the base URL of the endpoint}}",
        path=shlex.quote(request.path),
        auth=request.auth,
        method=shlex.quote(request.method),
        options="".join(f"        {option} \\\n" for option in options),
    )


def python(request: Sent) -> str:
    """``reproduce.py``, for Python 3.8 or newer with httpx."""
    name, prefix = request.auth.split(": ", 1)
    default = "RECORDED" if request.base_url else f'sys.exit("{URL} is to be the base URL of the endpoint")'
    headers = "".join(f"    {name!r}: {value!r},\n" for name, value in request.headers.items())
    return _template("reproduce.py.txt").format(
        url=URL,
        key=KEY,
        recorded=f"RECORDED = {request.base_url!r}\n" if request.base_url else "",
        default=default,
        path=repr(request.path),
        headers=headers,
        name=repr(name),
        prefix=repr(prefix),
        method=repr(request.method),
        body='HERE.joinpath("request.json").read_bytes()' if request.body else "None",
    )


def _template(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _is_safe_header(name: str, value: str) -> bool:
    """Whether a header can be sent as it is: no credential, nothing that a program would read as something else."""
    return bool(_NAME.fullmatch(name)) and bool(value) and value.isascii() and value.isprintable() and value != MARK
