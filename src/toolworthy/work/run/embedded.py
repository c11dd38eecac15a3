"""The reference server as the endpoint under test."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from toolworthy.content import adapters
from toolworthy.content.tasks import known_tasks
from toolworthy.endpoint.target import Endpoint
from toolworthy.reference import Oracle
from toolworthy.reference.defects import Defect, defect
from toolworthy.work.cases.model import load_cases
from toolworthy.work.cases.player import CasePlayer
from toolworthy.work.kinds import KINDS
from toolworthy.work.run.plan import Options


async def reached(endpoint: Endpoint, stack: contextlib.AsyncExitStack, options: Options | None = None) -> Endpoint:
    """`endpoint`; if it is the oracle, served until `stack` is closed.

    It plays the tasks and cases of these options; without options, the built-in tasks for built-in agents.

    Raises:
        ToolworthyError: no defect has the requested id.
    """
    if not endpoint.is_oracle:
        return endpoint
    defects = [defect(name) for name in endpoint.defects]
    ours = adapters.agents()
    if options is None:
        oracle = standing(defects)
    else:
        chosen = {agent.id for agent in options.agents}
        toolsets = (*options.agents, *(agent for agent in ours if agent.id not in chosen))
        plays = [player for kind in KINDS.values() for player in kind.plays(options)]
        oracle = Oracle(options.tasks or known_tasks(), toolsets, defects=defects, plays=plays)
    return endpoint.at((await stack.enter_async_context(oracle)).base_urls)


def standing(defects: Sequence[Defect], port: int = 0) -> Oracle:
    """An oracle outside of runs: it plays the built-in tasks and cases for built-in agents."""
    ours = adapters.agents()
    return Oracle(known_tasks(), ours, port=port, defects=defects, plays=[CasePlayer(load_cases(), ours)])
