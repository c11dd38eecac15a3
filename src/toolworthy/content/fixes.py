"""What the owner of a server can do about a probe that fails: ``fixtures/fixes.toml``."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache

from toolworthy import content
from toolworthy.base.loading import Strict, load_toml


class Fix(Strict):
    """One remedy."""

    probes: tuple[str, ...]
    """Ids, or patterns of them."""
    text: str


class _File(Strict):
    fix: tuple[Fix, ...]


@cache
def fixes() -> tuple[Fix, ...]:
    """All remedies.

    Raises:
        ToolworthyError: the file cannot be read.
    """
    return load_toml(_File, content.FIXTURES / "fixes.toml").fix


def fix(probe: str) -> str:
    """What to change if this probe fails, on any server; "" if unknown."""
    exact = next((one.text for one in fixes() if probe in one.probes), "")
    return exact or next((one.text for one in fixes() if any(fnmatchcase(probe, name) for name in one.probes)), "")
