"""Another kind of work, in one module and registered once: how long an endpoint takes to list its models.

Run by pytest as it stands, with ``-p toolworthy.plugin``; in a plugin's folder, by ``toolworthy run listing``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import httpx

from toolworthy.endpoint.target import Endpoint
from toolworthy.plugin import fixture
from toolworthy.records.finding import Finding
from toolworthy.records.model import Record
from toolworthy.records.result import NOT_RUN
from toolworthy.records.score import Leaks
from toolworthy.wire.ir import Api
from toolworthy.work.kind import Kind, Site
from toolworthy.work.kinds import register
from toolworthy.work.run.plan import Options

PAUSE = 0.2
"""Seconds, so that a run can be killed on its way."""


class ListingKey(Record):
    suite: Literal["listing"] = "listing"
    item: str = "models"
    asker: Api
    repeat: int

    def __str__(self) -> str:
        return f"{self.suite}/{self.item}/{self.asker}#{self.repeat}"


class ListingResult(Record):
    kind: Literal["listing"] = "listing"
    key: ListingKey
    status: Literal["listed", "failed", "unmeasured"]
    models: int = 0
    findings: tuple[Finding, ...] = ()
    leaks: Leaks = Leaks()
    limit: None = None
    started: float = 0.0
    seconds: float = 0.0
    exchanges: str = ""
    reproduce: str = ""

    @property
    def judged(self) -> bool:
        return self.status != "unmeasured"

    @property
    def ok(self) -> bool:
        return self.status == "listed"

    @property
    def uncounted(self) -> str:
        return "" if self.judged else NOT_RUN

    @property
    def status_word(self) -> str:
        return self.status

    @property
    def api(self) -> Api:
        return self.key.asker


class Listing(Kind[ListingKey, ListingResult]):
    suite, many, fixture = "listing", "listings", "listed"
    result, words = ListingResult, ("listed", "failed", "unmeasured")
    options: ClassVar = {"--pause": {"type": float, "default": PAUSE, "metavar": "S", "help": "before each listing"}}

    def keys(self, plan: Options) -> Sequence[ListingKey]:
        apis: tuple[Api, ...] = ("chat", "messages")
        return [ListingKey(asker=api, repeat=repeat) for repeat in range(1, plan.trials + 1) for api in apis]

    async def open(self, site: Site) -> Lister:
        client = await site.stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        return Lister(site.endpoint, client, site.plan.own.get("pause", PAUSE))

    def unrun(self, plan: Options, key: ListingKey, why: str) -> ListingResult:
        return ListingResult(key=key, status="unmeasured")


@dataclass
class Lister:
    endpoint: Endpoint
    client: httpx.AsyncClient
    pause: float

    async def run(self, key: ListingKey) -> ListingResult:
        began, clock = time.time(), time.perf_counter()
        await asyncio.sleep(self.pause)
        answer = await self.client.get(f"{self.endpoint.base_urls[key.asker].removesuffix('/v1')}/v1/models")
        return ListingResult(
            key=key,
            status="listed" if answer.status_code == 200 and key.repeat != 2 else "failed",
            models=len(answer.json()["data"]),
            started=began,
            seconds=time.perf_counter() - clock,
        )


register(Listing())
listed = fixture("listing", "listed")


def test_listing(listed: ListingResult) -> None:
    assert listed.models
    assert listed.ok
