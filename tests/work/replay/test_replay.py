"""Requests of recorded runs, sent again over real sockets."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import only_run, run, suites
from tests.support.upstream import reply, serve
from toolworthy.cli.main import main
from toolworthy.records.exchanges import read_all
from toolworthy.records.replay import ReplayResult
from toolworthy.records.store import RunDirectory

pytestmark = pytest.mark.process

KEY = "sk-users-own-key-0123456789"
Decide = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the built-in agent against the oracle, over chat."""
    folder = tmp_path_factory.mktemp("recorded")
    done = suites("--task", "rename-api", "--task", "fix-failing-test", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return only_run(folder)


def replay(recording: Path, out: Path, *arguments: str) -> tuple[int, RunDirectory]:
    """`toolworthy replay` in this process; its exit code and what it wrote."""
    code = main(["replay", str(recording), "--out", str(out), *arguments])
    (path,) = out.iterdir()
    return code, RunDirectory.open(path)


def kinds(results: tuple[ReplayResult, ...]) -> set[str]:
    return {difference.kind for result in results for difference in result.differences}


def text(said: str = "I would rather talk.") -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]}


def call(name: str, arguments: str) -> dict[str, Any]:
    made = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    message = {"role": "assistant", "content": None, "tool_calls": [made]}
    return {"choices": [{"message": message, "finish_reason": "tool_calls"}]}


def preflights(body: Any) -> bool:
    """Whether it is preflight's own request, which has a tool as agents' have."""
    return "Say hello." in json.dumps(body)


def at_server(decide: Decide, recording: Path, out: Path, *arguments: str) -> tuple[int, RunDirectory, list[Any]]:
    """Replay at a server that speaks chat and answers what `decide` says of requests with tools."""

    async def answer(request: dict[str, Any], send: Any) -> None:
        value = json.loads(request["body"] or b"{}")
        if not request["path"].endswith("/chat/completions"):
            await reply(send, 404, b'{"detail": "Not Found"}')
        elif not value.get("messages"):
            await reply(send, 400, b'{"error": {"message": "messages is required"}}')
        else:
            status, made = (200, text("Hello.")) if preflights(value) else decide(value)
            await reply(send, status, json.dumps({"id": "1", "model": "m", **made}).encode())

    async def go() -> tuple[int, RunDirectory, list[Any]]:
        async with serve(answer) as upstream:
            options = ("--endpoint", f"{upstream.url}/v1", "--model", "m", *arguments)
            code, made = await asyncio.to_thread(replay, recording, out, *options)
            bodies = [json.loads(asked["body"] or b"{}") for asked in upstream.requests]
            return code, made, [body for body in bodies if body.get("tools") and not preflights(body)]

    return asyncio.run(go())


# ---- the same endpoint -----------------------------------------------------------------------------------------------


def test_the_oracle_decides_the_same_again(recorded: Path, tmp_path: Path) -> None:
    done = run("toolworthy", "replay", str(recorded), "--endpoint", "oracle", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    made = RunDirectory.open(only_run(tmp_path))
    results = made.replays()
    n = len(results)
    assert re.search(rf"{n} requests of \d+ recorded trials? · {n} compared", done.stdout)
    assert f"same decision: {n}/{n} · 100%" in done.stdout
    assert "F1 100% (" in done.stdout
    assert "not measured (--trials 2 or more measures it)" in done.stdout
    assert "not measured (--reference measures it)" in done.stdout
    assert len(done.stdout.splitlines()) < 25
    assert {result.adapted.how for result in results if result.adapted} == {"as recorded"}
    assert kinds(results) == set()
    assert made.results() == made.probes() == ()
    for result in results:
        (old,) = [found for found in read_all(recorded / result.source) if found.index == result.key.exchange]
        (new,) = [found for found in read_all(made.path / result.exchanges) if found.index == result.exchange]
        assert new.request_body == old.request_body
    summary = (made.path / "summary.md").read_text()
    assert run("toolworthy", "report", str(made.path), cwd=tmp_path).returncode == 0
    assert (made.path / "report.html").is_file()
    assert (made.path / "summary.md").read_text() == summary


@pytest.mark.parametrize("api", ["messages", "responses"])
def test_another_api_and_back_again(recorded: Path, tmp_path: Path, api: str) -> None:
    code, there = replay(recorded, tmp_path / "there", "--endpoint", "oracle", "--wire", api)
    assert code == 0
    assert all(result.same_decision for result in there.replays())
    for result in there.replays():
        assert result.adapted is not None
        assert (result.adapted.how, result.adapted.recorded_api, result.adapted.api) == ("adapted", "chat", api)
    code, back = replay(there.path, tmp_path / "back", "--endpoint", "oracle", "--wire", "chat")
    assert code == 0
    assert [result.same_decision for result in back.replays()] == [True] * len(there.replays())
    assert {result.adapted.recorded_api for result in back.replays() if result.adapted} == {api}


def test_a_run_that_was_translated_is_sent_as_the_endpoint_had_it(tmp_path: Path) -> None:
    done = suites("--task", "rename-api", "--wire", "messages", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    code, made = replay(only_run(tmp_path), tmp_path / "out", "--endpoint", "oracle")
    assert code == 0
    assert all(result.same_decision for result in made.replays())
    assert {(result.adapted.how, result.adapted.api) for result in made.replays() if result.adapted} == {
        ("as recorded", "messages")
    }


# ---- other endpoints -------------------------------------------------------------------------------------------------

DEFECTS = {
    "finish-stop-with-tool-calls": {"finish reason"},
    "doubao-seed-tool-call-leak": {"no call", "leaked syntax"},
    "hallucinated-multi-tool-use-parallel": {"other tools", "schema"},
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_defects_are_named(recorded: Path, tmp_path: Path, defect: str) -> None:
    _, made = replay(recorded, tmp_path, "--endpoint", f"oracle:{defect}")
    assert kinds(made.replays()) >= DEFECTS[defect]


def test_a_model_that_never_calls(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, made, asked = at_server(lambda _: (200, text()), recorded, tmp_path)
    assert code == 0
    called = [result for result in made.replays() if result.old and result.old.calls]
    assert all("no call" in {one.kind for one in result.differences} for result in called)
    assert all(result.same_decision for result in made.replays() if result not in called)
    assert {body["model"] for body in asked} == {"m"}
    said = capsys.readouterr().out
    assert f"no call ×{len(called)}" in said
    assert "precision not measured" in said
    assert f"recall 0/{len(called)} · 0%" in said
    assert "model m instead of the recorded one" in said


def test_a_model_that_calls_another_tool(recorded: Path, tmp_path: Path) -> None:
    code, made, _ = at_server(lambda _: (200, call("sing", '{"song": "x"}')), recorded, tmp_path)
    assert code == 0
    for result in made.replays():
        assert result.old is not None
        wanted = {"other tools" if result.old.calls else "call", "schema"}
        assert {one.kind for one in result.differences} >= wanted
        assert any("sing was not offered" in one.detail for one in result.differences)


def test_arguments_that_mean_the_same_are_the_same_decision(recorded: Path, tmp_path: Path) -> None:
    old = [result for result in _recorded_calls(recorded, tmp_path / "first")]

    def decide(value: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name, arguments = old[sum(message["role"] == "assistant" for message in value["messages"])]
        return 200, call(name, json.dumps(json.loads(arguments), indent=4))

    _, made, _ = at_server(decide, recorded, tmp_path / "out", "--only", "rename-api", "--limit", str(len(old)))
    assert all(result.same_decision for result in made.replays())
    assert "arguments written otherwise" in kinds(made.replays())

    def other(value: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name, arguments = old[sum(message["role"] == "assistant" for message in value["messages"])]
        return 200, call(name, json.dumps({name: "elsewhere" for name in json.loads(arguments)}))

    _, made, _ = at_server(other, recorded, tmp_path / "other", "--only", "rename-api", "--limit", str(len(old)))
    assert not any(result.same_decision for result in made.replays())
    assert "other arguments" in kinds(made.replays())
    assert any('became "elsewhere"' in one.detail for result in made.replays() for one in result.differences)


def _recorded_calls(recorded: Path, out: Path) -> list[tuple[str, str]]:
    _, made = replay(recorded, out, "--endpoint", "oracle", "--only", "rename-api", "--concurrency", "1")
    olds = [result.old for result in made.replays() if result.old and result.old.calls]
    return [(old.calls[0].name, old.calls[0].arguments) for old in olds]


def test_an_endpoint_that_fails_every_time(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, made, asked = at_server(lambda _: (500, {"error": {"message": "out of cheese"}}), recorded, tmp_path)
    assert code == 1
    assert {result.status for result in made.replays()} == {"failed"}
    assert kinds(made.replays()) == {"endpoint error"}
    assert len(asked) == len(made.replays())
    assert "HTTP 500: out of cheese" in capsys.readouterr().out


def test_an_endpoint_without_time_is_not_measured(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolworthy.base.retry.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("toolworthy.base.retry.UNNAMED_WAIT", 0.01)
    code, made, asked = at_server(lambda _: (429, {"error": {"message": "later"}}), recorded, tmp_path, "--limit", "2")
    assert code == 1
    assert [result.status for result in made.replays()] == ["unmeasured"] * 2
    assert len(asked) == 4


def test_a_page_instead_of_an_answer_is_an_error(recorded: Path, tmp_path: Path) -> None:
    code, made, _ = at_server(lambda _: (200, {"choices": []}), recorded, tmp_path, "--limit", "2")
    assert code == 1
    assert kinds(made.replays()) == {"endpoint error"}


def test_a_server_that_is_gone_is_not_measured(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from toolworthy.gateway import Gateway

    monkeypatch.setattr("toolworthy.base.retry.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("toolworthy.base.retry.UNNAMED_WAIT", 0.01)
    enter = Gateway.__aenter__

    async def gone(gateway: Gateway) -> Gateway:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            dead = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        gateway.endpoint = gateway.endpoint.at({"chat": dead})
        return await enter(gateway)

    monkeypatch.setattr(Gateway, "__aenter__", gone)
    code, made, asked = at_server(lambda _: (200, text()), recorded, tmp_path)
    assert (code, asked) == (1, [])
    assert {result.status for result in made.replays()} == {"unmeasured"}
    assert all("cannot be reached" in result.detail for result in made.replays())
    monkeypatch.undo()
    again = ["replay", str(recorded), "--endpoint", "oracle", "--out", str(tmp_path / "oracle")]
    assert main(again) == 0


# ---- how steady it is ------------------------------------------------------------------------------------------------


def test_agreement_stands_beside_self_agreement(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, int] = {}

    def flaky(value: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        place = json.dumps(value["messages"])
        seen[place] = seen.get(place, 0) + 1
        return 200, call("sing", "{}") if seen[place] % 2 else text()

    code, made, asked = at_server(flaky, recorded, tmp_path, "--trials", "2", "--reference", "oracle")
    assert code == 0
    n = len(asked) // 2
    assert len(made.replays()) == 4 * n
    said = capsys.readouterr().out
    assert re.search(rf"{n} requests of \d+ recorded trials? sent {2 * n} times", said)
    assert f"this endpoint with itself: 0/{n} · 0%" in said
    assert f"the reference oracle · oracle now with the recording: {2 * n}/{2 * n} · 100%" in said


# ---- the record of the proxy -----------------------------------------------------------------------------------------


def test_a_record_of_the_proxy(tmp_path: Path) -> None:
    import httpx

    from toolworthy import content
    from toolworthy.content import adapters
    from toolworthy.content.tasks import load_tasks
    from toolworthy.reference import Oracle

    async def go() -> None:
        async with Oracle(load_tasks(content.FIXTURES / "tasks"), adapters.agents()) as oracle:
            argv = ["proxy", "--endpoint", f"{oracle.url}/v1", "--model", "oracle", "--port", "0", "--open"]
            proxy = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "toolworthy", *argv, cwd=tmp_path, stdout=subprocess.PIPE
            )
            assert proxy.stdout is not None
            told = re.search(r"http://127\.0\.0\.1:\d+", (await proxy.stdout.readline()).decode())
            assert told is not None
            tool = {"name": "look", "description": "", "input_schema": {"type": "object"}}
            said = [{"role": "user", "content": "Call the tool look with the arguments {}."}]
            body = {"model": "oracle", "max_tokens": 99, "messages": said, "tools": [tool]}
            headers = {"anthropic-beta": "tools-2026-01-01", "anthropic-version": "2023-06-01"}
            async with httpx.AsyncClient(trust_env=False) as client:
                url = f"{told.group()}/v1/messages?beta=true"
                assert (await client.post(url, json=body, headers=headers)).status_code == 200
            proxy.send_signal(signal.SIGINT)
            assert await proxy.wait() == 0

    asyncio.run(go())
    (record,) = (tmp_path / "reports").glob("proxy-*.jsonl.zst")
    for wire in ("messages", "chat", "responses"):
        code, made = replay(record, tmp_path / wire, "--endpoint", "oracle", "--wire", wire)
        assert code == 0
        (result,) = made.replays()
        assert result.same_decision
        assert result.adapted is not None
        assert result.adapted.how == ("as recorded" if wire == "messages" else "adapted")
        (sent,) = read_all(made.path / result.exchanges)
        assert ("anthropic-beta" in sent.request_headers) == (wire == "messages")
        assert ("beta=true" in sent.path) == (wire == "messages")


# ---- going on --------------------------------------------------------------------------------------------------------


def test_resume_sends_only_what_is_missing(recorded: Path, tmp_path: Path) -> None:
    _, made = replay(recorded, tmp_path, "--endpoint", "oracle", "--trials", "2")
    whole = {result.key for result in made.replays()}
    path = made.path / "results.jsonl"
    kept = path.read_text().splitlines(keepends=True)[:5]
    path.write_text("".join(kept) + '{"kind":"replay","key":{"tri')
    for options in ((), (str(recorded), "--endpoint", "oracle", "--trials", "2")):
        done = run("toolworthy", "replay", *options, "--resume", str(made.path), cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    lines = path.read_text().splitlines()
    assert len(lines) == len(whole)  # the cut line is gone
    assert {result.key for result in made.replays()} == whole
    for result in made.replays():
        found = [exchange for exchange in read_all(made.path / result.exchanges) if exchange.index == result.exchange]
        assert len(found) == 1


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (("--endpoint", "oracle:index-missing"), "was made with --endpoint oracle, this is --endpoint oracle:index"),
        (("--trials", "3"), "was made with --trials 1, this is --trials 3"),
        (("--only", "rename-api"), "was made with no --only, this is --only rename-api"),
    ],
)
def test_resume_goes_on_under_the_same_conditions(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], other: tuple[str, ...], says: str
) -> None:
    _, made = replay(recorded, tmp_path, "--endpoint", "oracle", "--limit", "1")
    assert main(["replay", "--resume", str(made.path), *other]) == 4
    assert says in capsys.readouterr().err


def test_runs_are_gone_on_with_by_their_own_command(recorded: Path, tmp_path: Path) -> None:
    _, made = replay(recorded, tmp_path, "--endpoint", "oracle", "--limit", "1")
    done = run("toolworthy", "replay", "--resume", str(recorded), cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "is not a replay. Type `toolworthy run --resume" in done.stderr
    done = run("toolworthy", "run", "--resume", str(made.path), cwd=tmp_path)
    assert done.returncode == 4
    assert "is a replay. Type `toolworthy replay --resume" in done.stdout + done.stderr


def test_ctrl_c_loses_nothing(recorded: Path, tmp_path: Path) -> None:
    async def go() -> tuple[int, str]:
        count, fourth = 0, asyncio.Event()

        async def answer(request: dict[str, Any], send: Any) -> None:
            nonlocal count
            if b'"tools"' in request["body"] and b"Say hello." not in request["body"]:
                count += 1
                if count > 3:
                    fourth.set()
                    await asyncio.sleep(60)
            ok = request["path"].endswith("/chat/completions")
            await reply(send, 200 if ok else 404, json.dumps({"id": "1", "model": "m", **text()}).encode())

        async with serve(answer) as upstream:
            argv = ["replay", str(recorded), "--endpoint", f"{upstream.url}/v1", "--model", "m", "--concurrency", "1"]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "toolworthy", *argv, cwd=tmp_path, stdout=subprocess.PIPE
            )
            await asyncio.wait_for(fourth.wait(), 60)
            process.send_signal(signal.SIGINT)
            out, _ = await process.communicate()
            return process.returncode or 0, out.decode()

    code, said = asyncio.run(go())
    assert code == 130
    assert "3 requests of 1 recorded trial · 3 compared" in said
    assert len(RunDirectory.open(only_run(tmp_path)).replays()) == 3


# ---- what can be mended ----------------------------------------------------------------------------------------------


def test_mistakes_are_one_clear_line(recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "empty" / "exchanges").mkdir(parents=True)
    (tmp_path / "empty" / "run.json").write_text(json.dumps({"schema": 1}))
    (tmp_path / "junk").write_bytes(b"no record at all")
    (tmp_path / "torn").write_bytes(next((recorded / "exchanges").iterdir()).read_bytes()[:40])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    oracle = ["--endpoint", "oracle"]
    mistakes = (
        ([str(tmp_path / "nowhere"), *oracle], "does not exist"),
        ([str(tmp_path), *oracle], "is not a run directory"),
        ([str(tmp_path / "empty"), *oracle], "holds no completion request"),
        ([str(tmp_path / "junk"), *oracle], "holds no completion request"),
        ([str(tmp_path / "torn"), *oracle], "holds no completion request"),
        ([str(recorded), *oracle, "--only", "nobody"], "matches 'nobody'"),
        ([str(recorded)], "--endpoint X, or --resume RUN"),
        ([str(recorded), *oracle, "--resume", str(recorded)], "is not a replay"),
        ([str(recorded), "--endpoint", dead, "--model", "m"], "cannot reach"),
        ([str(recorded), *oracle, "--reference", dead], "cannot reach"),
    )
    for arguments, says in mistakes:
        done = run("toolworthy", "replay", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
        assert says in done.stderr


def test_a_full_disk_is_one_clear_line(
    recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from toolworthy.records.exchanges import ExchangeWriter

    append, left = ExchangeWriter.append, [None] * 3

    def full(writer: ExchangeWriter, exchange: Any) -> None:
        if not left:
            raise OSError(28, "No space left on device")
        left.pop()
        append(writer, exchange)

    monkeypatch.setattr(ExchangeWriter, "append", full)
    code, made = replay(recorded, tmp_path, "--endpoint", "oracle", "--concurrency", "1")
    told = capsys.readouterr()
    assert (code, len(made.replays())) == (4, 3)
    assert told.err.count("\n") == 1
    assert "No space left on device" in told.err
    monkeypatch.undo()
    assert main(["replay", "--resume", str(made.path)]) == 0


def test_the_key_is_written_nowhere(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    said = text(f"Your key is {KEY}.")
    _, made, _ = at_server(lambda _: (200, said), recorded, tmp_path, "--key-env", "MY_KEY", "--limit", "2")
    for path in made.path.rglob("*"):
        if path.suffix == ".zst":
            assert all(KEY.encode() not in exchange.body for exchange in read_all(path))
        elif path.is_file():
            assert KEY not in path.read_text()
