"""The `ask` fixture: a probe that lasts for one test and gets the test's outcome."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import one_line
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.wire.ir import APIS, Api
from toolworthy.work.probes import PROBES, Answer, Ask, Probe, ProbeOutcome, Unmeasured
from toolworthy.work.run.session import Session

_R = TypeVar("_R")


@dataclass
class _Held:
    """A probe that waits for the end of its test, on the session's loop."""

    ask: Ask
    loop: asyncio.AbstractEventLoop
    over: asyncio.Future[ProbeOutcome | None]


class Asking:
    """Sends requests for one test. Every exchange is recorded, judged by the rules, and stored in the run directory.

    Args:
        session: of the run.
        key: of the result.
        title: of the result.
        item: pytest's id of the test.

    Raises:
        Unmeasured: the endpoint cannot be used.
        ToolworthyError: the run was stopped.
    """

    def __init__(self, session: Session, key: ProbeKey, title: str, item: str) -> None:
        self._session, self._key, self._ended = session, key, False
        ready = self._ready = concurrent.futures.Future[_Held]()
        PROBES[key.probe] = Probe(
            key.probe, title, (key.api,), "both", "degrades", "always", (), "", self._hold, item=item
        )
        session.add([key])
        either: tuple[concurrent.futures.Future[Any], ...] = (ready, session.future(key))
        concurrent.futures.wait(either, return_when=concurrent.futures.FIRST_COMPLETED)
        if not ready.done():
            result = session.wait(key)
            raise Unmeasured(result.detail if isinstance(result, ProbeResult) else "")
        self._held = ready.result()

    async def _hold(self, ask: Ask) -> None:
        loop = asyncio.get_running_loop()
        held = _Held(ask, loop, loop.create_future())
        self._ready.set_result(held)
        if outcome := await held.over:
            raise outcome

    def end(self, outcome: ProbeOutcome | None) -> None:
        """End the test, and write its result."""
        if not self._ended:
            self._ended = True
            self._held.loop.call_soon_threadsafe(self._held.over.set_result, outcome)
            self._session.wait(self._key)

    def _wait(self, request: Coroutine[Any, Any, _R]) -> _R:
        return asyncio.run_coroutine_threadsafe(request, self._held.loop).result()

    @property
    def base_url(self) -> str:
        """The base URL for your own client: ``http://127.0.0.1:PORT/…/v1``. Its requests are recorded, too."""
        return f"{self._held.ask.url}/v1"

    @property
    def model(self) -> str:
        """The model's id."""
        return self._held.ask.endpoint.model

    def __call__(self, prompt: str | Mapping[str, Any], **fields: Any) -> Answer:
        """Send a request, and return its response if the endpoint accepts it.

        Args:
            prompt: the user's message; or a request as JSON, with or without a model and ``stream``.
            fields: top-level fields of the JSON: ``tools=[…]``.

        Raises:
            Rejected: the endpoint clearly refuses it.
            Broken: there is no response, or it cannot be parsed.
            Unmeasured: the endpoint has no time.
        """
        ask = self._held.ask
        body = ask.body(ask.request(prompt)) if isinstance(prompt, str) else self._whole(prompt)
        return self._wait(ask.accepted({**body, **fields}))

    def says(self, text: str, **options: Any) -> Answer:
        """Have the model say `text`; see :meth:`Ask.says`."""
        return self._wait(self._held.ask.says(text, **options))

    def calls(self, *wanted: tuple[str, Any], **options: Any) -> Answer:
        """Have the model make these calls, with several wordings and attempts; see :meth:`Ask.calls`."""
        return self._wait(self._held.ask.calls(*wanted, **options))

    def send(self, body: Mapping[str, Any], **options: Any) -> Answer:
        """Send a request as JSON and return any response; see :meth:`Ask.send`."""
        return self._wait(self._held.ask.send(self._whole(body), **options))

    def _whole(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add the missing model and ``stream``."""
        return {"model": self.model, "stream": self._held.ask.stream, **body}

    def overheard(self) -> Answer:
        """The last answer that a client of your own had at `base_url`."""
        return self._wait(self._held.ask.overheard())


def key_of(module: str, name: str, way: str) -> ProbeKey:
    """The key of a test's result.

    Args:
        module: name of its file, without ``.py``.
        name: of the test, parameters included.
        way: wire API, with the suffix ``-whole`` for responses that are not streamed.

    Raises:
        ToolworthyError: `way` is unknown.
    """
    api, _, mode = way.partition("-")
    known: dict[str, Api] = {known_api: known_api for known_api in APIS}
    if api not in known or mode not in ("", "stream", "whole"):
        raise ToolworthyError(f"ask: unknown way {way!r}: use one of {', '.join(APIS)}, with or without -whole")
    plain = f"{module.removeprefix('test_')}.{name.removeprefix('test_')}".replace("_", "-")
    return ProbeKey(probe=one_line(plain), api=known[api], stream=mode != "whole")
