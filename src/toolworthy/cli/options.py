"""The options of a run, on pytest's command line and on that of `toolworthy run`."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from toolworthy.base.errors import ToolworthyError
from toolworthy.cli._command_line import refuse_keys
from toolworthy.cli._values import arguments, once, read_table
from toolworthy.endpoint.plugins import load_plugins
from toolworthy.work.kinds import KINDS

OPTIONS: dict[str, dict[str, Any]] = {
    names[0]: {"default": None, **how} for names, how in arguments(read_table("options.toml"))
}
"""The options by name, as keywords of `add_argument`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of every suite. First, the command line is checked for keys.

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
    """Refuse workers of pytest-xdist: each would make its own run, and repeat all requests for its rules.

    Raises:
        ToolworthyError: workers are requested.
    """
    if getattr(config.option, "dist", "no") != "no":  # what -n, -n auto, -d and --dist come to
        raise ToolworthyError(
            "-n is not needed: one session runs everything concurrently (--concurrency N). Leave it out."
        )


def _own_options() -> dict[str, dict[str, Any]]:
    """Options that kinds of work declare, plugins' included; an option that is not given is distinct from its
    default."""
    with contextlib.suppress(ToolworthyError):  # reported when plugins are loaded finally
        load_plugins(Path.cwd())
    return {name: {**how, "default": None} for kind in KINDS.values() for name, how in kind.options.items()}
