"""`pytest suites/tools`, as its users run it, and the bench against servers that fail."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import asked as asked_options
from tests.support.commands import only_run, results, run, suites
from tests.support.examples import A_LOOK
from tests.support.upstream import endpoint, reply, serve
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters, providers
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.judgement.analysis.tools import figures
from toolworthy.records.case import CaseKey, CaseResult
from toolworthy.reference import Oracle
from toolworthy.wire.ir import Part, Request, Text
from toolworthy.work.cases import _request as asking
from toolworthy.work.cases._bench import CaseBench
from toolworthy.work.cases.model import load_cases
from toolworthy.work.cases.player import CasePlayer

pytestmark = pytest.mark.process

TWO = """
[[case]]
id = "both"
category = "parallel"
[[case.turn]]
user = "Run date and whoami at once, then tell me both."
right = [[{ do = "run", command = ["date"] }, { do = "run", command = ["whoami"] }]]
results = ["Monday", "root"]
[[case.turn]]
answer = { "$contains" = ["Monday", "root"] }
"""
LOOK = {"name": "read_file", "arguments": '{"path": "a.py"}'}


WAYS: list[tuple[str, list[str], str]] = [
    ("chat", [], "codex"),
    ("messages", ["--no-stream"], "claude-code"),
    ("responses", [], "openclaw"),
]
"""An API, whole or streamed, and an agent in whose words the cases are asked."""


@pytest.mark.parametrize(("api", "stream", "words"), WAYS)
def test_every_case_is_right_on_the_oracle(api: str, stream: list[str], words: str, tmp_path: Path) -> None:
    lines = right(tmp_path, api, *stream, "--agent", words)
    assert len(lines) > 100


@pytest.mark.nightly
@pytest.mark.parametrize(("api", "stream"), [(api, stream) for api, stream, _ in WAYS])
def test_every_case_is_right_on_the_oracle_in_all_words(api: str, stream: list[str], tmp_path: Path) -> None:
    lines = right(tmp_path, api, *stream)
    assert len(lines) > 600


def right(cwd: Path, api: str, *given: str) -> list[dict[str, Any]]:
    """The results of all cases, which are right and free of findings."""
    done = suites("--wire", api, "-q", *given, cwd=cwd, suite="tools")
    assert done.returncode == 0, done.stdout[-3000:]
    lines = results(only_run(cwd))
    assert {line["status"] for line in lines} == {"right"}
    assert {line["api"] for line in lines} == {api}
    assert not [finding for line in lines for finding in line["score"]["findings"]]
    assert "tool calls: right 100%" in done.stdout
    return lines


def test_a_servers_fault_is_not_taken_for_the_models(tmp_path: Path) -> None:
    given = ("--endpoint", "oracle:doubao-seed-tool-call-leak", "--agent", "builtin", "-q")
    done = suites(*given, cwd=tmp_path, suite="tools")
    assert done.returncode == 1
    assert "misses: leaked call" in done.stdout
    assert "1. TW201 tool-call-markup-in-text" in done.stdout
    assert "fails in 122 of 135 tool-call cases" in done.stdout


def test_cases_of_your_own_and_resume(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(A_LOOK)
    done = suites("--cases", "own.toml", "--agent", "builtin", "--agent", "codex", cwd=tmp_path, suite="tools")
    assert done.returncode == 0, done.stdout
    path = only_run(tmp_path)
    assert sorted(line["key"]["toolset"] for line in results(path)) == ["builtin", "codex"]
    again = suites("--resume", str(path), "--cases", "own.toml", cwd=tmp_path, suite="tools")
    assert again.returncode == 0, again.stdout
    assert len(results(path)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--case", "reed-one-file"], "no case is called 'reed-one-file'; did you mean 'read-one-file'?"),
        (["--cases", "nowhere.toml"], "nowhere.toml"),
        (["--cases", "broken.toml"], "broken.toml: case.look: category 'odd' is none of single"),
        (["--cases", "bfcl:nowhere"], "nowhere: no such file or folder"),
        (["--cases", "k2vv:broken.toml"], "broken.toml"),
        (["--cases", "empty.toml"], "empty.toml: case.look.turn.0: an alternative without calls; leave `right` out"),
        (["--reference", "oracle"], "--reference belongs to --cases k2vv:PATH"),
    ],
)
def test_mistakes_are_one_clear_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text(A_LOOK.replace('path = "a.py" }]', 'path = "a.py" }], []'))
    (tmp_path / "broken.toml").write_text(A_LOOK.replace('"single"', '"odd"'))
    with pytest.raises(ToolworthyError, match=re.escape(said)) as caught:
        asked_options(tmp_path, *arguments)
    assert "\n" not in str(caught.value)


def test_a_mistake_ends_the_command_in_one_line(tmp_path: Path) -> None:
    done = suites("--case", "reed-one-file", cwd=tmp_path, suite="tools")
    assert done.returncode == 4
    assert "no case is called 'reed-one-file'; did you mean 'read-one-file'?" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_cases_are_listed_and_checked(tmp_path: Path) -> None:
    assert "read-one-file" in run("toolworthy", "cases", cwd=tmp_path).stdout
    (tmp_path / "own.toml").write_text(
        A_LOOK.replace('do = "read", path = "a.py"', 'do = "search", pattern = "y", hits = ["x = 1"]')
    )
    done = run("toolworthy", "cases", "check", "own.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert "look (codex): turn 1: the reference is not right: wrong argument" in done.stdout


def chat(**message: Any) -> bytes:
    finish = "tool_calls" if message.get("tool_calls") else "stop"
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    head = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps({**head, "choices": [choice], "usage": usage}).encode()


def called(*functions: dict[str, str]) -> bytes:
    calls = [{"id": f"c{n}", "type": "function", "function": function} for n, function in enumerate(functions)]
    return chat(tool_calls=calls)


def asked(tmp_path: Path, answers: Iterator[tuple[int, bytes]]) -> CaseResult:
    """What is said of A_LOOK's case when a server answers like this."""
    (tmp_path / "own.toml").write_text(A_LOOK)
    cases = load_cases((tmp_path / "own.toml",))
    builtin = adapters.agent("builtin")

    async def go() -> CaseResult:
        async def answer(request: dict[str, Any], send: Any) -> None:
            status, body = next(answers)
            await reply(send, status, body)

        async with serve(answer) as upstream, Gateway(endpoint(upstream.url, "chat"), lambda _: None) as gateway:
            bench = CaseBench(gateway.endpoint, gateway, cases, [builtin], stream=False)
            return await bench.run(CaseKey(case="look", toolset="builtin"))

    return asyncio.run(go())


def test_a_look_around_first_is_lenient_only(tmp_path: Path) -> None:
    found = {"name": "bash", "arguments": '{"command": "ls"}'}
    result = asked(tmp_path, iter([(200, called(found)), (200, called(LOOK))]))
    assert (result.status, [miss.kind for miss in result.misses]) == ("lenient", ["extra call"])


def test_results_go_to_the_calls_that_they_are_for(tmp_path: Path) -> None:
    """Calls in another order than the reference's get their own results."""
    (tmp_path / "own.toml").write_text(TWO)
    cases = load_cases((tmp_path / "own.toml",))
    builtin = adapters.agent("builtin")
    seen: list[dict[str, Any]] = []

    async def go() -> CaseResult:
        async def answer(request: dict[str, Any], send: Any) -> None:
            seen.append(json.loads(request["body"]))
            first = [{"name": "bash", "arguments": f'{{"command": "{name}"}}'} for name in ("whoami", "date")]
            await reply(send, 200, called(*first) if len(seen) == 1 else chat(content="It is Monday, root."))

        async with serve(answer) as upstream, Gateway(endpoint(upstream.url, "chat"), lambda _: None) as gateway:
            bench = CaseBench(gateway.endpoint, gateway, cases, [builtin], stream=False)
            return await bench.run(CaseKey(case="both", toolset="builtin"))

    assert asyncio.run(go()).status == "right"
    results = [message["content"] for message in seen[1]["messages"] if message["role"] == "tool"]
    assert results == ["root", "Monday"]


def test_looking_around_for_ever_is_wrong(tmp_path: Path) -> None:
    found = {"name": "bash", "arguments": '{"command": "ls"}'}
    result = asked(tmp_path, iter([(200, called(found))] * 9))
    assert (result.status, result.score.requests) == ("wrong", 3)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(500, b'{"error": {"message": "out of memory"}}')], "HTTP 500: out of memory"),
        ([(400, b'{"error": {"message": "no such model"}}')], "HTTP 400: no such model"),
        ([(200, b"<html>")], "HTTP 200"),
    ],
)
def test_an_endpoint_that_fails_is_unmeasured(answers: list[tuple[int, bytes]], said: str, tmp_path: Path) -> None:
    result = asked(tmp_path, iter(answers * 9))  # what may pass is asked again
    assert result.status == "unmeasured"
    assert said in result.detail


def test_one_that_is_busy_is_given_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolworthy.base.retry.FIRST_PAUSE", 0.01)
    busy = (429, b'{"error": {"message": "slow down"}}')
    assert asked(tmp_path, iter([busy, busy, (200, called(LOOK))])).status == "right"


def test_a_silent_endpoint_is_a_limit_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MAX_SECONDS", 0.0)
    result = asked(tmp_path, iter([(200, called(LOOK))]))
    assert (result.status, result.detail[:24]) == ("unmeasured", "given up at our own limi")


def wavering(rate: float, seed: int, play: CasePlayer) -> Callable[[Request], tuple[Part, ...] | None]:
    """A model that errs at a known rate: it says something else than the reference."""
    chance = random.Random(seed)

    def answer(request: Request) -> tuple[Part, ...] | None:
        right = play(request)
        return (Text("Certainly. <oops>"),) if right is not None and chance.random() < rate else right

    return answer


@pytest.mark.parametrize(("runs", "held"), [(5, 4), pytest.param(20, 18, marks=pytest.mark.nightly)])
def test_a_known_error_rate_is_found_within_its_interval(runs: int, held: int) -> None:
    """Cases of one turn where a call is due, so that every slip is a miss: 95 % intervals hold at least in 18 of 20."""
    cases = [case for case in load_cases() if len(case.turns) == 1 and case.turns[0].right and not case.filler_tokens]
    builtin = adapters.agent("builtin")
    keys = [CaseKey(case=case.id, toolset="builtin") for case in cases]

    async def measured(seed: int) -> bool:
        plays = [wavering(0.2, seed, CasePlayer(cases, [builtin]))]
        async with Oracle((), (builtin,), plays=plays) as oracle:
            at = Endpoint("x", providers.provider("generic"), {"chat": f"{oracle.url}/v1"}, "oracle")
            async with Gateway(at, lambda _: None) as gateway:
                bench = CaseBench(at, gateway, cases, [builtin], stream=False)
                found = figures("all", [await bench.run(key) for key in keys]).lenient.estimate
        assert found is not None
        assert found.n > 60
        return found.low <= 0.8 <= found.high

    assert sum(asyncio.run(measured(seed)) for seed in range(runs)) >= held
