"""What a run chooses, what it may spend to the last token, and what it says it will take."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import asked
from tests.support.examples import recorded
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.retry import NAMED_WAIT
from toolworthy.base.version import __version__
from toolworthy.cli._values import count, factor
from toolworthy.content import adapters
from toolworthy.content.providers import OtherRates, Prices
from toolworthy.content.tasks import known_tasks
from toolworthy.endpoint.target import resolve
from toolworthy.records.case import CaseKey
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.records.exchanges import ExchangeWriter
from toolworthy.records.meta import Budget
from toolworthy.records.result import REFERENCES
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey
from toolworthy.work.kinds import KINDS
from toolworthy.work.run import plan
from toolworthy.work.run.budget import Spending, tokens_of
from toolworthy.work.run.estimate import RunEstimate, dollars, estimate, short

ENDPOINT = resolve("oracle")
PRICES = Prices(input=1_000, output=10_000)


# ---- choices ---------------------------------------------------------------------------------------------------------


def ids(agents: tuple[Any, ...]) -> list[str]:
    return [agent.id for agent in agents]


def test_agents_are_those_named_each_once_or_the_built_in_one() -> None:
    every = ids(adapters.agents())
    assert ids(plan.choose_agents([], [])) == ["builtin"]
    assert ids(plan.choose_agents(["codex", "builtin", "codex"], [])) == ["codex", "builtin"]
    assert ids(plan.choose_agents(["all"], [])) == ids(plan.choose_agents(["codex", "all"], [])) == every
    common = ids(adapters.common())
    assert {"builtin", "codex"} < set(common) < set(every)
    assert ids(plan.choose_agents(["pi", "common", "codex"], [])) == [*common, "pi"]
    assert ids(plan.choose_toolsets([], [])) == common
    assert ids(plan.choose_toolsets(["codex"], [])) == ["codex"]
    with pytest.raises(ToolworthyError):
        plan.choose_agents(["codx"], [])


def test_probes_of_an_agent_that_is_not_common_are_asked_where_it_is_named() -> None:
    def own(**choice: Any) -> set[str]:
        endpoint = resolve("oracle", environ={})
        options = replace(plan.Options(endpoint, plan.choose_agents([], []), ()), **choice)
        keys = {key.probe for key in KINDS["wire"].keys(options) if KINDS["wire"].planned(options, key)}
        return {name for name in keys if name.endswith("-pi")}

    assert own() == own(tier="quick") == set()
    assert own(tier="quick", agents=plan.choose_agents(["pi"], [])) == {"session-pi"}
    assert own(tier="full") == own(agents=plan.choose_agents(["pi"], [])) >= {"session-pi", "first-request-pi"}


def test_tasks_are_those_named_of_the_folders_given(tmp_path: Path) -> None:
    known = [task.name for task in known_tasks()]
    assert [task.name for task in plan.choose_tasks([], [])] == known
    assert [task.name for task in plan.choose_tasks([known[2], known[0], known[2]], [])] == [known[2], known[0]]
    with pytest.raises(ToolworthyError, match="no task is called 'nonsense'"):
        plan.choose_tasks(["nonsense"], [])
    with pytest.raises(ToolworthyError, match=re.escape(f"{tmp_path} holds no task: no task.toml in it")):
        plan.choose_tasks([], [tmp_path])


def test_cases_are_those_named() -> None:
    every = [case.id for case in plan.choose_cases([], [])]
    assert [case.id for case in plan.choose_cases([every[1], every[0], every[1]], [])] == [every[1], every[0]]
    with pytest.raises(ToolworthyError, match=f"no case is called '{every[0]}x'.*{every[0]}"):
        plan.choose_cases([f"{every[0]}x"], [])


def test_a_file_of_the_fields_is_known_by_its_kind_and_asked_alone() -> None:
    assert [plan.field_of(spec) for spec in ("bfcl:x", "k2vv:/x", "cases.toml", "bfclx", "other:x")] == [
        *("bfcl", "k2vv"),
        *(None, None, None),
    ]
    assert plan.choose_field([], []) is None
    assert plan.choose_field([], ["cases.toml", "more.toml"]) is None
    with pytest.raises(ToolworthyError, match="--cases bfcl:x must run alone"):
        plan.choose_field([], ["bfcl:x", "cases.toml"])


def test_as_many_run_at_once_as_is_said() -> None:
    options = plan.Options(ENDPOINT, (), ())
    assert options.at_once(heavy=True) == 2 < options.at_once(heavy=False)
    for heavy in (True, False):
        assert replace(options, concurrency=7).at_once(heavy=heavy) == 7


def test_a_reference_has_prices_and_secrets_of_its_own() -> None:
    own = resolve("http://127.0.0.1:9/v1", model="m", environ={"TOOLWORTHY_API_KEY": "first-secret"})
    other = resolve("http://127.0.0.1:8/v1", model="m", environ={"TOOLWORTHY_API_KEY": "second-secret"})
    options = plan.Options(own.priced(PRICES), (), ())
    both = replace(options, reference=other.priced(Prices(input=7, output=7)))
    for asker in REFERENCES:
        key = str(CaseKey(case="c", toolset=asker))
        assert options.prices(key) == PRICES
        assert both.prices(key) == Prices(input=7, output=7)
    assert both.prices(str(CaseKey(case="c", toolset="codex"))) == PRICES
    assert options.secrets == ("first-secret",)
    assert both.secrets == ("first-secret", "second-secret")


@pytest.mark.process
def test_a_run_says_what_it_was_made_with() -> None:
    agents = plan.choose_agents(["builtin", "codex"], [])
    tasks, cases = plan.choose_tasks([], [])[:2], plan.choose_cases([], [])[:2]
    made = plan.Options(ENDPOINT, agents, tasks, cases=cases, toolsets=agents, selected=("a",), concurrency=3)
    told = made.meta()
    codex = adapters.agent("codex").install
    assert codex is not None
    assert told.agents == {"builtin": __version__, "codex": codex.version}
    assert told.tasks == {task.name: task.digest for task in tasks}
    assert told.cases == {case.id: case.digest for case in cases}
    assert told.toolsets == list(told.toolset_hashes) == ["builtin", "codex"]
    assert (told.options.concurrency, told.options.reference, told.replay) == (3, None, None)
    assert told.selected is not None
    assert list(told.selected) == ["a"]
    assert replace(made, selected=None).meta().selected is None
    assert (told.toolworthy, told.endpoint.name) == (__version__, "oracle")


# ---- budgets ---------------------------------------------------------------------------------------------------------


def answer(tokens: int | None, **more: Any) -> Exchange:
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens, "completion_tokens": tokens}}
    body = f'{{"choices": [{{"message": {{"role": "assistant", "content": "{"x" * 8}"}}}}]}}'
    made = body if tokens is None else body[:-1] + f', "usage": {usage["usage"]}}}'.replace("'", '"')
    return recorded(chunks=(Chunk(0.1, made.encode()),), **more)


def spending(clock: Callable[[], float] = lambda: 0.0, **budget: Any) -> Spending:
    return Spending(Budget(**budget), lambda _: PRICES, clock)


def test_a_budget_is_spent_with_the_last_of_it() -> None:
    tokens = spending(tokens=20)
    tokens.add(answer(9))
    tokens.add(answer(None, request_body=b"x" * 4, upstream_body=None, status=500))
    assert tokens.spent == ""
    tokens.add(answer(1))
    assert tokens.spent == "budget of 20 tokens is spent"
    usd = spending(usd=0.022)
    usd.add(answer(1))
    assert (usd.spent, usd.usd) == ("", pytest.approx(0.011))
    usd.add(answer(1))
    assert usd.spent == "budget of $0.022 is spent"
    now = [0.0]
    minutes = spending(lambda: now[0], minutes=2)
    now[0] = 119.9
    assert minutes.spent == ""
    assert minutes.patience() == pytest.approx(0.1)
    now[0] = 120.0
    assert (minutes.spent, minutes.patience()) == ("budget of 2 minutes is spent", 0.0)
    assert minutes.seconds_left == pytest.approx(3.6)


def test_dollars_follow_the_rates_for_long_input_and_without_a_price_there_are_none() -> None:
    long = OtherRates(input=10.0, output=20.0, above=100)
    tiered = Spending(Budget(), lambda _: Prices(input=1.0, output=2.0, when=(long,)))
    assert [tiered.add(answer(tokens)).usd for tokens in (100, 101)] == [pytest.approx(3e-4), pytest.approx(30.3e-4)]
    unpriced = Spending(Budget(), lambda _: None)
    assert unpriced.add(answer(5)).usd is None
    assert (unpriced.usd, unpriced.tokens, unpriced.patience()) == (0.0, 10, NAMED_WAIT)


def test_a_budget_of_one_token_is_one() -> None:
    one = spending(tokens=1)
    one.add(answer(1))
    assert one.spent == "budget of 1 token is spent"


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        ({"tokens": 18}, "budget of 18 tokens is spent"),
        ({"tokens": 19}, ""),
        ({"usd": 0.099}, "budget of $0.099 is spent"),
        ({"minutes": 1}, ""),
    ],
)
def test_what_a_run_has_recorded_before_is_counted(budget: dict[str, Any], spent: str, tmp_path: Path) -> None:
    with closing(ExchangeWriter(tmp_path / "trials.jsonl.zst")) as writer:
        writer.append(answer(9))
    resumed = spending(**budget)
    resumed.recall(tmp_path)
    assert resumed.spent == spent


def test_where_nothing_is_told_four_bytes_are_a_token() -> None:
    told = tokens_of(answer(None, request_body=b"x" * 400))
    assert (told.input, told.output) == (100, 2)
    assert tokens_of(answer(None, request_body=b"x" * 400, upstream_body=b"y" * 80)).input == 20
    for status, tokens in ((399, 7), (400, 0), (None, 0)):
        assert tokens_of(answer(7, status=status)).input == tokens
    assert tokens_of(answer(7, kind="models")).input == 0


def test_how_long_a_budget_will_last_follows_from_how_fast_it_went() -> None:
    now = [0.0]
    both = spending(lambda: now[0], tokens=100, usd=1.0)
    now[0] = 10.0
    assert both.seconds_until_spent is None
    both.add(answer(10))  # 20 tokens and 0.11 dollars in ten seconds
    assert both.seconds_until_spent == pytest.approx(40.0)
    assert spending(lambda: now[0]).seconds_until_spent is None
    dear = spending(lambda: now[0], usd=0.22)
    now[0] = 20.0
    dear.add(answer(10))
    assert dear.seconds_until_spent == pytest.approx(10.0)
    for _ in range(3):
        dear.add(answer(10))
    assert dear.seconds_until_spent == 0.0


def test_numbers_of_the_command_line_are_above_zero() -> None:
    assert (count("1k"), count("1.5M"), count("0.1"), count("3M"), factor("1e3")) == (
        1_000,
        1_500_000,
        1,
        3_000_000,
        1_000,
    )
    for text in ("inf", "nan", "-1", "x", "", "0k"):
        with pytest.raises(Exception, match="give a number, 500k or 2M"):
            count(text)


# ---- estimates -------------------------------------------------------------------------------------------------------

KNOWN = {"tasks": {"a": {"x": (100.0, 10.0, 4.0), "y": (300.0, 30.0, 9.0)}, "b": {"x": (1_000.0, 50.0, 5.0)}}}


def trial(task: str, agent: str) -> TrialKey:
    return TrialKey(suite="tasks", task=task, agent=agent)


def test_what_is_not_known_is_like_the_agents_own_or_like_all() -> None:
    assert estimate([trial("z", "a")], KNOWN) == RunEstimate(200, 20, 6.5, 1)
    assert estimate([trial("z", "c")], KNOWN) == RunEstimate(300, 30, 5, 1)
    assert estimate([trial("x", "a"), trial("x", "b")], KNOWN) == RunEstimate(1_100, 60, 9)
    assert estimate([CaseKey(case="c", toolset="a")], KNOWN) == RunEstimate(0, 0, 0, 1)
    assert estimate([], KNOWN) == RunEstimate(0, 0, 0)


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (1_940_000, "1.9M"),
        (999_500, "1.0M"),
        (999_499, "999k"),
        (30_400, "30k"),
        (1_000, "1k"),
        (999, "999"),
        (0, "0"),
        (12_340_000, "12.3M"),
    ],
)
def test_tokens_are_short(tokens: float, said: str) -> None:
    assert short(tokens) == said


@pytest.mark.parametrize(
    ("usd", "said"),
    [
        (0, "$0.00"),
        (1, "$1.00"),
        (1_234.5, "$1,234.50"),
        (0.999, "$1.00"),
        (0.1, "$0.10"),
        (0.01, "$0.010"),
        (0.0099, "$0.0099"),
        (0.00031, "$0.00031"),
    ],
)
def test_dollars_have_two_digits(usd: float, said: str) -> None:
    assert dollars(usd) == said


@pytest.mark.parametrize(("budget", "seconds"), [({"tokens": 100}, 30.0), ({"usd": 1.0}, 78 / 1.1)])
def test_what_was_recorded_before_says_nothing_about_how_fast_it_goes_now(
    tmp_path: Path, budget: dict[str, Any], seconds: float
) -> None:
    with closing(ExchangeWriter(tmp_path / "trials.jsonl.zst")) as writer:
        writer.append(answer(10))
    now = [0.0]
    resumed = spending(lambda: now[0], **budget)
    resumed.recall(tmp_path)
    now[0] = 10.0
    assert resumed.seconds_until_spent is None
    resumed.add(answer(10))
    assert resumed.seconds_until_spent == pytest.approx(seconds)


def test_what_no_response_can_be_read_from_still_took_its_request() -> None:
    lost = answer(None, request_body=b"x" * 400)
    assert tokens_of(replace(lost, chunks=())).input == 100
    assert tokens_of(replace(lost, chunks=(Chunk(0.1, b"<html>"),))).output == 0


def test_the_budget_of_a_resumed_run_is_the_old_one_unless_another_is_given(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, replace(asked(tmp_path, "--budget-tokens", "7k")).meta())
    assert asked(tmp_path, "--resume", str(run.path)).budget == Budget(tokens=7_000)
    assert asked(tmp_path, "--resume", str(run.path), "--budget-tokens", "9k").budget == Budget(tokens=9_000)


def test_a_reference_needs_a_verifiers_file(tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError, match="--reference belongs to --cases k2vv:PATH"):
        asked(tmp_path, "--reference", "oracle")
