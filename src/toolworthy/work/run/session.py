"""Run a plan's trials and probes concurrently in one asyncio loop, on a thread beside the one that waits for them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from toolworthy.agents.install import Installation, ensure
from toolworthy.base import tree
from toolworthy.base.errors import UserError, writing
from toolworthy.base.redact import Redactor
from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.preflight import Check, preflight
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.gateway.flow import Flow
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import ExchangeWriter, file_name
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.store import Measured, RunDirectory
from toolworthy.records.trial import Key, TrialKey, TrialResult
from toolworthy.sandbox import Sandbox, choose
from toolworthy.work.cases.bench import CaseBench
from toolworthy.work.cases.field import REFERENCE, FieldBench
from toolworthy.work.probes import ProbeBench
from toolworthy.work.run import estimate
from toolworthy.work.run.budget import GRACE_SECONDS, Spending
from toolworthy.work.run.embedded import reached
from toolworthy.work.run.fingerprint import Seen
from toolworthy.work.run.hold import Hold
from toolworthy.work.run.listener import Listener, Quiet
from toolworthy.work.run.order import Once, apart, in_order
from toolworthy.work.run.plan import Options
from toolworthy.work.run.release import Looking, Release
from toolworthy.work.run.resume import kept, open_run
from toolworthy.work.run.unrun import refused, unrun
from toolworthy.work.trials.trial import Bench, run_trial, sandbox_for

_T = TypeVar("_T")

_LOOK_SECONDS = 0.5
"""How often a run makes sure that its directory is there."""


@dataclass
class _Prepared:
    """What is known once the endpoint has been looked at."""

    endpoint: Endpoint
    gateway: Gateway
    probes: ProbeBench
    refused: dict[str, str] = field(default_factory=dict)
    """Agent id to why it cannot work here."""
    bench: Bench | None = None
    """What trials need; None until there are some."""
    installations: dict[str, Installation | None] = field(default_factory=dict)
    cases: CaseBench | FieldBench | None = None
    """What cases need; None until there are some."""


class Session:
    """All trials, probes and cases of one invocation.

    ``start`` sets everything up (and raises what the user must mend), then all run on their own; ``wait`` gives one
    result; ``close`` stops what still runs. Results are in the run directory before anyone is told of them.
    """

    def __init__(self, options: Options, listener: Listener | None = None, look: Looking | None = None) -> None:
        self.options = options
        self.listener = listener or Quiet()
        self.run: RunDirectory | None = None
        self.checks: tuple[Check, ...] = ()
        self.unrun: dict[Key, str] = {}
        """What was not run, and why."""
        self._release = Release(look)
        self._once = Once(options.tier)
        self._planned: Counter[str] = Counter()  # by suite
        self.spending = Spending(options.budget, options.prices)
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._stack = contextlib.AsyncExitStack()
        self._results: dict[Key, concurrent.futures.Future[Measured]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._hold: Hold | None = None
        self._watching: concurrent.futures.Future[None] | None = None
        self._stopped: UserError | None = None
        """What has ended the run before its end."""
        self._prepared: _Prepared | None = None
        self._seen = Seen(options.endpoint.model, {})
        self._trials = asyncio.Semaphore(options.trials_at_once)
        self._probes = asyncio.Semaphore(options.probes_at_once)

    def start(self, keys: Sequence[Key]) -> None:
        """Set up and begin with `keys`, in their order.

        Raises:
            UserError: no sandbox, no agent, no endpoint, no disk.
        """
        self.run, self._hold = open_run(self.options)
        tree.sweep()
        meta = self.run.meta
        self._seen = Seen(self.options.endpoint.model, meta.agents, meta)
        self.spending.recall(self.run.path / "exchanges")
        self._thread = threading.Thread(target=self._loop.run_forever, name="toolworthy", daemon=True)
        self._thread.start()
        self._watching = asyncio.run_coroutine_threadsafe(self._watch(), self._loop)
        self.add(keys)

    def add(self, keys: Sequence[Key]) -> None:
        """Begin with `keys` that have not begun; a resumed run's own results are taken as they are.

        Raises:
            UserError: as ``start``.
        """
        assert self.run is not None
        new = [key for key in in_order(keys) if key not in self._results]
        done = {result.key: result for result in kept(self.run)} if new else {}
        for key in new:
            self._results[key] = concurrent.futures.Future()
            if key in done:
                self._results[key].set_result(done[key])
        left = [key for key in new if key not in done]
        self._plan(Counter(key.suite for key in new))
        if left and self._prepared is None and not self.options.endpoint.is_oracle:
            self.listener.line(estimate.line(self.options, left))
        self.listener.expected(left, self.spending)
        self._call(self._arrive(new, [key for key in new if key in done]))
        if left:
            self._call(self._begin(left))

    def _plan(self, more: Counter[str]) -> None:
        assert self.run is not None
        self._planned += more
        with contextlib.suppress(UserError):  # results, which matter more, will say that the disk is full
            self.run.update(planned=dict(self._planned))

    def wait(self, key: Key) -> Measured:
        """The result of `key`, once it is there.

        Raises:
            UserError: the run was stopped by something the user must mend (a full disk); nothing goes on.
        """
        return self._results[key].result()

    def future(self, key: Key) -> concurrent.futures.Future[Measured]:
        """The same, to be waited for among others."""
        return self._results[key]

    def close(self) -> None:
        """Stop what still runs and everything that was set up. What was measured is in the run directory."""
        if self._thread is None:
            return
        with contextlib.suppress(Exception):
            self._call(self._shut_down())
        if self.run is not None and self._hold is not None and self._hold.in_place():
            self._plan(Counter())
            self.run.sync()
        for future in self._results.values():
            future.cancel()  # whoever waits for it on another thread would wait for ever
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
            raise self._stopped or UserError("the run was stopped") from None
        finally:
            future.cancel()  # if we were interrupted it is not to go on

    async def _prepare(self, agents: Sequence[AgentAdapter]) -> _Prepared:
        import httpx

        found = await preflight(
            await reached(self.options.endpoint, self._stack, self.options), agents, self.listener.line
        )
        assert self.run is not None
        self.run.update(preflight=found.told())
        self.checks = found.checks
        for check in found.checks:
            if check.ok is False or check.reading:
                self.listener.line(f"preflight: {check.name}: {check.detail}")
        gateway = await self._gateway(found.endpoint, self._record)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        client = httpx.AsyncClient(timeout=None, limits=limits, trust_env=False)
        await self._stack.enter_async_context(client)
        probes = ProbeBench(found.endpoint, gateway, client, self.listener.line)
        return _Prepared(found.endpoint, gateway, probes, found.refused)

    async def _gateway(self, endpoint: Endpoint, record: Callable[[Exchange], None]) -> Gateway:
        flow = Flow(self.options.concurrency, self.listener.waiting, self.spending.patience)
        gateway = Gateway(endpoint, record, self.listener.asking, flow, self._keep)
        return await self._stack.enter_async_context(gateway)

    async def _prepare_trials(self, prepared: _Prepared, sandbox: Sandbox) -> Bench:
        redactor = Redactor(prepared.endpoint.secrets)
        bench = Bench(self.options, prepared.endpoint, prepared.gateway, sandbox, redactor, self.listener)
        for agent in self.options.agents:
            if agent.install is None or agent.id in prepared.refused:
                prepared.installations[agent.id] = None
            else:
                prepared.installations[agent.id] = await ensure(agent, self.listener.line, sandbox)
        return bench

    async def _begin(self, keys: Sequence[Key]) -> None:
        self._keep_track(asyncio.current_task())
        trials = any(isinstance(key, TrialKey) for key in keys)
        new = trials and (self._prepared is None or self._prepared.bench is None)
        sandbox = sandbox_for(self.options, self.options.agents, self.listener) if new else None
        if self._prepared is None:
            self._prepared = await self._prepare(self.options.agents if trials else ())
        if sandbox is not None:
            self._prepared.bench = await self._prepare_trials(self._prepared, sandbox)
        if self._prepared.cases is None and any(isinstance(key, CaseKey) for key in keys):
            self._prepared.cases = await self._prepare_cases(self._prepared)
        first, last = apart(keys)
        for key in first:
            self._spawn(self._one(self._prepared, key))
        if last:
            self._spawn(self._afterwards(self._prepared, tuple(self._tasks), last))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._keep_track(self._loop.create_task(work))

    def _keep_track(self, task: asyncio.Task[Any] | None) -> None:
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _afterwards(self, prepared: _Prepared, before: Sequence[Any], keys: Sequence[ProbeKey]) -> None:
        """`keys` one by one, once all that was begun is over."""
        await asyncio.gather(*before, return_exceptions=True)
        for key in keys:
            await self._one(prepared, key)

    async def _prepare_cases(self, prepared: _Prepared) -> CaseBench | FieldBench:
        options = self.options
        if options.field:
            sides: dict[str, tuple[Endpoint, Gateway]] = {options.field.kind: (prepared.endpoint, prepared.gateway)}
            if options.reference:
                reference = await reached(options.reference, self._stack, options)
                sides[REFERENCE] = reference, await self._gateway(reference, self._count)
            return FieldBench(options.field, stream=options.stream, sides=sides)
        try:
            sandbox = choose(options.sandbox)
        except UserError:
            sandbox = None  # a case that needs one says so
        return CaseBench(
            prepared.endpoint,
            prepared.gateway,
            options.cases,
            options.vocabularies,
            stream=options.stream,
            sandbox=sandbox,
        )

    async def _arrive(self, keys: Sequence[Key], kept: Sequence[Key]) -> None:
        assert self.run is not None
        self._release.expect(keys)
        self._once.expect(keys)
        for key in kept:
            self._once.done(key, self._results[key].result())
            await self._release.done(key, self.run)

    async def _one(self, prepared: _Prepared, key: Key) -> None:
        assert self.run is not None
        future = self._results[key]
        result: Measured
        try:
            if why := await self._release.why_not(key) or await self._once.why_not(key):
                self._planned[key.suite] -= 1
                result = self._unrun(key, why)  # not in the run directory: it is not missing
            else:
                async with self._trials if isinstance(key, TrialKey) else self._probes:
                    result = await self._within_budget(prepared, key)
                self.run.append(result)
            self.listener.ended(result)
            self._once.done(key, result)
            # Before anyone is told: with the last result, the last look is to be there too.
            await self._release.done(key, self.run)
        except asyncio.CancelledError:
            future.cancel()
            raise
        except UserError as error:  # a full disk, no sandbox: it would be the same for all that come
            self._stop(error)
        except Exception as error:  # a defect of ours: the one who waits must hear of it
            if not future.done():
                future.set_exception(error)
            self._once.done(key, None)
            await self._release.done(key, self.run)
        else:
            if not future.done():
                future.set_result(result)

    def _stop(self, error: UserError) -> None:
        """End all that runs, on the loop's thread; whoever waits for a result hears why."""
        if self._stopped is not None:
            return
        self._stopped = error
        for future in self._results.values():
            if not future.done():
                future.set_exception(error)
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()

    async def _watch(self) -> None:
        """Nothing is to be spent on what cannot be kept."""
        assert self._hold is not None
        while self._hold.in_place():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(_LOOK_SECONDS)
        self._stop(UserError(f"{self._hold.path} is gone: it was moved or deleted while the run went on"))

    async def _within_budget(self, prepared: _Prepared, key: Key) -> Measured:
        """What comes of `key`, unless a budget is spent."""
        if self.spending.spent:
            return self._unrun(key, self.spending.spent)
        self.listener.started(key)
        try:
            async with asyncio.timeout(self.spending.seconds_left) as limit:
                if isinstance(key, ProbeKey):
                    return await self._probe_result(prepared, key)
                if isinstance(key, CaseKey):
                    return await self._case_result(prepared, key)
                return await self._result(prepared, key)
        except TimeoutError:
            if not limit.expired():
                raise
            why = f"{self.spending.spent}, and it had not ended {GRACE_SECONDS:.0f} seconds later"
            return self._unrun(key, why)

    def _unrun(self, key: Key, why: str) -> Measured:
        self.unrun[key] = why
        return unrun(self.options, key, why)

    async def _probe_result(self, prepared: _Prepared, key: ProbeKey) -> ProbeResult:
        result = await prepared.probes.run(key)
        file = f"exchanges/{file_name(str(key))}" if result.requests else ""
        return result.model_copy(update={"exchanges": file, "reproduce": self.options.reproduce(key)})

    async def _case_result(self, prepared: _Prepared, key: CaseKey) -> CaseResult:
        assert prepared.cases is not None
        result = await prepared.cases.run(key)
        file = f"exchanges/{file_name(str(key))}" if result.score.requests else ""
        return result.model_copy(update={"exchanges": file, "reproduce": self.options.reproduce(key)})

    async def _result(self, prepared: _Prepared, key: TrialKey) -> TrialResult:
        task = next(task for task in self.options.tasks if task.name == key.task)
        agent = next(agent for agent in self.options.agents if agent.id == key.agent)
        if key.agent in prepared.refused:
            return refused(self.options, key, prepared.refused[key.agent])
        assert prepared.bench is not None
        result = await run_trial(prepared.bench, key, task, agent, prepared.installations[agent.id])
        return result.model_copy(update={"exchanges": f"exchanges/{file_name(str(key))}"})

    def _record(self, exchange: Exchange) -> None:
        self._count(exchange)
        if self._seen.add(exchange):
            assert self.run is not None
            with contextlib.suppress(UserError):  # results, which matter more, will say that the disk is full
                self.run.update(**self._seen.about())

    def _count(self, exchange: Exchange) -> None:
        self.listener.exchanged(exchange, self.spending.add(exchange))

    def _keep(self, exchange: Exchange) -> None:
        """Write it down; perhaps on another thread."""
        assert self.run is not None
        path = self.run.path / "exchanges" / file_name(exchange.trial)
        try:
            with writing(path), contextlib.closing(ExchangeWriter(path, self.run.redactor)) as writer:
                writer.append(exchange)
        except UserError as error:
            self._loop.call_soon_threadsafe(self._stop, error)

    async def _shut_down(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()
