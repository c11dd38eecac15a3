"""How a process is waited for: what is kept of it, when it is looked at, and what does not keep us waiting."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from toolworthy.sandbox import _watch
from toolworthy.sandbox.model import CommandOutcome, Limits


class Process:
    """A process that is made up. It has ended when `returncode` says so; `wait` may never tell."""

    def __init__(self, returncode: int | None, *, waits: bool = True) -> None:
        self.pid, self.returncode, self._waits = 4321, returncode, waits
        self.stdout, self.stderr = asyncio.StreamReader(), asyncio.StreamReader()
        self.written: list[bytes | str] = []
        self.stdin = SimpleNamespace(write=self.written.append, close=lambda: self.written.append("closed"))

    async def wait(self) -> int | None:
        if self.returncode is None or not self._waits:
            await asyncio.Event().wait()
        return self.returncode


class Inside:
    """What a process started, and what was asked of it."""

    memory = ("/tmp",)

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def begin(self) -> None:
        self.calls.append("begin")

    def kill(self) -> None:
        self.calls.append("kill")

    async def ended(self) -> None:
        await asyncio.sleep(0)
        self.calls.append("ended")


class Starting:
    """A process whose start takes until the `door` opens, and which may hold its pipes for ever."""

    pid = 4321

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, ends: bool, error: OSError | None = None) -> None:
        self.door, self.ends, self.error = asyncio.Event(), ends, error
        self.calls: list[object] = []
        monkeypatch.setattr("asyncio.create_subprocess_exec", self._exec)
        monkeypatch.setattr("os.killpg", lambda *given: self.calls.append(given))

    async def _exec(self, *argv: str, **given: Any) -> Starting:
        await self.door.wait()
        if self.error is not None:
            raise self.error
        return self

    async def communicate(self) -> None:
        await asyncio.sleep(0 if self.ends else 600)
        self.calls.append("pipes ended")


class Meter:
    """Finds nothing, unless it is told what."""

    given: tuple[Any, ...] = ()
    broken: str | None = None

    def __init__(self, *given: Any) -> None:
        type(self).given = given

    def look(self) -> str | None:
        return self.broken


@pytest.fixture(autouse=True)
def meter(monkeypatch: pytest.MonkeyPatch) -> type[Meter]:
    class One(Meter):
        pass

    monkeypatch.setattr(_watch, "Meter", One)
    return One


async def supervised(process: Any, inside: Inside, limits: Limits | None = None, stdin: bytes = b"") -> CommandOutcome:
    work = _watch.supervise(process, limits or Limits(), stdin, [Path("/w")], inside)
    return await asyncio.wait_for(work, 20)


def test_the_last_bytes_in_the_pipes_are_kept() -> None:
    async def go() -> CommandOutcome:
        process = Process(0)

        def late() -> None:
            process.stdout.feed_data(b"last")
            for pipe in (process.stdout, process.stderr):
                pipe.feed_eof()

        asyncio.get_running_loop().call_later(0.05, late)
        return await supervised(process, Inside())

    outcome = asyncio.run(go())
    assert (outcome.stdout, outcome.exit_code, outcome.ended) == (b"last", 0, "exit")


def test_neither_a_pipe_that_does_not_end_nor_a_wait_that_does_not_keeps_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watch, "_REAPED", 0.05)
    inside = Inside()

    async def go() -> tuple[CommandOutcome, int]:
        process = Process(3, waits=False)
        process.stdout.feed_data(b"some")
        outcome = await supervised(process, inside)
        await asyncio.sleep(0)
        return outcome, len(asyncio.all_tasks())

    outcome, tasks = asyncio.run(go())
    assert (outcome.stdout, outcome.exit_code, outcome.ended) == (b"some", 3, "exit")
    assert sorted(inside.calls) == ["begin", "ended", "kill"]
    assert inside.calls[-2:] == ["kill", "ended"]
    assert tasks == 1, "nothing reads on"


def test_one_that_has_ended_is_not_waited_for_until_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_watch, "_FIRST", 600)
    monkeypatch.setattr(_watch, "_REAPED", 0.05)

    async def go() -> tuple[CommandOutcome, int]:
        process = Process(3)
        for pipe in (process.stdout, process.stderr):
            pipe.feed_eof()
        outcome = await supervised(process, Inside())
        await asyncio.sleep(0)
        return outcome, len(asyncio.all_tasks())

    outcome, tasks = asyncio.run(go())
    assert (outcome.exit_code, outcome.ended, tasks) == (3, "exit", 1)


def test_one_that_was_stopped_is_waited_for(meter: type[Meter]) -> None:
    """Else it stays a zombie."""
    meter.broken = "memory"
    killed = asyncio.Event()
    waited_for: list[bool] = []

    class Stopped(Process):
        async def wait(self) -> int:
            await killed.wait()
            await asyncio.sleep(0.02)
            waited_for.append(True)
            return -9

    class Killing(Inside):
        def kill(self) -> None:
            killed.set()

    async def go() -> list[bool]:
        process = Stopped(None)
        for pipe in (process.stdout, process.stderr):
            pipe.feed_eof()
        await supervised(process, Killing())
        return [*waited_for]

    assert asyncio.run(go()) == [True]


@pytest.mark.parametrize("ends", [True, False])
def test_a_start_that_is_cancelled_is_killed_once_it_has_started(monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    monkeypatch.setattr(_watch, "_REAPED", 0.05)

    async def go() -> list[object]:
        starting = Starting(monkeypatch, ends=ends)
        task = asyncio.create_task(_watch.start("program"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        starting.door.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        return starting.calls

    assert asyncio.run(go()) == [(4321, 9), "pipes ended"][: 1 + ends]


def test_a_start_that_fails_after_it_was_cancelled_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> list[object]:
        starting = Starting(monkeypatch, ends=True, error=FileNotFoundError())
        task = asyncio.create_task(_watch.start("program"))
        await asyncio.sleep(0)
        task.cancel()
        starting.door.set()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        return starting.calls

    assert asyncio.run(go()) == []


def test_what_it_is_given_is_written_and_its_input_ends() -> None:
    async def go() -> list[bytes | str]:
        process = Process(0)
        for pipe in (process.stdout, process.stderr):
            pipe.feed_eof()
        await supervised(process, Inside(), stdin=b"given")
        return process.written

    assert asyncio.run(go()) == [b"given", "closed"]


def test_it_is_looked_at_soon_then_now_and_then_and_never_past_its_time(
    monkeypatch: pytest.MonkeyPatch, meter: type[Meter]
) -> None:
    """A clock that goes on while we sleep, and only then."""
    clock = 1_000.0
    slept: list[float] = []
    sleep = asyncio.sleep

    async def sleeps(seconds: float) -> None:
        nonlocal clock
        if seconds:
            slept.append(round(seconds, 2))
            clock += seconds
        await sleep(0)

    async def go() -> CommandOutcome:
        process = Process(None)
        for pipe in (process.stdout, process.stderr):
            pipe.feed_eof()
        return await supervised(process, Inside(), Limits(seconds=0.7))

    monkeypatch.setattr(_watch, "time", SimpleNamespace(monotonic=lambda: clock))
    monkeypatch.setattr(_watch, "_REAPED", 0.05)
    monkeypatch.setattr("asyncio.sleep", sleeps)
    outcome = asyncio.run(go())
    assert slept == [0.03, 0.25, 0.25, 0.17]
    assert (outcome.ended, outcome.exit_code) == ("timeout", None)
    assert outcome.seconds == pytest.approx(0.7)
    assert meter.given == (4321, Limits(seconds=0.7), [Path("/w")], ("/tmp",))


def test_the_limit_that_is_broken_is_how_it_ended(monkeypatch: pytest.MonkeyPatch, meter: type[Meter]) -> None:
    monkeypatch.setattr(_watch, "_REAPED", 0.05)
    meter.broken = "memory"

    async def go() -> CommandOutcome:
        return await supervised(Process(None), Inside())

    outcome = asyncio.run(go())
    assert (outcome.ended, outcome.exit_code) == ("memory", None)


def test_what_is_cut_of_both_streams_is_counted() -> None:
    async def go() -> CommandOutcome:
        process = Process(-9)
        for pipe, data in ((process.stdout, b"12345"), (process.stderr, b"123456")):
            pipe.feed_data(data)
            pipe.feed_eof()
        return await supervised(process, Inside(), Limits(output_bytes=4))

    outcome = asyncio.run(go())
    assert (outcome.stdout, outcome.stderr, outcome.dropped_bytes) == (b"1234", b"1234", 3)
    assert outcome.exit_code == 137, "as shells have it: 128 and the signal"
