"""Agents by suites: each kind of cell, and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from toolworthy.content import adapters
from toolworthy.judgement.analysis.matrix import SUITES, Cell, Matrix, Suite, matrix
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause, Score
from toolworthy.records.trial import TrialKey, TrialResult

REAL = [agent.id for agent in adapters.common() if agent.install]
SPENT = Cause(kind="budget", fault="our limit", detail="the budget is spent")
REFUSED = Cause(kind="endpoint error", fault="endpoint", detail="preflight: chat: HTTP 500")
CRASHED = Cause(kind="infrastructure", fault="infrastructure", detail="the agent asked nothing")


def trials(*statuses: str, agent: str = "codex", **more: Any) -> list[TrialResult]:
    """One a task."""
    return [
        TrialResult(key=TrialKey(suite="tasks", task=f"t{number}", agent=agent), status=status, **more)
        for number, status in enumerate(statuses)
    ]


def cases(*statuses: str, words: str = "codex", asked: bool = True, **more: Any) -> list[CaseResult]:
    return [
        CaseResult(
            key=CaseKey(case=f"c{number}", toolset=words),
            category="edit",
            status=status,
            score=Score(requests=int(asked)),
            **more,
        )
        for number, status in enumerate(statuses)
    ]


def probe(name: str, verdict: str = "supported", api: str = "responses", **more: Any) -> ProbeResult:
    key = ProbeKey(probe=name, api=api, stream=more.pop("stream", True))
    own = {"agents": ("codex",), "main_path": True} if name == "session-codex" else {"agents": ("*",)}
    about = {"title": name, "severity": "degrades", "requests": 1, "served": (api,), "endpoint_api": api, **own, **more}
    return ProbeResult(key=key, verdict=verdict, **about)


def of(found: Matrix, suite: Suite, agent: str = "codex") -> Cell:
    (cell,) = (cell for cell in found.cells if (cell.agent, cell.suite) == (agent, suite))
    return cell


@pytest.mark.parametrize(
    ("passed", "failed", "kind"),
    [
        (5, 0, "inconclusive"),
        (6, 0, "pass"),
        (0, 5, "inconclusive"),
        (0, 6, "fail"),
        (1, 1, "inconclusive"),
        (5, 5, "inconclusive"),
        (9, 9, "flaky"),
        (9, 1, "pass"),
        (1, 9, "fail"),
        (16, 4, "flaky"),
        (18, 2, "pass"),
        (30, 70, "fail"),
        (45, 55, "flaky"),
    ],
)
def test_tasks_by_rate_and_interval(passed: int, failed: int, kind: str) -> None:
    cell = of(matrix(trials(*["passed"] * passed, *["failed"] * failed)), "tasks")
    assert cell.kind == kind
    assert cell.text.startswith(f"{kind}: {passed} of {passed + failed} passed, ")


def test_what_is_behind_a_cell() -> None:
    first = trials("passed", "failed", "passed")
    again = [one.model_copy(update={"key": one.key.model_copy(update={"repeat": 2})}) for one in first]
    lost = trials("passed", "passed", "passed", "error", cause=CRASHED)[3:]
    cell = of(matrix([*first, *again, *lost]), "tasks")
    assert cell.score is not None
    assert (cell.score.value, cell.score.n) == (pytest.approx(2 / 3), 6)
    notes = "1 not counted (1 infrastructure): 57% to 71% if they are"
    assert cell.text == f"inconclusive: 4 of 6 passed, 67% (9% to 99%), {notes}"
    assert cell.score.notes == notes


def test_what_ended_at_a_limit_counts_as_not_solved_beside_what_was_judged() -> None:
    ended = Cause(kind="budget", fault="our limit", detail="stopped by timeout", limit="time")
    beside = trials(*["passed"] * 12, "error", "error", "error", "error", cause=ended)
    cell = of(matrix(beside), "tasks")
    assert cell.text.startswith("flaky: 12 of 16 passed, 75% (")
    assert cell.text.endswith(", the 4 others ended at a run limit (time)")
    alone = of(matrix(beside[12:]), "tasks")
    assert (alone.kind, alone.score) == ("error", None)
    assert alone.text == "error: 4 ended at a run limit: stopped by timeout"


@pytest.mark.parametrize(
    ("results", "kind", "says"),
    [
        ([], "not tested", "no task was run"),
        (trials("unmeasured", cause=SPENT), "not tested", "the budget is spent"),
        (trials("error", "error", cause=CRASHED), "error", "2 without a result: the agent asked nothing"),
        (trials("refused", cause=REFUSED), "fail", "cannot work here: preflight: chat: HTTP 500"),
    ],
)
def test_tasks_that_were_not_judged(results: list[TrialResult], kind: str, says: str) -> None:
    cell = of(matrix(results, cases("right")), "tasks")
    assert (cell.kind, cell.score) == (kind, None)
    assert says in cell.text


def test_an_error_among_what_was_not_run_is_an_error() -> None:
    crashed, unrun = trials("error", cause=CRASHED), trials("passed", "unmeasured", cause=SPENT)[1:]
    assert of(matrix([*unrun, *crashed]), "tasks").kind == "error"


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        (["right"] * 5, "inconclusive"),
        (["right"] * 3 + ["lenient"] * 3, "pass"),
        (["wrong"] * 6, "fail"),
        (["right"] * 9 + ["wrong"] * 7, "inconclusive"),
        (["right"] * 90 + ["wrong"] * 30, "flaky"),
        (["right"] * 119 + ["wrong"], "pass"),
    ],
)
def test_tools_by_rate_and_interval(statuses: list[str], kind: str) -> None:
    cell = of(matrix(cases=cases(*statuses)), "tools")
    assert cell.kind == kind


def test_repeats_of_a_scenario_are_no_more_evidence() -> None:
    """One case tried twenty times says little of others."""
    many = [
        CaseResult(key=CaseKey(case="c", toolset="codex", repeat=number), category="edit", status="right")
        for number in range(1, 21)
    ]
    cell = of(matrix(cases=many), "tools")
    assert cell.kind == "inconclusive"
    assert cell.score is not None
    assert cell.score.n == 20


def test_tools_that_were_not_judged() -> None:
    failed = cases("unmeasured", detail="HTTP 500")
    assert of(matrix(cases=failed), "tools").text == "error: HTTP 500"
    unrun = cases("unmeasured", detail="the budget is spent", asked=False)
    assert of(matrix(cases=unrun), "tools").text == "not tested: the budget is spent"
    assert of(matrix(trials("passed")), "tools").kind == "not tested"


CORE = probe("session-codex")


UNASKED = {"unasked": True, "requests": 0}


@pytest.mark.parametrize(
    ("probes", "kind", "says"),
    [
        ([CORE, probe("a")], "pass", "works, 2 of 2 probes pass"),
        ([CORE, probe("a", "rejected")], "pass", "works, 1 of 2 probes pass"),
        (
            [CORE, probe("a", "broken", severity="blocks", situation="thinking")],
            "flaky",
            "works, fails when thinking is enabled (a), 1 of 2 probes pass",
        ),
        ([CORE, probe("a", "broken", severity="blocks")], "pass", "works, 1 of 2 probes pass"),
        ([probe("session-codex", "broken"), probe("a")], "fail", "broken (session-codex), 1 of 2"),
        ([probe("session-codex", "unmeasured", detail="no call"), probe("a")], "inconclusive", "untested: no call, 1"),
        ([probe("session-codex", "unmeasured")], "inconclusive", "untested: no recorded request got a response"),
        ([probe("a")], "not tested", "untested: no recorded request was sent, 1 of 1 probes pass"),
        ([CORE, probe("a", "unmeasured", **UNASKED)], "not tested", "untested: 50% of the required probes ran"),
        (
            [probe("session-codex", "unmeasured", **UNASKED)],
            "not tested",
            "untested: 0% of the required probes ran",
        ),
    ],
)
def test_the_wire_by_level(probes: Sequence[ProbeResult], kind: str, says: str) -> None:
    cell = of(matrix(probes=probes), "wire")
    assert cell.kind == kind
    assert cell.text.startswith(says)
    assert says.startswith(cell.word)


def test_a_score_on_the_wire_counts_what_the_agent_meets_and_claims_no_interval() -> None:
    probes = [
        CORE,
        probe("a", "broken", agents=("opencode",)),
        probe("b", "broken", stream=False),
        probe("b"),
        probe("c", "unmeasured"),
        probe("d", "rejected", api="chat"),
    ]
    cell = of(matrix(probes=probes), "wire")
    assert cell.score is not None
    assert (cell.score.value, cell.score.low, cell.score.high, cell.score.n) == (1.0, None, None, 2)


def test_who_is_translated_is_told() -> None:
    asked = probe("session-codex", endpoint_api="chat", served=("chat",))
    found = matrix(trials("passed", score=Score(translated=True)), probes=[asked])
    wire, tasks = of(found, "wire"), of(found, "tasks")
    assert wire.translated
    assert wire.text.endswith(", through chat")
    assert tasks.translated
    assert tasks.text.endswith(", translated")
    assert not of(found, "wire", "opencode").translated


def test_whom_a_suite_does_not_concern() -> None:
    found = matrix(
        [*trials("passed", agent="builtin"), *trials("passed", agent="my-own")], cases("right", words="bfcl"), [CORE]
    )
    assert of(found, "wire", "builtin").kind == "not applicable"
    assert of(found, "wire", "my-own").text == "not tested: no probe covers what this agent needs"
    assert of(found, "wire", "bfcl").kind == "not applicable"
    assert of(found, "tasks", "bfcl").kind == "not applicable"
    assert of(found, "tools", "bfcl").kind == "inconclusive"
    assert of(matrix(trials("passed")), "wire").text == "not tested: the suite was not run"


def test_a_verifiers_requests_are_no_agent() -> None:
    asked = [*cases("right", words="k2vv"), *cases("unmeasured", words="k2vv-reference"), *cases("right")]
    assert matrix(cases=asked).agents == ("codex",)


def test_every_agent_has_a_cell_in_every_suite() -> None:
    found = matrix(trials("passed", agent="builtin"), cases("right", words="qwen-code"), [CORE])
    assert found.agents[:2] == ("builtin", "qwen-code")
    assert set(found.agents) == {"builtin", *REAL}
    assert [(cell.agent, cell.suite) for cell in found.cells] == [
        (agent, suite) for agent in found.agents for suite in SUITES
    ]


def test_a_run_without_results() -> None:
    assert matrix() == Matrix((), SUITES, ())
