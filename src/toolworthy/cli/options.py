"""What can be said to the suites on pytest's command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.cli._command_line import refuse_keys
from toolworthy.cli.commands import at_once, positive
from toolworthy.wire.ir import APIS


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
    add = group.addoption
    add("--endpoint", metavar="X", help="what is tested: a URL, a provider, a name from toolworthy.toml, or oracle")
    add("--model", metavar="ID", help="model id to ask for")
    add("--key-env", metavar="NAME", help="environment variable that holds the key")
    add("--wire", choices=APIS, help="translate every agent to this wire API")
    add("--agent", action="append", default=[], metavar="NAME", help="agent tool (repeatable; all for every one)")
    add("--adapter", action="append", default=[], metavar="FILE", type=Path, help="an agent adapter of your own")
    add("--wear", metavar="AGENT", help="the built-in agent offers this agent's tools")
    add("--task", action="append", default=[], metavar="NAME", help="only this task (repeatable)")
    add("--tasks", action="append", default=[], metavar="DIR", type=Path, help="tasks of your own, in Harbor's format")
    add("--case", action="append", default=[], metavar="ID", help="only this tool-call case (repeatable)")
    add("--cases", action="append", default=[], metavar="PATH", help="cases of your own, bfcl:PATH or k2vv:PATH")
    add("--reference", metavar="X", help="with k2vv: ask this endpoint too, how far the reference agrees with itself")
    add("--tier", choices=("quick", "standard", "full"), help="how many probes are asked (default standard)")
    add("--trials", type=positive, metavar="N", help="attempts per task or case and agent (default 1)")
    add(
        "--concurrency",
        type=at_once,
        metavar="N",
        help="requests in flight for probes and cases, trials at the same time (default auto: as many as go well)",
    )
    add("--sandbox", choices=("auto", "bubblewrap", "none"), help="how agents are isolated (default auto)")
    add("--timeout-factor", type=float, metavar="F", help="multiplies every task's time limit")
    add("--max-turns", type=positive, metavar="N", help="turns after which an agent is stopped (default 60)")
    add(
        "--no-stream",
        action="store_false",
        default=None,
        dest="stream",
        help="the built-in agent and cases ask for whole answers",
    )
    _add_budget(group)
    add("--baseline", type=Path, metavar="RUN", help="compare with this run or baseline: the exit code is the gate's")
    add("--gate", type=Path, metavar="FILE", help="the gate's policy (toolworthy gate --show-policy)")
    add(
        "--until-decided",
        action="store_true",
        default=None,
        help="with --baseline: attempt by attempt, --trials at most",
    )
    add("--out", type=Path, metavar="DIR", help="where run directories are made (default reports)")
    add("--resume", type=Path, metavar="RUN", help="go on with a run: only what it lacks is run")


def _add_budget(group: pytest.OptionGroup) -> None:
    """What a run may spend. Once that is spent, nothing new is started."""
    from toolworthy.work.run import budget

    add = group.addoption
    add("--budget-usd", type=budget.amount, metavar="X", help="US dollars that the run may spend")
    add("--budget-tokens", type=budget.count, metavar="N", help="tokens that it may take: 500k, 2M")
    add("--budget-minutes", type=budget.amount, metavar="M", help="minutes that it may last")
    add("--price", type=budget.price, metavar=budget.PRICE, help="US dollars per million tokens, if not the list's")
