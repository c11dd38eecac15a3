"""A session from its first item to its end, on its own thread; preflight and benches are replaced."""

from __future__ import annotations

import asyncio
import concurrent.futures
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.examples import recorded
from tests.support.made import recorded as store_exchanges
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters
from toolworthy.endpoint.connection import MinuteLimit
from toolworthy.endpoint.preflight import Check
from toolworthy.endpoint.target import resolve
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.exchange import Exchange
from toolworthy.records.exchanges import file_name
from toolworthy.records.meta import Budget, PreflightRecord
from toolworthy.records.result import Result, ResultKey
from toolworthy.records.triage import TriageEntry
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.kinds import KINDS
from toolworthy.work.run import session as module
from toolworthy.work.run._resume import open_run
from toolworthy.work.run.budget import Spending, Took
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options
from toolworthy.work.run.session import Session

ONE, TWO, THREE = (CaseKey(case=name, toolset="builtin") for name in ("one", "two", "three"))
TRIAL = TrialKey(suite="tasks", task="rename-api", agent="builtin")
SERVED = resolve("http://127.0.0.1:9/v1", model="m", environ={})
CHECKS = (Check("key", True, "taken"),)
KNOWN = TriageEntry(code="TW101", state="known")


class Noted(Listener):
    """Notes what it receives."""

    def __init__(self) -> None:
        self.expects: list[list[ResultKey]] = []
        self.ends: list[ResultKey] = []
        self.asks: list[str] = []
        self.took: list[int] = []
        self.waits: list[float] = []

    def expected(self, keys: Sequence[ResultKey], spending: Spending) -> None:
        self.expects.append([*keys])

    def ended(self, result: Result) -> None:
        self.ends.append(result.key)

    def asking(self, trial: str) -> None:
        self.asks.append(trial)

    def exchanged(self, exchange: Exchange, took: Took) -> None:
        self.took.append(took.input)

    def waiting(self, seconds: float) -> None:
        self.waits.append(seconds)


class Replaced:
    """In place of preflight and of the benches. An item has its result after a moment; one that is held, never."""

    def __init__(self) -> None:
        self.checked: list[list[str]] = []
        self.opened: list[str] = []
        self.closed: list[str] = []
        self.ran: list[ResultKey] = []
        self.held: set[ResultKey] = set()
        self.running = self.most = 0
        self.site: Any = None
        self.before: Callable[[], Any] = lambda: asyncio.sleep(0)

    async def preflight(self, endpoint: Any, agents: Sequence[Any], *_: Any) -> Any:
        self.checked.append([agent.id for agent in agents])
        await self.before()
        record = PreflightRecord(server="some-server")
        return SimpleNamespace(
            endpoint=endpoint, checks=CHECKS, refused={"pi": "no API"}, seconds=0.5, record=lambda: record
        )

    def open(self, suite: str) -> Callable[[Any], Any]:
        async def opened(site: Any) -> Replaced:
            self.opened.append(suite)
            self.site = site
            site.stack.callback(self.closed.append, suite)
            return self

        return opened

    async def run(self, key: Any) -> Any:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(60 if key in self.held else 0.01)
        self.running -= 1
        self.ran.append(key)
        if isinstance(key, TrialKey):
            return TrialResult(key=key, status="passed")
        return CaseResult(key=key, category="", status="right")


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> Replaced:
    made = Replaced()
    monkeypatch.setattr(module, "preflight", made.preflight)
    monkeypatch.setattr(KINDS["tasks"], "agents", lambda plan: ())
    for suite in ("tools", "tasks"):
        monkeypatch.setattr(KINDS[suite], "open", made.open(suite))
    return made


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Makes sessions, which are closed at the end."""
    made: list[Session] = []

    def make(**plan: Any) -> Session:
        made.append(Session(replace(Options(SERVED, (), (), out=tmp_path, agreed=True), **plan), Noted()))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one._loop.close()


def test_a_run_stores_its_results_and_then_holds_nothing(
    session: Callable[..., Session], replaced: Replaced, tmp_path: Path
) -> None:
    threads = threading.active_count()
    one = session(triage=(KNOWN,))
    one.start([ONE, TRIAL])
    assert one.run is not None
    assert (one.wait(ONE).status, one.wait(TRIAL).status) == ("right", "passed")
    with pytest.raises(ToolworthyError, match="another process is writing this run"):
        open_run(replace(one.options, resume=one.run.path))
    assert replaced.closed == []
    one.close()
    one.close()
    assert (threading.active_count(), one._loop.is_closed()) == (threads, True)
    run, hold = open_run(replace(one.options, resume=one.run.path))
    hold.close()
    assert {result.key for result in run.measured()} == {ONE, TRIAL}
    assert (run.meta.planned, run.meta.preflight.server, run.triage) == (
        {"tools": 1, "tasks": 1},
        "some-server",
        (KNOWN,),
    )
    assert sorted(replaced.opened) == sorted(replaced.closed) == ["tasks", "tools"]
    assert isinstance(one.listener, Noted)
    assert [{*keys} for keys in one.listener.expects] == [{ONE, TRIAL}]
    assert {*one.listener.ends} == {ONE, TRIAL}
    assert (one.checks, one._seconds) == (CHECKS, 0.5)
    assert (replaced.site.refused, replaced.site.endpoint, replaced.site.plan) == (
        {"pi": "no API"},
        SERVED,
        one.options,
    )


def test_items_may_follow_and_each_is_run_once(session: Callable[..., Session], replaced: Replaced) -> None:
    one = session()
    one.start([ONE])
    one.add([ONE, TWO])
    one.add([TWO])
    for key in (ONE, TWO):
        assert one.wait(key).key == key
    assert replaced.ran == [ONE, TWO]
    assert (replaced.opened, replaced.checked) == (["tools"], [[]])
    assert one.run is not None
    assert one.run.meta.planned == {"tools": 2}


def test_a_resumed_run_runs_what_it_lacks_and_counts_what_it_took(
    session: Callable[..., Session], replaced: Replaced
) -> None:
    first = session()
    first.start([ONE])
    first.wait(ONE)
    first.close()
    assert first.run is not None
    sent = recorded(request_body=b"x" * 400, upstream_body=None)
    store_exchanges(first.run, ONE, [sent])
    again = session(resume=first.run.path, budget=Budget(tokens=1_000))
    again.start([ONE])
    assert again.wait(ONE).status == "right"
    assert (replaced.ran, replaced.checked, again.spending.tokens) == ([ONE], [[]], 100)
    again.add([ONE, TWO])
    assert again.wait(TWO).status == "right"
    assert replaced.ran == [ONE, TWO]
    assert isinstance(again.listener, Noted)
    assert again.listener.expects == [[], [TWO]]
    assert again.run is not None
    assert again.run.meta.planned == {"tools": 2}


def test_what_runs_when_a_session_is_closed_has_no_result(session: Callable[..., Session], replaced: Replaced) -> None:
    one = session()
    replaced.held.add(TWO)
    one.start([ONE, TWO])
    one.wait(ONE)
    one.close()
    with pytest.raises(concurrent.futures.CancelledError):
        one.wait(TWO)
    assert one.run is not None
    assert [result.key for result in one.run.measured()] == [ONE]
    assert one.run.meta.planned == {"tools": 2}
    assert replaced.closed == ["tools"]


def test_a_run_whose_directory_is_gone_stops_and_writes_nothing(
    session: Callable[..., Session], replaced: Replaced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    one = session()
    replaced.held.add(ONE)
    one.start([ONE])
    assert one.run is not None
    shutil.rmtree(one.run.path)
    with pytest.raises(ToolworthyError, match=r"is gone: it was moved or deleted. Start the run again\."):
        one.future(ONE).result(timeout=20)
    one.close()
    assert not one.run.path.exists()


def test_an_exchange_that_cannot_be_written_stops_the_run(session: Callable[..., Session], replaced: Replaced) -> None:
    one = session()
    replaced.held.add(ONE)
    one.start([ONE])
    assert one.run is not None
    shutil.rmtree(one.run.path / "exchanges", ignore_errors=True)
    (one.run.path / "exchanges").touch()
    replaced.site.gateway.write(recorded(trial=str(ONE)))
    with pytest.raises(ToolworthyError, match="cannot write"):
        one.future(ONE).result(timeout=20)


@pytest.mark.parametrize("why", ["the disk is full", ""])
def test_what_stops_a_run_ends_preflight_too(session: Callable[..., Session], replaced: Replaced, why: str) -> None:
    one = session()

    async def stop() -> None:
        if why:
            one._loop.call_soon(one._stop, ToolworthyError(why))
        else:
            one._loop.call_soon(lambda: asyncio.ensure_future(one._shut_down()))
        await asyncio.sleep(60)

    replaced.before = stop
    with pytest.raises(ToolworthyError, match=why or "the run was stopped"):
        one.start([ONE])


def test_preflight_has_to_end_within_the_minutes(session: Callable[..., Session], replaced: Replaced) -> None:
    replaced.before = lambda: asyncio.sleep(60)
    one = session(budget=Budget(minutes=0.001))
    says = r"did not answer preflight's requests in time \(--budget-minutes 0.001\). Give it more time."
    with pytest.raises(ToolworthyError, match=says):
        one.start([ONE])


def test_a_timeout_of_preflights_own_is_not_the_budgets(session: Callable[..., Session], replaced: Replaced) -> None:
    async def late() -> None:
        raise TimeoutError("of a library")

    replaced.before = late
    with pytest.raises(TimeoutError, match="of a library"):
        session(budget=Budget(minutes=60)).start([ONE])


def test_preflight_checks_the_agents_of_the_kinds_that_run(
    session: Callable[..., Session], replaced: Replaced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KINDS["tasks"], "agents", lambda plan: [adapters.agent("codex")])
    one = session()
    one.start([TRIAL])
    one.add([ONE])
    assert replaced.checked == [["codex"]]


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_items_run_at_once_than_the_plan_allows(
    session: Callable[..., Session], replaced: Replaced, most: int
) -> None:
    one = session(concurrency=most)
    one.start([ONE, TWO, THREE])
    for key in (ONE, TWO, THREE):
        one.wait(key)
    assert replaced.most == most


def test_late_items_run_alone_after_the_others(
    session: Callable[..., Session], replaced: Replaced, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KINDS["tools"], "late", lambda key: key != TWO)
    one = session(concurrency=3)
    one.start([ONE, TWO, THREE])
    for key in (ONE, TWO, THREE):
        one.wait(key)
    assert (replaced.ran, replaced.most) == ([TWO, ONE, THREE], 1)


def test_the_gateway_notifies_counts_and_stores(session: Callable[..., Session], replaced: Replaced) -> None:
    pace = MinuteLimit(5)
    one = session(
        endpoint=replace(SERVED, connection=replace(SERVED.connection, pace=pace)), budget=Budget(minutes=60, tokens=9)
    )
    replaced.held.add(ONE)
    one.start([ONE])
    gateway, noted = replaced.site.gateway, one.listener
    sent = recorded(trial=str(ONE), request_body=b"x" * 400, response_headers={"server": "vllm"})
    gateway.asking(str(ONE))
    gateway.write(sent)
    gateway.record(sent)
    gateway.flow._waiting(7.0)
    assert isinstance(noted, Noted)
    assert (noted.asks, noted.took, noted.waits) == ([str(ONE)], [100], [7.0])
    assert one.run is not None
    assert one.spending.spent == "budget of 9 tokens is spent"
    assert one.run.meta.server == {"server": ["vllm"]}
    assert (one.run.path / "exchanges" / file_name(str(ONE))).is_file()
    assert gateway.flow.allowed() == pytest.approx(3_600, abs=60)
    assert gateway.flow._pace is pace
