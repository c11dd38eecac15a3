"""What a session does with limits, budgets, questions and errors: one item at a time, without an endpoint."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.examples import recorded
from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint.preflight import Check
from toolworthy.endpoint.target import Endpoint, resolve
from toolworthy.gateway.concurrency import Flow
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.exchanges import file_name
from toolworthy.records.meta import Budget
from toolworthy.records.result import ResultKey
from toolworthy.records.store import RunDirectory
from toolworthy.work.run import estimate
from toolworthy.work.run import session as module
from toolworthy.work.run.estimate import Forecast
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options
from toolworthy.work.run.session import Session

KEY, OTHER = CaseKey(case="one", toolset="builtin"), CaseKey(case="other", toolset="builtin")
RIGHT = CaseResult(key=KEY, category="", status="right")


class Heard(Listener):
    """Notes what it is told, and answers questions."""

    def __init__(self, agrees: bool = True) -> None:
        self.lines: list[str] = []
        self.keys: list[ResultKey] = []
        self.questions = 0
        self._agrees = agrees

    def line(self, text: str) -> None:
        self.lines.append(text)

    def started(self, key: ResultKey) -> None:
        self.keys.append(key)

    def agrees(self, question: str) -> bool:
        self.questions += 1
        return self._agrees


class Bench:
    """Runs an item by a function."""

    def __init__(self, do: Callable[[], Awaitable[CaseResult]]) -> None:
        self._do = do

    async def run(self, key: CaseKey) -> CaseResult:
        return await self._do()


async def right() -> CaseResult:
    return RIGHT


async def endless() -> CaseResult:
    await asyncio.sleep(60)
    return RIGHT


@pytest.fixture
def started(tmp_path: Path) -> Any:
    """Makes sessions with a run directory and a bench for cases."""
    loops = []

    def make(do: Callable[[], Awaitable[CaseResult]] = right, listener: Listener | None = None, **plan: Any) -> Session:
        options = replace(Options(resolve("oracle"), (), ()), **plan)
        session = Session(options, listener or Heard())
        session.run = RunDirectory.create(tmp_path, options.meta())
        session._benches["tools"] = Bench(do)
        session._results = {KEY: concurrent.futures.Future(), OTHER: concurrent.futures.Future()}
        loops.append(session._loop)
        return session

    yield make
    for loop in loops:
        loop.close()


def now(session: Session, work: Any) -> Any:
    return session._loop.run_until_complete(work)


# ---- budgets ---------------------------------------------------------------------------------------------------------


def test_nothing_begins_once_a_budget_is_spent(started: Any) -> None:
    session = started(budget=Budget(tokens=1))
    session.spending.tokens = 1
    result = now(session, session._within_budget(KEY))
    assert (result.status, result.unasked) == ("unmeasured", True)
    assert session.listener.keys == []
    assert session.unrun == {KEY: "budget of 1 token is spent"}


def test_what_runs_when_the_minutes_are_over_is_not_measured(started: Any) -> None:
    session = started(endless)
    session.spending = SimpleNamespace(spent="", seconds_left=0.01)
    result = now(session, session._within_budget(KEY))
    assert (result.status, result.unasked) == ("unmeasured", True)
    assert session.listener.keys == [KEY]
    assert KEY in session.unrun


def test_a_timeout_of_an_items_own_is_not_the_budgets(started: Any) -> None:
    async def late() -> CaseResult:
        raise TimeoutError("of a library")

    session = started(late, budget=Budget(minutes=60))
    with pytest.raises(TimeoutError, match="of a library"):
        now(session, session._within_budget(KEY))
    assert not session.unrun


# ---- results ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [False, True])
def test_a_result_names_its_exchanges_where_there_are_any(started: Any, asked: bool) -> None:
    session = started()
    file = f"exchanges/{file_name(str(KEY))}"
    if asked:
        (session.run.path / file).parent.mkdir(exist_ok=True)
        (session.run.path / file).touch()
    result = now(session, session._within_budget(KEY))
    assert result.exchanges == (file if asked else "")
    assert "--case one" in result.reproduce


def test_a_defect_in_one_item_reaches_whoever_waits_for_it_and_no_one_else(started: Any) -> None:
    async def broken() -> CaseResult:
        raise ValueError("of a bench")

    session = started(broken)
    now(session, session._one(KEY))
    with pytest.raises(ValueError, match="of a bench"):
        session.wait(KEY)
    assert not session.future(OTHER).done()


def test_a_defect_in_one_item_lets_the_next_attempts_begin(started: Any) -> None:
    ended: list[ResultKey] = []

    async def broken() -> CaseResult:
        raise ValueError("of a bench")

    async def done(key: ResultKey, _: RunDirectory) -> None:
        ended.append(key)

    session = started(broken)
    session._release.done = done
    now(session, session._one(KEY))
    assert ended == [KEY]


def test_exchanges_are_written_where_results_look_for_them(started: Any) -> None:
    session = started()
    session._keep(recorded(trial=str(KEY)))
    assert now(session, session._within_budget(KEY)).exchanges == f"exchanges/{file_name(str(KEY))}"


def test_what_would_be_the_same_for_all_stops_all(started: Any) -> None:
    async def full() -> CaseResult:
        raise ToolworthyError("the disk is full")

    session = started(full)

    async def both() -> None:
        session._spawn(asyncio.sleep(60))
        [sleeping] = session._tasks
        await session._one(KEY)
        await asyncio.wait([sleeping], timeout=10)
        assert sleeping.cancelled()
        session._stop(ToolworthyError("what follows from it"))

    now(session, both())
    for key in (KEY, OTHER):
        with pytest.raises(ToolworthyError, match="the disk is full"):
            session.wait(key)
    assert str(session._stopped) == "the disk is full"


def test_what_is_decided_already_is_neither_run_nor_missing(started: Any) -> None:
    async def why_not(key: ResultKey) -> str:
        return "decided"

    async def done(*_: Any) -> None:
        pass

    session = started()
    session._release = SimpleNamespace(why_not=why_not, done=done)
    session._planned = Counter(tools=2)
    now(session, session._one(KEY))
    assert session.wait(KEY).status == "unmeasured"
    assert session._planned == {"tools": 1}
    assert not session.run.cases()


def test_a_resumed_run_takes_its_results_as_they_are(started: Any) -> None:
    session = started()
    session.run.append(RIGHT)
    session._results = {}
    thread = threading.Thread(target=session._loop.run_forever)
    thread.start()
    try:
        session.add([KEY])
        assert session.wait(KEY) == RIGHT
    finally:
        session._loop.call_soon_threadsafe(session._loop.stop)
        thread.join()


# ---- before the first item -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "usd", "agreed", "agrees", "questions", "starts"),
    [
        ("http://localhost:9/v1", 100.0, False, True, 1, True),
        ("http://localhost:9/v1", 100.0, False, False, 1, False),
        ("http://localhost:9/v1", 100.0, True, False, 0, True),
        ("http://localhost:9/v1", 0.01, False, False, 0, True),
        ("oracle", 100.0, False, False, 0, True),
    ],
)
def test_a_large_run_asks_before_it_starts(
    started: Any,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    usd: float,
    agreed: bool,
    agrees: bool,
    questions: int,
    starts: bool,
) -> None:
    monkeypatch.setattr(estimate, "forecast", lambda *_: Forecast("about 1M tokens", usd, None))
    heard = Heard(agrees)
    target = resolve(endpoint, model=None if endpoint == "oracle" else "m")
    session = started(listener=heard, endpoint=target, agreed=agreed)
    session._site = SimpleNamespace(endpoint=target)
    if starts:
        session._agree([KEY])
    else:
        with pytest.raises(ToolworthyError, match="--yes"):
            session._agree([KEY])
    assert heard.questions == questions
    assert heard.lines == ([] if endpoint == "oracle" else ["about 1M tokens"])


def test_a_large_run_starts_where_nobody_can_answer() -> None:
    assert Listener().agrees("Start the run?")


@pytest.mark.parametrize(
    ("option", "configured", "most"), [(5, 2, 2), (2, 5, 2), (None, 3, 3), (4, None, 4), (None, None, None)]
)
def test_the_lower_limit_of_requests_in_flight_holds(
    started: Any, option: int | None, configured: int | None, most: int | None
) -> None:
    target = resolve("http://localhost:9/v1", model="m")
    target = replace(target, connection=replace(target.connection, concurrency=configured))
    session = started(endpoint=target, concurrency=option)

    async def opened() -> int:
        gateway = await session._gateway(target, session._count)
        await session._stack.aclose()
        return int(gateway.flow.most)

    assert now(session, opened()) == (most or Flow(None).most)


def test_preflight_says_what_is_wrong_and_how_it_read_the_endpoint(
    started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = (
        Check("key", True, "taken"),
        Check("model", False, "unknown"),
        Check("prices", None, "not known"),
        Check("address", True, "/v1 was added", reading=True),
    )

    async def looked(*_: Any) -> Any:
        return SimpleNamespace(checks=checks)

    monkeypatch.setattr(module, "preflight", looked)
    session = started(endpoint=resolve("http://localhost:9/v1", model="m"))
    now(session, session._preflight(session.options.endpoint, ()))
    assert session.listener.lines == ["preflight: model: unknown", "preflight: address: /v1 was added"]


def test_a_reference_says_nothing_about_the_endpoint_under_test(started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    target = resolve("http://localhost:9/v1", model="m")
    session = started(endpoint=target)
    exchange = recorded(response_headers={"server": "vllm"})
    records: list[Callable[[Any], None]] = []

    async def looked(*_: Any) -> Any:
        return SimpleNamespace(endpoint=target)

    async def gateway(_: Endpoint, record: Callable[[Any], None]) -> None:
        records.append(record)

    monkeypatch.setattr(session, "_preflight", looked)
    monkeypatch.setattr(session, "_gateway", gateway)
    now(session, session._reach(target, ()))
    records[0](exchange)
    assert session.run.meta.server == {}
    session._record(exchange)
    assert session.run.meta.server == {"server": ["vllm"]}
