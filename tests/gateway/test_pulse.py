"""The time in which this process itself did nothing is no silence of an endpoint."""

from __future__ import annotations

import asyncio
import time

from toolworthy.gateway._pulse import Pulse


def test_a_stall_of_the_loop_is_measured() -> None:
    async def stalled() -> tuple[float, float, float]:
        pulse = Pulse()
        pulse.start()
        began = time.perf_counter()
        await asyncio.sleep(0.3)
        time.sleep(1.5)  # noqa: ASYNC251 - which is what is tested
        at_once = pulse.stalled(began)
        await asyncio.sleep(0.6)
        later = pulse.stalled(began)
        pulse.stop()
        return at_once, later, pulse.stalled(time.perf_counter())

    at_once, later, after = asyncio.run(stalled())
    assert at_once >= 0.7
    assert later >= 1.0
    assert after < 0.1
