"""Small requests to an endpoint, with patience for what may pass, and bounds to what comes back."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import tenacity

from toolworthy.endpoint import Endpoint
from toolworthy.redact import Redactor
from toolworthy.runs.preflight.model import Answer
from toolworthy.wire.ir import Api

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS = 60.0
"""How long one answer may take: a slow machine may have to load the model first."""
LIST_SECONDS = 15.0
_CONNECT_SECONDS = 15.0
_MAX_BODY = 2**20
PATIENCE_SECONDS = 60.0
"""How long to go on asking an endpoint that has no time."""
_TRIES = 3
"""Of a request that fails in another way that may pass."""
_LONG = 4.0
"""Seconds of waiting that the user hears of."""


class Asker:
    """Asks one endpoint."""

    def __init__(self, endpoint: Endpoint, client: httpx.AsyncClient, say: Callable[[str], None]) -> None:
        self.endpoint, self._client, self._say = endpoint, client, say
        self._redactor = Redactor(endpoint.secrets)

    async def post(self, url: str, api: Api, body: Any) -> Answer:
        """The answer to a completion request."""
        return await self._patiently("POST", url, api, body, ANSWER_SECONDS)

    async def get(self, url: str, api: Api) -> Answer:
        """The answer to a GET."""
        return await self._patiently("GET", url, api, None, LIST_SECONDS)

    async def _patiently(self, method: str, url: str, api: Api, body: Any, seconds: float) -> Answer:
        """Ask until it is answered, or refused for good, or our patience ends; the last answer."""
        begun = time.monotonic()

        def heard(state: tenacity.RetryCallState) -> None:
            if state.upcoming_sleep >= _LONG:
                self._say(f"{_last(state).says}; asking again in {state.upcoming_sleep:.0f} s")

        asking = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_result(_may_pass),
            wait=_pause,
            stop=_enough,
            before_sleep=heard,
            retry_error_callback=_last,
        )
        answer: Answer = await asking(self._once, method, url, api, body, seconds)
        return replace(answer, waited=time.monotonic() - begun)

    async def _once(self, method: str, url: str, api: Api, body: Any, seconds: float) -> Answer:
        import httpx

        content = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "accept-encoding": "identity", **self.endpoint.headers(api)}
        answer, data = Answer(url), bytearray()
        try:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(method, url, headers=headers, content=content) as response,
            ):
                known = {name.lower(): value for name, value in response.headers.items()}
                answer = replace(answer, status=response.status_code, headers=known)
                async for piece in response.aiter_bytes():
                    data += piece
                    if len(data) > _MAX_BODY:
                        break
        except TimeoutError:
            answer = replace(answer, timed_out=True, trouble=f"{url} did not answer within {seconds:.0f} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            said = f"cannot reach {url}: {reason}; is the server running, and the base URL right?"
            answer = replace(answer, trouble=f"{url} broke off its answer: {reason}" if answer.status else said)
        # Before anyone quotes a part of it, which may be a part of a key.
        headers, (body,) = self._redactor.headers(answer.headers), self._redactor.pieces([bytes(data)])
        return replace(answer, headers=headers, body=body, trouble=self._redactor.text(answer.trouble))


def _last(state: tenacity.RetryCallState) -> Answer:
    assert state.outcome is not None
    answer: Answer = state.outcome.result()
    return answer


def _may_pass(answer: Answer) -> bool:
    if answer.trouble:
        return not answer.timed_out
    if answer.refusal:
        return answer.refusal.passes
    return answer.status < 400 and not answer.body


def busy(answer: Answer) -> bool:
    """Whether the endpoint says that it has no time now."""
    kind = answer.refusal.kind if answer.refusal else ""
    return kind == "rate limited" or (kind == "unavailable" and answer.status in (429, 503, 529))


def _pause(state: tenacity.RetryCallState) -> float:
    refusal = _last(state).refusal
    if refusal and refusal.retry_after is not None:
        return refusal.retry_after + random.uniform(0.05, 0.25)
    return float(min(15.0, 0.5 * 2 ** (state.attempt_number - 1)) * random.uniform(1.0, 1.3))


def _enough(state: tenacity.RetryCallState) -> bool:
    if busy(_last(state)):
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep > PATIENCE_SECONDS
    return state.attempt_number >= _TRIES or state.upcoming_sleep > PATIENCE_SECONDS
