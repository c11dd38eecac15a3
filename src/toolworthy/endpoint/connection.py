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
        """Reserve the next slot. Returns the seconds until then."""
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
    """Settings of the connection to an endpoint besides its URL."""

    ca: Path | None = None
    """Certificates to trust in addition to the system's, PEM."""
    certificate: Path | None = None
    """The client certificate, PEM."""
    certificate_key: Path | None = None
    """Its private key; None if it is in the same file."""
    proxy: str | None = field(default=None, repr=False)
    """URL of an HTTP proxy; None: the environment's, except for servers on this machine."""
    socket: Path | None = None
    """Unix socket on which the server listens."""
    silence: float | None = None
    """Seconds without a byte after which it counts as hanging."""
    concurrency: int | None = None
    """The most requests in flight."""
    pace: MinuteLimit | None = field(default=None, compare=False)
    """The most requests in any minute, of all clients of this endpoint together."""

    @property
    def password(self) -> str | None:
        """The proxy's password."""
        return urlsplit(self.proxy).password if self.proxy else None

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """The TLS settings for verifying certificates. ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` always apply.

        Raises:
            ToolworthyError: a file is missing or is not a certificate.
        """
        import httpx

        context = httpx.create_ssl_context()
        if self.ca:
            _load(self.ca, context.load_verify_locations, self.ca)
        if self.certificate:
            # For an encrypted key, OpenSSL would prompt on the terminal.
            _load(self.certificate, context.load_cert_chain, self.certificate, self.certificate_key, lambda: "")
        return context

    def client(self, *, local: bool, **options: Any) -> httpx.AsyncClient:
        """A client with these settings.

        Args:
            local: whether the endpoint is on this machine: the environment's proxies then do not apply.
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
