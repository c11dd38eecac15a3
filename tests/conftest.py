"""How all tests run."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what is nightly, unless -m says what to run.

    Take signals as a terminal would send them, and let children do so, where the parent of all ignores them.
    """
    config.option.markexpr = config.option.markexpr or "not nightly"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_stray_loop() -> Any:
    """asyncio.run leaves no current loop; tests must not depend on one."""
    yield
    asyncio.set_event_loop(None)
