"""How far a run is, told from events alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from toolworthy.content.providers import Prices
from toolworthy.endpoint.target import resolve
from toolworthy.output.terminal._eta import Pace, left
from toolworthy.output.terminal.columns import aligned, cut, packed
from toolworthy.output.terminal.progress import Progress, clock, span
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.exchange import Exchange
from toolworthy.records.meta import Budget
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.run.budget import Spending, Took
from toolworthy.work.run.plan import Options

A, B, WIRE = ("tasks", "a"), ("tasks", "b"), ("wire", "chat")


def pace(**took: float) -> Pace:
    made = Pace()
    for agent, seconds in took.items():
        made.add(("tasks", agent), seconds)
    return made


def test_before_the_first_of_a_kind_is_over_nobody_knows() -> None:
    assert left(Pace(), {A: 3}, [], 2) is None
    assert left(pace(a=10), {A: 3, WIRE: 1}, [], 2) is None
    assert left(Pace(), {}, [], 2) == 0.0


def test_what_is_left_takes_as_long_as_what_was_alike() -> None:
    assert left(pace(a=10, b=30), {A: 2, B: 1}, [], 1) == 50
    assert left(pace(a=10, b=30), {A: 2, B: 1}, [], 2) == 30  # the long one alone takes as much
    assert left(pace(a=10, b=30), {("tasks", "new"): 4}, [], 2) == 40  # like the others of its suite
    assert left(pace(a=10), {A: 1}, [(A, 4), (A, 25)], 2) == 10


def test_one_trial_is_not_shared_by_two_slots() -> None:
    assert left(pace(a=60), {}, [(A, 20)], 8) == 40


class Run:
    """A session that does what a test says."""

    def __init__(self, budget: Budget | None = None, prices: Prices | None = None, **options: Any) -> None:
        self.now = 0.0
        self.spending = Spending(budget or Budget(), lambda trial: prices, lambda: self.now)
        made = replace(Options(resolve("oracle"), (), ()), **options)
        self.progress = Progress(made, lambda: self.now)

    def expect(self, *keys: Any) -> None:
        self.progress.expected(keys, self.spending)

    def take(self, key: Any, tokens_in: int, tokens_out: int, usd: float | None = None) -> None:
        self.progress.asking(str(key))
        self.spending.tokens += tokens_in + tokens_out
        self.spending.usd += usd or 0.0
        tools = b'{"model": "m", "messages": [], "tools": [{"type": "function", "function": {"name": "x"}}]}'
        exchange = Exchange(
            *(str(key), 0, "completion", "chat", "chat", "POST", "/v1/chat/completions", {}, tools, None, (), 200),
            *({}, (), 0.0, 1.0),
        )
        self.progress.exchanged(exchange, Took(tokens_in, tokens_out, usd))

    def end(self, key: Any, said: str) -> None:
        if isinstance(key, TrialKey):
            self.progress.ended(TrialResult(key=key, status=said))
        elif isinstance(key, CaseKey):
            self.progress.ended(CaseResult(key=key, category="c", status=said))
        else:
            self.progress.ended(ProbeResult(key=key, title="t", verdict=said))

    def lines(self, width: int = 120, height: int = 20) -> list[str]:
        return self.progress.lines(width, height)


def trial(task: str, agent: str = "a", repeat: int = 1) -> TrialKey:
    return TrialKey(suite="tasks", task=task, agent=agent, repeat=repeat)


def test_a_trial_is_a_line_that_says_what_is_waited_for() -> None:
    run = Run()
    key = trial("fix-bug")
    run.expect(key)
    run.progress.started(key)
    assert run.lines() == ["a  fix-bug  turn 0  starting  0:00  0 in, 0 out", "0:00, ETA – · 0/1 trials"]
    run.progress.asking(str(key))
    assert "  asking  " in run.lines()[0]
    run.progress.exchanged(Exchange(*(str(key), *[None] * 15)), Took(0, 0, None))
    run.now = 83
    run.take(key, 40_600, 2_000, 0.021)
    assert run.lines() == [
        "a  fix-bug  turn 1  working  1:23  41k in, 2k out  $0.021",
        "1:23, ETA – · 0/1 trials · 43k tokens, $0.021",
    ]
    run.progress.verifying(key)
    assert "  verifying  " in run.lines()[0]
    run.end(key, "passed")
    assert run.lines() == ["1:23, ETA 0 s · 1/1 trials, 1 passed · 43k tokens, $0.021"]


def test_attempts_are_told_apart_where_there_are_several() -> None:
    run = Run()
    run.expect(trial("x"), trial("x", repeat=2))
    run.progress.started(trial("x", repeat=2))
    assert run.lines()[0].startswith("a  x #2  turn 0")


def test_every_suite_is_counted_by_what_is_said_of_it() -> None:
    run = Run()
    trials, cases = [trial(str(number)) for number in range(4)], [CaseKey(case=c, toolset="a") for c in "xyz"]
    probes = [ProbeKey(probe=name, api="chat") for name in "pq"]
    run.expect(*trials, *cases, *probes)
    for key, said in [
        *((trials[0], "passed"), (trials[1], "failed"), (trials[2], "error")),
        *((cases[0], "lenient"), (cases[1], "wrong"), (probes[0], "broken")),
    ]:
        run.progress.started(key)
        run.end(key, said)
    assert run.lines() == [
        "0:00, ETA 0 s · 3/4 trials, 1 passed, 1 failed, 1 error · 2/3 cases, 1 lenient, 1 wrong · 1/2 probes, 1 broken"
    ]


def test_the_eta_is_that_of_the_slowest_suite_and_never_a_guess() -> None:
    run = Run(concurrency=2)
    keys = [trial(str(number)) for number in range(5)]
    run.expect(*keys)
    run.progress.started(keys[0])
    run.now = 30
    run.end(keys[0], "passed")
    assert "ETA 1 min" in run.lines()[-1]  # four, two at a time
    for key in keys[1:]:
        run.progress.started(key)
    run.now = 90  # all take longer than any has
    assert "ETA –" in run.lines()[-1]


def test_what_was_not_run_is_no_measure() -> None:
    run = Run()
    run.expect(trial("x"), trial("y"))
    run.end(trial("x"), "unmeasured")
    assert run.lines() == ["0:00, ETA – · 1/2 trials, 1 unmeasured"]


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(), "ETA 15 min"),
        (Budget(minutes=2.5), "ETA 2 min"),  # what is left, and the grace
        (Budget(tokens=30_000), "ETA 2 min"),  # a minute's tokens, and one trial that is under way then
        (Budget(usd=0.2), "ETA 1 min"),
    ],
)
def test_an_eta_is_within_the_budget(budget: Budget, said: str) -> None:
    run = Run(budget, Prices(input=1, output=1, cached=None), concurrency=1)
    keys = [trial(str(number)) for number in range(31)]
    run.expect(*keys)
    run.progress.started(keys[0])
    run.take(keys[0], 9_000, 1_000, 0.1)
    run.now = 30
    run.end(keys[0], "passed")
    assert said in run.lines()[-1]


def test_where_looks_end_a_run_the_eta_is_an_upper_bound() -> None:
    run = Run(until_decided=True)
    run.expect(trial("x"), trial("y"))
    run.progress.started(trial("x"))
    run.now = 20
    run.end(trial("x"), "passed")
    assert "ETA 20 s at most" in run.lines()[-1]


@pytest.mark.parametrize("width", range(40, 251, 15))
@pytest.mark.parametrize("height", [1, 2, 3, 8, 60])
def test_lines_are_cut_and_summed_up_never_wrapped(width: int, height: int) -> None:
    run = Run(concurrency=50)
    keys = [trial("ein-langer-名前-" * (1 + number % 9), f"agent-{number}") for number in range(50)]
    run.expect(*keys, *(CaseKey(case=str(number), toolset="a") for number in range(780)))
    for key in keys:
        run.progress.started(key)
        run.take(key, 1_234_567, 99_999, 1.5)
    lines = run.lines(width, height)
    assert len(lines) <= height
    assert all(cell_len(line) <= width for line in lines)
    rows = [line for line in lines if line.startswith("agent-")]
    if height == 60:
        assert len(rows) == 50
    elif rows:
        assert f"… and {50 - len(rows)} more" in lines
    assert any("ETA" in line for line in lines)


def test_hostile_names_stay_text() -> None:
    run = Run()
    key = trial("[red]x[/red]\x1b[2J\n\rgone")
    run.expect(key)
    run.progress.started(key)
    assert run.lines()[0].startswith("a  [red]x[/red]␛1b[2J gone  turn 0")
    assert "\x1b" not in run.progress.plain()


def test_a_plain_line_tells_the_same() -> None:
    run = Run()
    keys = [trial(str(number), f"agent{number}") for number in range(6)]
    run.expect(*keys)
    for key in keys[1:]:
        run.progress.started(key)
    run.take(keys[1], 1_200_000, 0)
    assert run.progress.plain() == (
        "0/6 trials; 5 running: agent1 1 turn 1, agent2 2 turn 0, agent3 3 turn 0, 2 more; 1.2M tokens; 0:00, ETA –"
    )


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59, "59 s"), (59.6, "1 min"), (4_800, "1 h 20 min")])
def test_spans(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_shapes_of_lines() -> None:
    assert (clock(45), clock(3_667)) == ("0:45", "61:07")
    assert (cut("名前名前", 8), cut("名前名前", 7), cut("abc", 2)) == ("名前名前", "名前名…", "a…")
    assert packed(["aa", "bb", "cc"], 7) == ["aa · bb", "cc"]
    assert packed(["aa", "bb", "cc"], 6, 2) == ["aa", "  bb", "  cc"]
    assert aligned([["a", "bbb"], ["aaa", "b", "c"]]) == ["a    bbb", "aaa  b    c"]
    assert aligned([]) == []


def test_a_budget_tells_how_long_it_lasts_at_this_pace() -> None:
    now = [0.0]
    spending = Spending(Budget(tokens=1_000), lambda trial: None, lambda: now[0])
    assert spending.seconds_until_spent is None
    now[0] = 10.0
    spending.tokens = 250
    assert spending.seconds_until_spent == 30
    spending.tokens = 2_000
    assert spending.seconds_until_spent == 0
    assert Spending(Budget(minutes=1), lambda trial: None).seconds_until_spent is None
