"""The doors, as users go through them: pytest and the command line, each in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import asked, only_run, results, run, suites
from toolworthy import content
from toolworthy.base.errors import ToolworthyError
from toolworthy.records.store import RunDirectory

pytestmark = pytest.mark.process

KEY = "sk-users-own-key-0123456789"


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A server that is no endpoint of ours."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers.get("content-length", 0))))

        def do_GET(self) -> None:
            answer(self, b"")

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    made = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_address[1]}/v1"
    made.shutdown()
    made.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "application/json") -> None:
    handler.send_response(status)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def chat_only(reply: Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]) -> Callable[..., None]:
    """A server that has Chat Completions and nothing else; `reply` answers real requests."""

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        value = json.loads(body or b"{}")
        if handler.command == "GET":
            send(handler, 200, b'{"data": [{"id": "m"}]}')
        elif not handler.path.endswith("/chat/completions"):
            send(handler, 404, b'{"detail": "Not Found"}')
        elif not value.get("messages"):
            send(handler, 400, b'{"error": {"message": "messages is required"}}')
        else:
            reply(handler, value)

    return answer


def text_answer(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    return json.dumps({"id": "1", "model": "m", "choices": [{"message": message, "finish_reason": "stop"}]}).encode()


def streamed_text(text: str) -> bytes:
    """The same as a stream, as a sound server would send it."""
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    chunks = [
        {**head, "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**head, "choices": [], "usage": usage},
    ]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def test_the_main_job_needs_nothing(tmp_path: Path) -> None:
    done = suites("--task", "fix-failing-test", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "toolworthy's own loop: works · tasks 1/1" in done.stdout
    path = only_run(tmp_path)
    assert {entry.name for entry in path.iterdir()} >= {
        "run.json",
        "results.jsonl",
        "exchanges",
        "report.html",
        "summary.md",
        "atif",
    }
    (line,) = results(path)
    assert line["status"] == "passed"
    assert line["sandbox"] == "bubblewrap"
    assert line["score"]["call_scores"]["valid"] == {"ok": line["score"]["calls"], "n": line["score"]["calls"]}
    assert (path / "report.html").read_text().startswith("<!doctype html>")


def test_resume_runs_only_what_is_missing(tmp_path: Path) -> None:
    suites("--task", "fix-failing-test", "--task", "rename-api", cwd=tmp_path)
    path = only_run(tmp_path)
    lines = (path / "results.jsonl").read_text().splitlines(keepends=True)
    (path / "results.jsonl").write_text(lines[0] + lines[1][:40])  # killed while it wrote the second
    done = suites("--resume", str(path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    kept = [line for line in (path / "results.jsonl").read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["key"]["task"] for line in kept] == [json.loads(line)["key"]["task"] for line in lines]
    assert kept[0] == lines[0].strip()


def test_kill_9_loses_at_most_the_trials_in_flight(tmp_path: Path) -> None:
    few = [word for task in ("fix-failing-test", "rename-api", "add-feature") for word in ("--task", task)]
    argv = [sys.executable, "-m", "pytest", str(content.SUITES / "tasks"), "--concurrency", "1", *few]
    process = subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("reports/*/results.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    path = only_run(tmp_path)
    before = results(path)
    assert before
    assert run("toolworthy", "report", str(path), cwd=tmp_path).returncode == 0
    with (path / "results.jsonl").open("ab") as file:
        file.write(b'{"key":{"suite":"tasks","ta' + bytes(64))  # what a loss of power may leave
    for command in (("report", str(path)), ("run", "tasks", "--resume", str(path))):
        done = run("toolworthy", *command, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr.count("is damaged") == 1
        assert f"1 line cannot be read; the {len(before)} results that can be are used" in done.stderr
    assert [one.model_dump(mode="json")["key"] for one in RunDirectory(path).results()][: len(before)] == [
        line["key"] for line in before
    ]
    assert len(RunDirectory(path).results()) == len(json.loads((path / "run.json").read_text())["selected"]) == 3


def test_ctrl_c_ends_at_once_and_keeps_what_there_is(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pytest", str(content.SUITES / "tasks"), "--concurrency", "1"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(argv, cwd=tmp_path, text=True, **pipes)  # type: ignore[call-overload]
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("reports/*/results.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in output
    assert (only_run(tmp_path) / "report.html").is_file()


def test_pytests_own_ways_work(tmp_path: Path) -> None:
    done = suites("-k", "rename-api", "--junitxml", "j.xml", cwd=tmp_path)
    assert "1 passed, 9 deselected" in done.stdout
    assert 'tests="1"' in (tmp_path / "j.xml").read_text()
    assert len(results(only_run(tmp_path))) == 1


def test_a_path_among_the_options_does_not_lead_to_another_configuration() -> None:
    """pytest looks for its configuration above every path that it is given, those of our options too."""
    asked = ("--out", "reports", "--tasks", "fixtures/tasks", "--collect-only", "-q")
    done = run("pytest", "suites/tasks", *asked, cwd=content.SUITES.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_task[rename-api-builtin]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        (["-n", "2"], {}),
        (["-n", "auto"], {"PYTEST_XDIST_AUTO_NUM_WORKERS": "2"}),
        (["--dist", "loadfile", "--tx", "2*popen"], {}),
        ([], {"PYTEST_ADDOPTS": "-n 2"}),
    ],
    ids=["two", "auto", "dist", "environment"],
)
def test_workers_of_xdist_are_refused(tmp_path: Path, arguments: list[str], env: dict[str, str]) -> None:
    """Each would make a run of its own, and nobody the verdict."""
    done = suites(*arguments, "--task", "rename-api", cwd=tmp_path, env=env)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "-n is not needed: one session runs everything concurrently (--concurrency N)" in done.stderr
    assert not (tmp_path / "reports").exists()


def test_no_worker_of_xdist_is_none(tmp_path: Path) -> None:
    assert suites("-n", "0", "--collect-only", "-q", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("api", "stream"),
    [
        ("chat", []),
        ("messages", ["--no-stream"]),
        ("responses", []),
        pytest.param("chat", ["--no-stream"], marks=pytest.mark.nightly),
        pytest.param("messages", [], marks=pytest.mark.nightly),
        pytest.param("responses", ["--no-stream"], marks=pytest.mark.nightly),
    ],
    ids=lambda value: value if isinstance(value, str) else "whole" if value else "streamed",
)
def test_the_built_in_agent_speaks_every_api(tmp_path: Path, api: str, stream: list[str]) -> None:
    done = suites("--task", "add-feature", "--wire", api, *stream, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    (line,) = results(only_run(tmp_path))
    assert (line["agent_api"], line["endpoint_api"], line["score"]["translated"]) == (api, api, False)


@pytest.mark.parametrize(
    "agent",
    [
        "codex",  # it edits by patches
        "qwen-code",
        *(pytest.param(agent, marks=pytest.mark.nightly) for agent in ("claude-code", "openclaw", "opencode")),
    ],
)
def test_the_built_in_agent_wears_any_tools(tmp_path: Path, agent: str) -> None:
    done = suites("--task", "unicode-crlf-edit", "--wear", agent, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_without_a_sandbox_the_oracle_still_runs_and_says_so(tmp_path: Path) -> None:
    done = suites("--sandbox", "none", "--task", "fix-failing-test", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "no sandbox" in done.stdout
    assert results(only_run(tmp_path))[0]["sandbox"] == "none"


def test_a_real_endpoint_without_a_sandbox_is_refused(tmp_path: Path) -> None:
    for name in ("env", "bash"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    with server(chat_only(lambda handler, _: send(handler, 200, text_answer("hello")))) as url:
        done = suites("--endpoint", url, "--model", "m", cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert done.returncode == 4
    assert (
        "Install it (apt-get install bubblewrap), or run without isolation: --sandbox none (model code runs as you)"
        in done.stdout + done.stderr
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_a_model_that_only_talks_fails_with_that_cause(tmp_path: Path) -> None:
    said = streamed_text("I will fix it right away.")
    with server(chat_only(lambda handler, _: send(handler, 200, said, "text/event-stream"))) as url:
        arguments = ["--endpoint", url, "--model", "m", "--task", "fix-failing-test"]
        done = suites(*arguments, cwd=tmp_path, env={"TOOLWORTHY_API_KEY": KEY})
    assert done.returncode == 1
    (line,) = results(only_run(tmp_path))
    assert (line["status"], line["cause"]["kind"]) == ("failed", "announced but did not act")
    assert "announced but did not act, fault of model" in done.stdout
    for path in only_run(tmp_path).rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()
    assert KEY not in done.stdout + done.stderr


def test_a_server_that_hangs_in_mid_stream_is_a_limit_of_ours(tmp_path: Path) -> None:
    def hang(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        if "Say hello." in json.dumps(request):  # preflight
            send(handler, 200, text_answer("hello"))
            return
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        handler.wfile.write(b'data: {"choices": [{"delta": {"content": "Well"}}]}\n\n')
        handler.wfile.flush()
        time.sleep(20)

    with server(chat_only(hang)) as url:
        arguments = ["--endpoint", url, "--model", "m", "--task", "fix-failing-test", "--timeout-factor", "0.01"]
        began = time.monotonic()
        suites(*arguments, cwd=tmp_path)
    assert time.monotonic() - began < 40
    (line,) = results(only_run(tmp_path))
    assert line["agent_ended"] == "timeout"
    assert line["cause"]["kind"] in ("endpoint error", "budget")
    assert line["cause"]["code"] == "went silent"


ENDLESS = '''
title = "never ends"
apis = ["chat"]
[run]
command = ["{python}", "-c", """
import json, urllib.request
tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
body = {"model": "oracle", "messages": [{"role": "user", "content": "Go on."}], "tools": tools}
for _ in range(500):
    asked = urllib.request.Request("{base_url}/v1/chat/completions", json.dumps(body).encode())
    urllib.request.urlopen(asked).read()
"""]
'''


def test_an_agent_that_minds_no_limit_of_turns_is_stopped(tmp_path: Path) -> None:
    adapter = tmp_path / "endless.toml"
    adapter.write_text(ENDLESS)
    suites("--adapter", str(adapter), "--task", "fix-failing-test", "--max-turns", "5", cwd=tmp_path)
    (line,) = results(only_run(tmp_path))
    assert (line["agent_ended"], line["status"], line["cause"]["fault"]) == ("turns", "error", "our limit")
    assert 5 < line["score"]["turns"] < 50


def test_an_agent_the_endpoint_has_no_room_for_is_not_run(tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.command == "GET":
            send(handler, 200, b'{"data": [{"id": "m", "max_model_len": 2048}]}')
        else:
            chat_only(lambda inner, _: send(inner, 200, text_answer("hello")))(handler, body)

    with server(answer) as url:
        done = suites("--endpoint", url, "--model", "m", "--agent", "claude-code", "--task", "rename-api", cwd=tmp_path)
    assert done.returncode == 1
    (line,) = results(only_run(tmp_path))
    assert line["status"] == "refused"
    assert "context window 2,048 tokens; Claude Code needs about 22,000" in done.stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


MISTAKES = {
    "dead port": (["--endpoint", "DEAD", "--model", "m"], "cannot reach"),
    "HTML": (["--endpoint", "HTML", "--model", "m"], "speaks none of the wire APIs"),
    "wrong key": (["--endpoint", "KEY", "--model", "m"], "refused the key in TOOLWORTHY_API_KEY"),
    "unknown agent": (["--agent", "clyde"], "no agent is called 'clyde'; did you mean 'codex'?"),
    "no trials": (["--trials", "0"], "must be 1 or more, not 0"),
}
IN_OPTIONS = {
    "unknown endpoint": (["--endpoint", "nobody"], "no endpoint is called 'nobody'"),
    "missing key": (["--endpoint", "deepseek"], "DEEPSEEK_API_KEY is not set"),
    "unknown task": (["--task", "sing"], "no task is called 'sing'. Use one of add-feature"),
    "no tasks": (["--tasks", "."], "holds no task"),
    "missing adapter": (["--adapter", "none.toml"], "none.toml"),
    "broken adapter": (["--adapter", "broken.toml"], "broken.toml: "),
    "adapter with a range": (["--adapter", "range.toml"], "is a range. Pin one exact version."),
    "no run to resume": (["--resume", "."], "is not a run directory"),
}
"""Found as the options are read; that such a mistake is one line with exit code 4 is shown by those above."""


@pytest.mark.parametrize("what", MISTAKES)
def test_mistakes_are_one_clear_line(tmp_path: Path, what: str) -> None:
    def page(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        send(handler, 200, b"<!doctype html><title>hi</title>", "text/html")

    def locked(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        send(handler, 401, b'{"error": {"message": "invalid key ' + KEY.encode() + b'"}}')

    arguments, says = MISTAKES[what]
    with server(page) as html, server(locked) as keyed:
        places = {"DEAD": f"http://127.0.0.1:{free_port()}/v1", "HTML": html, "KEY": keyed}
        done = suites(*(places.get(word, word) for word in arguments), cwd=tmp_path, env={"TOOLWORTHY_API_KEY": KEY})
    said = done.stdout + done.stderr
    assert done.returncode == 4, said
    assert says in said
    assert "Traceback" not in said
    assert KEY not in said


@pytest.mark.parametrize("what", IN_OPTIONS)
def test_mistakes_in_options_are_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    (tmp_path / "broken.toml").write_text("title = [")
    (tmp_path / "range.toml").write_text(
        'title = "x"\napis = ["chat"]\n[run]\ncommand = ["x"]\n[install]\nnpm = "x"\nversion = "^1"\n'
    )
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    arguments, says = IN_OPTIONS[what]
    with pytest.raises(ToolworthyError, match=re.escape(says)) as caught:
        asked(tmp_path, *arguments)
    assert "\n" not in str(caught.value)


def test_the_command_line_does_the_same_from_anywhere(tmp_path: Path) -> None:
    done = run("toolworthy", "run", "tasks", "--task", "rename-api", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    path = only_run(tmp_path)
    (path / "report.html").unlink()
    assert run("toolworthy", "report", str(path), cwd=tmp_path).returncode == 0
    assert (path / "report.html").is_file()
    wrong = run("toolworthy", "report", str(tmp_path), cwd=tmp_path)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (4, 1)


def test_doctor_tells_what_can_work(tmp_path: Path) -> None:
    with server(chat_only(lambda handler, _: send(handler, 200, text_answer("hello")))) as url:
        done = run("toolworthy", "doctor", "--endpoint", url, "--model", "m", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^BAD  OpenCode +cannot: chat: it does not stream, as agents ask$", done.stdout, re.MULTILINE)
    assert re.search(
        r"^ok   Claude Code +works through a translation: it speaks messages, and the endpoint chat$",
        done.stdout,
        re.MULTILINE,
    )


@pytest.mark.parametrize("name", ["oracle", "oracle:streaming-drops-calls"])
def test_doctor_looks_at_the_embedded_oracle(tmp_path: Path, name: str) -> None:
    done = run("toolworthy", "doctor", "--endpoint", name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("next: ")
    assert re.search(r"^ok   Codex +works$", done.stdout, re.MULTILINE)
    assert "ok   model list: oracle is listed\n" in done.stdout


def test_the_oracle_and_the_proxy_serve_until_they_are_stopped(tmp_path: Path) -> None:
    import httpx

    oracle_port, proxy_port = free_port(), free_port()
    ours = [sys.executable, "-m", "toolworthy"]
    oracle = subprocess.Popen([*ours, "oracle", "--port", str(oracle_port)], cwd=tmp_path)
    try:
        wait_for(oracle_port)
        where = f"http://127.0.0.1:{oracle_port}/v1"
        argv = ["proxy", "--endpoint", where, "--model", "m", "--port", str(proxy_port), "--open"]
        proxy = subprocess.Popen([*ours, *argv], cwd=tmp_path, stdout=subprocess.PIPE)
        wait_for(proxy_port)
        body = {"model": "oracle", "messages": [{"role": "user", "content": "hi"}]}
        answer = httpx.post(f"http://127.0.0.1:{proxy_port}/v1/chat/completions", json=body)
        assert answer.json()["choices"][0]["message"]["content"]
        proxy.send_signal(signal.SIGINT)
        assert proxy.wait(10) == 0
        proxy.communicate()
    finally:
        oracle.send_signal(signal.SIGINT)
        assert oracle.wait(10) == 0
    from toolworthy.records.exchanges import read_all

    (recorded,) = (tmp_path / "reports").glob("proxy-*.jsonl.zst")
    assert [exchange.kind for exchange in read_all(recorded)] == ["completion"]


def wait_for(port: int) -> None:
    async def connect() -> None:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise AssertionError("nothing listens")

    asyncio.run(connect())


def test_help_and_collection_load_nothing_heavy(tmp_path: Path) -> None:
    """Quick starts are kept by what is imported, which can be told exactly, not by seconds, which cannot."""
    program = "import sys\nfrom toolworthy.cli.main import main\n"
    program += "try: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"httpx", "pydantic", "uvicorn", "jinja2", "zstandard", "pytest", "asyncio", "toolworthy.rules"}
    collected = suites("--collect-only", "-q", cwd=tmp_path)
    assert "10 tests collected" in collected.stdout
    assert not (tmp_path / "reports").exists()


def test_the_callers_environment_does_not_reach_an_agent(tmp_path: Path) -> None:
    (tmp_path / "spy.toml").write_text(
        'title = "spy"\napis = ["chat"]\n[run]\ncommand = ["/bin/bash", "-c", "env; ls -a {home}"]\n'
        '[run.env]\nGIVEN = "{model}"\n'
    )
    env = {"ANTHROPIC_API_KEY": "sk-leak", "CLAUDE_CONFIG_DIR": "/leak"}
    suites("--adapter", "spy.toml", "--task", "rename-api", cwd=tmp_path, env=env)
    (line,) = results(only_run(tmp_path))
    assert "GIVEN=oracle" in line["agent_output"]
    assert "leak" not in line["agent_output"]
    assert line["cause"]["kind"] == "infrastructure"
    assert os.environ.get("HOME", "/root") not in line["agent_output"].replace("/root/.pyenv", "")
