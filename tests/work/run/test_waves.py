"""What follows an interim analysis that fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey
from toolworthy.work.run.waves import Next, Release


def test_an_analysis_that_fails_is_not_repeated_and_reaches_every_later_attempt() -> None:
    first, second, third = (TrialKey(suite="tasks", task="t", agent="a", repeat=repeat) for repeat in (1, 2, 3))
    analysed: list[int] = []

    def look(run: RunDirectory, attempts: int, left: frozenset[str]) -> Next:
        analysed.append(attempts)
        raise ValueError("no baseline")

    async def run() -> None:
        release, directory = Release(look), RunDirectory(Path("nowhere"))
        release.expect([first, second, third])
        assert await release.why_not(first) == ""
        await release.done(first, directory)
        for key in (second, third):
            with pytest.raises(ValueError, match="no baseline"):
                await asyncio.wait_for(release.why_not(key), 5)
            await release.done(key, directory)

    asyncio.run(run())
    assert analysed == [1]
