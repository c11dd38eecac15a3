"""What was not solved within the limits is not solved; what says nothing counts on both sides, and passes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.examples import ABOUT
from toolworthy.cli.main import main
from toolworthy.judgement.gate import baseline
from toolworthy.judgement.gate._compare import _once, comparable
from toolworthy.judgement.gate.criteria.judged import Judged
from toolworthy.judgement.gate.decide import GateDecision, decide
from toolworthy.judgement.gate.policy import Policy, Requirement
from toolworthy.judgement.gate.sample import Sample, Unit, from_run
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause, Limit, Score, Tokens
from toolworthy.records.store import RunDirectory
from toolworthy.records.triage import TriageEntry
from toolworthy.records.trial import TrialKey, TrialResult

TASKS = Policy(metrics={"tasks.pass": Requirement(margin=0.10)}, no_new_blocks_for=())
TOOLS = Policy(metrics={"tools.lenient": Requirement(margin=0.10)}, no_new_blocks_for=())
TOKENS = Policy(metrics={"tasks.tokens": Requirement(at_most=1.5)}, no_new_blocks_for=())
TIMEOUT = Cause(kind="budget", fault="our limit", detail="stopped by timeout after 600 s and 3 calls", limit="time")
DOWN = Cause(kind="infrastructure", fault="infrastructure", detail="the agent asked nothing")


def trial(number: int, status: str, cause: Cause | None = None, items: int = 20, **more: Any) -> TrialResult:
    key = TrialKey(suite="tasks", task=f"t{number % items}", agent="codex", repeat=number // items + 1)
    return TrialResult(key=key, status=status, cause=cause, task_digest="d", seconds=1.5, **more)


def made(folder: Path, statuses: Sequence[tuple[str, Cause | None]], items: int = 20, **about: Any) -> RunDirectory:
    """A run of these trials, at so many tasks in turn."""
    run = RunDirectory.create(folder, RunMeta.model_validate({**ABOUT, **about}))
    for number, (status, cause) in enumerate(statuses):
        run.append(trial(number, status, cause, items))
    return run


def spread(passed: int, failed: int = 0, ended: int = 0, down: int = 0) -> list[tuple[str, Cause | None]]:
    """So many of each, in an order that gives every task its share."""
    every: list[tuple[str, Cause | None]] = [
        *[("passed", None)] * passed,
        *[("failed", None)] * failed,
        *[("error", TIMEOUT)] * ended,
        *[("error", DOWN)] * down,
    ]
    return [every[(number * 7) % len(every)] for number in range(len(every))]


@pytest.mark.parametrize(("state", "answer"), [("fixed", "fail"), ("known", None), (None, None)])
def test_a_fault_of_trials_that_was_fixed_and_is_seen_again_fails(
    tmp_path: Path, state: str | None, answer: str | None
) -> None:
    """Also where nothing of the wire was measured, and whatever the rates allow."""
    broke = Cause(kind="endpoint error", fault="endpoint", detail="HTTP 500")
    before = made(tmp_path / "a", [("passed", None)] * 40)
    after = made(tmp_path / "b", [("passed", None)] * 39 + [("failed", broke)])
    if state:
        after.decide([TriageEntry.model_validate({"code": "cause-endpoint-error", "state": state})])
    policy = TASKS.model_copy(update={"no_new_blocks_for": ("*",)})
    decision = decide(from_run(before), from_run(after), policy)
    judged = {one.name: one for one in decision.judged}
    assert ("blocking findings" in judged) == (answer is not None)
    if answer:
        assert judged["blocking findings"].answer == decision.answer == answer
        assert "failed trials: endpoint error (regression" in judged["blocking findings"].figures


def only(decision: GateDecision) -> Judged:
    (one,) = decision.judged
    return one


def test_a_candidate_whose_failures_are_timeouts_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = made(tmp_path / "a", spread(183, 17)), made(tmp_path / "b", spread(111, 0, 89))
    assert main(["gate", str(before.path), str(after.path)]) == 1
    said = capsys.readouterr().out
    assert "gate: FAIL" in said
    assert "tasks.pass: 91.5% → 55.5%" in said
    assert "89 of 200 attempts of the candidate ended at a run limit (89 time) and count as not solved" in said
    assert "91.5% → 100.0%" not in said


def test_an_equal_candidate_does_not_fail_since_the_baselines_failures_timed_out(tmp_path: Path) -> None:
    before, after = made(tmp_path / "a", spread(111, 0, 89)), made(tmp_path / "b", spread(111, 89))
    found = decide(from_run(before), from_run(after), TASKS)
    assert found.answer != "fail"
    assert "55.5% → 55.5%" in only(found).figures
    mirrored = decide(from_run(after), from_run(before), TASKS)
    assert mirrored.answer == found.answer
    better = decide(from_run(before), from_run(made(tmp_path / "c", spread(200))), TASKS)
    assert better.answer == "pass"


@pytest.mark.parametrize("limit", ["time", "turns", "tokens", "memory", "processes", "disk"])
def test_every_limit_of_ours_counts_as_not_solved(tmp_path: Path, limit: Limit) -> None:
    cause = TIMEOUT.model_copy(update={"limit": limit})
    run = made(tmp_path, [("passed", None), ("error", cause)])
    units = from_run(run).units
    assert [unit.counted("pass") for unit in units] == [[1.0], [0.0]]
    assert units[1].counted("seconds") == [1.5]
    assert run.results()[1].limit == limit


@pytest.mark.parametrize(
    ("cause", "why"),
    [
        (DOWN, "infrastructure"),
        (Cause(kind="endpoint error", fault="our limit", detail="429", refusal="rate limited"), "rate limited"),
        (Cause(kind="endpoint error", fault="infrastructure", detail="no", refusal="empty account"), "empty account"),
        (None, "infrastructure"),
    ],
)
def test_what_says_nothing_of_the_model_is_missing(tmp_path: Path, cause: Cause | None, why: str) -> None:
    (unit,) = from_run(made(tmp_path, [("error", cause)])).units
    assert unit.counted("pass") == []
    assert unit.uncounted() == {why: 1}


def test_a_run_of_before_limits_had_names_counts_them_too(tmp_path: Path) -> None:
    (unit,) = from_run(made(tmp_path, [("error", TIMEOUT.model_copy(update={"limit": None}))])).units
    assert unit.ended() == {"unnamed": 1}


def test_an_agent_that_the_endpoint_cannot_serve_solves_nothing(tmp_path: Path) -> None:
    cause = Cause(kind="endpoint error", fault="endpoint", detail="preflight: responses: HTTP 404")
    refused = from_run(made(tmp_path / "b", [("refused", cause)] * 40))
    found = decide(from_run(made(tmp_path / "a", [("passed", None)] * 40)), refused, TASKS)
    assert found.answer == "fail"
    assert "100.0% → 0.0%" in only(found).figures
    assert not any("seconds" in unit.values for unit in refused.units)


def test_cases_that_end_at_a_limit_count_as_not_solved(tmp_path: Path) -> None:
    def run(folder: str, wrong: Sequence[int], **more: Any) -> Sample:
        made = RunDirectory.create(tmp_path / folder, RunMeta.model_validate(ABOUT))
        for number in range(60):
            told: dict[str, Any] = more if number in wrong else {"status": "right", "credit": 1.0}
            made.append(CaseResult(key=CaseKey(case=f"c{number}", toolset="codex"), category="x", **told))
        return from_run(made)

    good, late = run("a", ()), run("b", range(30), status="unmeasured", limit="time", detail="given up")
    found = decide(good, late, TOOLS)
    assert found.answer == "fail"
    assert "100.0% → 50.0%" in only(found).figures
    silent = run("c", range(30), status="unmeasured", detail="no answer")
    lost = decide(good, silent, TOOLS)
    assert lost.answer == "inconclusive"
    assert "30 of 120 attempts of both runs have no value (30 no answer)" in only(lost).figures
    unasked = run("d", range(30), status="unmeasured", detail="budget of 1 token is spent", unasked=True)
    assert "(30 not run)" in only(decide(good, unasked, TOOLS)).figures


def test_runs_within_other_limits_do_not_compare_what_ended_at_them(tmp_path: Path) -> None:
    long, short = ({"options": {"timeout_factor": factor, "max_turns": 60}} for factor in (1.0, 0.5))
    before, after = made(tmp_path / "a", spread(200), **long), made(tmp_path / "b", spread(111, 0, 89), **short)
    found = decide(from_run(before), from_run(after), TASKS)
    assert found.answer == "inconclusive"
    assert "89 of 400 attempts of both runs have no value (89 time limit)" in only(found).figures
    told = "the limits of tasks differ: --timeout-factor 1.0 in the baseline, --timeout-factor 0.5 in the candidate"
    (note,) = (note for note in found.notes if note.startswith(told))
    assert "0 attempts of the baseline and 89 of the candidate ended at it" in note
    assert "Measure both within the same limits" in note
    assert (
        only(found).needed == "measure both within the same limits; --resume does not repeat attempts that ended at one"
    )
    assert decide(from_run(after), from_run(before), TASKS).answer != "fail"
    same = made(tmp_path / "c", spread(111, 0, 89), **long)
    assert decide(from_run(before), from_run(same), TASKS).answer == "fail"
    turns = TIMEOUT.model_copy(update={"limit": "turns"})
    others = made(tmp_path / "d", [("error", turns)] * 100 + [("passed", None)] * 100, **short)
    assert decide(from_run(before), from_run(others), TASKS).answer == "fail"


def test_what_is_missing_lets_nothing_pass_that_it_could_have_failed(tmp_path: Path) -> None:
    """6 % missing, all of it against the candidate, would be beyond a margin of five points."""
    near = TASKS.model_copy(update={"metrics": {"tasks.pass": Requirement(margin=0.05)}, "unmeasured": 0.5})
    before = from_run(made(tmp_path / "a", spread(200), 200))
    after = from_run(made(tmp_path / "b", spread(188, down=12), 200))
    found = decide(before, after, near)
    assert found.answer == "inconclusive"
    assert "the answer depends on the 12 attempts without a value. Next: " in only(found).next[0]
    told = "12 of 200 attempts of the candidate are not counted (12 infrastructure): 94.0% to 100.0% if they are"
    assert told in only(found).next
    assert decide(after, before, near).answer == "pass"


def test_a_failure_that_holds_whatever_is_missing_stays_one(tmp_path: Path) -> None:
    before = from_run(made(tmp_path / "a", spread(200)))
    worse = decide(before, from_run(made(tmp_path / "b", spread(40, 130, down=30))), TASKS)
    assert worse.answer == "fail"
    assert "30 of 400 attempts of both runs have no value (30 infrastructure); 5% may be missing" in only(worse).figures
    perhaps = decide(before, from_run(made(tmp_path / "c", spread(40, 10, down=150))), TASKS)
    assert perhaps.answer == "inconclusive"


def test_missing_attempts_of_the_baseline_count_for_the_baseline(tmp_path: Path) -> None:
    holes = from_run(made(tmp_path / "a", spread(60, 60, down=80)))
    found = decide(holes, from_run(made(tmp_path / "b", spread(100, 100))), TASKS)
    assert found.answer == "inconclusive"
    told = "80 of 200 attempts of the baseline are not counted (80 infrastructure): 30.0% to 70.0% if they are"
    assert told in only(found).next


def test_attempts_that_were_planned_and_not_begun_are_missing(tmp_path: Path) -> None:
    """A run that was killed: two of three attempts at some tasks."""
    options = {"options": {"trials": 3, "until_decided": False}, "planned": {"tasks": 60}}
    cut = from_run(made(tmp_path, [("passed", None)] * 47, **options))
    assert sum(unit.uncounted()["not run"] for unit in cut.units) == 13
    whole = from_run(made(tmp_path / "b", [("passed", None)] * 60, **options))
    assert not any(unit.uncounted() for unit in whole.units)
    found = decide(whole, cut, TASKS)
    assert found.answer == "inconclusive"
    assert only(found).needed.startswith("run them: --resume RUN")


def test_what_attempts_at_a_limit_cost_is_spent(tmp_path: Path) -> None:
    def run(folder: str, tokens: int, cause: Cause | None) -> Sample:
        made = RunDirectory.create(tmp_path / folder, RunMeta.model_validate(ABOUT))
        for number in range(60):
            ended = number % 2 and cause
            score = Score(tokens=Tokens(input=tokens if ended else 1000, output=0))
            made.append(trial(number, "error" if ended else "passed", cause if ended else None, score=score))
        return from_run(made)

    assert decide(run("a", 0, None), run("b", 9000, TIMEOUT), TOKENS).answer == "fail"
    lost = decide(run("c", 0, None), run("d", 9000, DOWN), TOKENS)
    assert lost.answer == "inconclusive"
    assert "30 infrastructure" in only(lost).figures
    bearing = decide(run("e", 0, None), run("f", 9000, DOWN), TOKENS.model_copy(update={"unmeasured": 0.5}))
    assert "30 of 60 attempts of the candidate are not counted (30 infrastructure)" in only(bearing).next


def test_a_baseline_file_says_the_same_as_its_run(tmp_path: Path) -> None:
    before = made(tmp_path / "a", spread(90, 10, 60, 40), options={"timeout_factor": 2.0, "max_turns": 60})
    baseline.save(before.path, "main", tmp_path)
    kept, direct = baseline.load(Path("main"), tmp_path), from_run(before)
    for options in ({"timeout_factor": 2.0}, {"timeout_factor": 1.0}):
        after = from_run(made(tmp_path / "b", spread(100, 100), options=options))
        first, second = (decide(side, after, TASKS) for side in (direct, kept))
        assert (first.answer, [sorted(one.next) for one in first.judged]) == (
            second.answer,
            [sorted(one.next) for one in second.judged],
        )
        assert any("limits" in note for note in second.notes) == (options["timeout_factor"] != 2.0)


def test_copies_count_once_as_evidence_and_in_the_rate_as_often_as_they_came(tmp_path: Path) -> None:
    def run(folder: str, answers: Any) -> Sample:
        made = RunDirectory.create(tmp_path / folder, RunMeta.model_validate(ABOUT))
        for number in range(200):
            score = Score(answers=answers(number))
            made.append(trial(number, "passed" if number % 20 else "failed", score=score))
        return from_run(made)

    cached, fresh = run("a", lambda number: f"same{number % 20}"), run("b", lambda number: f"other{number}")
    assert {unit.repeated for unit in cached.units} == {9}
    assert {unit.repeated for unit in fresh.units} == {0}
    told = "180 of 200 attempts of the candidate are identical to another one at the same item"
    copies, independent = (only(decide(side, side, TASKS)) for side in (cached, fresh))
    assert any(line.startswith(told) for line in copies.next)
    assert not any("are identical to another" in line for line in independent.next)
    assert copies.figures.startswith("95.0% → 95.0%")
    assert copies.p_borne is not None
    assert independent.p_borne is not None
    assert copies.p_borne > independent.p_borne
    nobody_knows = run("c", lambda number: "")
    assert {unit.repeated for unit in nobody_knows.units} == {0}


@pytest.mark.parametrize(
    ("values", "repeated", "kept"),
    [
        ([1.0] * 10, 9, (1.0,)),
        ([1.0] * 9 + [0.0], 7, (1.0, 1.0, 0.7)),
        ([1.0, 0.0] * 5, 8, (1.0, 0.0)),
        ([0.0] * 4, 2, (0.0, 0.0)),
        ([0.5, 0.5, 0.5], 1, (1.0, 0.0)),
        ([1.0, 0.0], 0, (1.0, 0.0)),
        ([0.0], 5, (0.0,)),
    ],
)
def test_evidence_keeps_the_mean(values: list[float], repeated: int, kept: tuple[float, ...]) -> None:
    assert _once(values, repeated, "pass") == pytest.approx(kept)
    assert sum(kept) / len(kept) == pytest.approx(sum(values) / len(values))
    assert _once([900.0, 900.0], 1, "tokens") == (900.0, 900.0)


BROKEN = {
    "NaN": ("NaN", "NaN is not a number"),
    "Infinity": ("Infinity", "Infinity is not a number"),
    "-Infinity": ("-Infinity", "-Infinity is not a number"),
    "too large to be read": ("1e999", "tasks/t0 codex: values.pass.0: input should be a finite number"),
    "above one": ("1.5", "pass is a share, and 1.5 is above 1"),
    "below nought": ("-1", "greater than or equal to 0"),
    "a word": ('"many"', "values.pass.0"),
    "none": ("null", "tasks/t0 codex: 1 attempts, and no score"),
    "one too many": ("[1,1]", "tasks/t0 codex: 1 attempts, and 2 of pass"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_baseline_file_with_a_value_that_is_none_is_refused(
    how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "a", [("passed", None)] * 20)
    baseline.save(run.path, "main", tmp_path)
    capsys.readouterr()
    path = tmp_path / "main.json"
    spoilt, said = BROKEN[how]
    path.write_text(
        path.read_text().replace('"tasks/t0": ["d",{"codex":[1,0,1', f'"tasks/t0": ["d",{{"codex":[1,0,{spoilt}')
    )
    assert main(["gate", str(path), str(run.path)]) == 4
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert said in told.err


def test_a_baseline_file_that_tells_of_an_item_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made(tmp_path / "a", [("passed", None)] * 20)
    baseline.save(run.path, "main", tmp_path)
    capsys.readouterr()
    path = tmp_path / "main.json"
    path.write_text(path.read_text().replace('"items": {\n', '"items": {\n"tasks/t0": ["d",{"codex":[1,0,0]}],\n'))
    assert main(["gate", str(path), str(run.path)]) == 4
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "not a baseline file: 'tasks/t0' is in it twice" in told


DAMAGE: dict[str, tuple[Callable[[list[str]], str], str]] = {
    "cut": (lambda lines: "".join(lines)[:-20], "It ends in the middle of a line. Measure again"),
    "cut within": (lambda lines: lines[0][:40] + "\n" + "".join(lines[1:]), "Delete line 1. Measure again"),
    "no number": (lambda lines: "".join(lines).replace("1.5", "NaN", 1), "Delete line 1. Measure again"),
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("side", ["baseline", "candidate"])
def test_a_run_with_lines_that_cannot_be_read_is_not_compared(
    how: str, side: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = made(tmp_path / "a", [("passed", None)] * 20), made(tmp_path / "b", [("passed", None)] * 20)
    path = bad.path / "results.jsonl"
    spoil, said = DAMAGE[how]
    path.write_text(spoil(path.read_text().splitlines(keepends=True)))
    runs = [str(good.path), str(bad.path)]
    for command in (
        ["gate", *(runs if side == "candidate" else runs[::-1])],
        ["report", *runs, "-o", str(tmp_path / "x")],
    ):
        assert main(command) == 4
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert "results.jsonl is damaged: 1 line cannot be read. " in told
        assert said in told
    for command in (["history", runs[1]], ["baseline", "save", runs[1], "x", "--dir", str(tmp_path)]):
        assert main(command) == 4
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda about: {**about, "schema": 99}, "has schema 99"),
        (lambda about: {**about, "schema": "1"}, 'has schema "1"'),
        (lambda about: {**about, "schema": True}, "has schema true"),
        (lambda about: {key: value for key, value in about.items() if key != "schema"}, "names no schema"),
        (lambda about: {**about, "agents": 5}, "does not fit its schema: agents: "),
        (
            lambda about: {**about, "planned": {"tasks": "x"}},
            "does not fit its schema: planned.tasks: input",
        ),
    ],
)
def test_a_run_of_a_schema_that_is_not_known_is_not_compared(
    spoil: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = made(tmp_path / "a", [("passed", None)] * 20), made(tmp_path / "b", [("passed", None)] * 20)
    path = bad.path / "run.json"
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))
    for runs in ((good, bad), (bad, good)):
        assert main(["gate", *(str(run.path) for run in runs)]) == 4
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        assert said in told


def test_a_sample_says_which_agents_the_wire_suite_leaves_untested(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, RunMeta.model_validate(ABOUT))
    for agent, verdict in (("codex", "supported"), ("claude-code", "unmeasured")):
        key = ProbeKey(probe=f"session-{agent}", api="responses")
        about = {"agents": (agent,), "main_path": True, "requests": 1, "endpoint_api": "responses"}
        run.append(ProbeResult(key=key, title="t", verdict=verdict, served=("responses",), **about))
    sample = from_run(run)
    assert "claude-code" in sample.untested
    assert "codex" not in sample.untested
    assert {"codex", "claude-code"} <= sample.blocking.keys()


def test_only_what_was_to_be_told_is_asked_for(tmp_path: Path) -> None:
    """Of a unit without any score its share is lost; costs that nobody told and probes without an answer are not."""
    before = from_run(made(tmp_path / "a", [("error", DOWN)] * 3, items=3))
    probe = Unit(suite="wire", item="p", agent="chat", missing={"no answer": 1})
    before = before.model_copy(update={"units": (*before.units, probe)})
    both = comparable(before, from_run(made(tmp_path / "b", [("passed", None)] * 3, items=3)), Policy())
    assert {name: both.of(name).asked for name in ("tasks.pass", "tasks.tokens", "wire.supported")} == {
        "tasks.pass": 3,
        "tasks.tokens": 0,
        "wire.supported": 0,
    }
