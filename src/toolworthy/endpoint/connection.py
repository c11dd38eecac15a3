"""Connection to an endpoint: certificates, proxy, socket, time limit and rate limit."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from toolworthy.base.errors import ToolworthyError

if TYPE_CHECKING:
    import httpx

_MINUTE = 60.0


class MinuteLimit:
    """At most so many requests in any minute.

    Args:
        requests: in a minute.
        clock: monotonic seconds.
    """

    def __init__(self, requests: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: deque[float] = deque(maxlen=requests)

    def reserve(self) -> float:
        """Take the next place; seconds until it is there."""
        now = self._clock()
        full = len(self._begun) == self._begun.maxlen
        begins = max(now, self._begun[0] + _MINUTE) if full else now
        self._begun.append(begins)
        return begins - now

    async def wait(self) -> None:
        """Wait until the next request may be sent."""
        if (pause := self.reserve()) > 0:
            await asyncio.sleep(pause)


@dataclass(frozen=True)
class Connection:
    """How an endpoint is reached, where its URL does not say it."""

    ca: Path | None = None
    """Certificates to trust, PEM, besides those of the system."""
    certificate: Path | None = None
    """The client's own, PEM."""
    certificate_key: Path | None = None
    """Its private key; None where it is in the same file."""
    proxy: str | None = field(default=None, repr=False)
    """URL of an HTTP proxy; None for what the environment says, which does not hold for servers on this machine."""
    socket: Path | None = None
    """Unix socket on which the server listens."""
    silence: float | None = None
    """Seconds without a byte after which it counts as hanging."""
    concurrency: int | None = None
    """The most requests in flight."""
    pace: MinuteLimit | None = field(default=None, compare=False)
    """The most requests in a minute. All that ask this endpoint share it."""

    @property
    def password(self) -> str | None:
        """Of the proxy."""
        return urlsplit(self.proxy).password if self.proxy else None

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What certificates are checked against. ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` hold everywhere.

        Raises:
            ToolworthyError: a file is missing or is not a certificate.
        """
        import httpx

        context = httpx.create_ssl_context()
        if self.ca:
            _load(self.ca, context.load_verify_locations, self.ca)
        if self.certificate:
            # An encrypted key would have OpenSSL ask on the terminal.
            _load(self.certificate, context.load_cert_chain, self.certificate, self.certificate_key, lambda: "")
        return context

    def client(self, *, local: bool, **options: Any) -> httpx.AsyncClient:
        """A client that reaches the endpoint so.

        Args:
            local: whether the endpoint is on this machine, where proxies of the environment are not for it.
            options: httpx's.
        """
        import httpx

        if self.socket:
            limits = {"limits": options["limits"]} if "limits" in options else {}
            transport = httpx.AsyncHTTPTransport(verify=self.tls, uds=str(self.socket), trust_env=False, **limits)
            return httpx.AsyncClient(transport=transport, trust_env=False, **options)
        return httpx.AsyncClient(verify=self.tls, proxy=self.proxy, trust_env=not (local or self.proxy), **options)


def _load(path: Path, load: Callable[..., object], *arguments: Any) -> None:
    try:
        load(*arguments)
    except ssl.SSLError as error:
        why = (error.reason or str(error)).lower().replace("_", " ")
        raise ToolworthyError(f"{path} is not a usable PEM certificate: {why}. Give another file.") from error
    except OSError as error:
        raise ToolworthyError(f"cannot read the certificate {path}: {error.strerror}. Check the path.") from error
