"""``toolworthy matrix``: what every real agent does when the oracle shows it a defect.

Each pair is one trial of a small task, in the sandbox, against the oracle with that defect. The result is a line of
JSON; a file that already holds a pair of the same agent version is gone on with.
"""

from __future__ import annotations

import asyncio
import datetime
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from toolworthy import adapters, breakage
from toolworthy.adapters import AgentAdapter
from toolworthy.agents.install import Installation, ensure
from toolworthy.breakage import MEASURED, Measured, Outcome, measured
from toolworthy.endpoint import resolve
from toolworthy.gateway import Gateway
from toolworthy.oracle import Oracle
from toolworthy.oracle.defects import Defect, catalogue, defect
from toolworthy.redact import Redactor
from toolworthy.runs.plan import Options, choose_tasks
from toolworthy.runs.result import TrialKey, TrialResult
from toolworthy.runs.trial import Bench, run_trial
from toolworthy.sandbox import choose

TASK = "fix-failing-test"
SECONDS = 60.0
"""Time limit of one trial; without a defect every agent needs less than 15 s on two cores. Agents that wait longer
between retries count as hanging."""


def run(defects: Sequence[str], agents: Sequence[str], out: Path | None, at_once: int) -> int:
    """Measure all pairs that `out` lacks, append them, and print the matrix; the exit code.

    Args:
        defects: ids; all of the catalogue if empty.
        agents: ids; all real agents if empty.
        out: where the lines go; beside the catalogue if None.
        at_once: trials at the same time.

    Raises:
        UserError: an unknown defect or agent, no sandbox, or an agent that cannot be installed.
    """
    path = out or MEASURED
    wanted = [defect(name) for name in defects] or list(catalogue())
    chosen = [adapters.agent(name) for name in agents] or [a for a in adapters.agents() if a.install]
    installed = {agent.id: ensure(agent, lambda line: print(line, flush=True)) for agent in chosen if agent.install}
    asyncio.run(_measure(wanted, chosen, installed, path, at_once))
    breakage.forget()
    for line in table(measured(path), [agent.id for agent in chosen]):
        print(line)
    return 0


def table(rows: Sequence[Measured], agents: Sequence[str]) -> Iterator[str]:
    """The matrix as a Markdown table."""
    cells = {(row.defect, row.agent): row.outcome for row in rows}
    versions = {row.agent: row.version for row in rows}
    yield "| defect | " + " | ".join(f"{agent} {versions.get(agent, '')}".strip() for agent in agents) + " |"
    yield "|---|" + "---|" * len(agents)
    for name in sorted({row.defect for row in rows}):
        yield f"| {name} | " + " | ".join(cells.get((name, agent), "–") for agent in agents) + " |"


async def _measure(
    defects: Sequence[Defect],
    agents: Sequence[AgentAdapter],
    installed: dict[str, Installation],
    path: Path,
    at_once: int,
) -> None:
    have = {(row.defect, row.agent, row.version) for row in measured(path)}
    places = asyncio.Semaphore(at_once)
    normal: dict[str, int] = {}

    async def one(spoilt: Defect | None, agent: AgentAdapter) -> None:
        async with places:
            result, requests = await _trial(spoilt, agent, installed[agent.id])
        if spoilt is None:
            normal[agent.id] = requests
            if result.status != "passed":
                print(f"{agent.id} fails without any defect: {result.cause}", flush=True)
            return
        if result.cause and result.cause.kind == "infrastructure":
            print(f"{spoilt.id}  {agent.id}  not measured: {result.cause.detail}", flush=True)
            return
        row = Measured(
            defect=spoilt.id,
            agent=agent.id,
            version=installed[agent.id].version,
            outcome=outcome(result, requests, normal[agent.id]),
            detail=result.cause.detail[:200] if result.cause else "",
            on=datetime.date.today().isoformat(),
        )
        with path.open("a", encoding="utf-8") as file:
            file.write(row.model_dump_json() + "\n")
        print(f"{row.defect}  {row.agent}  {row.outcome}", flush=True)

    pairs = [
        (spoilt, agent)
        for spoilt in defects
        for agent in agents
        if _meets(spoilt, agent) and (spoilt.id, agent.id, installed[agent.id].version) not in have
    ]
    needed = [agent for agent in agents if any(agent is mine for _, mine in pairs)]
    await asyncio.gather(*(one(None, agent) for agent in needed))
    await asyncio.gather(*(one(spoilt, agent) for spoilt, agent in pairs))


def _meets(spoilt: Defect, agent: AgentAdapter) -> bool:
    """Whether the agent can meet the defect at all: it speaks the API, and agents stream."""
    return agent.apis[0] in spoilt.apis and spoilt.mode != "whole"


async def _trial(spoilt: Defect | None, agent: AgentAdapter, installation: Installation) -> tuple[TrialResult, int]:
    tasks = choose_tasks([TASK], [])
    limit = tasks[0].config.agent.timeout_sec
    async with AsyncExitStack() as stack:
        oracle = await stack.enter_async_context(Oracle(tasks, adapters.agents(), defects=[spoilt] if spoilt else []))
        endpoint = resolve("oracle").at({api: oracle.base_urls[api] for api in agent.apis[:1]})
        requests: list[object] = []
        gateway = await stack.enter_async_context(Gateway(endpoint, requests.append))
        out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="toolworthy-matrix-")))
        options = Options(endpoint, (agent,), tasks, timeout_factor=SECONDS / limit, max_turns=30, out=out)
        bench = Bench(options, endpoint, gateway, choose("auto"), Redactor(()))
        key = TrialKey(suite="tasks", task=TASK, agent=agent.id)
        result = await run_trial(bench, key, tasks[0], agent, installation)
    return result, len(requests)


def outcome(result: TrialResult, requests: int, normal: int) -> Outcome:
    """How an agent took a defect.

    Args:
        result: its trial.
        requests: how many it sent.
        normal: how many it sends without any defect.
    """
    if result.status == "passed":
        return "recovers" if requests > normal else "unaffected"
    if result.agent_ended in ("timeout", "turns"):
        return "hangs"
    if result.agent_ended != "exit" or result.agent_exit not in (0, None):
        return "dies"
    return "wrong result"
