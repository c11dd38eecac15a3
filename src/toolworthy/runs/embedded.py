"""The embedded oracle as what a run asks."""

from __future__ import annotations

import contextlib

from toolworthy import adapters
from toolworthy.cases.field import FieldPlayer
from toolworthy.cases.player import CasePlayer
from toolworthy.endpoint import Endpoint
from toolworthy.runs.plan import Options


async def reached(endpoint: Endpoint, options: Options, stack: contextlib.AsyncExitStack) -> Endpoint:
    """`endpoint`, with an oracle behind it where it is one, until `stack` is closed."""
    if not endpoint.is_oracle:
        return endpoint
    from toolworthy.oracle import Oracle
    from toolworthy.oracle.defects import defect

    spoilt = [defect(name) for name in endpoint.defects]
    chosen = {agent.id for agent in options.agents}
    vocabularies = (*options.agents, *(agent for agent in adapters.agents() if agent.id not in chosen))
    oracle = Oracle(options.tasks, vocabularies, defects=spoilt, plays=[_player(options)])
    return endpoint.at((await stack.enter_async_context(oracle)).base_urls)


def _player(options: Options) -> CasePlayer | FieldPlayer:
    if options.field:
        return FieldPlayer(options.field)
    return CasePlayer(options.cases, (*options.vocabularies, *adapters.agents()))
