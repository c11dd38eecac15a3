"""``toolworthy check ENDPOINT``: preflight and the quick tier of the wire suite, on one screen."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.cli.live import shown_on
from toolworthy.endpoint.preflight import model_ids
from toolworthy.endpoint.target import Endpoint
from toolworthy.output.terminal.first_screen import lines
from toolworthy.public.running import Going, RunOptions
from toolworthy.wire.ir import Api

_USD = 0.05
_SHOWN = 6


def check_endpoint(
    name: str, model: str | None, key_env: str | None, wire: Api | None, *, minutes: float, out: Path
) -> int:
    """Look at an endpoint, and print what it is, what it is good for and what to fix first; the exit code is the run's.

    Raises:
        ToolworthyError: nothing can be asked there.
    """
    endpoint = _endpoint(name, model, key_env, wire)
    given: RunOptions = {"suites": "wire", "tier": "quick", "budget_minutes": minutes, "out": out}
    if endpoint.prices:
        given["budget_usd"] = _USD
    with contextlib.ExitStack() as stack:
        going = Going(endpoint, given, lambda options: stack.enter_context(shown_on(sys.stderr, options)))
        try:
            going.go()
        finally:
            going.close()
    run = going.finished()
    show("\n".join(lines(run.directory)))
    return 0 if run.ok else 1


def _endpoint(name: str, model: str | None, key_env: str | None, wire: Api | None) -> Endpoint:
    """What is meant. Where no model is named, the one that the endpoint lists."""
    try:
        return Endpoint.of(name, model=model, key_env=key_env, wire=wire)
    except ToolworthyError:
        if model:
            raise
        anonymous = Endpoint.of(name, model="?", key_env=key_env, wire=wire)
    names = asyncio.run(model_ids(anonymous))
    if len(names) > 1:
        more = " …" if len(names) > _SHOWN else ""
        raise ToolworthyError(f"{name} has {len(names)} models: give --model ID, of {', '.join(names[:_SHOWN])}{more}")
    return Endpoint.of(name, model=names[0] if names else None, key_env=key_env, wire=wire)
