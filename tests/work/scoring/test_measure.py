"""What is measured of a trial: its calls, tokens, cost and times, and whether it is a copy of another."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.support.trials import TOOL, Message, answered, call, refused, said, streamed, trial
from toolworthy.content import adapters, providers
from toolworthy.content.providers import Prices
from toolworthy.endpoint.target import Endpoint
from toolworthy.records.exchange import Chunk, Exchange, ExchangeFailure
from toolworthy.records.meta import Budget
from toolworthy.records.score import Count, Score, Tokens
from toolworthy.wire.ir import Request, Tool, ToolCall
from toolworthy.work.run.budget import Spending
from toolworthy.work.scoring.calls import JudgedCall, judge_call, judge_calls
from toolworthy.work.scoring.measure import cost, score

FREE_FORM = {"type": "custom", "custom": {"name": "patch"}}
ANYTHING = {"type": "function", "function": {"name": "any"}}


def measured(exchanges: list[Exchange], prices: Prices | None = None) -> Score:
    endpoint = Endpoint("e", providers.provider("generic"), {"chat": "http://127.0.0.1:9/v1"}, "m")
    return score(exchanges, adapters.agent("builtin"), endpoint.priced(prices) if prices else endpoint)


def free_form(name: str) -> Message:
    made = {"id": "call_0", "type": "custom", "custom": {"name": name, "input": "*** Begin"}}
    return {"role": "assistant", "content": None, "tool_calls": [made]}


def with_usage(exchange: Exchange, **usage: Any) -> Exchange:
    body = {**json.loads(exchange.body), "usage": usage or None}
    return replace(exchange, chunks=(Chunk(0.1, json.dumps(body).encode()),))


# ---- cost ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "prices", "dollars"),
    [
        (Tokens(input=1_000_000, output=0), Prices(input=3, output=7), 3),
        (Tokens(input=0, output=1_000_000), Prices(input=3, output=7), 7),
        (Tokens(input=1_000_000, output=0, cached=400_000), Prices(input=10, output=0, cached=1), 6.4),
        (Tokens(input=1_000_000, output=0, cached=400_000), Prices(input=10, output=0), 10),
        (Tokens(input=1_000_000, output=0, cached=400_000), Prices(input=10, output=0, cached=0), 6),
        (Tokens(input=1_000_000, output=0, cache_write=200_000), Prices(input=10, output=0, cache_write=20), 12),
        (Tokens(input=1_000_000, output=0, cache_write=200_000), Prices(input=10, output=0), 10),
        (
            Tokens(input=1_000_000, output=0, cache_write=200_000, cache_write_1h=100_000),
            Prices(input=10, output=0, cache_write=20, cache_write_1h=30),
            8 + 2 + 3,
        ),
        (
            Tokens(input=1_000_000, output=0, cache_write=200_000, cache_write_1h=100_000),
            Prices(input=10, output=0, cache_write=20),
            8 + 4,
        ),
        (Tokens(input=0, output=0, cached=1_000_000), Prices(input=10, output=0, cached=1), 1),
        (Tokens(input=1_000_000, output=0, cache_write_1h=100_000), Prices(input=10, output=0, cache_write_1h=20), 12),
        (Tokens(output=1), Prices(input=1, output=1), None),
        (Tokens(input=1), Prices(input=1, output=1), None),
    ],
)
def test_what_is_cached_has_a_price_of_its_own(tokens: Tokens, prices: Prices, dollars: float | None) -> None:
    assert cost(tokens, prices) == (None if dollars is None else pytest.approx(dollars))


def _at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


DEAR = {"input": 2, "cached": 0.2, "output": 8}
PEAK = Prices.model_validate(
    {
        "input": 1,
        "cached": 0.1,
        "output": 4,
        "when": [{**DEAR, "hours": ["01:00-04:00", "06:00-10:00"], "weekdays": True}],
    }
)
LONG = Prices.model_validate(
    {"input": 1, "cached": 0.1, "output": 4, "when": [{**DEAR, "above": 200_000}, {**DEAR, "above": 0, "output": 5}]}
)


@pytest.mark.parametrize(
    ("began", "twice"),
    [
        ("2026-11-30T00:59:59", False),  # a Monday
        ("2026-11-30T01:00:00", True),
        ("2026-11-30T03:59:59", True),
        ("2026-11-30T04:00:00", False),
        ("2026-11-30T06:30:00", True),
        ("2026-11-30T10:00:00", False),
        ("2026-12-04T09:59:00", True),  # a Friday
        ("2026-12-05T02:00:00", False),
        ("2026-12-06T07:00:00", False),
    ],
)
def test_the_time_of_day_sets_the_price(began: str, twice: bool) -> None:
    """100,000 tokens of input, 40,000 of them from the cache, and 1,000 of output, by hand."""
    told = {"prompt_tokens": 100_000, "completion_tokens": 1_000, "prompt_tokens_details": {"cached_tokens": 40_000}}
    made = trial(replace(with_usage(answered(said()), **told), started=_at(began)))
    assert measured(made, PEAK).cost_usd == pytest.approx((0.06 + 0.004 + 0.004) * (2 if twice else 1))
    spending = Spending(Budget(), lambda _: PEAK)
    assert spending.add(made[0]).usd == measured(made, PEAK).cost_usd


def test_every_long_request_has_the_price_of_long_ones() -> None:
    """Two requests with 150,000 tokens are not one with 300,000."""

    def asked(tokens: int, cached: int = 0) -> Exchange:
        told = {"prompt_tokens": tokens, "completion_tokens": 1_000, "prompt_tokens_details": {"cached_tokens": cached}}
        return with_usage(answered(said()), **told)

    short = LONG.model_copy(update={"when": LONG.when[:1]})
    assert measured(trial(asked(150_000), asked(150_000)), short).cost_usd == pytest.approx(2 * (0.15 + 0.004))
    assert measured(trial(asked(200_000)), short).cost_usd == pytest.approx(0.2 + 0.004)
    assert measured(trial(asked(200_001)), short).cost_usd == pytest.approx(0.400002 + 0.008)
    assert measured(trial(asked(250_000, 240_000)), short).cost_usd == pytest.approx(0.02 + 0.048 + 0.008)
    assert measured(trial(asked(100_000)), LONG).cost_usd == pytest.approx(0.2 + 0.005)
    untold = with_usage(answered(said()))
    assert measured(trial(untold), short).cost_usd is None
    assert measured(trial(untold, asked(200_000)), short).cost_usd == pytest.approx(0.2 + 0.004)


@pytest.mark.parametrize("hours", ["1-4", "25:00-26:00", "01:00", "01:00-04:60"])
def test_hours_that_are_none_are_refused(hours: str) -> None:
    with pytest.raises(ValueError, match="hours"):
        Prices.model_validate({"input": 1, "output": 1, "when": [{**DEAR, "hours": [hours]}]})


def test_prices_of_old_runs_are_read() -> None:
    assert Prices.model_validate_json('{"input": 1, "output": 2, "cached": null, "source": "--price"}').when == ()


def test_tokens_are_summed_over_the_answers_that_tell_them() -> None:
    told = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    exchanges = trial(
        with_usage(answered(call()), **told, prompt_tokens_details={"cached_tokens": 60}),
        with_usage(answered(call("pwd", number=1)), **told),
        with_usage(answered(said())),
        refused(500),
    )
    found = measured(exchanges, Prices(input=10, output=100, cached=1))
    assert found.tokens == Tokens(input=200, output=40, cached=60)
    assert found.cost_usd == pytest.approx((140 * 10 + 60 + 40 * 100) / 1e6)
    assert measured(exchanges).cost_usd is None


# ---- counts and times ------------------------------------------------------------------------------------------------


def test_requests_turns_and_times_are_those_of_the_answers_that_came() -> None:
    stream = replace(streamed({"role": "assistant", "content": "Done."}), seconds=2.0)
    silent = replace(stream, chunks=(), status=None, error=ExchangeFailure("silent"))
    exchanges = trial(answered(call()), refused(500), stream, silent)
    beside = replace(answered(said()), index=4)
    models = replace(beside, kind="models", agent_api=None, endpoint_api=None, index=5)
    found = measured([*exchanges, beside, models])
    assert (found.requests, found.turns, found.calls) == (5, 2, 1)
    assert found.first_token_seconds == (0.1,)
    assert found.request_seconds == (0.5, 0.5, 2.0, 0.5)
    assert found.models_answered == ("m",)


def test_what_a_translation_lost_is_told_once() -> None:
    exchanges = trial(answered(call()), answered(said()))
    assert not measured(exchanges).translated
    lossy = [replace(one, endpoint_api="messages", upstream_body=b"{}", losses=("strict", "seed")) for one in exchanges]
    found = measured([*lossy, *exchanges])
    assert (found.translated, found.losses) == (True, ("strict", "seed"))


def test_everything_that_a_score_tells_is_measured() -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 20}
    leak = said('<tool_call name="run">\n{"command": "ls"}\n</tool_call>')
    stream = streamed({"role": "assistant", "content": "Done."})
    exchanges = trial(with_usage(answered(call()), **usage), answered(leak), stream)
    found = measured(
        [replace(exchanges[0], endpoint_api="messages", upstream_body=b"{}", losses=("seed",)), *exchanges],
        Prices(input=1, output=1),
    )
    untold = {name for name, field in Score.model_fields.items() if getattr(found, name) == field.get_default()}
    assert untold == set()


# ---- calls -----------------------------------------------------------------------------------------------------------


def judged(*answers: Exchange, **more: Any) -> tuple[JudgedCall, ...]:
    return judge_calls(trial(*answers, **more), adapters.agent("builtin"))


@pytest.mark.parametrize(
    ("made", "parses", "known", "valid"),
    [
        (call(), True, True, True),
        (call(arguments='{"cmd": "ls"}'), True, True, False),
        (call(arguments="{"), False, True, None),
        (call(arguments='["ls"]'), False, True, None),
        (call(name="fly"), True, False, None),
        (call(name="fly", arguments="{"), False, False, None),
        (call(name="any", arguments='{"x": 1}'), True, True, True),
        (call(name="patch", arguments="*** Begin"), True, True, True),
        (free_form("patch"), True, True, True),
        (free_form("run"), True, True, True),
        (free_form("fly"), True, False, None),
    ],
)
def test_a_call_is_judged_by_the_tools_that_were_offered(
    made: Message, parses: bool, known: bool, valid: bool | None
) -> None:
    (found,) = judged(answered(made), tools=(TOOL, ANYTHING, FREE_FORM))
    assert (found.parses, found.known, found.valid) == (parses, known, valid)
    assert (found.problem is not None) == (valid is False)
    assert found.executed is None, "no result came back"


@pytest.mark.parametrize(
    ("tool", "named"),
    [
        (Tool("x", namespace="n"), ToolCall("1", "x", "{}", namespace="n")),
        (Tool("x", namespace="n"), ToolCall("1", "n__x", "{}")),
        (Tool("x", namespace="n"), ToolCall("1", "n__x", "{}", namespace="n")),
        (Tool("n__x"), ToolCall("1", "x", "{}", namespace="n")),
        (Tool("x"), ToolCall("1", "x", "{}", namespace="n")),
    ],
)
def test_a_tool_of_a_group_is_known_by_either_name(tool: Tool, named: ToolCall) -> None:
    assert judge_call(Request("m", (), (tool,)), named).known
    assert not judge_call(Request("m", (), (tool,)), replace(named, name="y")).known


@pytest.mark.parametrize(("result", "well"), [("ok", True), ("Error: no such file", False), ("no Error: here", True)])
def test_a_result_is_an_error_where_the_agent_says_so(result: str, well: bool) -> None:
    found, *_ = judged(answered(call()), answered(said()), results={0: result})
    assert (found.executed, found.result) == (well, result)


@pytest.mark.parametrize(
    ("finish", "coherent"), [("tool_calls", True), ("length", True), ("stop", False), ("content_filter", False)]
)
def test_a_call_needs_a_stop_reason_that_admits_it(finish: str, coherent: bool) -> None:
    (found,) = judged(answered(call(), finish))
    assert found.coherent == coherent


def test_a_call_needs_an_id_and_a_stream_may_end_without_a_reason() -> None:
    without = {**call(), "tool_calls": [{**call()["tool_calls"][0], "id": None}]}
    assert [one.coherent for one in judged(answered(without))] == [False]
    endless = streamed({"tool_calls": [{"index": 0, **call()["tool_calls"][0]}]}, finish=None)
    assert [one.coherent for one in judged(endless)] == [True]


def test_the_third_of_the_same_calls_in_a_row_is_not_fresh() -> None:
    same = [answered(call(number=number)) for number in range(4)]
    other = answered(call("pwd", number=5))
    assert [one.fresh for one in judged(*same, other)] == [True, True, False, False, True]
    assert all(one.fresh for one in judged(same[0], other, same[1], same[2]))
    assert all(one.fresh for one in judged(same[0], answered(call(name="fly", number=6)), same[1]))


def test_scores_count_what_could_be_judged() -> None:
    tagged = answered({**call("a", number=1), "content": "</tool_call>"})
    thought = answered({**call("b", number=2), "reasoning_content": "<invoke name="})
    exchanges = trial(answered(call()), tagged, thought, answered(call(name="fly", number=3)), answered(said()))
    found = measured([*exchanges, replace(refused(500), index=5), replace(answered(said()), index=6)]).call_scores
    assert (found.parses, found.known, found.valid) == (Count(ok=4, n=4), Count(ok=3, n=4), Count(ok=3, n=3))
    assert (found.executed, found.fresh, found.coherent) == (Count(ok=4, n=4),) * 3
    assert found.clean_text == Count(ok=3, n=5), "of answers to which tools were offered"


# ---- copies ----------------------------------------------------------------------------------------------------------


def answers(*texts: str) -> str:
    return measured(trial(*(answered(said(text)) for text in texts))).answers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"),
        ("in /tmp/tw-a1 now", "in /tmp/tw-b2 now"),
        ("in /var/tmp/tw-a1 now", "in /var/tmp/tw-b2 now"),
        ("in /var/folders/zz now", "in /var/folders/yy now"),
        ("on 2026-01-02", "on 2027-03-04"),
        ("at 2026-01-02 10:11", "at 2026-01-02 12:13"),
        ("at 2026-01-02T10:11:12", "at 2026-01-02T10:11:13"),
        ("at 2026-01-02T10:11:12.5", "at 2026-01-02T10:11:12.75"),
        ("at 2026-01-02T10:11:12.5Z", "at 2026-01-02T10:11:12.75+02:00"),
        ("at 10:11:12", "at 13:14:15"),
        ("at 10:11:12.25", "at 10:11:12"),
        ("at 1790000000", "at 1790000001"),
        ("commit 0a1b2c3d4e5f", "commit f5e4d3c2b1a0"),
        ("call_1a2b3c4d", "call_4d3c2b1a"),
        ("toolu-1a2b3c4d", "toolu-d4c3b2a1"),
    ],
)
def test_ids_times_and_temporary_paths_make_no_other_answer(one: str, other: str) -> None:
    assert answers(f"See {one}.") == answers(f"See {other}.") != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("port 8080", "port 8081"),
        ("at 10:11", "at 10:12"),
        ("deadbeefcafe", "cafedeadbeef"),
        ("get_something", "get_somewhere"),
        ("/home/a", "/home/b"),
        ("/tmp/x/a.py", "/tmp/x/b.py"),
    ],
)
def test_other_words_make_another_answer(one: str, other: str) -> None:
    assert answers(f"See {one}.") != answers(f"See {other}.")


def test_everything_that_was_answered_makes_an_answer_what_it_is() -> None:
    plain = [answered(call()), answered(said("So."))]
    thought = answered({**said("So."), "reasoning_content": "Hm."})
    trials = [
        plain,
        plain[:1],
        plain[::-1],
        [answered(call("pwd")), plain[1]],
        [answered(call(name="fly")), plain[1]],
        [plain[0], answered(said("So!"))],
        [plain[0], answered(said("So."), "length")],
        [plain[0], thought],
        [plain[0], answered({**said("So."), "reasoning_content": "Hm?"})],
        [plain[0], answered(said("Hm.So."))],
        [plain[0], refused(500, "a")],
        [plain[0], refused(500, "b")],
    ]
    found = [measured(trial(*one)).answers for one in trials]
    assert len(set(found)) == len(trials)
    assert all(len(one) == 16 for one in found)


def test_an_attempt_of_which_an_answer_is_missing_is_no_copy() -> None:
    whole = trial(answered(call()), answered(said()))
    assert measured([*whole[:1], replace(whole[1], error=ExchangeFailure("broken off"))]).answers == ""
    assert measured([*whole[:1], replace(whole[1], status=None)]).answers == ""
    assert measured([]).answers == ""


def test_what_is_asked_beside_the_task_is_left_out_unless_there_is_nothing_else() -> None:
    whole, beside = trial(answered(call())), replace(answered(said("A title")), index=1)
    assert measured([*whole, beside]).answers == measured(whole).answers
    assert measured([beside]).answers not in ("", measured([answered(said("Another"))]).answers)
