"""The end of a run on a terminal: verdicts first, all on one screen, and nothing in it is obeyed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tests.support.commands import run as command
from tests.support.commands import suites
from toolworthy.content import adapters
from toolworthy.output.terminal.final_screen import WIDTH, Line, gate_lines, summary_lines
from toolworthy.output.terminal.summary import markdown
from toolworthy.records.case import CaseKey, CaseResult, Miss
from toolworthy.records.finding import Evidence, Finding
from toolworthy.records.meta import RunMeta
from toolworthy.records.probe import ProbeKey, ProbeResult
from toolworthy.records.score import Cause, Score, Tokens
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.rules import label

AGENTS = [agent.id for agent in adapters.common()]


def finding(code: str, severity: str = "blocks", detail: str = "as it is said") -> Finding:
    evidence = Evidence(exchange=0, excerpt="")
    return Finding(code=code, title=f"title of {code}", severity=severity, detail=detail, evidence=evidence)


def trial(agent: str, task: str, status: str = "failed", codes: Sequence[str] = (), detail: str = "d") -> TrialResult:
    cause = None if status == "passed" else Cause(kind="wire defect", fault="server", detail=detail)
    score = Score(findings=tuple(map(finding, codes)), tokens=Tokens(input=100_000, output=2_000))
    key = TrialKey(suite="tasks", task=task, agent=agent)
    return TrialResult(key=key, status=status, cause=cause, score=score, agent_version="1.2.3")


def probe(
    name: str, api: str, verdict: str = "broken", detail: str = "no", codes: Sequence[str] = (), **more: Any
) -> ProbeResult:
    return ProbeResult(
        key=ProbeKey(probe=name, api=api, stream=True),
        title=f"title of {name}",
        verdict=verdict,
        detail=detail,
        requests=1,
        endpoint_api=api,
        **{
            "severity": "blocks",
            "agents": ("*",),
            "served": ("chat", "messages", "responses"),
            "findings": tuple(map(finding, codes)),
            **more,
        },
    )


def session(agent: str, api: str, verdict: str = "supported", **more: Any) -> ProbeResult:
    """An agent's own requests."""
    return probe(f"session-{agent}", api, verdict, agents=(agent,), main_path=True, **more)


def recorded(tmp_path: Path, *results: Any) -> RunDirectory:
    about = {"endpoint": {"name": "x", "model": "\x1b]0;title\x07m", "provider": "generic"}, "options": {}}
    made = RunDirectory.create(tmp_path, RunMeta.model_validate(about))
    for result in results:
        made.append(result)
    return made


def texts(lines: Sequence[Line]) -> list[str]:
    return [line.text for line in lines]


def all_that_goes_wrong() -> list[Any]:
    codes = [f"TW{number}" for number in range(900, 920)]
    words = ["parallel", "sequence", "single", "crowd", "similar", "recovery", "long", "irrelevant"]
    kinds = ["wrong tool", "wrong argument", "no call", "leaked call", "extra call", "wrong type"]
    cases = [
        CaseResult(
            key=CaseKey(case=f"{word}-{repeat}", toolset=agent, repeat=repeat),
            category=word,
            status="wrong",
            misses=(Miss(kind=kinds[number % len(kinds)]),),
            score=Score(findings=(finding("TW901"), finding("TW902")), tokens=Tokens(input=9, output=9)),
        )
        for number, word in enumerate(words)
        for agent in AGENTS
        for repeat in (1, 2, 3)
    ]
    apis = ("chat", "messages", "responses")
    probes = [probe(f"probe-{number}", api) for number in range(40) for api in apis]
    own = {"claude-code": "messages", "codex": "responses", "openclaw": "chat", "opencode": "chat", "qwen-code": "chat"}
    probes += [session(agent, api, "broken", codes=codes) for agent, api in own.items()]
    trials = [trial(agent, f"task-{number}", codes=codes) for agent in AGENTS for number in range(5)]
    return [*trials, *probes, *cases]


@pytest.mark.parametrize(("width", "most"), [(WIDTH, 42), (80, 52)])
def test_everything_at_its_worst_is_one_screen(tmp_path: Path, width: int, most: int) -> None:
    lines = texts([*summary_lines(recorded(tmp_path, *all_that_goes_wrong()), width)])
    assert len(AGENTS) == 6
    assert sum(max(1, -(-cell_len(line) // width)) for line in lines) <= most
    for suite in ("  wire, chat: ", "  tool calls: ", "  cost of tasks, Codex: "):
        assert any(line.startswith(suite) for line in lines), suite


def test_agents_come_first_with_what_they_were_measured_by(tmp_path: Path) -> None:
    chat = {"served": ("chat", "responses")}
    many = ["TW291", "TW292", "TW293", "TW294"]
    made = recorded(
        tmp_path,
        trial("codex", "a", "passed"),
        trial("codex", "b", codes=["TW301"]),
        session("codex", "responses", **chat),
        session("opencode", "chat", "supported", codes=many, **chat),
        session("claude-code", "messages", **chat).model_copy(update={"endpoint_api": "chat"}),
        probe("long-input", "chat", codes=["TW295"], situation="long-input", **chat),
    )
    lines = [*summary_lines(made, 200)]
    assert lines[1:4] == [
        Line("  Codex 1.2.3: works, fails in 1 of 2 trials · tasks 1/2 · 50% (1%–99%) · wire defect ×1", "fair"),
        Line(
            "  Claude Code, through chat: works, fails when a prompt, a result or an argument is long (16 KiB or more) "
            "(TW295)",
            "fair",
        ),
        Line("  OpenClaw and Qwen Code: untested: no recorded request was sent"),
    ]
    assert Line("  OpenCode: broken (TW291, TW292, TW293, 1 more)", "bad") in lines
    assert lines[-1].text.startswith("exit 1: 1 of 2 trials failed; wire faults harm 4 of 5 agents")


def test_a_narrow_terminal_gets_more_lines_not_torn_ones(tmp_path: Path) -> None:
    made = recorded(tmp_path, trial("codex", "a", codes=["TW301", "TW302"]), session("codex", "responses"))
    assert texts([*summary_lines(made, 50)])[1:3] == [
        "  Codex 1.2.3: broken · tasks 0/1 · 0% (0%–98%)",
        "      wire defect ×1",
    ]


def test_a_cause_is_told_once_with_what_follows_from_it(tmp_path: Path) -> None:
    """A server without its parser: fifty probes fail by one cause, and there is one thing to do about it."""
    made = recorded(
        tmp_path,
        *(session(agent, "chat", "broken", codes=["TW201"]) for agent in ("openclaw", "opencode", "qwen-code")),
        *(probe(f"probe-{n}", "chat", codes=["TW201"], situation="unicode") for n in range(50)),
        probe("other", "chat", detail="of its own", situation="thinking"),
    )
    made.update(endpoint=made.meta.endpoint.model_copy(update={"provider": "vllm"}))
    lines = texts([*summary_lines(made)])
    at = lines.index("fix first:")
    assert lines[at + 1 : at + 3] == [
        f"  1. {label('TW201')}: title of TW201",
        "     breaks OpenClaw, OpenCode and Qwen Code (53 of 54 probes over chat)",
    ]
    assert lines[at + 5].startswith("     fix: vLLM: Start the server with --enable-auto-tool-choice")
    assert "OpenClaw, OpenCode and Qwen Code fail when thinking is enabled" in "\n".join(lines)
    assert sum("title of TW201" in line for line in lines) == 1


def test_what_is_off_by_the_letter_is_a_hint(tmp_path: Path) -> None:
    odd = tuple(finding("TW615", "cosmetic") for _ in range(3))
    made = recorded(tmp_path, *(session(agent, "chat", findings=odd) for agent in ("opencode", "qwen-code")))
    lines = texts([*summary_lines(made)])
    assert f"  harmless: {label('TW615')}: title of TW615 (2 of 2 probes over chat)" in lines
    assert lines[-1] == "exit 0"
    told = texts([*summary_lines(made, ended=False)])[-1]
    assert told == "the exit code is pytest's: a test of your own failed, or the run was stopped"


def test_the_summary_also_names_failed_probes_that_harm_no_agent(tmp_path: Path) -> None:
    sound = [session(agent, "chat") for agent in ("opencode", "qwen-code")]
    made = recorded(tmp_path, *sound, probe("models-list", "chat", severity="cosmetic", agents=()))
    counts = "wire, chat: 2 supported · 1 broken (models-list)"
    assert f"  {counts}" in texts([*summary_lines(made)])
    assert f"- {counts}" in markdown(made).splitlines()


def test_nothing_in_it_is_obeyed(tmp_path: Path) -> None:
    evil = "\x1b[2J\x9b1A\rover\nEVIL"
    made = recorded(
        tmp_path,
        probe("one-call", "chat", detail=evil, situation="thinking"),
        trial("codex", "a", "refused", detail=evil),
    )
    (made.path / "gate.json").write_text(
        '{"answer": "fail", "meaning": "\\u001b[2J", "baseline": "b", "candidate": "c", "policy": "p", '
        '"confidence": 0.95, "criteria": [], "notes": ["\\u001b[2J"]}'
    )
    lines = [*summary_lines(made), *gate_lines(made)]
    assert lines[0].text == "endpoint x · model ␛1b]0;title␛07m"
    assert not any(mark in line.text for line in lines for mark in "\x1b\x9b\r\n")
    assert any("␛1b[2J␛9b1A over EVIL" in line.text for line in lines)
    assert Line("gate: FAIL: ␛1b[2J", "bad") in lines


def test_a_failure_says_why_and_how_to_see_it_again() -> None:
    told = trial("codex", "a", codes=["TW301"]).model_copy(update={"reproduce": "toolworthy run …"}).explanation
    assert told.splitlines() == [
        "wire defect, fault of server: d",
        "TW301 title of TW301: as it is said",
        "again: toolworthy run …",
    ]


@pytest.mark.process
def test_what_pytest_says_of_single_items_stands_above_and_is_not_obeyed(tmp_path: Path) -> None:
    done = suites("--endpoint", "oracle:own-ids-refused", "-k", "session", cwd=tmp_path, suite="wire")
    assert done.returncode == 1
    assert 0 < done.stdout.index("short test summary info") < done.stdout.index("= toolworthy =")
    assert done.stdout.index("  OpenCode: broken") < done.stdout.index("\nreport: ")
    (tmp_path / "test_evil.py").write_text(
        "import pytest\n"
        "def test_fail():\n    pytest.fail('\\x1b[2Jboom\\rgone', pytrace=False)\n"
        "def test_skip():\n    pytest.skip('\\x1b[2Jno')\n"
    )
    done = command("pytest", "-p", "toolworthy.plugin", "test_evil.py", "-rfs", cwd=tmp_path)
    assert "\x1b" not in done.stdout
    assert "␛1b[2Jboom␛0dgone" in done.stdout
    assert "␛1b[2Jno" in done.stdout
