"""Send small requests to an endpoint, with retries and a limit on the size of the response."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolworthy.base.packing import unpack
from toolworthy.base.redact import Redactor
from toolworthy.base.retry import Retry, with_retries
from toolworthy.endpoint.preflight._model import MAX_BODY, PreflightAnswer
from toolworthy.endpoint.target import Endpoint
from toolworthy.rules.refusal import broken_http
from toolworthy.wire.ir import Api

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS = 60.0
"""Time limit in seconds of one response: a slow machine may have to load the model first."""
LIST_SECONDS = 15.0
_BEGINNING = 2**16
"""How many bytes of a longer response are read."""
PATIENCE_SECONDS = 60.0
"""The most seconds to wait for an endpoint that names a delay."""
_PLACES = 8
"""Requests in flight, if no limit is configured."""
_OK, _PROXY_DENIES = 200, 407
_LONG = 4.0
"""A longer wait is reported to the user."""


class Asker:
    """Sends preflight's requests to one endpoint.

    Args:
        endpoint: the endpoint.
        client: sends them.
        say: called with messages about waits.
        busy_seconds: the most seconds to wait for a busy API if another one has answered.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        client: httpx.AsyncClient,
        say: Callable[[str], None],
        busy_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.endpoint, self._client, self._say = endpoint, client, say
        self._busy_seconds = busy_seconds
        self.answers: list[tuple[Api, PreflightAnswer]] = []
        """All responses, in order."""
        self._redactor = Redactor(endpoint.secrets)
        self._places = asyncio.Semaphore(endpoint.connection.concurrency or _PLACES)

    def to(self, endpoint: Endpoint) -> Asker:
        """A copy for an endpoint with other settings."""
        other = Asker(endpoint, self._client, self._say, self._busy_seconds)
        other.answers = self.answers
        return other

    async def post(self, url: str, body: Any, api: Api) -> PreflightAnswer:
        """The answer to a completion request."""
        seconds = self.endpoint.connection.silence or ANSWER_SECONDS
        return await self._patiently("POST", url, api, body, seconds)

    async def get(self, url: str, api: Api) -> PreflightAnswer:
        """The answer to a GET."""
        return await self._patiently("GET", url, api, None, LIST_SECONDS)

    async def _patiently(self, method: str, url: str, api: Api, body: Any, seconds: float) -> PreflightAnswer:
        """Retry until there is a response or a permanent error, or the time limit is reached. Returns the last
        response."""
        begun = time.monotonic()

        def heard(answer: PreflightAnswer, pause: float) -> None:
            if pause >= _LONG:
                self._say(f"{answer.summary}; retrying in {pause:.0f} s")

        async def ask() -> PreflightAnswer:
            async with self._places:
                if pace := self.endpoint.connection.pace:
                    await pace.wait()
                answer = await self._once(method, url, api, body, seconds)
                self.answers.append((api, answer))
                return answer

        def again(answer: PreflightAnswer) -> Retry | None:
            retry = _again(answer)
            late = retry and retry.busy and time.monotonic() - begun + (retry.after or 0) > self._busy_seconds
            return None if late and self._answered(api) else retry

        answer = await with_retries(ask, again, PATIENCE_SECONDS, before=heard)
        return replace(answer, waited=time.monotonic() - begun)

    def _answered(self, api: Api) -> bool:
        """Whether another API than this one has answered."""
        return any(other != api and answer.status == _OK for other, answer in self.answers)

    async def _once(self, method: str, url: str, api: Api, body: Any, seconds: float) -> PreflightAnswer:
        import httpx

        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "accept-encoding": "identity", **self.endpoint.headers(api)}
        answer, data, begun = PreflightAnswer(url), bytearray(), time.monotonic()
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(method, url, headers=headers, content=content) as response,
            ):
                if response.status_code == _PROXY_DENIES:
                    raise httpx.ProxyError("HTTP 407")
                known = {name.lower(): value for name, value in response.headers.items()}
                answer = replace(answer, status=response.status_code, headers=known)
                async for piece in response.aiter_raw():  # compressed bytes: a small piece may unpack to a large one
                    data += piece
                    if len(data) > MAX_BODY:
                        break
        except TimeoutError:
            answer = replace(answer, timed_out=True, trouble=f"{url} did not answer within {seconds:.0f} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            answer = replace(answer, trouble=_trouble(url, error, begun=bool(answer.status)))
        body, too_long = _body(bytes(data), answer.headers.get("content-encoding", "").strip().lower())
        # Before any part of it is quoted, which may be part of a key.
        headers, (body,) = self._redactor.headers(answer.headers), self._redactor.pieces([body])
        trouble = self._redactor.text(answer.trouble)
        seconds = time.monotonic() - begun
        return replace(answer, headers=headers, body=body, too_long=too_long, trouble=trouble, seconds=seconds)


def _trouble(url: str, error: Exception, begun: bool) -> str:
    """The message for a missing or incomplete response.

    Args:
        url: of the request.
        error: httpx's.
        begun: whether the status arrived.
    """
    import httpx

    reason = str(error) or type(error).__name__
    if isinstance(error, httpx.ProxyError):
        return f'cannot reach {url} through the proxy: {reason}. Set proxy = "env:NAME" for its URL with USER:PASSWORD.'
    if begun:
        return f"{url} cut off its response: {reason}"
    if isinstance(error, (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)):
        return f"{url} is reached, but does not answer in HTTP: {broken_http(reason)}"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return f"cannot reach {url}: {reason}. Name the file of its authority as ca_file in toolworthy.toml."
    return f"cannot reach {url}: {reason}. Start the server, or correct the base URL."


def _body(data: bytes, coding: str) -> tuple[bytes, bool]:
    """The unpacked body, and whether it exceeds the limit: then only its beginning."""
    inside = unpack(data, coding, MAX_BODY) if coding not in ("", "identity") else None
    body, too_long = (inside.data, inside.cut) if inside else (data, len(data) > MAX_BODY)
    return (body[:_BEGINNING] if too_long else body), too_long


def _again(answer: PreflightAnswer) -> Retry | None:
    refusal = answer.refusal
    if answer.timed_out or answer.too_long or answer.is_odd:
        return None
    if refusal and not answer.trouble:
        return Retry(refusal.busy, refusal.retry_after) if refusal.passes else None
    return Retry() if answer.trouble or (answer.status < 400 and not answer.body) else None
