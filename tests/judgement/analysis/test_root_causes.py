"""Root causes: each once, in order, and the same in every output."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import only_run, suites
from toolworthy.judgement.analysis.levels import levels
from toolworthy.judgement.analysis.outcome import outcome_of
from toolworthy.judgement.analysis.remedy import NO_REMEDY
from toolworthy.judgement.analysis.root_cause import RootCause
from toolworthy.judgement.analysis.root_causes import root_causes
from toolworthy.judgement.gate.sample import from_run
from toolworthy.output.terminal.final_screen import summary_lines
from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause, Score
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.rules import label

REFUSED = "HTTP 400: tool id call_{} is too long"


def finding(code: str, severity: str = "blocks", follows: str = "") -> Finding:
    about = {"title": f"title of {code}", "detail": f"detail of {code}", "follows": follows}
    return Finding(code=code, severity=severity, evidence=Evidence(exchange=0), **about)


def probe(name: str, api: str = "chat", verdict: str = "supported", *codes: Any, **more: Any) -> ProbeResult:
    found = tuple(finding(code) if isinstance(code, str) else code for code in codes)
    own = {"agents": (name.removeprefix("session-"),), "main_path": True} if name.startswith("session-") else {}
    about = {
        "agents": ("*",),
        "severity": "blocks",
        "requests": 1,
        "endpoint_api": api,
        "served": ("chat", "responses"),
    }
    key = ProbeKey(probe=name, api=api, stream=True)
    return ProbeResult(key=key, title=f"title of {name}", verdict=verdict, findings=found, **{**about, **own, **more})


def trial(agent: str, status: str, kind: str = "wire defect", code: str = "", repeat: int = 1) -> TrialResult:
    cause = None if status == "passed" else Cause(kind=kind, fault="server", detail="d", rule=code)
    found = (finding(code),) if code else ()
    key = TrialKey(suite="tasks", task="t", agent=agent, repeat=repeat)
    return TrialResult(key=key, status=status, cause=cause, score=Score(findings=found))


def causes(*results: Any, provider: str = "generic") -> dict[str, RootCause]:
    meta = RunMeta.model_validate({"endpoint": {"name": "x", "model": "m", "provider": provider}, "options": {}})
    return {cause.code: cause for cause in root_causes(meta, results)}


def test_what_follows_stands_beneath_its_cause() -> None:
    told = causes(
        *(probe(f"session-{agent}", "chat", "broken", "TW201") for agent in ("opencode", "qwen-code")),
        probe("one-call", "chat", "broken", "TW201", finding("TW207", follows="TW201")),
        probe("other", "chat", "broken", situation="thinking"),
        probe("one-call", "responses"),
        CaseResult(
            key=CaseKey(case="c", toolset="codex"),
            category="single",
            status="wrong",
            misses=(Miss(kind="leaked call"),),
            score=Score(findings=(finding("TW201"),)),
        ),
        provider="vllm",
    )
    assert [*told] == ["TW201", "other"], "what breaks an agent comes first"
    leak = told["TW201"]
    assert leak.breaks == ("opencode", "qwen-code")
    assert leak.count == "1 of 1 cases, 3 of 4 probes over chat"
    assert {one.split(":")[0] for one in leak.follows} == {
        label("TW207"),
        "session-opencode",
        "session-qwen-code",
        "one-call",
    }
    assert leak.consequences == "3 failed probes and 1 failed case"
    assert leak.remedy.startswith("vLLM: Start the server with --enable-auto-tool-choice")
    assert leak.unaffected == "Not seen over Responses; agents that use it are unaffected."
    assert told["other"].remedy.startswith(NO_REMEDY)


def test_one_refusal_of_many_probes_is_one_cause() -> None:
    """The server's words differ in an id only. That the error has no type explains nothing."""
    odd = finding("TW608", "degrades")
    told = causes(
        probe("session-opencode", "chat", "rejected", odd, detail=REFUSED.format("a81")),
        probe("session-qwen-code", "chat", "broken", odd, detail=REFUSED.format("b92")),
        *(probe(f"loop-{n}", "chat", "rejected", odd, detail=REFUSED.format(n)) for n in range(134)),
    )
    (only,) = told.values()
    assert (only.code, only.count) == ("loop-0", "136 of 136 probes over chat")
    assert only.title == f"requests are rejected: {REFUSED.format('a81')}"
    assert only.breaks == ("opencode", "qwen-code")


def test_what_a_probe_says_of_its_trait_does_not_split_a_refusal() -> None:
    beside = "HTTP 400: no grammar (2 of 2 times with {0}, 0 of 2 without); sent by Codex"
    traits = ("a seed", "the user", "a tier")
    told = causes(*(probe(one, "chat", "rejected", detail=beside.format(one), situation="image") for one in traits))
    (only,) = told.values()
    assert (only.count, only.title) == ("3 of 3 probes over chat", "requests are rejected: HTTP 400: no grammar")


def test_a_refusal_is_named_after_the_probe_that_agents_need_most() -> None:
    first = {"detail": REFUSED.format("a1"), "severity": "degrades", "started": 1.0}
    milder = probe("interrupted-call", "chat", "rejected", **first)
    needed = probe("message-before-output", "chat", "rejected", detail=REFUSED.format("b2"), started=2.0)
    assert [*causes(milder, needed)] == ["message-before-output"]


def test_a_rule_that_explains_a_refusal_is_the_cause() -> None:
    said = "HTTP 400: tools are not enabled"
    told = causes(*(probe(one, "chat", "rejected", "TW621", detail=said) for one in ("session-opencode", "one-call")))
    assert [(cause.code, cause.detail) for cause in told.values()] == [("TW621", said)]


def test_two_refusals_are_two_causes() -> None:
    told = causes(
        probe("a", "chat", "rejected", detail="HTTP 400: no such field", situation="thinking"),
        probe("b", "chat", "rejected", detail="HTTP 400: image refused", situation="image"),
    )
    assert {*told} == {"a", "b"}


def test_what_three_probes_say_is_one_cause() -> None:
    """Calls come whole and never streamed. That nothing was said explains nothing; two may say alike by chance."""
    said = "the model made no call, 3 times of 3 streamed; {} came right whole"
    names = ("session-opencode", "one-call", "tool-loop")
    lost = [
        probe(one, "chat", "broken", finding("TW704", "degrades"), detail=said.format(one), requests=4) for one in names
    ]
    (only,) = causes(*lost).values()
    assert (only.code, only.title) == ("one-call", said.format("session-opencode"))
    assert {"TW704", "one-call"} < {*causes(*lost[1:])}


def test_a_level_names_the_same_cause() -> None:
    asked = [
        probe("session-opencode", "chat", "rejected", detail=REFUSED.format("a1")),
        probe("loop", "chat", "rejected", detail=REFUSED.format("b2")),
    ]
    (level,) = (one for one in levels(asked) if one.agent.id == "opencode")
    assert str(level.headline) == "broken (loop)"
    assert [*causes(*asked)] == ["loop"]


def test_trials_outweigh_what_probes_foretell() -> None:
    asked = [probe(f"session-{agent}", "chat", "supported", "TW101") for agent in ("opencode", "openclaw", "qwen-code")]
    ran = [
        trial("opencode", "passed"),
        trial("openclaw", "failed", code="TW101"),
        trial("openclaw", "passed", code="TW101", repeat=2),
        trial("mine", "failed", code="TW101"),
        trial("codex", "failed", "wrong result"),
        trial("mine", "error", "infrastructure", repeat=2),
    ]
    harms = {harm.agent: (harm.effect, harm.when, harm.evidence) for harm in causes(*asked, *ran)["TW101"].harms}
    assert harms["opencode"] == ("fails", "in probes, but not in all of its trials", "earlier")
    assert harms["openclaw"] == ("fails", "in 1 of 2 trials", "this run")
    assert harms["mine"][0::2] == ("breaks", "this run")
    assert "codex" not in harms
    own = causes(trial("mine", "failed", code="MY101"))["MY101"]
    assert own.name == "MY101: title of MY101"
    assert causes() == {}


def test_an_agent_that_was_unaffected_is_no_evidence_of_harm() -> None:
    """It was measured in the plain task, where the model makes one call in each answer."""
    own = probe("session-openclaw", "chat", "supported")
    several = probe("parallel-calls", "chat", "supported", "TW101", situation="parallel-calls")
    found = several.findings[0].model_copy(update={"situation": "parallel-calls"})
    cause = causes(own, several.model_copy(update={"findings": (found,)}))["TW101"]
    harm = next(harm for harm in cause.harms if harm.agent == "openclaw")
    assert (harm.effect, harm.evidence, harm.did) == ("fails", "rule", "")
    assert "unaffected" not in cause.evidence


def test_an_endpoint_that_fails_trials_is_a_cause() -> None:
    told = causes(trial("codex", "failed", "endpoint error"), trial("codex", "failed", "endpoint error", repeat=2))
    assert [(cause.code, cause.count) for cause in told.values()] == [("cause-endpoint-error", "2 of 2 trials")]


def test_what_harms_nobody_comes_last_and_says_so() -> None:
    odd = finding("TW615", "cosmetic")
    told = causes(probe("session-opencode", "chat", "supported", odd), probe("one-call", "chat", "supported", "TW101"))
    assert [*told] == ["TW101", "TW615"]
    assert told["TW615"].harm == "harms no known agent"
    assert not told["TW615"].harms


@pytest.mark.process
@pytest.mark.parametrize(
    "defects", ["call-id-null,finish-stop-with-tool-calls,usage-all-zero", "server-tools-not-enabled-400,call-id-null"]
)
def test_terminal_summary_page_and_gate_say_the_same(tmp_path: Path, defects: str) -> None:
    suites("--endpoint", f"oracle:{defects}", "--tier", "quick", suite="wire", cwd=tmp_path)
    run = RunDirectory.open(only_run(tmp_path))
    told = [cause for cause in root_causes(run.meta, run.measured()) if cause.harms]
    assert len(told) >= 1
    outputs = {
        "terminal": " ".join(line.text for line in summary_lines(run)),
        "summary": (run.path / "summary.md").read_text(),
        "page": html.unescape(re.sub(r"<[^>]*>", " ", (run.path / "report.html").read_text())),
    }
    for name, text in outputs.items():
        text = re.sub(r"[`'*\s]+", " ", text)
        for cause in told:
            for words in (cause.name, cause.harm, cause.count, cause.remedy, cause.unaffected):
                assert re.sub(r"[`'*\s]+", " ", words) in text, f"{name} lacks {words}"
    blocking = from_run(run).blocking
    for cause in told:
        harmed = {harm.agent for harm in cause.harms if harm.effect != "noted"}
        assert harmed == {agent for agent, codes in blocking.items() if codes.get(cause.code) == cause.title}


def test_a_model_that_calls_no_tool_is_the_first_thing_to_fix() -> None:
    silent = {"agents": ("opencode",), "detail": "the model made no call", "cause": "no-tool-calls"}
    own = probe("session-opencode", "chat", "unmeasured", **silent)
    cause = causes(own, probe("plain-answer"), provider="vllm")["no-tool-calls"]
    assert [(harm.agent, harm.effect) for harm in cause.harms] == [("opencode", "untested")]
    assert "--tool-call-parser" in cause.remedy
    assert cause.seen == {"wire": (1, 2)}
    called = probe("one-call", leaks={"leaked": 0, "calls": 1})
    assert not causes(own, called)  # it calls elsewhere: then it is the model's own choice


def test_a_small_context_window_is_one_cause_for_all_agents_that_it_breaks() -> None:
    small = [
        probe(f"session-{agent}", "chat", "broken", detail=f"{agent} needs more", cause="small-context")
        for agent in ("opencode", "qwen-code")
    ]
    found = causes(*small, provider="llamacpp")
    assert [*found] == ["small-context"]
    assert set(found["small-context"].breaks) == {"opencode", "qwen-code"}
    assert "--ctx-size" in found["small-context"].remedy
    assert found["small-context"].count == "2 of 2 probes over chat"


def test_a_probe_follows_from_the_rule_that_explains_it_though_its_last_answer_repeats_no_finding() -> None:
    broken = probe("one-call", "chat", "broken", "TW304", detail="TW304 …", cause="TW304", requests=2)
    session = probe("session-opencode", "chat", "broken", "TW304", cause="TW304", requests=3)
    assert [*causes(broken, session)] == ["TW304"]


def test_the_exit_line_counts_the_agents_that_are_harmed_not_the_probes() -> None:
    every = [probe(f"session-{agent}", "chat", "broken", "TW304") for agent in ("opencode", "openclaw")]
    results = *every, probe("one-call", "chat", "broken"), probe("one-call", "gemini", "unmeasured")
    assert str(outcome_of(results[:1])) == "exit 1: wire faults harm 1 of 5 agents"
    assert str(outcome_of(results)) == "exit 1: wire faults harm 2 of 5 agents"


def test_a_judged_probe_without_an_exchange_of_its_own_counts_over_its_api() -> None:
    shared = probe("full-window-qwen-code", "chat", "broken", agents=("qwen-code",), situation="full-context")
    found = causes(shared.model_copy(update={"endpoint_api": None}), probe("one-call", "chat"))
    assert [cause.count for cause in found.values()] == ["1 of 2 probes over chat"]
