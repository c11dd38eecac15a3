"""``toolworthy run [wire] [tools] [tasks] …``."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from toolworthy import content
from toolworthy.cli.commands import SUITES


def run(arguments: Sequence[str]) -> int:
    """Run suites, all of them where none is named, with pytest's own arguments beside; pytest's exit code."""
    suites = [name for name in arguments if name in SUITES]
    rest = [name for name in arguments if name not in SUITES]
    paths = [str(content.SUITES / name) for name in suites] or [str(content.SUITES)]
    return int(pytest.main(["-c", str(content.SUITES / "pytest.toml"), *paths, *rest]))
