"""What many tests need: a real gateway in front of a real server, and runs of the doors as their users run them."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from toolworthy import adapters, content
from toolworthy.endpoint import Endpoint
from toolworthy.exchange import Chunk, Exchange

ABOUT: dict[str, Any] = {
    "toolworthy": "0.1.0",
    "python": "3",
    "platform": "p",
    "command": "c",
    "started": 1_790_000_000.0,
    "endpoint": {"name": "e", "provider": "generic", "model": "m", "base_urls": {}, "forced_api": None},
    "agents": {"codex": "0.169.0"},
}
"""What ``run.json`` tells of a run."""
A_LOOK = """
[[case]]
id = "look"
category = "single"
files."a.py" = "x = 1\\n"
[[case.turn]]
user = "Show me a.py."
right = [[{ do = "read", path = "a.py" }]]
"""
"""A case of a user's own: one look."""


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what is nightly, unless -m says what to run.

    Take signals as a terminal would send them, and let children do so, where the parent of all ignores them.
    """
    config.option.markexpr = config.option.markexpr or "not nightly"
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@dataclass
class Upstream:
    """A server that answers what a test says, and remembers what it was asked."""

    answer: Callable[[dict[str, Any], Any], Any]
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        request = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
            "body": body,
        }
        self.requests.append(request)
        await self.answer(request, send)


@contextlib.asynccontextmanager
async def serve(answer: Callable[[dict[str, Any], Any], Any]) -> AsyncIterator[Upstream]:
    """An upstream on loopback."""
    from toolworthy.asgi import serving

    upstream = Upstream(answer)
    listener = socket.create_server(("127.0.0.1", 0))
    upstream.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with serving(upstream.app, listener):
        yield upstream


async def reply(send: Any, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
    """One whole answer."""
    raw = [(b"content-type", kind.encode())]
    raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def endpoint(url: str, *apis: str, key: str | None = "sk-secret-0123456789abcdef", model: str = "m") -> Endpoint:
    """A generic endpoint that speaks the APIs named."""
    urls = {api: url if api == "messages" else f"{url}/v1" for api in apis or ("chat", "messages", "responses")}
    return Endpoint("test", adapters.provider("generic"), urls, model, key)  # type: ignore[arg-type]


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """Of a command of ours, as a user would run it."""
    names = ("PATH", "HOME", "TOOLWORTHY_CACHE", "XDG_CACHE_HOME")
    clean = {name: os.environ[name] for name in names if name in os.environ}
    # Hypothesis is of our tests, not of users; its plugin would be a sixth of what a run takes to start.
    return {**clean, "LANG": "C.UTF-8", "PYTEST_ADDOPTS": "-p no:hypothesispytest", **(more or {})}


def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None, timeout: float = 240) -> Any:
    """A command of ours, as a user would run it, with an environment of its own."""
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def suites(*arguments: str, cwd: Path, suite: str = "tasks", **options: Any) -> Any:
    """`pytest suites/SUITE …` from `cwd`."""
    return run("pytest", str(content.SUITES / suite), *arguments, cwd=cwd, **options)


class _Parser(argparse.ArgumentParser):
    """The command line, as pytest would read our options."""

    def getgroup(self, _: str) -> _Parser:
        return self

    def addoption(self, *names: str, **how: Any) -> None:
        self.add_argument(*names, **how)


def asked(folder: Path, *arguments: str) -> Any:
    """What these options of `pytest suites`, given in `folder`, ask for; without a process of its own."""
    from toolworthy import plugin
    from toolworthy.runs.given import read_options

    parser = _Parser()
    plugin.pytest_addoption(parser)  # type: ignore[arg-type]
    return read_options(parser.parse_args(arguments), folder)


def only_run(cwd: Path) -> Path:
    """The one run directory under `cwd`."""
    (path,) = (entry for entry in (cwd / "reports").iterdir() if entry.is_dir())
    return path


def results(path: Path) -> list[dict[str, Any]]:
    """The lines of a run's results."""
    return [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]


@pytest.fixture(autouse=True)
def _no_stray_loop() -> Any:
    """asyncio.run leaves no current loop; tests must not depend on one."""
    yield
    asyncio.set_event_loop(None)


def recorded(**more: Any) -> Exchange:
    """A request to Chat Completions and its answer, but for what is given."""
    made = Exchange(
        trial="t",
        index=0,
        kind="completion",
        agent_api="chat",
        endpoint_api="chat",
        method="POST",
        path="/v1/chat/completions",
        request_headers={},
        request_body=b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}',
        upstream_body=None,
        losses=(),
        status=200,
        response_headers={"content-type": "application/json"},
        chunks=(Chunk(0.25, b"{}"),),
        started=1.0,
        seconds=0.5,
    )
    return replace(made, **more)


def chat(messages: list[dict[str, Any]], answer: dict[str, Any], *, index: int = 0, finish: str = "stop") -> Exchange:
    """A whole answer to these messages, with the tool `run` offered."""
    run = {"type": "function", "function": {"name": "run", "parameters": {"type": "object", "properties": {}}}}
    request = {"model": "m", "messages": messages, "tools": [run]}
    choice = {"index": 0, "message": {"role": "assistant", **answer}, "finish_reason": finish}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    told = (Chunk(0.1, json.dumps(body).encode()),)
    return recorded(index=index, request_body=json.dumps(request).encode(), chunks=told)
