"""Run the items of a plan concurrently, in an asyncio loop on a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from toolworthy.base import tree
from toolworthy.base.errors import ToolworthyError, writing
from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.preflight import Check, Preflight, preflight
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.gateway.concurrency import Flow
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import ExchangeWriter, file_name
from toolworthy.records.result import Result, ResultKey
from toolworthy.records.store import RunDirectory
from toolworthy.work.kind import Bench, Site
from toolworthy.work.kinds import KINDS, kind_of
from toolworthy.work.run import estimate
from toolworthy.work.run._lock import Hold
from toolworthy.work.run._order import Once, apart, in_order
from toolworthy.work.run._resume import kept, open_run
from toolworthy.work.run._room import Room
from toolworthy.work.run.budget import Spending
from toolworthy.work.run.embedded import reached
from toolworthy.work.run.fingerprint import Seen
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options
from toolworthy.work.run.waves import Looking, Release

_T = TypeVar("_T")

_PREFLIGHTS = 8
"""The share of the time for a rate limit that preflight waits for one API if another answers."""
_LOOK_SECONDS = 0.5
"""How often a run checks that its directory still exists."""


class Session:
    """One invocation, from preflight to the last result.

    ``start`` sets everything up (and raises what the user must fix), then all run on their own; ``wait`` gives one
    result; ``close`` stops what still runs. Results are written to the run directory before anyone is notified.

    Args:
        options: the plan.
        listener: notified of progress.
        look: the interim analysis after each attempt at every item.
        began: when the minutes of the budget began, in monotonic seconds; None for now.
    """

    def __init__(
        self,
        options: Options,
        listener: Listener | None = None,
        look: Looking | None = None,
        began: float | None = None,
    ) -> None:
        self.options = options
        self.listener = listener or Listener()
        self.run: RunDirectory | None = None
        self.checks: tuple[Check, ...] = ()
        self.unrun: dict[ResultKey, str] = {}
        """Items that were not run, with reasons."""
        self._release = Release(look)
        self._once = Once(options)
        self._planned: Counter[str] = Counter()  # by suite
        self.spending = Spending(options.budget, options.prices, began=began)
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._stack = contextlib.AsyncExitStack()
        self._results: dict[ResultKey, concurrent.futures.Future[Result]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._hold: Hold | None = None
        self._watching: concurrent.futures.Future[None] | None = None
        self._stopped: ToolworthyError | None = None
        """The error that stopped the run early."""
        self._site: Site | None = None
        self._seconds: float | None = None
        """Time of a small response, as preflight measured it."""
        self._benches: dict[str, Bench[Any, Any]] = {}
        """By suite."""
        self._seen = Seen(options.endpoint.model, {})
        self._room = Room(options)

    def start(self, keys: Sequence[ResultKey]) -> None:
        """Set up, and start `keys` in their order.

        Raises:
            ToolworthyError: no sandbox, no agent, no endpoint, no disk.
        """
        self.run, self._hold = open_run(self.options)
        tree.sweep()
        self.run.decide(self.options.triage)
        meta = self.run.meta
        self._seen = Seen(self.options.endpoint.model, meta.agents, meta)
        self.spending.recall(self.run.path / "exchanges")
        self._thread = threading.Thread(target=self._loop.run_forever, name="toolworthy", daemon=True)
        self._thread.start()
        self._watching = asyncio.run_coroutine_threadsafe(self._watch(), self._loop)
        self.add(keys)

    def add(self, keys: Sequence[ResultKey]) -> None:
        """Start those of `keys` that have not started; a resumed run keeps its results.

        Raises:
            ToolworthyError: as ``start``.
        """
        assert self.run is not None
        new = [key for key in in_order(keys) if key not in self._results]
        done = {result.key: result for result in kept(self.run)} if new else {}
        for key in new:
            self._results[key] = concurrent.futures.Future()
            if key in done:
                self._results[key].set_result(done[key])
        unfinished = [key for key in new if key not in done]
        self._plan(Counter(key.suite for key in new))
        self.listener.expected(unfinished, self.spending)
        self._call(self._arrive(new, [key for key in new if key in done]))
        if unfinished and self._site is None:
            self._call(self._open(unfinished))
            self._agree(unfinished)
        if unfinished:
            self._call(self._begin(unfinished))

    def _agree(self, keys: Sequence[ResultKey]) -> None:
        """Print the estimate for `keys`; if it is large and a user is present, ask for consent."""
        if self.options.endpoint.is_oracle or self._site is None:
            return
        forecast = estimate.forecast(self.options, keys, self._site.endpoint, self._seconds)
        self.listener.line(str(forecast))
        if forecast.large and not self.options.agreed and not self.listener.agrees("Start the run? [y/N] "):
            raise ToolworthyError("not started. Give --yes to start without the question, or a smaller plan.")

    def _plan(self, more: Counter[str]) -> None:
        assert self.run is not None
        self._planned += more
        with contextlib.suppress(ToolworthyError):  # results, which matter more, will say that the disk is full
            self.run.update(planned=dict(self._planned))

    def wait(self, key: ResultKey) -> Any:
        """Wait for the result of `key`.

        Raises:
            ToolworthyError: the run was stopped by something that the user must fix, such as a full disk.
        """
        return self._results[key].result()

    def future(self, key: ResultKey) -> concurrent.futures.Future[Any]:
        """The future of the result of `key`."""
        return self._results[key]

    def close(self) -> None:
        """Stop everything. Results so far stay in the run directory."""
        if self._thread is None:
            return
        with contextlib.suppress(Exception):
            self._call(self._shut_down())
        if self.run is not None and self._hold is not None and self._hold.in_place():
            self._plan(Counter())
            self.run.sync()
        for future in self._results.values():
            future.cancel()  # else another thread would wait forever
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._thread = None
        if not self._loop.is_running():
            self._loop.close()
        if self._hold is not None:
            self._hold.close()

    def _call(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise self._stopped or ToolworthyError("the run was stopped") from None
        finally:
            future.cancel()  # after an interrupt, it must not continue

    async def _look(self, agents: Sequence[AgentAdapter]) -> Site:
        """Run preflight on the endpoint."""
        checked = await self._preflight(self.options.endpoint, agents)
        assert self.run is not None
        self.run.update(preflight=checked.record())
        self.checks, self._seconds = checked.checks, checked.seconds
        gateway = await self._gateway(checked.endpoint, self._record)
        return Site(self.options, checked.endpoint, gateway, self.listener, checked.refused, self._stack, self._reach)

    async def _reach(self, endpoint: Endpoint, agents: Sequence[AgentAdapter]) -> tuple[Endpoint, Gateway]:
        """Run preflight on another endpoint; its exchanges count for the budget, but not as fingerprints."""
        checked = await self._preflight(endpoint, agents)
        return checked.endpoint, await self._gateway(checked.endpoint, self._count)

    async def _preflight(self, endpoint: Endpoint, agents: Sequence[AgentAdapter]) -> Preflight:
        there = await reached(endpoint, self._stack, self.options)
        checked = await preflight(there, agents, self.listener.line, self.spending.patience() / _PREFLIGHTS)
        for check in checked.checks:
            if check.ok is False or check.reading:
                self.listener.line(f"preflight: {check.name}: {check.detail}")
        return checked

    async def _gateway(self, endpoint: Endpoint, record: Callable[[Exchange], None]) -> Gateway:
        limits = filter(None, (self.options.concurrency, endpoint.connection.concurrency))
        most, pace = min(limits, default=None), endpoint.connection.pace
        flow = Flow(most, self.listener.waiting, self.spending.patience, pace=pace)
        gateway = Gateway(endpoint, record, self.listener.asking, flow, self._keep)
        return await self._stack.enter_async_context(gateway)

    async def _open(self, keys: Sequence[ResultKey]) -> None:
        """Prepare the kinds of work and run preflight for the agents of `keys`."""
        self._keep_track(asyncio.current_task())
        kinds = [KINDS[suite] for suite in dict.fromkeys(key.suite for key in keys)]
        try:
            async with asyncio.timeout(self.spending.seconds_left) as limit:
                self._site = await self._look([agent for kind in kinds for agent in kind.agents(self.options)])
        except TimeoutError:
            if not limit.expired():
                raise
            name, minutes = self.options.endpoint.name, self.options.budget.minutes
            raise ToolworthyError(
                f"{name} did not answer preflight's requests in time (--budget-minutes {minutes:g}). Give it more time."
            ) from None

    async def _begin(self, keys: Sequence[ResultKey]) -> None:
        self._keep_track(asyncio.current_task())
        new = [KINDS[suite] for suite in dict.fromkeys(key.suite for key in keys) if suite not in self._benches]
        assert self._site is not None
        for kind in new:
            self._benches[kind.suite] = await kind.open(self._site)
        first, last = apart(keys)
        for key in first:
            self._spawn(self._one(key))
        if last:
            self._spawn(self._afterwards(tuple(self._tasks), last))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._keep_track(self._loop.create_task(work))

    def _keep_track(self, task: asyncio.Task[Any] | None) -> None:
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _afterwards(self, before: Sequence[Any], keys: Sequence[ResultKey]) -> None:
        """Run `keys` one by one, after all running items have ended. They do not wait to the end of the minutes for
        rate-limited APIs."""
        running = {*before}
        while running:
            if self.spending.presses:
                self._end_limited()
            _, running = await asyncio.wait(
                running, timeout=None if self.options.budget.minutes is None else _LOOK_SECONDS
            )
        for key in keys:
            await self._one(key)

    def _end_limited(self) -> None:
        """End the items of rate-limited APIs, if there are others."""
        assert self._site is not None
        if (flow := self._site.gateway.flow) and self._site.endpoint.base_urls.keys() - flow.busy:
            for line in self._room.drop(flow.busy):
                self.listener.line(line)

    async def _arrive(self, keys: Sequence[ResultKey], kept: Sequence[ResultKey]) -> None:
        assert self.run is not None
        self._release.expect(keys)
        self._once.expect(keys)
        for key in kept:
            self._once.done(key, self._results[key].result())
            await self._release.done(key, self.run)

    async def _one(self, key: ResultKey) -> None:
        assert self.run is not None
        future = self._results[key]
        result: Any
        try:
            if why := await self._release.why_not(key) or await self._once.why_not(key):
                self._planned[key.suite] -= 1
                result = self._unrun(key, why)  # not stored in the run directory: it counts as complete
            else:
                async with self._room.slot(key):
                    result = await self._within_budget(key)
                self.run.append(result)
            self.listener.ended(result)
            self._once.done(key, result)
            # Before anyone is notified: with the last result, the last analysis must be complete, too.
            await self._release.done(key, self.run)
        except asyncio.CancelledError:
            future.cancel()
            raise
        except ToolworthyError as error:  # a full disk or no sandbox: all further items would fail, too
            self._stop(error)
        except Exception as error:  # our own bug: the waiting caller must get it
            if not future.done():
                future.set_exception(error)
            self._once.done(key, None)
            await self._release.done(key, self.run)
        else:
            if not future.done():
                future.set_result(result)

    def _stop(self, error: ToolworthyError) -> None:
        """End all running items, on the loop's thread; waiting callers get the reason."""
        if self._stopped is not None:
            return
        self._stopped = error
        for future in self._results.values():
            if not future.done():
                future.set_exception(error)
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()

    async def _watch(self) -> None:
        """Stop the run when its directory disappears: its results could not be kept."""
        assert self._hold is not None
        while self._hold.in_place():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(_LOOK_SECONDS)
        self._stop(ToolworthyError(f"{self._hold.path} is gone: it was moved or deleted. Start the run again."))

    async def _within_budget(self, key: ResultKey) -> Any:
        """Run `key`, unless the budget is spent."""
        if why := self.spending.spent or self._room.why_not(key):
            return self._unrun(key, why)
        self.listener.started(key)
        try:
            async with self._room.time(key, self.spending.seconds_left) as limit:
                return self._with_origin(key, await self._benches[key.suite].run(key))
        except TimeoutError:
            if not limit.expired():
                raise
            return self._unrun(key, self.spending.spent or self._room.why_not(key))

    def _unrun(self, key: ResultKey, why: str) -> Any:
        self.unrun[key] = why
        return self._with_origin(key, kind_of(key).unrun(self.options, key, why))

    def _with_origin(self, key: ResultKey, result: Any) -> Any:
        """The result with the path of its exchanges, and the command that repeats it."""
        assert self.run is not None
        file = f"exchanges/{file_name(str(key))}"
        there = (self.run.path / file).is_file()
        again = kind_of(key).reproduce(self.options, key)
        return result.model_copy(update={"exchanges": file * there, "reproduce": again})

    def _record(self, exchange: Exchange) -> None:
        self._count(exchange)
        if self._seen.add(exchange):
            assert self.run is not None
            with contextlib.suppress(ToolworthyError):  # results, which matter more, will say that the disk is full
                self.run.update(**self._seen.about())

    def _count(self, exchange: Exchange) -> None:
        self.listener.exchanged(exchange, self.spending.add(exchange))

    def _keep(self, exchange: Exchange) -> None:
        """Store the result, perhaps on another thread."""
        assert self.run is not None
        path = self.run.path / "exchanges" / file_name(exchange.trial)
        try:
            with writing(path), contextlib.closing(ExchangeWriter(path, self.run.redactor)) as writer:
                writer.append(exchange)
        except ToolworthyError as error:
            self._loop.call_soon_threadsafe(self._stop, error)

    async def _shut_down(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()
