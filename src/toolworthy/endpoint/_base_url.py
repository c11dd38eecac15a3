"""Interpret a base URL: normalize it, and list the candidate addresses of each wire API. Pure: no requests."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

from toolworthy import wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.redact import credential, looks_like_key
from toolworthy.wire.ir import APIS, Api

_VERSION = re.compile(r"/v1$", re.IGNORECASE)
_PREFIXES = ("/v1", "/api/v1", "/openai/v1", "/v1beta/openai", "")
"""Other paths at which hosts serve their APIs."""
_PRIVATE = re.compile(
    r"127\.\S+|0\.0\.0\.0|\[::1\]|10\.\S+|192\.168\.\S+|172\.(?:1[6-9]|2\d|3[01])\.\S+|[\w-]+(?::|/|$)"
)
"""Hosts of this machine or its network, which rarely have certificates; includes names without a dot."""
_EXAMPLE = "Give one such as http://localhost:8000/v1."
_HOST = r"(?:\[[0-9a-f:]+\]|[\w-]+(?:\.[\w-]+)*)"


def looks_like_one(text: str) -> bool:
    """Whether `text` is meant as a URL and not as a name."""
    bare = re.fullmatch(rf"({_HOST})(:\d+)?([/?].*)?", text, re.IGNORECASE)
    return "://" in text or bool(bare and ("." in bare[1] or bare[2] or bare[1] == "localhost" or "[" in bare[1]))


def tidy(text: str) -> str:
    """`text` as a URL with its scheme, without the remains of copying: quotes, a fragment, doubled slashes.

    Raises:
        ToolworthyError: it is not a valid URL.
    """
    url = text.strip().strip("\"'<>").strip()
    _check_no_key(url)
    shown = "what was given" if looks_like_key(url) else repr(text)
    if "://" not in url and looks_like_one(url):
        url = f"{'http' if _PRIVATE.match(url) else 'https'}://{url}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ToolworthyError(f"{shown} is not a URL: {error}. {_EXAMPLE}") from error
    if parts.scheme not in ("http", "https") or "://" not in url:
        raise ToolworthyError(f"{shown} is not a URL. It must begin with http:// or https://.")
    if not host or re.search(r"[\s,]", url):
        raise ToolworthyError(
            f"{shown} is not a URL: it has {'no host' if not host else 'more than one address'}. {_EXAMPLE}"
        )
    return parts._replace(netloc=parts.netloc.lower(), path=re.sub("/{2,}", "/", parts.path), fragment="").geturl()


def _check_no_key(url: str) -> None:
    """Refuse a URL with a key, before any message quotes it: reports show URLs."""
    where = "Put the key into an environment variable and name it with --key-env."
    _, mark, rest = url.partition("://")
    address, _, query = (rest if mark else url).partition("#")[0].partition("?")
    host, _, path = address.partition("/")
    if "@" in host:
        raise ToolworthyError(
            "the URL holds a password. Put USER:PASSWORD into an environment variable, name it with --key-env, and set "
            'auth = "basic" for the endpoint in toolworthy.toml.'
        )
    parameters = parse_qsl(query, keep_blank_values=True)
    in_path = looks_like_key(path if mark else address, by_looks=False)
    if in_path or any(credential(f"x-{name}") or looks_like_key(f"{name} {value}") for name, value in parameters):
        raise ToolworthyError(f"the URL holds a key. {where}")


def places(url: str) -> dict[Api, tuple[str, ...]]:
    """Candidate base URLs of every API for a tidy URL, the likeliest first.

    The first is the given one, without a route at its end; the second is with ``/v1`` or without; the others are for a
    URL at which nothing is found.
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    for api in APIS:
        path = wire.api(api).bare(path)
    path = _VERSION.sub("/v1", path.removesuffix("/completions").rstrip("/"))
    other = _VERSION.sub("", path) if _VERSION.search(path) else f"{path}/v1"
    parent = path.rpartition("/")[0]
    paths = dict.fromkeys((path, other, f"{path}/openai", *_PREFIXES, parent))
    return {api: tuple(_at(parts, path, api) for path in paths) for api in APIS}


def _at(parts: SplitResult, path: str, api: Api) -> str:
    """The URL of `path` for an API, whose own paths may begin with the version that ends it."""
    if not wire.api(api).base:
        own = "/" + wire.api(api).completion.split("/")[1]
        path = _VERSION.sub("", path.removesuffix("/openai") if path.endswith(f"{own}/openai") else path)
        path = path.removesuffix(own)
    return parts._replace(path=path).geturl()


def join(base: str, path: str) -> str:
    """The URL of a route under a base URL, with the queries of both."""
    head, _, query = base.partition("?")
    route, _, more = path.partition("?")
    return head.rstrip("/") + route + "?" * bool(query or more) + "&".join(filter(None, (query, more)))


def redirected(url: str, location: str) -> str | None:
    """The URL on the same host to which `url` redirects; None for another host or another path."""
    try:
        old, new = urlsplit(url), urlsplit(location)
        same = new.hostname == old.hostname and new.path.rstrip("/") == old.path.rstrip("/") and new.port != 0
    except ValueError:  # the header may contain anything
        return None
    return new._replace(query=old.query).geturl() if same and new.scheme == "https" else None
