"""``toolworthy check ENDPOINT``: preflight and the quick tier of the wire suite, on one screen."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from toolworthy.base.sanitize import show
from toolworthy.cli._named_endpoint import named_endpoint
from toolworthy.cli.live import shown_on
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.output.terminal.first_screen import lines
from toolworthy.public.running import Going, RunOptions
from toolworthy.wire.ir import Api

_USD = 0.05


def check_endpoint(
    name: str, model: str | None, key_env: str | None, wire: Api | None, *, minutes: float, out: Path
) -> int:
    """Check an endpoint, and print what it is, which agents can use it and what to fix first. Returns the run's exit
    code.

    Raises:
        ToolworthyError: no request can be sent there, or none was answered in these minutes.
    """
    began = time.monotonic()
    more_time = f"--budget-minutes {minutes:g}"
    endpoint = named_endpoint(name, model, key_env, wire, seconds=60 * minutes, more_time=more_time)
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
