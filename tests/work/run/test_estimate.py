"""What a run will take is told before its first request; what it cost for each thing done, after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import toolworthy
from tests.support.commands import only_run, suites
from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.content.providers import Prices
from toolworthy.endpoint.target import resolve
from toolworthy.output.terminal import _costs as costs
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.meta import Budget
from toolworthy.records.result import ResultKey
from toolworthy.records.score import Score, Tokens
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.kinds import KINDS
from toolworthy.work.probes import load_suite
from toolworthy.work.run._order import in_order, sent
from toolworthy.work.run.estimate import Forecast, dollars, estimate, forecast, short, table
from toolworthy.work.run.observer import Listener
from toolworthy.work.run.plan import Options, choose_agents, choose_cases, choose_tasks, choose_toolsets
from toolworthy.work.run.session import Session

KNOWN = {"tasks": {"a": {"x": (100, 10, 4), "y": (300, 30, 8)}, "b": {"x": (1_000, 50, 6)}}}


def said_of(mine: Options, keys: Sequence[ResultKey], *more: Any) -> str:
    return str(forecast(mine, keys, *more))


def key(task: str, agent: str, repeat: int = 1) -> TrialKey:
    return TrialKey(suite="tasks", task=task, agent=agent, repeat=repeat)


def options() -> Options:
    endpoint = resolve("deepseek", environ={"DEEPSEEK_API_KEY": "k"})
    return Options(endpoint, choose_agents(["common"], []), choose_tasks([], []), trials=2)


def test_an_estimate_is_the_sum_of_what_was_measured() -> None:
    found = estimate([key("x", "a"), key("y", "a"), key("x", "b", 2)], KNOWN)
    assert (found.input, found.output, found.requests, found.unknown) == (1_400, 90, 18, 0)


def test_what_was_never_measured_is_taken_to_be_like_the_others_and_said() -> None:
    found = estimate([key("new", "a"), key("new", "mine")], KNOWN)
    assert (found.input, found.requests, found.unknown) == (200 + 300, 6 + 6, 2)
    assert estimate([CaseKey(case="c", toolset="a")], KNOWN).input == 0


def test_all_of_our_own_content_was_measured() -> None:
    """Whoever adds a task, a case or a probe runs scripts/estimates; a few may lag behind."""
    mine = options()
    mine = replace(mine, cases=choose_cases([], []), toolsets=choose_toolsets([], []))
    probes = [way for probe in load_suite().values() for way in probe.ways()]
    keys = [*KINDS["tasks"].keys(mine), *KINDS["tools"].keys(mine), *probes]
    assert estimate(keys, table()).unknown < 0.1 * len(keys)


def test_the_line_tells_tokens_requests_and_dollars() -> None:
    mine = options()
    said = said_of(mine, KINDS["tasks"].keys(mine))
    assert said.startswith("about ")
    assert "requests a task" in said
    assert "at DeepSeek's list price" in said
    own = replace(mine, endpoint=mine.endpoint.priced(Prices(input=1, output=1)), budget=Budget(usd=0.01))
    dear = said_of(own, KINDS["tasks"].keys(own))
    assert "at the price that you gave" in dear
    assert dear.endswith("; the budget of $0.01 will not do")
    few = replace(mine, endpoint=resolve("oracle"), budget=Budget(tokens=10))
    assert said_of(few, KINDS["tasks"].keys(few)).endswith("; the budget of 10 tokens will not do")


@pytest.fixture
def few_known(monkeypatch: pytest.MonkeyPatch) -> list[ResultKey]:
    """As if no more had been measured than ``KNOWN``; four trials of it, one of them of a new task."""
    monkeypatch.setattr("toolworthy.work.run.estimate.table", lambda: KNOWN)
    return [key("x", "a"), key("y", "a"), key("x", "b", 2), key("new", "b")]


def test_the_line_says_how_much_of_what_and_how_it_is_known(few_known: list[ResultKey]) -> None:
    """Here 1,400 + 1,000 tokens are sent in 24 requests, and 90 + 50 are written."""
    mine = replace(options(), endpoint=resolve("oracle"))
    whole = "about 2k input and 140 output tokens, 6 requests a task"
    median = "; 1 of 4 items have no estimate; the median is used"
    assert said_of(mine, few_known) == whole + median
    assert said_of(mine, few_known[:1]) == "about 100 input and 10 output tokens, 4 requests a task"
    assert said_of(mine, few_known, None, 10.0) == f"{whole}, 2 min or more at the speed of preflight{median}"
    assert said_of(mine, few_known, None, 1.0) == f"{whole}, 1 min or more at the speed of preflight{median}"
    early = replace(mine, until_decided=True)
    assert said_of(early, few_known) == f"{whole}{median}; less if it is decided early"
    priced = replace(mine, endpoint=mine.endpoint.priced(Prices(input=10, output=100)))
    assert said_of(priced, few_known) == f"{whole}; about $0.038 at the price that you gave{median}"
    taken = forecast(priced, few_known, None, 10.0)
    assert taken.usd == pytest.approx(0.038)
    assert taken.minutes == pytest.approx(24 * 10 / mine.at_once(heavy=True) / 60)


@pytest.mark.parametrize(
    ("budget", "ends"),
    [
        (Budget(usd=0.037), "; the budget of $0.037 will not do"),
        (Budget(usd=0.038), ""),
        (Budget(tokens=2_539), "; the budget of 2,539 tokens will not do"),
        (Budget(tokens=2_540), ""),
        (Budget(usd=0.001, tokens=1), "; the budget of $0.001 will not do"),
        (Budget(minutes=0.001), ""),
    ],
)
def test_a_budget_that_will_not_do_is_named(few_known: list[ResultKey], budget: Budget, ends: str) -> None:
    mine = replace(options(), endpoint=resolve("oracle").priced(Prices(input=10, output=100)), budget=budget)
    text = "; 1 of 4 items have no estimate; the median is used"
    assert said_of(mine, few_known).endswith(text + ends)


def test_a_suite_that_nobody_measured_takes_a_request_an_item_at_least(few_known: list[ResultKey]) -> None:
    cases = [CaseKey(case=f"c{n}", toolset="a") for n in range(1_200)]
    told = forecast(options(), cases, None, 1.0)
    assert str(told) == "1,200 requests or more; nobody has measured what they take"
    assert (told.usd, told.minutes, told.large) == (None, None, False)
    assert said_of(options(), [*cases, *few_known]).startswith("about 2k input"), "what is known is told"


@pytest.mark.parametrize(
    ("usd", "minutes", "large"),
    [(None, None, False), (0.99, 9.9, False), (1.0, None, True), (None, 10.0, True), (1.0, 10.0, True)],
)
def test_a_run_is_large_from_a_dollar_or_ten_minutes_on(usd: float | None, minutes: float | None, large: bool) -> None:
    assert Forecast("", usd, minutes).large is large


def test_the_line_tells_what_the_other_tiers_take() -> None:
    mine = replace(options(), tier="quick")
    every = KINDS["wire"].keys(mine)
    said = said_of(mine, every)
    assert "; --tier standard: " in said
    assert "; --tier full: " in said
    assert "--tier" not in said_of(mine, every[:3])


def test_another_tier_is_told_with_its_requests_tokens_and_dollars() -> None:
    mine = replace(options(), tier="quick", endpoint=resolve("oracle"))
    full = replace(mine, tier="full")
    whole = estimate(sent(full, KINDS["wire"].keys(full)), table())
    told = f"; --tier full: {whole.requests:,.0f} requests, {short(whole.input + whole.output)} tokens"
    every = KINDS["wire"].keys(mine)
    assert told in said_of(mine, every)
    prices = Prices(input=10, output=100)
    dear = said_of(replace(mine, endpoint=mine.endpoint.priced(prices)), every)
    assert f"{told}, {dollars((whole.input * 10 + whole.output * 100) / 1e6)}" in dear


def test_cases_are_counted_in_requests_and_dollars_need_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolworthy.work.run.estimate.table", lambda: {"tools": {"a": {"c": (100, 10, 3)}}})
    mine = replace(options(), endpoint=resolve("oracle"), budget=Budget(usd=0.01))
    assert said_of(mine, [CaseKey(case="c", toolset="a")]) == "about 100 input and 10 output tokens, 3 requests"


def test_long_prompts_are_counted_once_before_tier_full() -> None:
    long = list(load_suite()["long-input"].ways())
    assert len(long) > 1
    assert len(sent(options(), long)) == 1
    assert sent(replace(options(), tier="full"), long) == in_order(long)


def test_the_standard_tier_is_affordable() -> None:
    """Every probe costs its user requests: whoever needs more than these merges some."""
    keys = [key for key in KINDS["wire"].keys(options()) if key.api != "gemini"]
    assert estimate(sent(options(), keys), table()).requests <= 650


class Heard(Listener):
    """Notes what is said; answers a question as it is told to."""

    def __init__(self, answer: bool = True) -> None:
        self.lines: list[str] = []
        self.questions: list[str] = []
        self._answer = answer

    def line(self, text: str) -> None:
        self.lines.append(text)

    def agrees(self, question: str) -> bool:
        self.questions.append(question)
        return self._answer


CHAT_ONLY = "http://127.0.0.1:9/v1"


def test_only_apis_that_are_there_are_counted() -> None:
    mine = replace(options(), tier="quick")
    every = [key for probe in load_suite().values() for key in probe.ways("quick")]
    whole, endpoint = forecast(mine, every), resolve(CHAT_ONLY, model="m", environ={})
    chat = forecast(mine, every, endpoint.at({"chat": CHAT_ONLY}), 0.5)
    there = [key for key in every if key.api == "chat" or load_suite()[key.probe].main_path]
    assert 0 < len(there) < len(every)
    assert str(chat).partition(";")[0] != str(whole).partition(";")[0]
    assert chat.minutes is not None
    assert chat.minutes == pytest.approx(
        estimate(sent(mine, there), table()).requests * 0.5 / mine.at_once(heavy=False) / 60
    )
    assert "min or more at the speed of preflight" in str(chat)


def test_dollars_or_minutes_make_a_run_large() -> None:
    mine = options()
    keys = KINDS["tasks"].keys(mine)
    assert forecast(replace(mine, endpoint=mine.endpoint.priced(Prices(input=100, output=100))), keys).large
    assert not forecast(replace(mine, endpoint=mine.endpoint.priced(Prices(input=0, output=0))), keys).large
    assert forecast(replace(mine, endpoint=resolve("oracle")), keys, mine.endpoint, 60.0).large
    assert not forecast(replace(mine, endpoint=resolve("oracle")), keys, mine.endpoint, 0.001).large


@pytest.mark.process
@pytest.mark.parametrize(("agreed", "answer", "asked"), [(False, False, 1), (False, True, 1), (True, False, 0)])
def test_a_large_run_asks_first(agreed: bool, answer: bool, asked: int, tmp_path: Path) -> None:
    with toolworthy.ReferenceServer() as server:
        endpoint = resolve(server.base_url, model=server.model, environ={})
        endpoint = endpoint.priced(Prices(input=1e6, output=1e6))
        cases = choose_cases(["lines-of-a-function"], [])
        mine = Options(endpoint, (), (), cases=cases, toolsets=choose_toolsets(["codex"], []), out=tmp_path)
        heard = Heard(answer)
        session = Session(replace(mine, agreed=agreed), heard)
        keys = KINDS["tools"].keys(mine)
        try:
            if agreed or answer:
                session.start(keys)
                assert session.wait(keys[0]).judged
            else:
                with pytest.raises(ToolworthyError, match="--yes"):
                    session.start(keys)
        finally:
            session.close()
    assert len(heard.questions) == asked
    assert "at the price that you gave" in heard.lines[-1]
    assert bool(session.run and session.run.cases()) == (agreed or answer)


def trial(task: str, status: str, tokens: int | None, usd: float | None) -> TrialResult:
    told = Score(tokens=Tokens(input=tokens, output=tokens and 0), cost_usd=usd)
    return TrialResult(key=key(task, "a"), status=status, score=told)


def test_failed_attempts_are_paid_for_too() -> None:
    results = [trial("x", "passed", 1_000, 0.1), trial("y", "failed", 3_000, 0.3), trial("z", "unmeasured", None, None)]
    (all_,) = costs.costs(results, [])
    assert all_.name == "tasks, a"
    assert all_.whole == "4k input and 0 output tokens, $0.40"
    assert all_.each == "4k tokens and $0.40 a solved task (n 1)"
    (failed,) = costs.costs(results[1:], [])
    assert (failed.whole, failed.each) == ("3k input and 0 output tokens, $0.30", "no solved task")


def test_a_cost_that_is_not_known_whole_is_not_told() -> None:
    (found,) = costs.costs([trial("x", "passed", 1_000, 0.1), trial("y", "passed", 1_000, None)], [])
    assert found.usd is None
    assert costs.costs([trial("x", "passed", None, None)], []) == []


def test_an_endpoint_that_counts_zero_has_told_nothing() -> None:
    untold = trial("y", "passed", 0, None)
    untold = untold.model_copy(update={"score": untold.score.model_copy(update={"requests": 3})})
    (found,) = costs.costs([trial("x", "passed", 1_000, None), untold], [])
    assert (found.whole, found.each) == ("1k input and 0 output tokens (1 untold)", "1k tokens a solved task (n 1)")
    assert costs.costs([untold], []) == []


def test_cases_that_are_right_share_the_bill() -> None:
    def case(status: str) -> CaseResult:
        told = Score(tokens=Tokens(input=100, output=20), cost_usd=0.02)
        where = CaseKey(case=status, toolset="a")
        return CaseResult(key=where, category="c", status=status, score=told)

    (found,) = costs.costs([], [case("right"), case("lenient"), case("wrong")])
    assert (found.name, found.whole) == ("tool calls", "300 input and 60 output tokens, $0.060")
    assert found.each == "180 tokens and $0.030 a right case (n 2)"


@pytest.mark.process
def test_the_oracle_is_free_and_a_price_makes_it_cost(tmp_path: Path) -> None:
    some = ["--agent", "builtin", "--case", choose_cases([], [])[0].id]
    done = suites(*some, "--price", "10,20", cwd=tmp_path, suite="tools")
    assert done.returncode == 0, done.stdout
    assert "\nabout " not in done.stdout
    assert "  cost of tool calls: " in done.stdout
    assert "a right case (n 1)" in (only_run(tmp_path) / "summary.md").read_text()


def test_the_table_is_within_the_wheel() -> None:
    assert (content.FIXTURES / "estimates.json").is_file()
    assert set(table()) == {"tasks", "tools", "wire"}
