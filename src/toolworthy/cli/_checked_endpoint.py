"""``toolworthy check ENDPOINT``: preflight and the quick tier of the wire suite, on one screen."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.cli.live import shown_on
from toolworthy.endpoint.preflight import model_ids
from toolworthy.endpoint.target import Endpoint
from toolworthy.judgement.analysis.outcome import outcome
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
        ToolworthyError: no request can be sent there, or none was answered in these minutes.
    """
    began = time.monotonic()
    endpoint = _endpoint(name, model, key_env, wire, minutes)
    run_options: RunOptions = {"suites": "wire", "tier": "quick", "budget_minutes": minutes, "out": out}
    if endpoint.prices:
        run_options["budget_usd"] = _USD
    with contextlib.ExitStack() as stack:
        going = Going(endpoint, run_options, lambda options: stack.enter_context(shown_on(sys.stderr, options)), began)
        try:
            going.go()
        finally:
            going.close()
    run = going.finished()
    show("\n".join(lines(run.directory)))
    return outcome(run.directory).exit_code


def _endpoint(name: str, model: str | None, key_env: str | None, wire: Api | None, minutes: float) -> Endpoint:
    """What is meant. Where no model is named, the one that the endpoint lists."""
    try:
        return Endpoint.of(name, model=model, key_env=key_env, wire=wire)
    except ToolworthyError:
        if model:
            raise
        anonymous = Endpoint.of(name, model="?", key_env=key_env, wire=wire)
    try:
        names = run_until_signal(asyncio.wait_for(model_ids(anonymous), 60 * minutes))
    except TimeoutError:
        raise ToolworthyError(
            f"{name} did not list its models in time (--budget-minutes {minutes:g}). Give --model ID, or more time."
        ) from None
    if len(names) > 1:
        more = " …" if len(names) > _SHOWN else ""
        raise ToolworthyError(
            f"{name} has {len(names)} models. Give --model ID, one of {', '.join(names[:_SHOWN])}{more}"
        )
    return Endpoint.of(name, model=names[0] if names else None, key_env=key_env, wire=wire)
