"""``toolworthy doctor``: the abilities of an endpoint, and the settings for each agent."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.cli._named_endpoint import named_endpoint
from toolworthy.content import adapters
from toolworthy.output.terminal.doctor import lines
from toolworthy.wire.ir import Api
from toolworthy.work.doctor import examine

_SECONDS = 60.0


def run(
    endpoint: str | None,
    model: str | None,
    key_env: str | None,
    wire: Api | None,
    named: str | None = None,
    agents: Sequence[str] = (),
    find_context: bool = False,
    as_json: bool = False,
) -> int:
    """Print the report; exit code 1 if no agent can work.

    Raises:
        ToolworthyError: the endpoint or an agent is unknown, or the endpoint cannot be reached.
    """
    chosen = [adapters.agent(name) for name in dict.fromkeys(agents)] or adapters.agents()
    if not (name := endpoint or named):
        raise ToolworthyError("no endpoint is named. Type `toolworthy doctor ENDPOINT`.")
    if endpoint and named and endpoint != named:
        raise ToolworthyError(f"'{endpoint}' and '{named}' are both given. Give one endpoint.")
    target = named_endpoint(name, model, key_env, wire, seconds=_SECONDS)
    report = run_until_signal(examine(target, chosen, find_context=find_context, say=_print_progress))
    show(report.model_dump_json(indent=2) if as_json else "\n".join(lines(report)))
    return 1 if all(agent.state == "cannot" for agent in report.agents) else 0


def _print_progress(line: str) -> None:
    show(line, sys.stderr)
