"""The pages show what was measured; what a model wrote is shown and never obeyed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from toolworthy.judgement.analysis.verdict import cell, verdicts
from toolworthy.output.exports import junit
from toolworthy.output.exports.badge import badge
from toolworthy.output.html.page import parts
from toolworthy.output.terminal import summary
from toolworthy.output.terminal.final_screen import summary_lines
from toolworthy.records.meta import RunMeta
from toolworthy.records.score import Cause
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult

ATTACKS = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '"><a href="javascript:alert(1)">x</a>',
    "\x1b[31mred\x1b[0m",
    "\u202eevil\u202c",
    "\ud800 lone",
    "x" * 200_000,
    "{{ 7 * 7 }}",
]
ABOUT = {
    "toolworthy": "0",
    "python": "3",
    "platform": "p",
    "command": "c",
    "started": 0.0,
    "endpoint": {"name": ATTACKS[0], "model": ATTACKS[1], "provider": "generic", "base_urls": {}, "forced_api": None},
    "agents": {"a": "1"},
}


def result(
    status: str = "passed", task: str = "t", agent: str = "a", repeat: int = 1, detail: str = "d"
) -> TrialResult:
    cause = None if status == "passed" else Cause(kind="wrong result", fault="model", detail=detail)
    key = TrialKey(suite="tasks", task=task, agent=agent, repeat=repeat)
    return TrialResult(key=key, status=status, cause=cause, agent_output=detail, diff=detail)


def test_errors_and_what_was_not_run_are_no_measure() -> None:
    made = [result(), result("failed", "u"), lost("v"), result("unmeasured", "w")]
    (verdict,) = verdicts(made)
    assert (verdict.passed, verdict.judged, verdict.rate.missing) == (1, 2, 2)
    assert verdict.word == "works, fails when"
    assert verdict.rate.notes == "2 not counted (1 infrastructure, 1 not run): 25% to 75% if they are"


def lost(task: str) -> TrialResult:
    cause = Cause(kind="infrastructure", fault="infrastructure", detail="no disk")
    return result("error", task).model_copy(update={"cause": cause})


def at_limit(task: str = "t", repeat: int = 1, limit: str = "time") -> TrialResult:
    cause = Cause(kind="budget", fault="our limit", detail="stopped", limit=limit)
    return result("error", task, repeat=repeat).model_copy(update={"cause": cause})


def test_an_attempt_at_a_limit_is_not_solved_and_nobodys_fault() -> None:
    (verdict,) = verdicts([result(), result(task="u"), at_limit("v"), at_limit("w", limit="turns")])
    assert (verdict.word, verdict.passed, verdict.judged) == ("works", 2, 2)
    assert str(verdict.headline) == "works in 2 of 4 trials, the others ended at a run limit"
    assert str(verdict.rate).startswith("2/4 · 50% (")
    assert str(verdict.rate).endswith(" · the 2 others ended at a run limit (1 time, 1 turns)")
    (verdict,) = verdicts([result(), result("failed", "u"), at_limit("v")])
    assert str(verdict.headline) == "works, fails in 1 of 3 trials, 1 more ended at a run limit"
    (verdict,) = verdicts([at_limit("u"), at_limit("v")])
    assert (verdict.word, str(verdict.headline)) == ("untested", "untested: all 2 trials ended at a run limit")
    assert verdict.rate.counts == "0/2"


def test_a_cell_counts_what_ended_at_a_limit_as_not_solved() -> None:
    assert cell([result(), at_limit(repeat=2)]) == ("flaky", "1/2")
    assert cell([result("failed"), at_limit(repeat=2)]) == ("fail", "0/2")
    assert cell([at_limit(), at_limit(repeat=2)]) == ("error", "0/2")


def test_every_door_tells_the_same_of_what_was_not_counted(tmp_path: Path) -> None:
    """Terminal, summary.md, page, badge and JUnit file, of a run with a limit, infrastructure and a spent budget."""
    made = [result(task=f"t{n}") for n in range(4)]
    made += [at_limit("t4"), lost("t5"), lost("t6"), result("unmeasured", "t7")]
    notes = "the other one ended at a run limit (time), "
    notes += "3 not counted (2 infrastructure, 1 not run): 50% to 88% if they are"
    markdown = summed_up(tmp_path, made)
    (path,) = tmp_path.iterdir()
    run = RunDirectory.open(path)
    assert f"4/5 · 80% (28%–99%) · {notes}" in markdown
    shown = " ".join(" ".join(line.text for line in summary_lines(run, 200)).split())
    assert "tasks 4/5 · 80% (28%–99%)" in shown
    assert notes in shown
    page = "".join(parts([run]))
    assert '80%<span class="soft">28%–99%, n 5</span>' in page
    assert f'<span class="soft">{notes}' in page
    assert badge(run).message == "a 4/5 (+3 not counted)"
    assert f"4/5 · 80% (28%–99%) · {notes}" in junit.document(run)


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [
        ([], (None, "")),
        (["passed"], ("pass", "1/1")),
        (["passed", "failed"], ("flaky", "1/2")),
        (["failed", "error"], ("fail", "0/1")),
        (["error"], ("error", "")),
        (["refused"], ("cannot work", "")),
        (["unmeasured"], ("error", "")),
    ],
)
def test_cells_tell_what_happened_apart(statuses: list[str], shown: tuple[str | None, str]) -> None:
    assert cell([result(status, repeat=n) for n, status in enumerate(statuses, 1)]) == shown


def test_an_agent_that_was_not_run_is_untested_and_one_that_cannot_work_is_broken() -> None:
    assert verdicts([result("error")])[0].word == "untested"
    assert verdicts([result("unmeasured")])[0].word == "untested"
    assert verdicts([result("refused")])[0].word == "broken"


def test_what_old_runs_called_unmeasured_is_refused_where_the_endpoint_was_at_fault() -> None:
    cause = {"kind": "endpoint error", "fault": "endpoint", "detail": "preflight: chat: HTTP 400"}
    old = {**result("unmeasured").model_dump(mode="json"), "cause": cause}
    assert TrialResult.model_validate_json(json.dumps(old)).status == "refused"
    ours = {**old, "cause": {**cause, "kind": "budget", "fault": "our limit"}}
    assert TrialResult.model_validate_json(json.dumps(ours)).status == "unmeasured"


def summed_up(tmp_path: Path, results: Sequence[TrialResult], gate: dict[str, Any] | None = None, **about: Any) -> str:
    """``summary.md`` of a run with these results."""
    run = RunDirectory.create(tmp_path, RunMeta.model_validate({**ABOUT, **about}))
    for one in results:
        run.append(one)
    if gate:
        run.write("gate.json", json.dumps(gate))
    return summary.markdown(run)


def test_the_summary_keeps_its_table_whole(tmp_path: Path) -> None:
    text = summed_up(tmp_path, [result("failed", detail="x | y\n<b>")], command="a | b")
    rows = [line for line in text.splitlines() if line.startswith("| a")]
    assert all(row.count("|") - row.count("\\|") == 6 for row in rows if "broken" in row)


def test_the_summary_begins_with_the_verdict_and_folds_its_details(tmp_path: Path) -> None:
    made = [result(), result("failed", "u")]
    first, *rest = summed_up(tmp_path, made).splitlines()
    assert "a 1/2 (works, fails when)" in first
    visible = "\n".join(rest).split("<details>")[0]
    assert "works, fails in 1 of 2 trials" in visible
    assert "| u |" not in visible
    assert rest.count("</details>") == sum(line.startswith("<details>") for line in rest) == 1


def test_the_summary_begins_with_the_gate_where_there_is_one(tmp_path: Path) -> None:
    criteria = [{"name": "tasks.pass", "answer": "fail", "said": "90% | 80%", "next": ["lost: t (a) 1/1 → 0/1"]}]
    gate = {"answer": "fail", "meaning": "worse", "baseline": "main", "criteria": criteria, "notes": ["n"]}
    text = summed_up(tmp_path, [result("failed")], gate)
    assert text.startswith("**Gate: ✗ fail**, worse (baseline main).\n")
    assert "| tasks.pass | ✗ fail | 90% \\| 80% |" in text
    assert "lost: t" not in text.split("<details>")[0]
    assert "lost: t" in text


def test_the_summary_fits_a_comment(tmp_path: Path) -> None:
    many = [
        result(("passed", "failed")[n % 2], f"task-number-{n}", agent, detail="x" * 900)
        for n in range(500)
        for agent in "abcde"
    ]
    text = summed_up(tmp_path, many)
    assert len(text) < 20_000
    assert "440 more tasks in report.html" in text


def test_the_summary_mentions_nobody_and_loads_nothing(tmp_path: Path) -> None:
    odd = "@someone ![x](https://example.org/x.png) <img src=x>"
    text = summed_up(tmp_path, [result()], endpoint={"name": odd, "model": odd})
    assert "@someone" not in text
    assert "![" not in text
    assert "<img" not in text
