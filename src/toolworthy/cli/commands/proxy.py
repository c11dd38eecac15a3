"""``toolworthy proxy``: records an agent's traffic until it is stopped, or until the agent that it starts ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolworthy.base.asgi import listening
from toolworthy.base.errors import ToolworthyError
from toolworthy.cli._named_endpoint import named_endpoint
from toolworthy.cli._own_agent import own_agent
from toolworthy.cli._proxy import Proxy
from toolworthy.wire.ir import Api

PORT = 8377
_SECONDS = 60.0


def run(
    endpoint: str,
    model: str | None,
    key_env: str | None,
    wire: Api | None,
    port: int | None,
    out: Path,
    for_all: bool,
    agent: str | None,
    keep: int,
    repair: bool,
    arguments: Sequence[str],
) -> int:
    """Record the traffic of any agent that uses it, until Ctrl-C; a file next to the record names the endpoint.

    It adds the endpoint's key to requests, so its address has a secret part, unless `for_all`. With an agent, returns
    the agent's exit code.

    Raises:
        ToolworthyError: the endpoint or the agent is unknown, the agent is not installed, the port is in use, or the
        recording cannot be written.
    """
    if arguments and not agent:
        raise ToolworthyError(f"{arguments[0]!r} is for an agent, and none is started. Give --agent NAME, too.")
    own = own_agent(agent, arguments) if agent else None
    target = named_endpoint(endpoint, model, key_env, wire, seconds=_SECONDS)
    listener = listening((0 if own else PORT) if port is None else port)  # may fail, so before any file
    return Proxy(target, out, keep=keep, secret=not for_all, agent=own, repair=repair).serve(listener)
