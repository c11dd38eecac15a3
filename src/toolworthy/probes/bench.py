"""Run probes, each through a gateway session of its own, and give each its verdict."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING

from toolworthy import rules
from toolworthy.endpoint import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.probes.ask import Ask, Surface
from toolworthy.probes.model import PROBES, Outcome, Probe, ProbeKey, ProbeResult, Verdict
from toolworthy.scoring.lost import leaks
from toolworthy.wire.ir import Api

if TYPE_CHECKING:
    import httpx


_PLAIN = "plain-answer"
"""The one that is asked even where nothing can be read, and says so for all."""
_REFUSED = "TW609"
"""That a request was refused is what many a probe is out for; its verdict says it."""


class ProbeBench:
    """What the probes of one run share."""

    def __init__(self, endpoint: Endpoint, gateway: Gateway, client: httpx.AsyncClient) -> None:
        self._endpoint, self._gateway, self._client = endpoint, gateway, client
        self._surfaces: dict[tuple[Api, bool], Surface] = {}
        self._gates: dict[tuple[Api, bool], asyncio.Lock] = {}

    async def run(self, key: ProbeKey, probe: Probe | None = None) -> ProbeResult:
        """Ask one probe. Never raises: whatever an endpoint does ends as a verdict."""
        probe = probe or PROBES[key.probe]
        began, clock = time.time(), time.perf_counter()
        forced = self._endpoint.forced_api
        served = key.api in self._endpoint.base_urls and forced in (None, key.api)
        if not (served or probe.translated):
            why = f"only {forced} is asked" if forced else f"no {key.api} API here"
            result = ProbeResult(key=key, title=probe.title, verdict="unmeasured", detail=why)
        elif (dead := (await self._surface(key)).dead) and probe.id != _PLAIN:
            result = ProbeResult(key=key, title=probe.title, verdict="unmeasured", detail=dead)
        else:
            result = await self._asked(key, probe, await self._surface(key))
        return result.model_copy(
            update={
                "severity": probe.severity,
                "situation": probe.situation,
                "agents": probe.agents,
                "started": began,
                "seconds": time.perf_counter() - clock,
            }
        )

    async def _surface(self, key: ProbeKey) -> Surface:
        """What is known of the API; the first probe to ask finds out whether it can be asked at all."""
        which = key.api, bool(key.stream)
        async with self._gates.setdefault(which, asyncio.Lock()):
            if which not in self._surfaces:
                surface = Surface()
                opening = ProbeKey(probe="opening", api=key.api, stream=bool(key.stream))
                probe = Probe(
                    "opening", "an answer that can be read", (key.api,), "both", "blocks", "always", (), "", _opening
                )
                result = await self._asked(opening, probe, surface)
                if result.verdict == "broken":
                    surface.dead = f"no plain answer can be read: {result.detail}"
                self._surfaces[which] = surface
        return self._surfaces[which]

    async def _asked(self, key: ProbeKey, probe: Probe, surface: Surface) -> ProbeResult:
        listener = socket.create_server(("127.0.0.1", 0))
        verdict: Verdict = "supported"
        detail = ""
        async with self._gateway.session(str(key), listener) as session:
            ask = Ask(key, self._endpoint, session, self._client, surface)
            try:
                await probe.run(ask)
            except Outcome as outcome:
                verdict, detail = outcome.verdict, str(outcome)
            except Exception as error:
                # A mistake of the probe's, on an answer that nobody foresaw: it must not take the others with it.
                verdict, detail = "unmeasured", f"the probe itself failed: {type(error).__name__}: {error}"
        found = ask.lasting(rules.check(session.exchanges))
        return ProbeResult(
            key=key,
            title=probe.title,
            verdict=verdict,
            detail=self._gateway.redactor.text(detail),
            findings=tuple(finding for finding in found if finding.code != _REFUSED),
            leaks=leaks(session.exchanges),
            requests=len(session.exchanges),
        )


async def _opening(ask: Ask) -> None:
    await ask.says("Hello.")
