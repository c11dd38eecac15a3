"""A trial ends with a result whatever an endpoint answers, and whatever fails in judging it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.upstream import endpoint, reply, serve
from toolworthy import content
from toolworthy.base.redact import Redactor
from toolworthy.content import adapters
from toolworthy.content.tasks import load_task
from toolworthy.endpoint.target import Endpoint
from toolworthy.gateway import Gateway
from toolworthy.records.exchanges import ExchangeWriter
from toolworthy.records.meta import RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.records.trial import TrialKey, TrialResult
from toolworthy.sandbox import choose
from toolworthy.work.run.plan import Options
from toolworthy.work.trials import trial
from toolworthy.work.trials.trial import TrialBench, run_trial

pytestmark = pytest.mark.process

TASK = load_task(content.FIXTURES / "tasks" / "log-report")
KEY = TrialKey(suite="tasks", task=TASK.name, agent="builtin")


def call(name: str, arguments: str, ident: str = "call_1") -> dict[str, Any]:
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def answered(*answers: dict[str, Any], folder: Path) -> tuple[TrialResult, list[Any]]:
    """The stored result of a trial in which the endpoint makes these calls and then says "done"; and what was asked."""
    bodies = []

    async def answer(request: dict[str, Any], send: Any) -> None:
        bodies.append(json.loads(request["body"]))
        number = len(bodies) - 1
        calls = [answers[number]] if number < len(answers) else None
        message = {
            "role": "assistant",
            "content": None if calls else "done",
            **({"tool_calls": calls} if calls else {}),
        }
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
        body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        await reply(send, 200, json.dumps(body).encode())

    async def tried() -> TrialResult:
        async with serve(answer) as upstream:
            return await one(endpoint(upstream.url, "chat"), folder)

    return stored(asyncio.run(tried()), folder), bodies


async def one(where: Endpoint, folder: Path) -> TrialResult:
    where = replace(where, forced_api="chat")
    options = Options(endpoint=where, tasks=(TASK,), agents=(adapters.agent("builtin"),), stream=False)
    writer = ExchangeWriter(folder / "exchanges" / "x.zst")
    async with Gateway(where, record=writer.append) as gateway:
        bench = TrialBench(options, where, gateway, choose("bubblewrap"), Redactor(()))
        try:
            return await run_trial(bench, KEY, TASK, adapters.agent("builtin"), None)
        finally:
            writer.close()


def stored(result: TrialResult, folder: Path) -> TrialResult:
    run = RunDirectory.create(folder / "runs", RunMeta())
    run.append(result)
    (read,) = run.results()
    assert isinstance(read, TrialResult)
    return read


DEEP = "import os\nfor _ in range(1200): os.mkdir('dddddddd'); os.chdir('dddddddd')"


@pytest.mark.parametrize(
    "hostile",
    [
        call("bash", json.dumps({"command": "touch $(printf '\\377')"})),
        call("bash", json.dumps({"command": f'python3 -c "{DEEP}"'})),
        call("bash", json.dumps({"command": "find . -exec chmod 000 {} +; chmod 000 ."})),
        call("bash", '{"command": ' + "7" * 6000 + "}"),
        call("bash", '{"command": "true", "n": ' + "7" * 6000 + "}"),
        call("bash", '{"command": ' + "[" * 100_000),
        call("bash", '{"command": "true", "n": ' + "7" * 4000 + "}"),
        call("bash", '{"command": "true", "n": {"\\ud800": 1}}'),
        call("bash", '{"command": "true"}', "call_\udfff"),
        call("bash", json.dumps({"command": "echo \ud800"})),
        call("bash", json.dumps({"command": "echo \0"})),
        call("bash", json.dumps({"command": "true " + "x" * 3_000_000})),
        call("read_file", json.dumps({"path": "a\0b"})),
        call("read_file", json.dumps({"path": "\ud800"})),
        call("read_file", json.dumps({"path": "x" * 5000})),
        call("write_file", json.dumps({"path": "a\ud800", "content": "\ud800"})),
        call("read_file", json.dumps({"path": "."})),
    ],
    ids=range(17),
)
def test_a_trial_ends_with_the_models_failure(tmp_path: Path, hostile: dict[str, Any]) -> None:
    """The agent goes on after it; the result is stored and counted."""
    result, bodies = answered(hostile, folder=tmp_path)
    assert len(bodies) == 2, result.agent_output
    assert (result.status, result.cause and result.cause.fault) == ("failed", "model"), result.cause
    assert result.verification is not None
    assert result.verification.reward == 0.0


def test_a_name_that_is_no_text_is_the_servers_fault(tmp_path: Path) -> None:
    """Servers make names of what a model wrote."""
    result, bodies = answered(call("ba\ud800sh", '{"command": "true"}'), folder=tmp_path)
    assert len(bodies) == 2, result.agent_output
    assert (result.status, result.cause and result.cause.rule) == ("failed", "TW118")


def test_whatever_fails_in_judging_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RecursionError("too \ud800 deep")

    monkeypatch.setattr(trial, "score", broken)
    result, _ = answered(folder=tmp_path)
    assert result.status == "error"
    assert result.cause is not None
    assert result.cause.fault == "infrastructure"
    assert result.cause.detail.startswith("a fault of toolworthy's: RecursionError at test_hostile_answers.py:")


def test_a_cancelled_trial_has_no_result(tmp_path: Path) -> None:
    async def cancelled() -> None:
        asked = asyncio.Event()

        async def answer(request: dict[str, Any], send: Any) -> None:
            asked.set()
            await asyncio.sleep(60)

        async with serve(answer) as upstream:
            running = asyncio.create_task(one(endpoint(upstream.url, "chat"), tmp_path))
            await asked.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(cancelled())
