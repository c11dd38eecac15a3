"""``toolworthy check ENDPOINT``: the first look at an endpoint, on one screen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

import toolworthy
from tests.support.commands import run as command
from tests.support.conditions import under
from tests.support.small_server import Answering, asked, error, sound
from tests.support.upstream import reply, serve
from toolworthy.cli.main import main

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    code = main(["check", *arguments])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


def test_one_screen_says_what_to_fix_and_what_to_type_next(capsys: pytest.CaptureFixture[str]) -> None:
    with toolworthy.ReferenceServer(defects=["tool-calls-in-content-wrong-parser-or-template"]) as server:
        code, lines, _ = told(capsys, server.base_url)
    assert code == 1
    assert len(lines) <= 24, "one screen"
    assert len(set(lines)) == len(lines), "nothing is said twice"
    assert server.base_url in lines[0]
    assert server.model in lines[0], "the one model that it lists"
    screen = "\n".join(lines)
    assert re.search(r"fix first:\n  1. TW201", screen)
    assert "chat: in none of" in screen
    for agent in ("Claude Code", "Codex", "OpenClaw", "OpenCode", "Qwen Code"):
        assert len([line for line in lines if line.startswith(f"  {agent} ")]) == 1
    (run,) = Path("reports").iterdir()
    assert lines[-1].startswith(f"next: toolworthy evidence {run} TW201")
    assert (run / "report.html").is_file()
    assert main(lines[-1].removeprefix("next: toolworthy ").split()) == 0


def test_a_sound_endpoint_is_told_what_to_try_next(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = told(capsys, "oracle", "--out", "elsewhere")
    assert code == 0
    assert not any(line.startswith("fix first") for line in lines)
    assert "toolworthy run tasks --endpoint oracle" in lines[-1]
    assert toolworthy.Run.open(next(Path("elsewhere").iterdir())).ok


@contextlib.contextmanager
def served(answer: Answering) -> Iterator[str]:
    """The base URL of a server on a thread."""
    begun: SimpleQueue[tuple[str, Callable[[], object]]] = SimpleQueue()

    async def work() -> None:
        over = asyncio.Event()
        async with serve(answer) as upstream:
            loop = asyncio.get_running_loop()
            begun.put((upstream.url, lambda: loop.call_soon_threadsafe(over.set)))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    url, end = begun.get(timeout=20)
    yield url + "/v1"
    end()
    thread.join(20)


def _small(request: dict[str, Any]) -> bool:
    """Whether preflight sends it."""
    return request["method"] == "GET" or "You are terse." in request["body"].decode()


async def never(request: dict[str, Any], send: Any) -> None:
    await asyncio.sleep(600)


async def slow(request: dict[str, Any], send: Any) -> None:
    await (sound if _small(request) else never)(request, send)


async def limited(request: dict[str, Any], send: Any) -> None:
    if _small(request):
        await sound(request, send)
    else:
        await reply(send, 429, error("Too many requests"), retry_after="5")


async def fast_list(request: dict[str, Any], send: Any) -> None:
    await (sound if request["method"] == "GET" else never)(request, send)


async def stuttering(request: dict[str, Any], send: Any) -> None:
    """A byte now and then, for ever."""
    if _small(request):
        await sound(request, send)
        return
    kind = b"text/event-stream" if asked(request).get("stream") else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    while True:
        await send({"type": "http.response.body", "body": b": wait\n\n", "more_body": True})
        await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (slow, 2, "budget of 0.1 minutes is spent"),
        (limited, 2, "budget of 0.1 minutes is spent"),
        (stuttering, 2, "budget of 0.1 minutes is spent"),
        (fast_list, 4, "did not answer preflight's requests in time (--budget-minutes 0.1). Give it more time."),
        (never, 4, "did not list its models in time (--budget-minutes 0.1). Give --model ID, or more time."),
    ],
)
def test_it_ends_in_time_whatever_the_endpoint_does(answer: Answering, code: int, said: str, tmp_path: Path) -> None:
    """Six seconds, of which the limit of the process leaves a busy machine enough; a minute's grace would pass it."""
    with served(answer) as url:
        done = command("toolworthy", "check", url, "--budget-minutes", "0.1", cwd=tmp_path, timeout=55)
    assert done.returncode == code, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(said) == 1, done.stdout + done.stderr
    assert ("untested" in done.stdout) == (code == 2)
    assert ("--resume" in done.stdout + done.stderr) == (code == 2)


def test_a_rate_limit_of_one_api_leaves_time_for_the_others(tmp_path: Path) -> None:
    """At the oracle, a minute is enough, on a busy machine, too, for all but the limited API."""

    async def check() -> tuple[str, int]:
        async with under(limited="/chat/completions", retry_after=3) as (_, url):
            given = ("check", f"{url}/v1", "--model", "oracle", "--budget-minutes", "1")
            done = await asyncio.to_thread(command, "toolworthy", *given, cwd=tmp_path, timeout=110)
            return done.stdout, done.returncode

    screen, code = asyncio.run(check())
    assert code == 0, screen
    (run,) = (tmp_path / "reports").iterdir()
    probes = toolworthy.Run.open(run).probes
    assert {probe.key.api for probe in probes if probe.unasked} == {"chat"}, screen
    judged = {probe.key.api for probe in probes if probe.judged}
    assert judged >= {"messages", "responses", "gemini"}
    assert "the chat API is rate-limited, and its share of 1 minute is spent" in screen


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (["http://127.0.0.1:9/v1"], "127.0.0.1:9"),
        (["issue.txt"], "issue.txt cannot be read"),
        (["orakle"], "did you mean 'oracle'"),
        (["oracle", "oracle"], "checked alone"),
        (["oracle", "--budget-minutes", "0"], "--budget-minutes '0': give a number above 0"),
    ],
)
def test_a_mistake_is_one_line(what: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, err = told(capsys, *what)
    assert (code, lines) == (4, [])
    assert said in err
    assert err.count("\n") == 1


def test_a_refused_key_is_said_before_the_missing_model(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.dumps({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}).encode()
    head = f"HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"

    class Refuses(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(head.encode() + body)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refuses) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, lines, err = told(capsys, f"http://127.0.0.1:{server.server_address[1]}/v1")
        server.shutdown()
    assert (code, lines) == (4, [])
    assert "refused the key" in err
    assert "--key-env" in err
