"""A budget ends a run in good order: nothing new is started, everything measured is kept, and it can go on."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.commands import only_run, results, suites
from tests.support.examples import recorded
from tests.support.upstream import endpoint
from toolworthy.cli._values import count, factor, price
from toolworthy.content import adapters
from toolworthy.content.providers import Prices
from toolworthy.endpoint._config import load_config
from toolworthy.endpoint.target import Endpoint, resolve
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.records.meta import Budget
from toolworthy.work.run.budget import Spending, tokens_of
from toolworthy.work.run.session import Session
from toolworthy.work.scoring import measure

PRICES = Prices(input=1.0, output=2.0)


def exchange(usage: dict[str, Any] | None, status: int = 200, text: str = "hello", local: bool = False) -> Exchange:
    answer = {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    body = json.dumps(answer | ({"usage": usage} if usage else {})).encode()
    asked = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 400}]}).encode()
    return Exchange(
        *("tasks/t/a#1", 0, "completion", "chat", "chat", "POST", "/v1/chat/completions", {}, asked, None, (), status),
        *({}, (Chunk(0.1, body),), 0.0, 1.0, None, local),
    )


def usage(sent: int, said: int, cached: int = 0) -> dict[str, Any]:
    return {"prompt_tokens": sent, "completion_tokens": said, "prompt_tokens_details": {"cached_tokens": cached}}


def test_tokens_and_dollars_are_counted() -> None:
    spending = Spending(Budget(usd=1.0), lambda trial: PRICES)
    spending.add(exchange(usage(300_000, 200_000)))
    assert (spending.tokens, spending.spent) == (500_000, "")
    assert spending.usd == pytest.approx(0.7)
    spending.add(exchange(usage(300_000, 0, cached=100)))
    assert spending.spent == "budget of $1 is spent"


CACHE = {"cache_read_input_tokens": 73_030, "cache_creation_input_tokens": 2_124}
MESSAGES = {"input_tokens": 3, **CACHE, "output_tokens": 1_059}
CHAT = {"prompt_tokens": 75_157, "completion_tokens": 1_059}
RESPONSES = {"input_tokens": 75_157, "output_tokens": 1_059}


def counted(api: str, usage: dict[str, Any], *, streamed: bool = False) -> Exchange:
    """An answer of which only its usage matters."""
    answers: dict[str, dict[str, Any]] = {
        "chat": {"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]},
        "messages": {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"},
        "responses": {"object": "response", "status": "completed", "output": []},
    }
    value = answers[api] | {"usage": usage}
    body, kind = json.dumps(value), "application/json"
    if streamed:
        events = (
            {"type": "message_start", "message": {**value, "usage": usage | {"output_tokens": 1}}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
            {"type": "message_stop"},
        )
        body = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        kind = "text/event-stream"
    made = {"agent_api": api, "endpoint_api": api, "response_headers": {"content-type": kind}}
    return recorded(**made, chunks=(Chunk(0.1, body.encode()),))


@pytest.mark.parametrize(
    ("given", "exchange", "usd"),
    [
        ("3,15,.3,3.75", counted("messages", MESSAGES), 0.045768),
        ("3,15,.3,3.75", counted("messages", MESSAGES, streamed=True), 0.045768),
        ("3,15,.3,3.75", counted("chat", CHAT | {"prompt_tokens_details": {
            "cached_tokens": 73_030, "cache_write_tokens": 2_124}}), 0.045768),
        ("3,15,.3,3.75", counted("chat", CHAT | {"prompt_tokens_details": {
            "cached_tokens": 73_030, "cache_creation_tokens": 2_124}}), 0.045768),
        ("3,15,.3,3.75", counted("chat", CHAT | {"prompt_tokens_details": {
            "cached_tokens": 73_030}} | CACHE), 0.045768),
        ("3,15,.3,3.75", counted("responses", RESPONSES | {"input_tokens_details": {
            "cached_tokens": 73_030, "cache_write_tokens": 2_124}}), 0.045768),
        # 124 of them for five minutes, 2,000 for an hour
        ("3,15,.3,3.75,6", counted("messages", MESSAGES | {"cache_creation": {
            "ephemeral_5m_input_tokens": 124, "ephemeral_1h_input_tokens": 2_000}}), 0.050268),
        ("3,15,.3", counted("messages", MESSAGES), 0.044175),  # writing costs as input
        ("3,15", counted("messages", MESSAGES), 0.241356),
    ],
    ids=["whole", "streamed", "openrouter", "litellm", "beside", "responses", "an hour", "no price", "input only"],
)  # fmt: skip
def test_what_is_read_from_a_cache_and_written_to_one_has_its_own_price(
    given: str, exchange: Exchange, usd: float
) -> None:
    """openclaw/openclaw#65109: 3 fresh, 73,030 read, 2,124 written and 1,059 output tokens at Claude's prices."""
    spending = Spending(Budget(usd=100), lambda trial: price(given))
    for _ in range(7):
        spending.add(exchange)
    assert spending.usd == pytest.approx(7 * usd, abs=1e-9)
    measured = measure.score([exchange] * 7, adapters.agent("builtin"), priced("http://x", given))
    assert measured.cost_usd == pytest.approx(7 * usd, abs=1e-9)


def priced(url: str, given: str) -> Endpoint:
    return endpoint(url).priced(price(given))


def test_the_end_of_a_message_may_tell_its_input_without_its_cache() -> None:
    whole = counted("messages", MESSAGES, streamed=True)
    short = whole.body.replace(json.dumps(MESSAGES).encode(), b'{"input_tokens": 3, "output_tokens": 1059}')
    told = replace(whole, chunks=(Chunk(0.1, short),)).response
    assert short != whole.body
    assert told is not None
    assert told.usage == (whole.response and whole.response.usage)


def test_what_tells_no_usage_is_counted_too() -> None:
    said = tokens_of(exchange(None, text="y" * 80))
    assert said.output == 20
    assert 100 < (said.input or 0) < 130
    assert tokens_of(exchange({"prompt_tokens": 0, "completion_tokens": 0}, text="y" * 80)) == said


def test_errors_and_what_we_answer_ourselves_cost_nothing() -> None:
    for free in (exchange(usage(9, 9), status=429), exchange(usage(9, 9), local=True)):
        assert (tokens_of(free).input, tokens_of(free).output) == (0, 0)


def test_minutes_have_a_grace_of_a_few_seconds() -> None:
    now = [0.0]
    spending = Spending(Budget(minutes=1), lambda trial: None, lambda: now[0])
    assert spending.spent == ""
    assert spending.seconds_left == pytest.approx(60 + 1.8)
    now[0] = 61.0
    assert spending.spent == "budget of 1 minute is spent"
    assert spending.seconds_left == pytest.approx(1.8)
    assert Spending(Budget(minutes=600), lambda trial: None, lambda: 0.0).seconds_left == 36_000 + 60
    assert Spending(Budget(minutes=1), lambda trial: None, lambda: 59.0, began=0.0).seconds_left == pytest.approx(2.8)
    assert Spending(Budget(), lambda trial: None).seconds_left is None


def test_a_run_that_is_gone_on_with_keeps_its_budget_unless_told_otherwise() -> None:
    before = Budget(2.0, 5, 1.0)
    assert Budget().after(before) == Budget(2.0, 5)
    assert Budget(usd=3.0, minutes=2.0).after(before) == Budget(3.0, 5, 2.0)
    assert not Budget().after(Budget())


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (count, "2M", 2_000_000),
        (count, "500k", 500_000),
        (count, "7", 7),
        (factor, "0.5", 0.5),
        (price, "1,2", Prices(input=1, output=2, source="--price")),
        (price, "1,2,0.1", Prices(input=1, output=2, cached=0.1, source="--price")),
        (price, "1,2,0,3,4", Prices(input=1, output=2, cached=0, cache_write=3, cache_write_1h=4, source="--price")),
    ],
)
def test_amounts_are_read(read: Callable[[str], object], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (count, "-1"),
        (count, "M"),
        (factor, "nan"),
        (factor, "0"),
        (price, "1"),
        (price, "1,-2"),
        (price, "a,b"),
        (price, "1,2,3,4,5,6"),
    ],
)
def test_other_amounts_are_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="give "):
        read(text)


def test_prices_of_the_users_own_file_come_first(tmp_path: Path) -> None:
    (tmp_path / "toolworthy.toml").write_text('[prices."deepseek-v4-pro"]\ninput = 0.5\noutput = 1\n')
    found = resolve("deepseek", folder=tmp_path, environ={"DEEPSEEK_API_KEY": "k"})
    assert found.prices == Prices(input=0.5, output=1.0)
    assert load_config(tmp_path).prices["deepseek-v4-pro"].cached is None
    assert resolve("deepseek", folder=tmp_path.parent, environ={"DEEPSEEK_API_KEY": "k"}).prices != found.prices


@pytest.mark.process
def test_cases_end_at_the_budget_and_go_on_with_a_larger_one(tmp_path: Path) -> None:
    some = ["-k", "builtin", "--concurrency", "1"]
    done = suites(*some, "--budget-tokens", "5k", "-rs", cwd=tmp_path, suite="tools")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unmeasured: budget of 5,000 tokens is spent" in done.stdout
    path = only_run(tmp_path)
    before = results(path)
    measured = [line for line in before if line["status"] != "unmeasured"]
    assert 0 < len(measured) < len(before)
    spent = sum(line["score"]["tokens"]["input"] + line["score"]["tokens"]["output"] for line in measured)
    assert 5_000 <= spent < 25_000
    again = suites(*some, "--resume", str(path), "-q", cwd=tmp_path, suite="tools")
    assert {line["status"] for line in results(path)[len(before) :]} == {"unmeasured"}, again.stdout
    done = suites(*some, "--resume", str(path), "--budget-tokens", "5M", cwd=tmp_path, suite="tools")
    assert "skipped" not in done.stdout.splitlines()[-1]
    last = {line["key"]["case"]: line for line in results(path)}
    assert "unmeasured" not in {line["status"] for line in last.values()}
    assert all(last[line["key"]["case"]] == line for line in measured)


@pytest.mark.process
def test_a_trial_that_is_not_run_is_no_fault_of_the_endpoint(tmp_path: Path) -> None:
    two = ["--task", "fix-failing-test", "--task", "rename-api", "--concurrency", "1"]
    done = suites(*two, "--price", "1000,1000", "--budget-usd", "0.01", "-rs", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 skipped" in done.stdout
    assert "unmeasured: budget of $0.01 is spent" in done.stdout
    assert "works in the 1 of 2 trials that were measured · tasks 1/1" in done.stdout
    assert "1 not counted (1 not run): 50% to 100% if they are" in done.stdout
    first, second = results(only_run(tmp_path))
    assert first["score"]["cost_usd"] > 0.01
    assert (second["status"], second["cause"]["fault"]) == ("unmeasured", "our limit")


@pytest.mark.process
def test_probes_end_at_the_budget_and_no_rule_is_said_to_be_kept(tmp_path: Path) -> None:
    some = ["-k", "text or rule", "--concurrency", "1", "--budget-tokens", "1", "-rs"]
    done = suites(*some, cwd=tmp_path, suite="wire")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "exit 2: no agent could be judged" in done.stdout
    assert "unmeasured: budget of 1 token is spent" in done.stdout
    assert "probes were not run: budget of 1 token is spent" in done.stdout
    assert "Claude Code and Codex: untested: 0% of the required probes ran" in done.stdout
    assert "works" not in done.stdout


def test_what_runs_when_the_minutes_are_over_is_stopped_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    from toolworthy.records.case import CaseKey
    from toolworthy.work.run.plan import Options, choose_cases, choose_toolsets

    cases = choose_cases([], [])[:1]
    oracle = resolve("oracle")
    options = Options(oracle, (), (), cases=cases, toolsets=choose_toolsets(["builtin"], []))
    session = Session(options)
    session.spending = Spending(Budget(minutes=0.001), options.prices)

    async def hang(*_: object) -> None:
        await asyncio.sleep(60)

    key = CaseKey(case=cases[0].id, toolset="builtin")
    monkeypatch.setitem(session._benches, key.suite, SimpleNamespace(run=hang))
    monkeypatch.setattr(session, "_with_origin", lambda _, result: result)
    found = session._loop.run_until_complete(session._within_budget(key))
    session._loop.close()
    assert found.detail == "budget of 0.001 minutes is spent"


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--budget-usd", "1"], "--budget-usd needs to know what oracle costs at oracle. Give --price IN,OUT"),
        (["--budget-usd", "none"], "'none': give a number above 0"),
        (["--price", "1"], "'1': give IN,OUT[,CACHED[,WRITE[,WRITE_1H]]]"),
    ],
)
def test_mistakes_are_one_clear_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = suites(*arguments, cwd=tmp_path)
    assert done.returncode == 4
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
