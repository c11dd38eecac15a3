"""How a measurement with real agents is planned and told; the agents themselves are not needed for that."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolworthy import content, wire
from toolworthy.cli.commands.matrix import Trial, belongs, beyond, outcome, table
from toolworthy.content import adapters, breakage
from toolworthy.content.breakage import Measured, Outcome
from toolworthy.content.tasks import Step, load_task
from toolworthy.content.toolset import tool_schema
from toolworthy.output.defect_page import situations
from toolworthy.records.exchange import Exchange
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.reference.defects import catalogue, defect
from toolworthy.reference.events import PLAIN, STAGES, Stage
from toolworthy.wire.ir import Message, Request, Text, Tool

STOPPED = """
import asyncio, sys
from pathlib import Path
from tests.cli import test_matrix as example
from toolworthy.cli.commands import matrix
from toolworthy.cli.main import main

async def ensure(agent, show):
    return type("Installation", (), {"version": "1"})()

async def trial(defect, agent, installation, stage, seconds):
    if agent.id == "opencode":
        return example.trial("passed", 3)
    process = await asyncio.create_subprocess_exec("sleep", "60", stdout=-1)
    try:
        print("ready", file=sys.stderr, flush=True)
        await process.communicate()
    finally:
        process.terminate()
        await asyncio.sleep(1)
        await process.wait()

matrix.ensure, matrix._trial = ensure, trial
raise SystemExit(main(["matrix", "--agent", "opencode", "--agent", "qwen-code", "--out", "measured.jsonl",
                       "--concurrency", "2", "--defect", "done-marker-missing"]))
"""
"""A measurement in which one agent is done and the other never ends; its clean-up takes a second."""
TASK = load_task(content.FIXTURES / "tasks" / "fix-failing-test")
BUILTIN = adapters.agent("builtin")


def asked(number: int = 3, stage: Stage = PLAIN, **headers: str) -> list[Exchange]:
    """The first request of a chat agent, which it sends so many times."""
    tools = tuple(Tool(name, "", tool_schema(spec)) for name, spec in BUILTIN.tools.items())
    request = Request("oracle", (Message("user", (Text(TASK.instruction),)),), tools, stream=True)
    body = json.dumps(wire.api("chat").render_request(request).body).encode()
    return [
        Exchange(
            trial="t",
            index=index,
            kind="completion",
            agent_api="chat",
            endpoint_api="chat",
            method="POST",
            path="/v1/chat/completions",
            request_headers=headers,
            request_body=body,
            upstream_body=None,
            losses=(),
            status=200,
            response_headers={},
            chunks=(),
            started=1.0,
            seconds=0.5,
        )
        for index in range(number)
    ]


def stage(name: str) -> Stage:
    return next(one for one in STAGES if one.id == name)


@pytest.mark.parametrize(
    ("name", "where", "met"),
    [
        ("done-marker-missing", "plain", True),
        ("truncated-call-finish-tool-calls", "plain", False),
        ("truncated-call-finish-tool-calls", "cut-call", True),
        ("developer-role-rejected", "plain", False),
        ("agent-client-allowlist-by-user-agent", "plain", True),
        ("upstream-429-wrapped-as-500", "refused-500", True),
    ],
)
def test_a_defect_is_tried_where_it_shows(name: str, where: str, met: bool) -> None:
    shown = stage(where)
    if where == "cut-call":  # the answer to a first request is text and a call of `ls`
        shown = Stage("s", "token-limit", "t", cut="call", at=0)
    assert trial("passed", 1 if where == "cut-call" else 3, on=shown).meets(defect(name)) == met


@pytest.mark.parametrize(
    ("name", "where", "plainly", "tried"),
    [
        ("done-marker-missing", "plain", True, True),
        ("done-marker-missing", "cut-call", True, False),
        ("results-bound-by-position", "parallel-calls", False, True),
        ("results-bound-by-position", "cut-call", False, False),
        ("all-calls-index-zero-id-repeated", "parallel-calls", False, True),
        ("upstream-429-wrapped-as-500", "refused-429", True, True),
        ("upstream-429-wrapped-as-500", "refused-500", True, False),
        ("upstream-429-wrapped-as-500", "plain", True, True),
    ],
)
def test_a_defect_belongs_on_the_stages_of_its_situations(name: str, where: str, plainly: bool, tried: bool) -> None:
    assert belongs(defect(name), stage(where), plainly) == tried


def test_a_fault_that_passes_takes_the_place_of_a_sound_one() -> None:
    known = {one.id: one for one in STAGES}
    assert all(known[one.stage].once for one in catalogue() if one.stage)


def test_who_never_asks_is_safe_but_nobody_is_from_an_answer() -> None:
    asking = ("developer-role-rejected", "image-in-tool-result-rejected", "messages-count-tokens-404")
    assert all(defect(name).of_requests for name in asking)
    assert not defect("done-marker-missing").of_requests
    assert {one.id for one in catalogue() if one.of_credentials} == {
        "messages-auth-needs-bearer",
        "messages-auth-needs-x-api-key",
    }


def test_what_was_measured_is_known() -> None:
    staged = {one.id: one.situation for one in STAGES}
    known = {one.id: one for one in catalogue()}
    for row in breakage.rows():
        assert staged[row.stage] == row.situation
        assert not row.defect or row.met or known[row.defect].of_requests


def test_situations_are_those_of_the_rules_and_probes_that_name_it() -> None:
    assert "token-limit" in situations(defect("truncated-call-finish-tool-calls"))
    assert all("always" in situations(one) for one in catalogue())


def trial(
    status: str, requests: int, ended: str = "exit", code: int | None = 0, on: Stage = PLAIN, diff: str = ""
) -> Trial:
    key = TrialKey(suite="tasks", task="t", agent="codex")
    result = TrialResult(key=key, status=status, agent_ended=ended, agent_exit=code, diff=diff)
    return Trial(on, result, tuple(asked(requests)))


@pytest.mark.parametrize(
    ("of", "wanted"),
    [
        (trial("passed", 6), "unaffected"),
        (trial("passed", 7), "recovers"),
        (trial("passed", 5), "unaffected"),
        (trial("passed", 6, code=1), "unaffected"),
        (trial("failed", 6), "wrong result"),
        (trial("failed", 2, code=1), "dies"),
        (trial("failed", 2, ended="output", code=None), "dies"),
        (trial("error", 2, ended="timeout", code=None), "hangs"),
        (trial("error", 30, ended="turns", code=None), "hangs"),
    ],
)
def test_how_an_agent_took_it(of: Trial, wanted: Outcome) -> None:
    assert outcome(of, 6) == wanted


def test_a_task_is_not_done_where_a_file_lacks_its_end() -> None:
    on = Stage("s", "token-limit", "t", steps=(Step(write="notes/a.txt", content="one\ntwo\n"),))
    assert outcome(trial("passed", 6, on=on, diff="+++ b/notes/a.txt\n+one\n+two\n"), 6) == "unaffected"
    assert outcome(trial("passed", 6, on=on, diff="+++ b/notes/a.txt\n+one\n+tw\n"), 6) == "wrong result"


@pytest.mark.parametrize(
    ("found", "alone", "told"),
    [
        ("dies", "unaffected", "dies"),
        ("recovers", "unaffected", "recovers"),
        ("dies", "dies", "unaffected"),
        ("wrong result", "dies", "unaffected"),
        ("hangs", "dies", "hangs"),
        ("unaffected", "hangs", "unaffected"),
        ("recovers", "recovers", "recovers"),
    ],
)
def test_what_an_agent_does_anyway_is_no_defects_doing(found: Outcome, alone: Outcome, told: Outcome) -> None:
    assert beyond(found, alone) == told


def test_the_table_tells_stages_apart() -> None:
    about = {"agent": "codex", "version": "1"}
    rows = [
        Measured(defect="d", outcome="unaffected", met=False, **about),
        Measured(defect="d", outcome="dies", stage="cut-call", situation="token-limit", **about),
        Measured(defect="", outcome="recovers", stage="cut-call", situation="token-limit", **about),
    ]
    assert list(table(rows, ["codex", "qwen-code"]))[2:] == [
        "| none | cut-call | recovers | – |",
        "| d | cut-call | dies | – |",
        "| d | plain | not met | – |",
    ]


def test_every_stage_is_of_a_situation_that_a_verdict_may_name() -> None:
    assert len({one.id for one in STAGES}) == len(STAGES)
    assert {one.situation for one in STAGES} & {"field", "bad-request"} == set()


@pytest.mark.process
@pytest.mark.parametrize("signals", [[signal.SIGTERM] * 2, [signal.SIGINT] * 2, [signal.SIGINT, signal.SIGTERM]])
def test_a_signal_ends_a_measurement_in_one_line_and_loses_no_row(tmp_path: Path, signals: list[int]) -> None:
    """However often it comes: cleaning up takes a while, and people press Ctrl-C again."""
    environ = {"PYTHONPATH": str(content.PACKAGE.parents[1]), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", STOPPED], cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        for number in signals:
            process.send_signal(number)
            time.sleep(0.2)  # or the two would be one
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    line = f"stopped by {'Ctrl-C' if signal.SIGINT in signals else 'SIGTERM'}"
    more = ". The same command continues; what was measured is kept." if signals.count(signal.SIGINT) < 2 else ""
    assert err == f"{line}{more}\n"
    (row,) = breakage.rows(tmp_path / "measured.jsonl")
    assert (row.agent, row.outcome) == ("opencode", "unaffected")
