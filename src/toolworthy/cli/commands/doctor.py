"""``toolworthy doctor``: what an endpoint offers, and how to configure each agent for it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from toolworthy.base.sanitize import one_line, show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.preflight import Preflight, preflight
from toolworthy.endpoint.target import Endpoint, resolve
from toolworthy.wire.ir import Api
from toolworthy.work.run.embedded import reached

_MARKS = {True: "ok  ", False: "BAD ", None: "?   "}


def run(endpoint: str, model: str | None, key_env: str | None, wire: Api | None) -> int:
    """Print the checks and a line per agent; exit code 1 if no agent can work.

    Raises:
        ToolworthyError: the endpoint is unknown or cannot be reached.
    """
    agents = adapters.agents()
    target = resolve(endpoint, model=model, key_env=key_env, wire=wire)
    checked = run_until_signal(_look(target, agents))
    for check in checked.checks:
        mark = "note" if check.reading else "none" if check.absent else _MARKS[check.ok]
        show(f"{mark} {check.name}: {one_line(check.detail)}")
    for agent in agents:
        api = checked.endpoint.api_for(agent.apis[0])
        if why := checked.refused.get(agent.id):
            show(f"BAD  {agent.title}: {one_line(why)}")
        elif api in agent.apis:
            where = "the embedded oracle" if target.is_oracle else f"base URL {checked.endpoint.base_urls[api]}"
            show(f"ok   {agent.title}: {where}")
        else:
            show(f"ok   {agent.title}: only through a translation from {agent.apis[0]} to {api}")
    if (hint := target.provider.hints.get("setup")) and not target.is_oracle:
        show(f"     {hint}")
    return 1 if len(checked.refused) == len(agents) else 0


async def _look(endpoint: Endpoint, agents: Sequence[AgentAdapter]) -> Preflight:
    async with contextlib.AsyncExitStack() as stack:
        return await preflight(await reached(endpoint, stack), agents)
