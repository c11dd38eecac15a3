"""How all tests run."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.kinds"]
# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what is nightly, unless -m speaks of it.

    Take signals as a terminal would send them, and let children do so, where the parent of all ignores them.
    """
    asked = config.option.markexpr
    if "nightly" not in asked:
        config.option.markexpr = f"({asked}) and not nightly" if asked else "not nightly"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_stray_loop() -> Any:
    """asyncio.run leaves no current loop; tests must not depend on one."""
    yield
    asyncio.set_event_loop(None)
