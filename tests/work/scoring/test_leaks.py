"""Calls that the server left in the text: whose fault a failed trial is, and how often it happens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.commands import only_run, results, suites
from tests.support.trials import answered, call, said, trial, why
from toolworthy.judgement.analysis.leaks import leak_rate, left_in_text
from toolworthy.judgement.analysis.remarks import remarks
from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.exchange import Exchange
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause, Leaks, Score
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.scoring.lost_calls import leaks

LEAKED = said('I will look.\n<tool_call id="call_7" name="run">\n{"command": "ls"}\n</tool_call>')
AS_JSON = said('{"name": "run", "arguments": {"command": "ls"}}')
AS_CODE = said('[run(command="ls")]')
SHOWN = said('Call it like this, for example: `run {"command": "ls"}`. I will look.')
BESIDE = {**call("pwd"), "content": LEAKED["content"]}


@pytest.mark.parametrize(
    ("exchanges", "code", "at"),
    [
        (trial(answered(LEAKED)), "TW201", 0),
        (trial(answered(call()), answered(LEAKED)), "TW201", 1),
        (trial(answered(call()), answered(AS_JSON)), "TW204", 1),
        (trial(answered(call()), answered(AS_CODE)), "TW205", 1),
        (trial(answered(LEAKED), answered(said("So?")), answered(said("I will look."))), "TW201", 0),
        (trial(answered(BESIDE), answered(said())), "TW201", 0),
    ],
)
def test_a_call_in_the_text_is_the_servers_fault(exchanges: list[Exchange], code: str, at: int) -> None:
    found = why(exchanges)
    assert (found.code, found.fault, found.rule, found.exchange) == ("call in text", "server", code, at)


def test_a_leak_that_the_agent_got_over_is_not_the_cause() -> None:
    found = why(trial(answered(LEAKED), answered(call("ls", number=1)), answered(said())))
    assert (found.kind, found.fault) == ("wrong result", "model")
    assert found.notes == ("in spite of",)
    assert "TW201" in found.detail
    cut = why(trial(answered(call()), answered(LEAKED)), ended="turns", max_turns=1)
    assert cut.fault == "our limit", "nobody knows what the agent would have made of it"


def test_a_call_in_the_reasoning_counts_where_the_answer_led_to_nothing() -> None:
    thought = {**said("I will look."), "reasoning_content": LEAKED["content"]}
    found = why(trial(answered(call()), answered(thought)))
    assert (found.code, found.fault, found.exchange) == ("call in text", "server", 1)
    assert "in the reasoning" in found.detail
    used = {**call("pwd"), "reasoning_content": LEAKED["content"]}
    assert why(trial(answered(used), answered(said()))).kind == "wrong result"


def test_text_that_shows_a_call_is_no_leak() -> None:
    assert why(trial(answered(call()), answered(SHOWN))).kind == "announced but did not act"
    assert leaks(trial(answered(call()), answered(SHOWN))) == Leaks(leaked=0, calls=1)


def test_answers_with_a_call_are_counted_and_those_that_leaked_one() -> None:
    told = trial(answered(call()), answered(LEAKED), answered(BESIDE), answered(said()))
    assert leaks(told) == Leaks(leaked=2, calls=3)
    assert leaks(trial(answered(LEAKED), answered(call()), tools=())) == Leaks(), "nothing to call"
    assert leaks([replace(one, local=True) for one in told]) == Leaks(), "not the endpoint's"


def test_the_rate_is_over_all_suites_with_an_interval() -> None:
    score = Score(leaks=Leaks(leaked=1, calls=4))
    task = TrialResult(key=TrialKey(suite="tasks", task="t", agent="builtin"), status="failed", score=score)
    case = CaseResult(key=CaseKey(case="c", toolset="builtin"), category="x", status="right", score=score)
    probe = ProbeResult(key=ProbeKey(probe="p", api="chat"), title="p", verdict="supported", leaks=Leaks(calls=8))
    found = leak_rate([task, case, probe])
    assert found is not None
    assert found.estimate is not None
    assert (found.ok, found.n, found.estimate.value, found.estimate.clusters) == (2, 16, 0.125, 3)
    assert str(found).startswith("2/16 · 12% (")
    assert leak_rate([probe.model_copy(update={"leaks": Leaks()})]) is None


def test_a_run_says_once_how_many_calls_leaked_and_that_it_was_rate_limited() -> None:
    score = Score(leaks=Leaks(leaked=1, calls=4))
    key = TrialKey(suite="tasks", task="t", agent="builtin")
    cause = Cause(kind="endpoint error", fault="our limit", detail="d", refusal="rate limited")
    trials = [TrialResult(key=key, status="error", score=score, cause=cause)] * 2
    case = CaseResult(key=CaseKey(case="c", toolset="b"), category="x", status="right", score=score)
    leaked, limited = remarks([*trials, case, case])
    assert leaked.startswith("calls that the server left in the text: tasks 2/8 · 25% (")
    assert "tools 2/8 · 25% (" in leaked
    assert limited.startswith("rate limited: 2 trials were not measured")
    assert list(remarks([TrialResult(key=key, status="passed")])) == []


def test_what_failed_of_a_leak_is_told_from_what_failed_of_the_model() -> None:
    key = TrialKey(suite="tasks", task="t", agent="builtin")
    cause = Cause(kind="wire defect", fault="server", detail="d", rule="TW201")
    assert left_in_text(TrialResult(key=key, status="failed", cause=cause))
    other = cause.model_copy(update={"rule": "TW101"})
    assert not left_in_text(TrialResult(key=key, status="failed", cause=other))
    case = CaseResult(key=CaseKey(case="c", toolset="b"), category="x", status="wrong")
    assert not left_in_text(case)
    assert left_in_text(case.model_copy(update={"misses": (Miss(kind="leaked call"),)}))


@pytest.mark.process
def test_whole_trials_and_cases_count_their_leaks(tmp_path: Path) -> None:
    chosen = ("--agent", "builtin", "--endpoint", "oracle:doubao-seed-tool-call-leak")
    for suite, more in (("tasks", ("--task", "fix-failing-test")), ("tools", ("--case", "read-one-file"))):
        (tmp_path / suite).mkdir()
        done = suites(*chosen, *more, cwd=tmp_path / suite, suite=suite)
        (line,) = results(only_run(tmp_path / suite))
        said = f"calls that the server left in the text: {suite} 1/1"
        assert said in done.stdout
        assert said in (only_run(tmp_path / suite) / "summary.md").read_text()
        assert line["score"]["leaks"] == {"leaked": 1, "calls": 1}
        if suite == "tasks":
            assert (line["cause"]["fault"], line["cause"]["rule"]) == ("server", "TW201")
        else:
            assert [miss["kind"] for miss in line["misses"]] == ["leaked call"]
