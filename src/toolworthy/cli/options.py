"""The options of a run, on pytest's command line and on that of `toolworthy run`."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.cli._command_line import refuse_keys
from toolworthy.cli._values import PRICE, at_once, count, factor, once, one_of, positive, price
from toolworthy.endpoint.plugins import load_plugins
from toolworthy.wire.ir import APIS
from toolworthy.work.kinds import KINDS

_MANY: dict[str, Any] = {"action": "append", "default": []}
_FLAG: dict[str, Any] = {"action": "store_true", "default": None}

OPTIONS: dict[str, dict[str, Any]] = {
    "--endpoint": {"metavar": "X", "help": "a URL, a provider, a name from toolworthy.toml, or oracle (default)"},
    "--model": {"metavar": "ID", "help": "model to request"},
    "--key-env": {"metavar": "NAME", "help": "environment variable that holds the key"},
    "--wire": {**one_of(APIS), "help": "translate every agent to this wire API"},
    "--agent": {**_MANY, "metavar": "NAME", "help": "agent (repeatable; all for every one)"},
    "--adapter": {**_MANY, "metavar": "FILE", "type": Path, "help": "an agent of your own"},
    "--toolset": {"metavar": "AGENT", "help": "the built-in agent offers this agent's tools"},
    "--wear": {"metavar": "AGENT", "dest": "toolset", "help": argparse.SUPPRESS},  # the name that it had
    "--task": {**_MANY, "metavar": "NAME", "help": "only this task (repeatable)"},
    "--tasks": {**_MANY, "metavar": "DIR", "type": Path, "help": "tasks of your own, in Harbor's format"},
    "--case": {**_MANY, "metavar": "ID", "help": "only this tool-call case (repeatable)"},
    "--cases": {**_MANY, "metavar": "PATH", "help": "cases of your own, bfcl:PATH or k2vv:PATH"},
    "--reference": {
        "metavar": "X",
        "help": "with k2vv: also test this endpoint, to measure how far it agrees with itself",
    },
    "--tier": {**one_of(("quick", "standard", "full")), "help": "how many probes are sent (default standard)"},
    "--trials": {"type": positive, "metavar": "N", "help": "attempts per task or case and agent (default 1)"},
    "--concurrency": {
        "type": at_once,
        "metavar": "N",
        "help": "requests in flight for probes and cases, trials at the same time (default auto: as many as go well)",
    },
    "--sandbox": {**one_of(("auto", "bubblewrap", "none")), "help": "how agents are isolated (default auto)"},
    "--timeout-factor": {"type": factor, "metavar": "F", "help": "multiplies every task's time limit"},
    "--max-turns": {"type": positive, "metavar": "N", "help": "turns after which an agent is stopped (default 60)"},
    "--no-stream": {
        "action": "store_false",
        "default": None,
        "dest": "stream",
        "help": "the built-in agent and cases request unstreamed responses",
    },
    "--budget-usd": {"type": factor, "metavar": "X", "help": "US dollars that the run may spend"},
    "--budget-tokens": {"type": count, "metavar": "N", "help": "tokens that it may take: 500k, 2M"},
    "--budget-minutes": {"type": factor, "metavar": "M", "help": "minutes that it may last"},
    "--price": {"type": price, "metavar": PRICE, "help": "US dollars per million tokens, if not the list's"},
    "--yes": {**_FLAG, "help": "start a large run without a question"},
    "--baseline": {
        "type": Path,
        "metavar": "RUN",
        "help": "compare with this run or baseline: the exit code is the gate's",
    },
    "--gate": {"type": Path, "metavar": "FILE", "help": "the gate's policy (toolworthy gate --show-policy)"},
    "--triage": {"type": Path, "metavar": "FILE", "help": "what is known of findings (default triage.toml, if there)"},
    "--until-decided": {**_FLAG, "help": "with --baseline: attempt by attempt, --trials at most"},
    "--kind": {**_MANY, "help": argparse.SUPPRESS},  # suites without a folder of tests
    "--out": {"type": Path, "metavar": "DIR", "help": "where run directories are made (default reports)"},
    "--resume": {"type": Path, "metavar": "RUN", "help": "continue a run: only what it lacks is run"},
}
"""By their names, as `add_argument` takes them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of every suite. Before any is read, the command line is looked through for a key.

    Raises:
        pytest.UsageError: it has one.
    """
    try:
        refuse_keys([*sys.argv[1:], *os.environ.get("PYTEST_ADDOPTS", "").split()], os.environ)
    except ToolworthyError as error:
        raise pytest.UsageError(str(error)) from None
    group = parser.getgroup("toolworthy")
    for name, how in {**OPTIONS, **_own_options()}.items():
        group.addoption(name, **once((name,), how))


def check_alone(config: pytest.Config) -> None:
    """Refuse workers of pytest-xdist: each would make a run of its own, and ask everything again for its rules.

    Raises:
        ToolworthyError: there are to be some.
    """
    if getattr(config.option, "dist", "no") != "no":  # what -n, -n auto, -d and --dist come to
        raise ToolworthyError(
            "-n is not needed: one session runs everything concurrently (--concurrency N); leave it out"
        )


def _own_options() -> dict[str, dict[str, Any]]:
    """Those that kinds of work declare, plugins' among them; what is not given is told from a default."""
    with contextlib.suppress(ToolworthyError):  # it is said where plugins are loaded for good
        load_plugins(Path.cwd())
    return {name: {**how, "default": None} for kind in KINDS.values() for name, how in kind.options.items()}
