"""Causes are told apart by codes: their words may change, and nothing else does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from tests.support.trials import answered, call, refused, said, trial, why
from toolworthy import content
from toolworthy.base.toml import read_toml
from toolworthy.content import adapters
from toolworthy.records.meta import RunMeta
from toolworthy.records.score import Cause, CauseCode, CauseKind, Note
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult, Verification
from toolworthy.sandbox.model import CommandOutcome
from toolworthy.work.run.completeness import done
from toolworthy.work.scoring import words
from toolworthy.work.trials.trial import _judge

SHOWN = [
    (trial(answered(call()), refused(429, "slow down")), {"exit_code": 1}),
    (trial(answered({**call(), "content": '<tool_call name="run">\n{"command": "ls"}\n</tool_call>'})), {}),
    (trial(answered(call("ls", name="fly")), answered(said())), {}),
    (trial(answered(call())), {"ended": "timeout"}),
    (trial(answered(call()), answered(said("Sorry, I cannot."))), {}),
    ([], {"ended": "timeout"}),
]
KEY = TrialKey(suite="tasks", task="t", agent="builtin")


def test_every_code_and_note_has_its_words() -> None:
    assert list(words.SAID) == list(get_args(CauseCode))
    assert list(words.NOTES) == list(get_args(Note))
    assert {kind for kind, _ in words.SAID.values()} == set(get_args(CauseKind))


def test_a_note_takes_its_words_from_the_cause_of_its_name_and_else_has_its_own() -> None:
    written = read_toml(content.FIXTURES / "causes.toml")["notes"]
    taken = {note: f"; {words.SAID[note][1]}" for note in ("call emptied", "answer emptied")}
    assert {note for note, text in written.items() if "{cause}" in text} == set(taken)
    assert {**written, **taken} == words.NOTES


def test_other_words_change_nothing_but_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> tuple[list[Cause], list[str]]:
        causes = [why(exchanges, **ended) for exchanges, ended in SHOWN]
        return causes, [TrialResult(key=KEY, status="error", cause=one).uncounted for one in causes]

    before, counted = found()
    monkeypatch.setattr(words, "SAID", {code: (kind, f"about {code}") for code, (kind, _) in words.SAID.items()})
    monkeypatch.setattr(words, "NOTES", dict.fromkeys(words.NOTES, " and more"))
    after, still = found()
    assert still == counted
    for old, new in zip(before, after, strict=True):
        assert new.detail != old.detail
        assert new.model_copy(update={"detail": old.detail}) == old


@pytest.mark.parametrize(
    ("kind", "code", "rule", "refusal"),
    [("wire defect", "TW101", "TW101", None), ("endpoint error", "rate limited", "", "rate limited")],
)
def test_older_runs_kept_rule_and_refusal_in_one_place(kind: str, code: str, rule: str, refusal: str | None) -> None:
    old = Cause.model_validate_json(json.dumps({"kind": kind, "fault": "server", "detail": "d", "code": code}))
    assert (old.code, old.rule, old.refusal) == (None, rule, refusal)
    assert Cause.model_validate_json(old.model_dump_json()) == old


def test_what_ended_at_a_limit_of_ours_was_run_and_what_a_budget_kept_back_was_not(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, RunMeta(planned={"tasks": 2}))
    late = words.cause("stopped", "our limit", 3, limit="time", ended="timeout", seconds=9.0, calls=1)
    run.append(TrialResult(key=KEY, status="error", cause=late))
    spent = words.cause("not run", "our limit", said="the budget is spent")
    run.append(TrialResult(key=KEY.model_copy(update={"repeat": 2}), status="unmeasured", cause=spent))
    assert done(run) == {"tasks": (1, 2)}


def test_nobody_else_makes_up_the_words_of_a_cause() -> None:
    made = re.compile(r"\bCause\(\s*\w+=")
    source = Path(words.__file__).parents[2]
    assert [path.name for path in source.rglob("*.py") if made.search(path.read_text())] == ["words.py"]


@pytest.mark.parametrize(
    ("reward", "status", "code"),
    [
        (1.0, "passed", None),
        (0.999, "failed", "tests fail"),
        (0.5, "failed", "tests fail"),
        (0.0, "failed", "tests fail"),
    ],
)
def test_only_a_whole_reward_is_a_pass(reward: float, status: str, code: str | None) -> None:
    verdict = Verification(reward=reward, output="", ended="exit", seconds=1.0)
    outcome = CommandOutcome(0, "exit", b"", b"", 1.0)
    exchanges = tuple(trial(answered(call()), answered(said())))
    found, cause = _judge(verdict, outcome, exchanges, adapters.agent("builtin"), 60, "")
    assert (found, cause and cause.code) == (status, code)
    if code:
        spent = _judge(verdict, outcome, exchanges, adapters.agent("builtin"), 60, "2 answers")[1]
        assert spent is not None
        assert (spent.code, spent.fault) == ("asked too much", "model")


def test_a_verifier_that_says_nothing_is_nobodys_failure_and_why_it_says_so_is_told() -> None:
    outcome = CommandOutcome(0, "exit", b"", b"", 1.0)
    exchanges = tuple(trial(answered(call()), answered(said())))
    agent = adapters.agent("builtin")
    status, cause = _judge(
        Verification(reward=None, output="", ended="timeout", seconds=1.0), outcome, exchanges, agent, 60, ""
    )
    assert cause is not None
    assert (status, cause.code, cause.fault) == ("error", "no reward", "infrastructure")
    kept = Verification(reward=0.0, output="", ended="exit", seconds=1.0, reason="what the agent left kept it")
    status, cause = _judge(kept, outcome, exchanges, agent, 60, "")
    assert cause is not None
    assert (status, cause.notes) == ("failed", ("verifier says",))
    status, cause = _judge(kept, CommandOutcome(None, "timeout", b"", b"", 9.0), exchanges, agent, 60, "")
    assert cause is not None
    assert (status, cause.fault, cause.notes) == ("error", "our limit", ())
