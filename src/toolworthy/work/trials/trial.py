"""One attempt of one agent at one task on one endpoint, from a fresh workspace to a scored result."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from toolworthy.agents import builtin, mcp
from toolworthy.agents.install import Installation
from toolworthy.agents.launch import Start
from toolworthy.agents.launch import command as launch
from toolworthy.agents.settings import DEFAULT_CONTEXT, MAX_OUTPUT
from toolworthy.base import tree
from toolworthy.base.asgi import free_port
from toolworthy.base.cancelling import through
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.redact import Redactor
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.tasks import Task
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.gateway.trial_limits import Allowance
from toolworthy.records.exchange import Exchange
from toolworthy.records.score import Cause
from toolworthy.records.trial import Status, TrialKey, TrialResult, Verification
from toolworthy.sandbox import Sandbox, begun, choose
from toolworthy.sandbox.model import Command, CommandOutcome, Limits, SandboxError
from toolworthy.wire.ir import Api
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options
from toolworthy.work.scoring import diagnose, score
from toolworthy.work.scoring.words import cause, noted
from toolworthy.work.trials import _disk_space as room
from toolworthy.work.trials import _workspace as workspaces
from toolworthy.work.trials._verify import verify

PORT = 8377
"""The gateway's port inside each agent's network namespace."""
KEY = "sk-toolworthy-placeholder"
"""The placeholder key of agents; the gateway replaces it by the real one."""
_TAIL = 20_000


@dataclass(frozen=True)
class TrialBench:
    """Runs the trials of one run, and has their shared data."""

    options: Options
    endpoint: Endpoint
    gateway: Gateway
    sandbox: Sandbox
    redactor: Redactor
    listener: Listener = field(default_factory=Listener)
    installations: dict[str, Installation] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    """Agent to the reason why it cannot work here, from preflight."""
    mcp_sdk: Installation | None = None
    """The Python environment for tasks' MCP servers; None if no task has one."""

    async def run(self, key: TrialKey) -> TrialResult:
        """Run one attempt."""
        if why := self.refused.get(key.agent):
            return without(self.options, key, "refused", cause("preflight", "endpoint", said=why))
        task = next(task for task in self.options.tasks if task.name == key.task)
        agent = next(agent for agent in self.options.agents if agent.id == key.agent)
        if task.mcp and (lack := mcp.lacks(agent, task.mcp.transport)):
            return without(self.options, key, "unmeasured", cause("not run", "agent", said=lack))
        return await run_trial(self, key, task, agent, self.installations.get(key.agent))


def without(plan: Options, key: TrialKey, status: Status, why: Cause) -> TrialResult:
    """The result of a trial that was not run."""
    digest = next((task.digest for task in plan.tasks if task.name == key.task), "")
    return TrialResult(key=key, status=status, cause=why, task_digest=digest)


async def run_trial(
    context: TrialBench,
    key: TrialKey,
    task: Task,
    agent: AgentAdapter,
    installation: Installation | None,
) -> TrialResult:
    """Run one trial. Any failure becomes a result with its cause, except cancellation and a broken sandbox, which would
    fail every trial.

    Exchanges are recorded as they happen, under the trial's id.
    """
    started, clock = time.time(), time.monotonic()
    folder: Path | None = None
    try:
        folder = tree.new_folder()
        result = await _attempt(context, key, task, agent, installation, folder)
        return result.model_copy(update={"started": started, "seconds": time.monotonic() - clock})
    except SandboxError:
        raise
    except Exception as error:
        detail = str(error) if isinstance(error, (ToolworthyError, OSError)) else _at_fault(error)
        why = cause("not started", "infrastructure", said=context.redactor.text(detail))
        return TrialResult(key=key, status="error", cause=why, task_digest=task.digest, started=started)
    finally:
        if folder is not None:
            await through(asyncio.to_thread(tree.remove, folder))


def _at_fault(error: Exception) -> str:
    """An error of toolworthy itself, with its place."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"a fault of toolworthy's: {type(error).__name__} at {place}: {str(error)[:500]}"


async def _attempt(
    context: TrialBench,
    key: TrialKey,
    task: Task,
    agent: AgentAdapter,
    installation: Installation | None,
    folder: Path,
) -> TrialResult:
    room.check(folder)
    workspace = await workspaces.prepare(task, folder, context.sandbox)
    before = await through(asyncio.to_thread(workspaces.snapshot, workspace))
    own = frozenset(os.listdir(workspace))
    home = folder / "home"
    home.mkdir()
    port = PORT if context.sandbox.name != "none" else free_port()
    command = _command(context, task, agent, installation, workspace, home, port)
    allowance = Allowance(context.endpoint.model, _apis(context, agent), context.options.max_turns)
    outcome, exchanges = await _run_agent(context, key, command, port, allowance)
    context.listener.verifying(key)
    await asyncio.to_thread(workspaces.forget, workspace, agent.leaves, own)
    verdict = await verify(task, workspace, folder, context.sandbox)
    after = await through(asyncio.to_thread(workspaces.snapshot, workspace))
    changed = await asyncio.to_thread(workspaces.diff, before, after)
    measured = await asyncio.to_thread(score, exchanges, agent, context.endpoint)
    ceiling = agent.ceiling.get(task.name, "")
    judge = partial(_judge, verdict, outcome, exchanges, agent, context.options.max_turns, allowance.spent, ceiling)
    status, why = await asyncio.to_thread(judge)
    if status != "passed" and (full := await asyncio.to_thread(room.ran_out, folder)):
        status, why = "error", cause("no room", "infrastructure", said=full)
    redact = context.redactor.text
    api = next((exchange.agent_api for exchange in exchanges if exchange.agent_api), agent.apis[0])
    return TrialResult(
        key=key,
        status=status,
        cause=why,
        score=measured,
        verification=verdict.model_copy(update={"output": redact(verdict.output)}),
        agent_version=installation.version if installation else "",
        agent_api=api,
        endpoint_api=context.endpoint.api_for(api),
        agent_exit=outcome.exit_code,
        agent_ended=outcome.ended,
        agent_output=redact((outcome.stdout + outcome.stderr).decode(errors="replace"))[-_TAIL:],
        diff=redact(changed),
        sandbox=context.sandbox.name,
        task_digest=task.digest,
        ceiling=ceiling,
    )


def _command(
    context: TrialBench,
    task: Task,
    agent: AgentAdapter,
    installation: Installation | None,
    workspace: Path,
    home: Path,
    port: int,
) -> Command:
    options, endpoint = context.options, context.endpoint
    limits = Limits(
        seconds=task.config.agent.timeout_sec * options.timeout_factor + agent.run.start_seconds,
        memory_mb=max(4096, task.config.environment.memory_mb),
        disk_mb=max(2048, task.config.environment.storage_mb),
    )
    start = Start(
        workspace=workspace,
        home=home,
        base_url=f"http://127.0.0.1:{port}",
        key=KEY,
        model=endpoint.model,
        instruction=task.instruction,
        limits=limits,
        context=endpoint.context or DEFAULT_CONTEXT,
        max_output=MAX_OUTPUT,
        max_turns=options.max_turns,
        builtin=builtin.Choice(toolset=options.toolset, api=endpoint.forced_api, stream=options.stream),
        api=_spoken(context, agent),
        mcp=_lent(context, task, agent),
    )
    return launch(agent, installation, context.sandbox, start)


def _lent(context: TrialBench, task: Task, agent: AgentAdapter) -> mcp.LentServer | None:
    if task.mcp is None or context.mcp_sdk is None:
        return None
    return mcp.lend(agent, task.mcp, task.path / "environment" / "mcp", context.mcp_sdk, context.sandbox)


def _spoken(context: TrialBench, agent: AgentAdapter) -> Api:
    """The wire API in an agent's settings: the endpoint's, if the agent speaks it."""
    return agent.api_with(context.endpoint.api_for(agent.apis[0]))


def _apis(context: TrialBench, agent: AgentAdapter) -> tuple[Api, ...]:
    """The APIs that an agent may use; the built-in one gets a single one."""
    return (context.endpoint.forced_api or agent.apis[0],) if agent.id == "builtin" else agent.apis


async def _run_agent(
    context: TrialBench, key: TrialKey, command: Command, port: int, allowance: Allowance
) -> tuple[CommandOutcome, tuple[Exchange, ...]]:
    """Start the agent with the gateway behind its listener; both end together.

    Not every agent takes a turn limit: one that exceeds it is stopped.
    """
    started, turns = time.monotonic(), 0
    async with begun(context.sandbox, command, port) as (running, listener):
        if listener is None:
            return await running, ()

        def on_exchange(exchange: Exchange) -> None:
            nonlocal turns
            turns += exchange.is_turn
            if turns > context.options.max_turns:
                running.cancel()

        async with serve_trial(context.gateway, str(key), listener, allowance) as session:
            session.on_exchange = on_exchange
            outcome = await _ended(running, lambda: turns > context.options.max_turns, started)
    return outcome, tuple(sorted(session.exchanges, key=lambda exchange: exchange.index))


async def _ended(
    running: asyncio.Task[CommandOutcome], out_of_turns: Callable[[], bool], started: float
) -> CommandOutcome:
    """How the agent ended, including a stop at the turn limit."""
    try:
        return await running
    except asyncio.CancelledError:
        if not (running.cancelled() and out_of_turns()):
            raise
        return CommandOutcome(None, "turns", b"", b"", time.monotonic() - started)


def _judge(
    verdict: Verification,
    outcome: CommandOutcome,
    exchanges: tuple[Exchange, ...],
    agent: AgentAdapter,
    max_turns: int,
    spent: str,
    ceiling: str = "",
) -> tuple[Status, Cause | None]:
    if verdict.reward is None:
        return "error", cause("no reward", "infrastructure", ended=verdict.ended)
    if verdict.reward >= 1.0:
        return "passed", None
    if spent:  # by the model's commands: no agent sends so many requests
        return "failed", cause("asked too much", "model", said=spent)
    diagnosed = diagnose(exchanges, outcome, agent, max_turns, ceiling)
    if verdict.reason and diagnosed.fault == "model":
        diagnosed = noted(diagnosed, {"verifier says": verdict.reason})
    return ("error" if diagnosed.fault in ("infrastructure", "our limit") else "failed"), diagnosed


def sandbox_for(options: Options, agents: Sequence[AgentAdapter]) -> Sandbox:
    """The requested sandbox. Only the built-in agent on the reference server may run without one."""
    try:
        return choose(options.sandbox)
    except ToolworthyError:
        harmless = options.endpoint.is_oracle and all(agent.install is None for agent in agents)
        if options.sandbox != "auto" or not harmless:
            raise
        return choose("none")
