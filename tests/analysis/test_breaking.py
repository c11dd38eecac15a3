"""What breaks whom, out of the probes and out of failed trials."""

from __future__ import annotations

from toolworthy.judgement.analysis.breaking import breaking
from toolworthy.judgement.analysis.levels import levels, reasons
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause
from toolworthy.records.trial import TrialKey, TrialResult


def failed(agent: str, kind: str, code: str, status: str = "failed") -> TrialResult:
    cause = Cause(kind=kind, fault="server", detail="d", rule=code)
    return TrialResult(key=TrialKey(suite="tasks", task="t", agent=agent), status=status, cause=cause)


def without_ids() -> list[ProbeResult]:
    """Sessions over chat whose answers break TW101: OpenCode was measured to die of it, Qwen Code to bear it."""
    found = Finding(
        code="TW101", title="tool call without an id", severity="blocks", detail="d", evidence=Evidence(exchange=0)
    )
    return [
        ProbeResult(
            key=ProbeKey(probe=f"session-{agent}", api="chat", stream=True),
            title="session",
            verdict="supported",
            agents=(agent,),
            findings=(found,),
            requests=3,
            main_path=True,
            endpoint_api="chat",
            served=("chat",),
        )
        for agent in ("openclaw", "opencode", "qwen-code")
    ]


def test_levels_and_causes_are_taken_together() -> None:
    results = [
        failed("openclaw", "wire defect", "TW101"),
        failed("openclaw", "wrong result", "TW999"),
        failed("qwen-code", "wire defect", "TW112", status="error"),
        failed("mine", "wire defect", "TW112"),
    ]
    told = {one.code: one for one in breaking(results, levels(without_ids()))}
    assert list(told) == ["TW101", "TW112"], "what breaks most comes first"
    assert {"openclaw", "opencode"} <= set(told["TW101"].agents)
    assert "qwen-code" not in told["TW101"].agents
    assert str(told["TW112"]) == "TW112 stop reason denies the calls breaks mine"
    assert breaking([], []) == ()
    (own,) = breaking([failed("mine", "wire defect", "MY101")], [])
    assert str(own).startswith("MY101 "), "a rule of the user's is no probe"


def test_a_reason_of_several_agents_is_as_bad_as_for_any() -> None:
    (only,) = (one for one in reasons(levels(without_ids())) if one.code == "TW101")
    assert only.severity == "blocks"
