"""``toolworthy check``: judge existing responses, or check an endpoint in two minutes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from toolworthy.base.errors import ToolworthyError
from toolworthy.cli import _checked_endpoint, _checked_files
from toolworthy.wire.ir import Api

_ADDRESS = re.compile(r"\w+://|localhost\b|[\w.-]+:\d+(?:/|$)|\[[0-9a-f:]+\]", re.IGNORECASE)
_PATH = re.compile(r"[./\\]")


def run(
    what: Sequence[str],
    as_json: bool,
    model: str | None,
    key_env: str | None,
    wire: Api | None,
    budget_minutes: float,
    out: Path,
) -> int:
    """Check files, or one endpoint. Returns the exit code.

    Raises:
        ToolworthyError: an argument is neither, or as `check_files` and `check_endpoint`.
    """
    endpoints = [name for name in what if _is_endpoint(name)]
    if not endpoints:
        return _checked_files.check_files(what, as_json=as_json)
    if len(what) > 1:
        raise ToolworthyError(f"{endpoints[0]} is an endpoint, which is checked alone. Give one endpoint, or files.")
    return _checked_endpoint.check_endpoint(endpoints[0], model, key_env, wire, minutes=budget_minutes, out=out)


def _is_endpoint(name: str) -> bool:
    """Whether it is meant as an endpoint: a URL, or a name without a file."""
    exists = name == "-" or Path(name).exists()
    return not exists and bool(_ADDRESS.match(name) or not _PATH.search(name.partition(":")[0]))
