"""Access to a server that listens on this machine: programs may use it, web pages in a browser may not.

Any website's page can send requests to 127.0.0.1, also under a host name that it points there (DNS rebinding). The Host
header then has that name, and browsers send the origin of a request (Fetch Standard, 3.2; Fetch Metadata).
"""

from __future__ import annotations

import hmac
import json
from typing import Any
from urllib.parse import urlsplit

from toolworthy.base.asgi import App, respond

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def guarded(app: App, address: str = "127.0.0.1", segment: str = "") -> App:
    """`app`, which only permitted requests reach.

    Args:
        app: an ASGI application.
        address: the address it listens on; a request's Host must be this address or this machine.
        segment: the secret first path segment, which the application does not see; "" for none.
    """

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        why = refusal(scope["headers"], address)
        first, slash, rest = scope["path"].removeprefix("/").partition("/")
        if segment and not why:
            if hmac.compare_digest(first.encode("utf-8", "replace"), segment.encode()):
                scope = {**scope, "path": slash + rest}
            else:
                why = "the path lacks the segment in the address that was printed"
        if why:
            await _forbid(send, why)
        else:
            await app(scope, receive, send)

    return checked


def refusal(headers: list[tuple[bytes, bytes]], address: str) -> str:
    """Why a request with these headers is refused; empty if it is not."""
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        fields.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip().lower())
    hosts = fields.get("host", [])
    if len(hosts) != 1 or _name(f"//{hosts[0]}") not in {*_LOOPBACK, address}:
        return "the Host header does not name this machine"
    if any(origin != f"http://{hosts[0]}" for origin in fields.get("origin", [])):
        return "it comes from a page of another origin"
    if any(site not in ("same-origin", "none") for site in fields.get("sec-fetch-site", [])):
        return "it comes from a page of another site"
    return ""


def _name(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if parts.username is not None or parts.path else parts.hostname


async def _forbid(send: Any, why: str) -> None:
    body = json.dumps({"error": {"message": f"toolworthy: refused: {why}", "type": "permission_error"}}).encode()
    await respond(send, 403, body)
