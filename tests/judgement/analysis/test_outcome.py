"""Exit code, terminal, ``summary.md`` and page tell the same story, whatever a run holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.commands import only_run, suites
from toolworthy.content.situations import NEVER
from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.outcome import outcome
from toolworthy.output.terminal import first_screen
from toolworthy.output.terminal.final_screen import summary_lines
from toolworthy.output.write import write_report
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.work.probes.effects import affected, of_result

VERDICTS = ("supported", "rejected", "ignored", "broken", "unmeasured")
OWN = {"claude-code": "messages", "codex": "responses", "openclaw": "chat", "opencode": "chat", "qwen-code": "chat"}
SERVED = ("chat", "messages", "responses")


def session(agent: str, verdict: str = "supported", **more: Any) -> ProbeResult:
    return probe(f"session-{agent}", OWN[agent], verdict, agents=(agent,), main_path=True, severity="blocks", **more)


def probe(name: str, api: str, verdict: str = "supported", **more: Any) -> ProbeResult:
    about = {"title": name, "agents": ("*",), "requests": 1, "endpoint_api": api, "served": SERVED, **more}
    return ProbeResult(key=ProbeKey(probe=name, api=api, stream=True), verdict=verdict, **about)


def found(severity: str, situation: str = "always", follows: str = "") -> tuple[Finding, ...]:
    evidence = Evidence(exchange=0)
    return (
        Finding(
            code="TW999",
            title="made up",
            severity=severity,
            situation=situation,
            detail="d",
            follows=follows,
            evidence=evidence,
        ),
    )


SITUATIONS = ("always", "thinking", "token-limit", "field", "bad-request", "client-library")
findings = st.one_of(
    st.just(()),
    st.builds(
        found,
        st.sampled_from(("blocks", "degrades", "cosmetic")),
        st.sampled_from(("always", "refused-request")),
        st.sampled_from(("", "TW201")),
    ),
)
probes = st.lists(
    st.one_of(
        st.builds(session, st.sampled_from(sorted(OWN)), st.sampled_from(VERDICTS), findings=findings),
        st.builds(
            probe,
            st.sampled_from(("a", "b", "c", "d")),
            st.sampled_from(SERVED),
            st.sampled_from(VERDICTS),
            findings=findings,
            severity=st.sampled_from(("blocks", "degrades", "cosmetic")),
            situation=st.sampled_from(SITUATIONS),
        ),
    ),
    max_size=12,
    unique_by=lambda one: str(one.key),
)
trials = st.lists(st.sampled_from(("passed", "failed", "error", "unmeasured", "refused")), max_size=4)
cases = st.lists(st.sampled_from(("right", "lenient", "wrong", "unmeasured")), max_size=4)


@pytest.mark.process
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(probes, trials, cases)
def test_all_doors_agree(tmp_path: Path, asked: list[ProbeResult], ran: list[Any], judged: list[Any]) -> None:
    about = {
        "toolworthy": "0",
        "python": "3",
        "platform": "p",
        "command": "c",
        "started": 0.0,
        "endpoint": {"name": "e", "model": "m", "provider": "generic", "base_urls": {}, "forced_api": None},
        "agents": {},
    }
    run = RunDirectory.create(tmp_path, RunMeta.model_validate(about))
    for number, status in enumerate(ran):
        run.append(TrialResult(key=TrialKey(suite="tasks", task=f"t{number}", agent="codex"), status=status))
    for number, status in enumerate(judged):
        run.append(CaseResult(key=CaseKey(case=f"c{number}", toolset="codex"), category="edit", status=status))
    for one in asked:
        run.append(one)
    told = outcome(run)
    harmful = any(map(affected, asked)) or "failed" in ran or "error" in ran or "refused" in ran
    harmful = harmful or "wrong" in judged or "unmeasured" in judged
    judges_agents = any(one.main_path for one in asked) or bool(ran)
    judged_some = any(one in ("passed", "failed", "refused") for one in ran)
    nothing = judges_agents and not judged_some and all(level.word == "untested" for level in levels(asked))
    assert told.exit_code == (1 if harmful else 2 if nothing else 0)
    page = write_report(run)
    terminal = "\n".join(line.text for line in summary_lines(run))
    for door in (terminal, (run.path / "summary.md").read_text(), page.read_text()):
        assert f"exit {told.exit_code}" in door
    assert (str(told) in first_screen.lines(run)) == told.undecided
    for level in levels(asked):
        if not any(status in ("passed", "failed", "refused") for status in ran) or level.agent.id != "codex":
            assert str(level.headline) in terminal.replace("\n      ", " ")


@pytest.mark.parametrize("situation", sorted(NEVER))
def test_a_request_that_no_agent_sends_harms_none(situation: str) -> None:
    """Neither by its verdict nor by a rule that fires on the refusal."""
    asked = probe("x", "chat", "broken", severity="blocks", situation=situation)
    assert not affected(asked)
    assert not affected(asked.model_copy(update={"findings": found("blocks", "refused-request")}))
    assert affected(asked.model_copy(update={"situation": "thinking"}))


def test_what_follows_from_another_fault_harms_none_by_itself() -> None:
    asked = session("opencode", findings=found("blocks", follows="TW201"))
    assert not affected(asked)
    assert affected(asked.model_copy(update={"findings": found("blocks")})) == ("opencode",)


def test_a_call_that_is_left_in_the_text_at_times_fails_at_times() -> None:
    """One node of several lacks its parser: asked again, the call comes."""
    leaked = tuple(one.model_copy(update={"code": "TW201"}) for one in found("blocks"))
    words = {}
    for verdict in ("supported", "broken"):
        told = {level.agent.id: level for level in levels([session("opencode", verdict, findings=leaked)])}
        words[verdict] = str(told["opencode"].headline)
    assert words == {"supported": "works, fails in 1 of 1 probes (TW201)", "broken": "broken (TW201)"}


def test_a_probe_follows_from_what_is_wrong_with_its_last_answer_only() -> None:
    """Zero usage on every answer does not explain why the last request was refused."""
    harmless = tuple(one.model_copy(update={"code": "TW702"}) for one in found("degrades"))
    early = tuple(one.model_copy(update={"code": "TW997"}) for one in found("blocks"))
    last = tuple(one.model_copy(update={"code": "TW998", "evidence": Evidence(exchange=2)}) for one in found("blocks"))
    asked = session("opencode", "broken", findings=(*harmless, *early, *last)).model_copy(update={"requests": 3})
    told = {reason.code: reason.root for reason in of_result("opencode", asked)}
    assert told["session-opencode"] == "TW998"


def test_a_selection_of_one_api_does_not_translate_the_others() -> None:
    """`-k responses` on an endpoint that has all three: an agent of chat is not served in Responses by it."""
    asked = probe("x", "responses", "broken", severity="blocks", situation="thinking")
    assert affected(asked) == ("codex",)
    assert {level.agent.id: level.translated for level in levels([asked])}["opencode"] is False


def test_a_fault_that_translation_removes_harms_native_agents_only() -> None:
    """TW613, a missing space in the framing, does not outlast the gateway; TW103, truncated arguments, does."""
    for code, harmed in (("TW613", {"opencode"}), ("TW103", {"opencode", "codex"})):
        fault = tuple(one.model_copy(update={"code": code}) for one in found("blocks", "thinking"))
        asked = probe("x", "chat", findings=fault, served=("chat",))
        reasons = {agent: {one.code for one in of_result(agent, asked)} for agent in ("opencode", "codex")}
        assert {agent for agent, codes in reasons.items() if codes} == harmed


def test_little_evidence_is_no_verdict() -> None:
    asked = [probe(f"p{n}", "chat") for n in range(4)]
    assert {level.word for level in levels(asked)} == {"untested"}
    unasked = [probe(f"q{n}", "chat", "unmeasured", requests=0, unasked=True) for n in range(2)]
    words = {level.agent.id: level for level in levels([session("opencode"), *asked[:3], *unasked])}
    assert str(words["opencode"].headline) == "untested: 67% of the required probes ran"


@pytest.mark.process
def test_a_real_run_ends_as_it_says(tmp_path: Path) -> None:
    """pytest's own count and ours are one."""
    for name, wanted in (("oracle", 0), ("oracle:own-ids-refused", 1), ("oracle:usage-all-zero", 0)):
        folder = tmp_path / name.partition(":")[2]
        folder.mkdir(exist_ok=True)
        done = suites("--endpoint", name, "--tier", "quick", suite="wire", cwd=folder)
        assert done.returncode == wanted, done.stdout[-2000:]
        assert (" failed" in done.stdout.splitlines()[-1]) == bool(wanted)
        assert f"exit {wanted}" in (only_run(folder) / "summary.md").read_text()
