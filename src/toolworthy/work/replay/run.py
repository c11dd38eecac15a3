"""Send every recorded request again, and write down what came of it as it comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.target import Endpoint, resolve
from toolworthy.records.exchange import Exchange
from toolworthy.records.meta import RecordedOptions, Replayed, RunMeta
from toolworthy.records.replay import Decision, ReplayKey, ReplayResult
from toolworthy.records.store import RunDirectory
from toolworthy.wire.ir import Request
from toolworthy.work.replay._adapt import Prepared, prepare
from toolworthy.work.replay._compare import decision, differences
from toolworthy.work.replay._send import Sender, open_sender, unmeasured
from toolworthy.work.replay.recording import Recorded, Recording
from toolworthy.work.run.lock import Hold
from toolworthy.work.run.plan import invocation

_MANY = 200
"""Sendings from which on every tenth part of them is worth a line."""
NEWEST = Path()
"""For `resume`: the newest replay of the same recording at the same endpoint."""


@dataclass(frozen=True)
class Plan:
    """What the user asked for."""

    recording: Recording
    endpoint: Endpoint
    reference: Endpoint | None = None
    trials: int = 1
    """How often every request is sent."""
    concurrency: int = 4
    limit: int | None = None
    only: str | None = None
    out: Path = Path("reports")
    resume: Path | None = None

    def meta(self) -> RunMeta:
        """The content of ``run.json``."""
        return RunMeta(
            **invocation(self.endpoint),
            replay=self.replayed(),
            options=RecordedOptions(trials=self.trials, concurrency=self.concurrency, limit=self.limit, only=self.only),
        )

    def replayed(self) -> Replayed:
        """What is sent again."""
        return Replayed(
            of=str(self.recording.path),
            recording=self.recording.path.resolve().name,
            recorded=self.recording.endpoint,
            reference=self.reference.public() if self.reference else None,
        )


def reference_endpoint(name: str, recording: Recording) -> Endpoint:
    """The endpoint called `name`, asked for the recorded model.

    Raises:
        ToolworthyError: as :func:`toolworthy.endpoint.target.resolve`.
    """
    return resolve(name, model=recording.endpoint.model or None)


class Replay:
    """One replay of a recording."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        """Choose the requests; nothing is sent yet.

        Raises:
            ToolworthyError: there are none, or there is nothing to go on with.
        """
        self.plan = plan
        self.run: RunDirectory | None = None
        self._say = say
        self._requests = plan.recording.requests(plan.only, plan.limit)
        self._resumed = _resumed(plan)
        self._old: dict[tuple[str, int], Decision] = {}
        self._told = 0

    def perform(self) -> int:
        """Send what has not been sent yet; exit code 1 where no request was answered.

        Raises:
            ToolworthyError: an endpoint cannot be reached, or the disk is full.
            KeyboardInterrupt: what was measured is in the run directory.
        """
        with contextlib.ExitStack() as holding:
            if self._resumed is not None:
                holding.enter_context(contextlib.closing(Hold(self._resumed.path)))
            asyncio.run(self._perform(holding))
        assert self.run is not None
        target = (result for result in self.run.replays() if result.key.side == "target")
        answered = any(result.new and not result.new.error for result in target)
        return 0 if answered else 1

    async def _perform(self, holding: contextlib.ExitStack) -> None:
        plan = self.plan
        async with AsyncExitStack() as stack:
            senders = await self._senders(stack)
            assert self.run is not None
            if self._resumed is None:
                holding.enter_context(contextlib.closing(Hold(self.run.path)))
            done = {result.key for result in self.run.replays() if result.status != "unmeasured"}
            left = [job for job in self._jobs(senders) if _key(job) not in done]
            self._say(
                f"{len(self._requests)} requests of {plan.recording.path}, {len(left)} to send, "
                f"{plan.concurrency} at a time; results in {self.run.path}"
            )
            jobs = iter(left)
            workers = [asyncio.ensure_future(self._work(jobs, len(left))) for _ in range(plan.concurrency)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
                self.run.sync()

    async def _senders(self, stack: AsyncExitStack) -> list[Sender]:
        """Both sides, and the run directory once they can be asked."""
        plan, apis = self.plan, {item.api for item in self._requests}
        secrets = (*plan.endpoint.secrets, *(plan.reference.secrets if plan.reference else ()))
        run = self._resumed or RunDirectory.planned(plan.out)
        run.secrets = secrets
        senders = [await open_sender(stack, "target", plan.endpoint, apis, run, self._say)]
        if plan.reference:
            senders.append(await open_sender(stack, "reference", plan.reference, apis, run, self._say))
        if self._resumed is None:
            run.begin(plan.meta())
        self.run = run
        return senders

    def _jobs(self, senders: list[Sender]) -> Iterator[_Job]:
        """Repeats come last, so that a replay that is cut short has sent every request."""
        for number in range(1, self.plan.trials + 1):
            for item in self._requests:
                for sender in senders:
                    yield item, number, sender

    async def _work(self, jobs: Iterator[_Job], total: int) -> None:
        for job in jobs:
            await self._one(job)
            self._told += 1
            if total >= _MANY and self._told * 10 // total > (self._told - 1) * 10 // total:
                self._say(f"  {self._told}/{total}")

    async def _one(self, job: _Job) -> None:
        """Send once, and write down what came, even if the user stops us in between."""
        assert self.run is not None
        item, _, sender = job
        recorded = self.plan.recording.exchange(item)
        base = ReplayResult(key=_key(job), status="unmeasured", source=_source(self.plan.recording, item))
        request = recorded.request
        if request is None:
            self.run.append(base.model_copy(update={"detail": "the recorded request is no JSON object"}))
            return
        prepared = prepare(recorded, request, sender.endpoint, self._provider(sender))
        exchange = await sender.send(item.trial, prepared)
        base = base.model_copy(update={"exchanges": sender.file(item.trial), "started": exchange.started})
        # Rules over a long stream take time; on a thread, so that they do not stretch the times of other answers.
        comparing = asyncio.ensure_future(
            asyncio.to_thread(self._compared, base, recorded, request, prepared, exchange)
        )
        try:
            await asyncio.wait({comparing})
        finally:
            self.run.append(await comparing)

    def _provider(self, sender: Sender) -> str:
        """Of the recorded endpoint; a reference is that endpoint, unless something else is known of it."""
        known = self.plan.recording.endpoint.provider
        return known or (sender.endpoint.provider.id if sender.side == "reference" else "")

    def _compared(
        self, base: ReplayResult, recorded: Exchange, request: Request, prepared: Prepared, exchange: Exchange
    ) -> ReplayResult:
        place = base.key.request
        if place not in self._old:
            self._old[place] = decision(recorded, request)
        old, why = self._old[place], unmeasured(exchange)
        new = None if why else decision(exchange, request)
        status = "compared" if not old.error else "not comparable"
        if new is None or new.error:
            status = "unmeasured" if new is None else "failed"
        same_api = prepared.adapted.api == prepared.adapted.recorded_api
        return base.model_copy(
            update={
                "status": status,
                "detail": why or (new.error if new else "") or old.error,
                "offers_tools": bool(request.tools) and (request.tool_choice is None or _free(request)),
                "old": old,
                "new": new,
                "differences": differences(old, new, same_api=same_api) if new else (),
                "adapted": prepared.adapted,
                "exchange": exchange.index,
            }
        )


_Job = tuple[Recorded, int, Sender]


def _key(job: _Job) -> ReplayKey:
    item, number, sender = job
    return ReplayKey(trial=item.trial, exchange=item.index, number=number, side=sender.side)


def _free(request: Request) -> bool:
    """Whether the model may choose between a call and none."""
    return request.tool_choice is not None and request.tool_choice.mode == "auto"


def _source(recording: Recording, item: Recorded) -> str:
    """The recorded file, relative to a run directory."""
    inside = recording.path in item.file.parents
    return str(item.file.relative_to(recording.path)) if inside else item.file.name


def _resumed(plan: Plan) -> RunDirectory | None:
    """The run directory to go on with.

    Raises:
        ToolworthyError: there is none, or it is of something else.
    """
    if plan.resume is None:
        return None
    if plan.resume == NEWEST:
        found = [run for run in _replays_in(plan.out) if _fits(plan, run)]
        if not found:
            raise ToolworthyError(
                f"{plan.out} holds no replay of {plan.recording.path} at {plan.endpoint.name} to go on with"
            )
        return found[-1]
    run = RunDirectory.open(plan.resume)
    if not _fits(plan, run):
        raise ToolworthyError(
            f"{run.path} is no replay of {plan.recording.path} at {plan.endpoint.name}; start another"
        )
    return run


def _replays_in(folder: Path) -> Iterator[RunDirectory]:
    for path in sorted(folder.glob("*/run.json")):
        yield RunDirectory(path.parent)


def _fits(plan: Plan, run: RunDirectory) -> bool:
    try:
        meta = run.meta
    except ToolworthyError:
        return False
    same = plan.replayed().model_copy(update={"of": meta.replay.of}) if meta.replay else None
    return meta.endpoint == plan.endpoint.public() and meta.replay is not None and meta.replay == same
