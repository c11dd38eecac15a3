"""Endpoints that send anything but answers: bounded time and memory, one broken probe, no traceback."""

from __future__ import annotations

import asyncio
import gzip
import random
import resource
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.commands import only_run, results, suites
from tests.support.upstream import endpoint, serve
from toolworthy.gateway import Gateway
from toolworthy.records.probe import ProbeResult
from toolworthy.wire.ir import APIS
from toolworthy.work.probes import ProbeBench, load_suite

pytestmark = pytest.mark.process

MEMORY = 600 * 2**20
"""Bytes that the process may grow by."""


def body(data: bytes, kind: str = "text/event-stream", **headers: str) -> Callable[[Any, Any], Awaitable[None]]:
    """A server that answers every request with these bytes."""

    async def answer(request: Any, send: Any) -> None:
        raw = [(b"content-type", kind.encode())]
        raw += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": data})

    return answer


def endless(piece: bytes, kind: str = "text/event-stream") -> Callable[[Any, Any], Awaitable[None]]:
    """A server that never stops."""

    async def answer(request: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
        for _ in range(20_000):  # bounded, should nobody hang up
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    return answer


async def silent(request: Any, send: Any) -> None:
    """A server that never answers, in the time of a test."""
    await asyncio.sleep(30)


NOISE = random.Random(7).randbytes(4_096)
CHUNK = b'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'
GARBAGE: dict[str, Callable[[Any, Any], Awaitable[None]]] = {
    "noise": body(NOISE),
    "noise as JSON": body(NOISE, "application/json"),
    "nothing": body(b""),
    "a page": body(b"<!doctype html><title>Login</title>", "text/html"),
    "half an event": body(b'data: {"id":"1","choices":[{"index":0,"del'),
    "no JSON in events": body(b"data: hello\n\ndata: world\n\ndata: [DONE]\n\n"),
    "null bytes": body(b"\0" * 100_000),
    "deep JSON": body(b"[" * 100_000, "application/json"),
    "deep JSON in an event": body(b'data: {"choices":' + b"[" * 100_000 + b"\n\n"),
    "a gzip bomb": body(gzip.compress(b"\0" * 2**28), "application/json", content_encoding="gzip"),
    "a large chunk": body(CHUNK % (b"x" * 2**25)),
    "a line without end": endless(b"x" * 2**16),
    "comments without end": endless(b": ping\n\n" * 1_000),
    "deltas without end": endless((CHUNK % b"word ") * 100),
    "silence": silent,
}


async def ask(answer: Callable[[Any, Any], Awaitable[None]]) -> list[ProbeResult]:
    """What some probes say of it."""
    probes = load_suite()
    names = ("plain-answer", "one-call", "unicode-text", "usage", "error-bad-json", "models-list", "tool-loop")
    keys = [key for name in names for key in probes[name].ways()]
    async with serve(answer) as upstream, httpx.AsyncClient(timeout=None) as client:
        where = endpoint(upstream.url, *APIS, model="m")
        async with Gateway(where, lambda _: None) as gateway:
            bench = ProbeBench(where, gateway, client)
            return list(await asyncio.gather(*(bench.run(key) for key in keys)))


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_one_broken_probe_a_way(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only silence ends by our limit of time; a busy machine must not end the others by it.
    monkeypatch.setattr("toolworthy.work.probes._speed.LONGEST", 2.0 if name == "silence" else 30.0)
    monkeypatch.setattr("toolworthy.base.retry.UNNAMED_WAIT", 0.0)
    monkeypatch.setattr("toolworthy.base.retry.FIRST_PAUSE", 0.0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    results = asyncio.run(asyncio.wait_for(ask(GARBAGE[name]), 60))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < MEMORY
    plain = [result for result in results if result.key.probe == "plain-answer"]
    others = [result for result in results if result.key.probe != "plain-answer"]
    assert {result.verdict for result in plain} <= {"broken", "unmeasured"}
    # Silence has no evidence but a run limit.
    assert ("broken" in {result.verdict for result in plain}) == (name != "silence")
    assert {result.verdict for result in others} <= {"unmeasured", "broken"}
    assert not [result for result in results if "the probe itself failed" in result.detail]


def test_a_server_of_noise_ends_in_one_screenful(tmp_path: Path) -> None:
    done = suites(
        "--endpoint", "oracle:error-envelope-instead-of-stream", "-k", "plain_answer", cwd=tmp_path, suite="wire"
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode in (0, 1)
    assert (only_run(tmp_path) / "report.html").is_file()
    assert results(only_run(tmp_path))
