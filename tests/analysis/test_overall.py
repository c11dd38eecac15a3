"""One verdict for an agent out of all suites."""

from __future__ import annotations

import pytest

from toolworthy.analysis.overall import overall
from toolworthy.probes import ProbeKey, ProbeResult
from toolworthy.rules.model import Evidence, Finding
from toolworthy.runs.result import TrialKey, TrialResult
from toolworthy.scoring.model import Cause

AGENT = "codex"


def trials(*statuses: str) -> list[TrialResult]:
    return [
        TrialResult(key=TrialKey(suite="tasks", task="t", agent=AGENT, repeat=at), status=status)  # type: ignore[arg-type]
        for at, status in enumerate(statuses, 1)
    ]


def probes(severity: str | None, verdict: str = "supported", code: str = "TW999") -> list[ProbeResult]:
    """The probe that decides, with a finding of this severity. None: no finding."""
    evidence = Evidence(exchange=0)
    found = [Finding(code=code, title="made up", severity=severity, detail="d", evidence=evidence)] if severity else []  # type: ignore[arg-type]
    key = ProbeKey(probe="one-call", api="responses", stream=True)
    return [ProbeResult(key=key, title="one call", verdict=verdict, agents=("*",), findings=tuple(found), requests=1)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statuses", "severity", "word"),
    [
        ((), None, "works"),
        ((), "degrades", "works with caveats"),
        ((), "blocks", "broken"),
        (("passed",), None, "works"),
        (("passed",), "blocks", "works with caveats"),  # what was done outweighs what was foretold
        (("passed", "failed"), None, "works with caveats"),
        (("failed",), None, "broken"),
        (("error",), None, "works"),  # says nothing of the endpoint: the wire's level holds
        (("error",), "blocks", "broken"),
    ],
)
def test_tasks_decide_where_they_were_judged(statuses: tuple[str, ...], severity: str | None, word: str) -> None:
    found = {agent.agent: agent for agent in overall(trials(*statuses), probes(severity))}
    assert found[AGENT].word == word


def test_without_results_nothing_is_said() -> None:
    assert overall([], []) == ()
    (only,) = overall(trials("error"), [])
    assert only.word == "untested"
    assert only.measured_by == "nothing that tells"


def test_what_stops_an_agent_comes_first() -> None:
    cause = Cause(kind="wire defect", fault="server", detail="d")
    failed = [trial.model_copy(update={"cause": cause}) for trial in trials("failed", "failed")]
    found = {agent.agent: agent for agent in overall(failed, [*probes("degrades"), *probes("blocks", code="TW998")])}
    assert [why.text for why in found[AGENT].reasons] == ["TW998 made up", "wire defect ×2", "TW999 made up"]


def test_reasons_name_their_rule_once() -> None:
    found = {agent.agent: agent for agent in overall([], probes("blocks"))}[AGENT]
    assert [(why.text, why.code) for why in found.reasons] == [("TW999 made up", "TW999")]
