"""Run probes, each through a gateway session of its own, and give each its verdict."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from toolworthy import rules
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.gateway.retries import busy, failed, refusal
from toolworthy.records.exchange import Exchange
from toolworthy.records.probe import ProbeKey, ProbeResult, Verdict
from toolworthy.wire.ir import Api
from toolworthy.work.probes._declare import PROBES, Probe
from toolworthy.work.probes._model import ProbeOutcome, Rejected
from toolworthy.work.probes._surface import Calls, Knowledge, Surface
from toolworthy.work.probes.ask import Ask
from toolworthy.work.probes.recovery import recovered
from toolworthy.work.scoring.lost_calls import leaks

if TYPE_CHECKING:
    import httpx


_PLAIN = "plain-answer"
"""The probe that runs even if no response can be parsed, and reports this for all."""
_OPENINGS = 2
"""How many plain requests, each with retries, must fail before an API counts as dead."""
_REFUSED = "TW609"
"""The rule about rejected requests: many probes provoke rejections, and their verdicts report them."""


class ProbeBench:
    """Runs the probes of one run."""

    def __init__(
        self,
        endpoint: Endpoint,
        gateway: Gateway,
        client: httpx.AsyncClient,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._endpoint, self._gateway, self._client = endpoint, gateway, client
        self.knowledge = Knowledge(say)
        self._calls: dict[Api, Calls] = {}
        self._surfaces: dict[tuple[Api, bool], Surface] = {}
        self._gates: dict[tuple[Api, bool], asyncio.Lock] = {}

    async def run(self, key: ProbeKey, probe: Probe | None = None) -> ProbeResult:
        """Run one probe. Never raises: whatever the endpoint does becomes a verdict."""
        probe = probe or PROBES[key.probe]
        began, clock = time.time(), time.perf_counter()
        forced = self._endpoint.forced_api
        served = key.api in self._endpoint.base_urls and forced in (None, key.api)
        if not (served or probe.main_path):
            why = f"only {forced} is tested" if forced else f"no {key.api} API here"
            result = probe.result(key, "unmeasured", why)
        elif (why := await self._hopeless(key)) and (self.knowledge.stopped or not _decides(probe)):
            result = probe.result(key, "unmeasured", why)
        else:
            result = await self._asked(key, probe, await self._surface(key))
            if probe.once and result.verdict == "unmeasured":
                self.knowledge.untold[probe.id] = result.detail
        return result.model_copy(
            update={
                "served": (forced,) if forced else tuple(self._endpoint.base_urls),
                "started": began,
                "seconds": time.perf_counter() - clock,
            }
        )

    async def _hopeless(self, key: ProbeKey) -> str:
        """Why the probe need not run; empty if it must."""
        known = self.knowledge.stopped or self.knowledge.untold.get(key.probe)
        return known or (await self._surface(key)).dead or self.knowledge.stopped

    async def _surface(self, key: ProbeKey) -> Surface:
        """The shared knowledge about an API; the first probe finds out whether it is usable at all."""
        which = key.api, bool(key.stream)
        async with self._gates.setdefault(which, asyncio.Lock()):
            if which not in self._surfaces:
                calls = self._calls.setdefault(key.api, Calls(key.api, self.knowledge))
                surface = Surface(self.knowledge, calls)
                opening = ProbeKey(probe="opening", api=key.api, stream=bool(key.stream))
                probe = Probe(
                    "opening",
                    "a readable response",
                    (key.api,),
                    "both",
                    "blocks",
                    "always",
                    (),
                    "",
                    self._opening,
                )
                if key.api in self._endpoint.shut:
                    surface.dead = f"the {key.api} API refuses the key that another takes"
                for _ in range(0 if surface.dead else _OPENINGS):
                    result = await self._asked(opening, probe, surface)
                    surface.dead = f"a plain request has no readable response: {result.detail}" * (
                        result.verdict == "broken"
                    )
                    if not surface.dead or surface.hangs or self.knowledge.stopped:
                        break
                self._surfaces[which] = surface
        return self._surfaces[which]

    async def _opening(self, ask: Ask) -> None:
        """Sends a plain request; an error for it applies to all probes."""
        try:
            await ask.says("Hello.")
        except Rejected:
            refused = refusal(ask.last.exchange) if ask.last else None
            if ask.last and refused and refused.kind in ("bad key", "unknown model"):
                self.knowledge.stop(f"{refused.kind}: HTTP {ask.last.status}: {refused.message[:200]}")
            raise

    async def _recovered(self, ask: Ask) -> None:
        """Wait until good requests are answered again, so that the next probe finds the endpoint as it was."""
        bad = ask.last.exchange.request_body if ask.last else b""
        if (await recovered(ask)).seconds and bad:
            self.knowledge.locks[ask.api] = bad

    async def _asked(self, key: ProbeKey, probe: Probe, surface: Surface) -> ProbeResult:
        listener = socket.create_server(("127.0.0.1", 0))
        verdict: Verdict = "supported"
        detail = cause = ""
        async with serve_trial(self._gateway, str(key), listener, secret=True) as session:
            ask = Ask(key, self._endpoint, session, self._client, surface)
            try:
                await probe.run(ask)
            except ProbeOutcome as outcome:
                verdict, detail, cause = outcome.verdict, str(outcome), outcome.cause
            except Exception as error:
                # A bug of the probe, on an unforeseen response: it must not stop the others.
                verdict, detail = "unmeasured", f"the probe itself failed: {type(error).__name__}: {error}"
            if probe.situation == "bad-request":
                await self._recovered(ask)
        ask.superseded |= repeated(session.exchanges)
        # An endless response needs no further judgement, and parsing it would take minutes.
        judged_exchanges = [exchange for exchange in session.exchanges if exchange.index not in ask.flooded]
        findings = ask.lasting(await asyncio.to_thread(rules.check, judged_exchanges))  # may be long
        return probe.result(
            key,
            verdict,
            self._gateway.redactor.text(detail),
            cause=cause,
            findings=tuple(finding for finding in findings if finding.code != _REFUSED),
            leaks=leaks(judged_exchanges),
            requests=len(session.exchanges),
            endpoint_api=next((exchange.endpoint_api for exchange in session.exchanges if exchange.endpoint_api), None),
        )


def _decides(probe: Probe) -> bool:
    """Whether it runs even if no plain response can be parsed: its own response is the evidence."""
    return probe.main_path or probe.id == _PLAIN


def repeated(exchanges: Sequence[Exchange]) -> set[int]:
    """Exchanges that failed transiently and whose request was retried, as clients do."""
    indices: set[int] = set()
    later: set[tuple[str, bytes]] = set()
    for exchange in reversed(exchanges):
        request = exchange.path, exchange.request_body
        if request in later and (busy(exchange) or failed(exchange)):
            indices.add(exchange.index)
        later.add(request)
    return indices
