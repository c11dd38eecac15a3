"""Run a plan's trials concurrently in one asyncio loop, on a thread beside the one that waits for them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from toolworthy.adapters import AgentAdapter
from toolworthy.agents.install import Installation, ensure
from toolworthy.endpoint import Endpoint
from toolworthy.errors import UserError
from toolworthy.exchange import Exchange
from toolworthy.gateway import Gateway
from toolworthy.redact import Redactor
from toolworthy.runs.exchanges import ExchangeWriter, file_name
from toolworthy.runs.plan import Options
from toolworthy.runs.preflight import Check, preflight
from toolworthy.runs.result import TrialKey, TrialResult
from toolworthy.runs.store import RunDirectory
from toolworthy.runs.trial import Bench, run_trial
from toolworthy.sandbox import Sandbox, choose
from toolworthy.scoring.model import Cause

_T = TypeVar("_T")


class Listener(Protocol):
    """Hears what a session does, on the session's thread."""

    def line(self, text: str) -> None:
        """Something worth a line."""

    def exchanged(self, key: TrialKey, exchange: Exchange) -> None:
        """A trial has had an answer."""

    def ended(self, result: TrialResult) -> None:
        """A trial is over."""


class Quiet:
    """A listener that says nothing."""

    def line(self, text: str) -> None:
        """Nothing."""

    def exchanged(self, key: TrialKey, exchange: Exchange) -> None:
        """Nothing."""

    def ended(self, result: TrialResult) -> None:
        """Nothing."""


@dataclass
class _Prepared:
    """What is known once everything is set up."""

    bench: Bench
    installations: dict[str, Installation | None] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Session:
    """All trials of one invocation.

    ``start`` sets everything up (and raises what the user must mend), then trials run on their own; ``wait`` gives one
    result; ``close`` stops what still runs. Results are in the run directory before anyone is told of them.
    """

    def __init__(self, options: Options, listener: Listener | None = None) -> None:
        self.options = options
        self.listener = listener or Quiet()
        self.run: RunDirectory | None = None
        self.checks: tuple[Check, ...] = ()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._stack = contextlib.AsyncExitStack()
        self._results: dict[TrialKey, concurrent.futures.Future[TrialResult]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._prepared: _Prepared | None = None

    def start(self, keys: Sequence[TrialKey]) -> None:
        """Set up and begin with `keys`, in their order.

        Raises:
            UserError: no sandbox, no agent, no endpoint, no disk.
        """
        self.run = self._open_run()
        self._thread = threading.Thread(target=self._loop.run_forever, name="toolworthy", daemon=True)
        self._thread.start()
        self.add(keys)

    def add(self, keys: Sequence[TrialKey]) -> None:
        """Begin with `keys` that have not begun; a resumed run's own results are taken as they are.

        Raises:
            UserError: as ``start``.
        """
        assert self.run is not None
        new = [key for key in keys if key not in self._results]
        kept = self.run.results() if new else ()
        done = {result.key: result for result in kept if result.status in ("passed", "failed")}
        for key in new:
            self._results[key] = concurrent.futures.Future()
            if key in done:
                self._results[key].set_result(done[key])
        left = [key for key in new if key not in done]
        if left:
            if self._prepared is None:
                self._prepared = self._call(self._prepare())
            self._loop.call_soon_threadsafe(self._begin, self._prepared, left)

    def wait(self, key: TrialKey) -> TrialResult:
        """The result of one trial, once it is there.

        Raises:
            UserError: the run was stopped by something the user must mend (a full disk).
        """
        return self._results[key].result()

    def close(self) -> None:
        """Stop what still runs and everything that was set up. What was measured is in the run directory."""
        if self._thread is None:
            return
        with contextlib.suppress(Exception):
            self._call(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._thread = None
        if not self._loop.is_running():
            self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _open_run(self) -> RunDirectory:
        if self.options.resume is None:
            return RunDirectory.create(self.options.out, self.options.about())
        run = RunDirectory.open(self.options.resume)
        old, new = run.about, self.options.about()
        for what in ("endpoint", "tasks", "agents"):
            if old.get(what) != json.loads(json.dumps(new[what])):
                raise UserError(f"{run.path} was a run of other {what}; --resume goes on with the same ones only")
        return run

    async def _prepare(self) -> _Prepared:
        options = self.options
        chosen = options.agents
        sandbox = _sandbox(options, chosen, self.listener)
        endpoint = await self._endpoint()
        found = await preflight(endpoint, chosen)
        self.checks = found.checks
        for check in found.checks:
            if check.ok is False:
                self.listener.line(f"preflight: {check.name}: {check.detail}")
        gateway = await self._stack.enter_async_context(Gateway(found.endpoint, self._record))
        bench = Bench(options, found.endpoint, gateway, sandbox, Redactor(found.endpoint.secrets))
        prepared = _Prepared(bench, refused=found.refused)
        for agent in chosen:
            if agent.install is None or agent.id in found.refused:
                prepared.installations[agent.id] = None
            else:
                install = asyncio.to_thread(ensure, agent, self.listener.line)
                prepared.installations[agent.id] = await install
        return prepared

    async def _endpoint(self) -> Endpoint:
        endpoint = self.options.endpoint
        if not endpoint.is_oracle:
            return endpoint
        from toolworthy import adapters
        from toolworthy.oracle import Oracle

        oracle = await self._stack.enter_async_context(
            Oracle(self.options.tasks, self._vocabularies(adapters.agents()))
        )
        return endpoint.at({"chat": f"{oracle.url}/v1", "messages": oracle.url, "responses": f"{oracle.url}/v1"})

    def _vocabularies(self, ours: tuple[AgentAdapter, ...]) -> tuple[AgentAdapter, ...]:
        chosen = {agent.id: agent for agent in self.options.agents}
        return (*self.options.agents, *(agent for agent in ours if agent.id not in chosen))

    def _begin(self, prepared: _Prepared, keys: list[TrialKey]) -> None:
        places = asyncio.Semaphore(self.options.concurrency)
        for key in keys:
            task = self._loop.create_task(self._one(prepared, key, places))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _one(self, prepared: _Prepared, key: TrialKey, places: asyncio.Semaphore) -> None:
        future = self._results[key]
        try:
            async with places:
                result = await self._result(prepared, key)
            assert self.run is not None
            self.run.append(result)
        except asyncio.CancelledError:
            future.cancel()
            raise
        except Exception as error:  # a defect of ours, or a full disk: the one who waits must hear of it
            future.set_exception(error)
        else:
            self.listener.ended(result)
            future.set_result(result)

    async def _result(self, prepared: _Prepared, key: TrialKey) -> TrialResult:
        task = next(task for task in self.options.tasks if task.name == key.task)
        agent = next(agent for agent in self.options.agents if agent.id == key.agent)
        if key.agent in prepared.refused:
            cause = Cause(kind="endpoint error", fault="endpoint", detail=f"preflight: {prepared.refused[key.agent]}")
            return TrialResult(
                key=key,
                status="unmeasured",
                cause=cause,
                task_digest=task.digest,
                reproduce=self.options.reproduce(key),
            )

        def watch(exchange: Exchange) -> None:
            self.listener.exchanged(key, exchange)

        result = await run_trial(prepared.bench, key, task, agent, prepared.installations[agent.id], watch)
        return result.model_copy(update={"exchanges": f"exchanges/{file_name(str(key))}"})

    def _record(self, exchange: Exchange) -> None:
        assert self.run is not None
        writer = ExchangeWriter(self.run.path / "exchanges" / file_name(exchange.trial))
        writer.append(exchange)
        writer.close()

    async def _shut_down(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stack.aclose()


def _sandbox(options: Options, agents: Sequence[AgentAdapter], listener: Listener) -> Sandbox:
    """The sandbox asked for. Only our own loop on the oracle, which plays known solutions, may do without one."""
    try:
        sandbox = choose(options.sandbox)
    except UserError:
        harmless = options.endpoint.is_oracle and all(agent.install is None for agent in agents)
        if options.sandbox != "auto" or not harmless:
            raise
        sandbox = choose("none")
    if sandbox.name == "none":
        listener.line("no sandbox: what the model writes runs with your rights and sees your files")
    return sandbox
