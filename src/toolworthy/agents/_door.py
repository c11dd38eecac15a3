"""A proxy to a package registry, for an install without other network access and without the user's credentials."""

from __future__ import annotations

import abc
import os
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolworthy.base.asgi import respond

if TYPE_CHECKING:
    import httpx

_ASKED = ("accept", "if-none-match", "user-agent")
_TOLD = ("content-type", "content-length", "content-encoding", "etag", "last-modified", "cache-control")


class Door(abc.ABC):
    """An ASGI application that forwards requests for packages, and refuses all others.

    Args:
        client: sends the requests to the registries.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._troubles: dict[str, str] = {}
        """By path: why the last request for it got no whole answer."""

    @property
    def trouble(self) -> str:
        """Why something could not be had from its registry, for people; empty if all could. Installers know only this
        proxy."""
        return next(iter(self._troubles.values()), "")

    @abc.abstractmethod
    def target(self, path: str) -> tuple[str, str] | None:
        """The address for a path, and its authorization; None if the path belongs to no registry."""

    @abc.abstractmethod
    def addressed(self, url: str, kind: str, body: bytes) -> bytes:
        """A package document with its archive links replaced by links to this proxy.

        Args:
            url: of the document.
            kind: its content type.
            body: its bytes.
        """

    @abc.abstractmethod
    def tells(self, kind: str) -> bool:
        """Whether this content type is a package document, not an archive."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        import httpx

        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        target = self.target(scope["raw_path"].decode("latin-1")) if scope["method"] in ("GET", "HEAD") else None
        if target is None:
            await respond(send, 403, b"only packages are served here", "text/plain")
            return
        url, authorization = target
        asked = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        headers = {name: asked[name] for name in _ASKED if name in asked}
        headers |= {"authorization": authorization} if authorization else {}
        begun = sending = False

        async def sent(message: Any) -> None:
            nonlocal sending
            sending = True
            await send(message)

        try:
            async with self._client.stream(scope["method"], url + query, headers=headers) as answer:
                begun = True
                await self._pass_on(answer, sent)
            self._troubles.pop(scope["path"], None)
        except httpx.HTTPError as error:
            what = f"broke off in {_name(scope['path'])}" if begun else "cannot be reached"
            trouble = self._troubles[scope["path"]] = f"the registry {what}: {error or type(error).__name__}"
            if not sending:  # else the server breaks the connection, as the registry's broke: no final message comes
                await respond(send, 502, trouble.encode(), "text/plain")

    async def _pass_on(self, answer: httpx.Response, send: Any) -> None:
        kind = answer.headers.get("content-type", "")
        if self.tells(kind):
            body = self.addressed(str(answer.url), kind, await answer.aread())
            await respond(send, answer.status_code, body, kind)
            return
        headers = [(name.encode(), answer.headers[name].encode()) for name in _TOLD if name in answer.headers]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
        async for piece in answer.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _name(path: str) -> str:
    """What was asked for: the last segment of its path."""
    return path.rstrip("/").rpartition("/")[2]


@asynccontextmanager
async def client(
    urls: Iterable[str], *, proxy: str = "", authorities: Iterable[str] = (), strict: bool = True
) -> AsyncIterator[httpx.AsyncClient]:
    """A client for the registries at `urls`.

    Args:
        urls: of the registries; those on this machine are reached without a proxy.
        proxy: the installer's setting; by default, the environment's.
        authorities: certificates, as PEM.
        strict: whether certificates are verified.
    """
    import httpx

    loopback = all(urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") for url in urls)
    async with httpx.AsyncClient(
        verify=_trusted(authorities) if strict else False,
        proxy=None if loopback else proxy or None,
        trust_env=not (loopback or proxy),
        timeout=httpx.Timeout(120, connect=30, pool=None),
        limits=httpx.Limits(max_connections=32),
        follow_redirects=True,
    ) as made:
        yield made


def _trusted(authorities: Iterable[str]) -> ssl.SSLContext:
    """Trust the system's and the installer's certificate authorities: a company's proxy may have its own, which no
    bundled list contains.
    """
    import httpx

    context = httpx.create_ssl_context()
    context.load_default_certs()
    for pem in authorities:
        context.load_verify_locations(cadata=pem)
    if (extra := os.environ.get("NODE_EXTRA_CA_CERTS")) and Path(extra).is_file():
        context.load_verify_locations(extra)
    return context
