"""What an endpoint does to the protocol is the endpoint's fault, said in one line, and breaks nothing of ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.commands import only_run, results, run
from tests.support.upstream import endpoint
from toolworthy.content import adapters
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.records.exchange import Exchange, ExchangeFailure
from toolworthy.sandbox.model import CommandOutcome
from toolworthy.work.scoring._cause import diagnose

pytestmark = pytest.mark.process

CHAT = "/v1/chat/completions"
ASKED = {
    "model": "m",
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"type": "function", "function": {"name": "bash"}}],
}
GOOD = json.dumps({"id": "c", "choices": [{"message": {"content": "I will."}, "finish_reason": "stop"}]}).encode()


def answer(status: str = "200 OK", *headers: bytes, body: bytes = GOOD, length: bool = True) -> bytes:
    lines = [f"HTTP/1.1 {status}".encode(), b"content-type: application/json", b"connection: close", *headers]
    lines += [b"content-length: %d" % len(body)] if length else []
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


FAULTS: dict[str, tuple[bytes, str]] = {
    "204": (answer("204 No Content", body=b"", length=False), "HTTP 204 instead of a response"),
    "205": (answer("205 Reset Content", body=b""), "HTTP 205 instead of a response"),
    "206": (answer("206 Partial Content"), "HTTP 206 instead of a response"),
    "301": (answer("301 Moved", b"location: http://elsewhere.example/v1"), "HTTP 301"),
    "307": (answer("307 Temporary Redirect", b"location: http://elsewhere.example/v1"), "http://elsewhere.example/v1"),
    "302 nowhere": (answer("302 Found"), "HTTP 302"),
    "304": (answer("304 Not Modified", body=b"", length=False), "HTTP 304"),
    "two lengths": (answer("200 OK", b"content-length: 5"), "the endpoint's answer is no HTTP"),
    "length and chunks": (answer("200 OK", b"transfer-encoding: chunked"), "the endpoint"),
    "negative length": (answer("200 OK", b"content-length: -5", length=False), "the endpoint's answer is no HTTP"),
    "header flood": (answer("200 OK", *[b"x-%d: y" % n * 9 for n in range(9_000)]), "the endpoint's answer is no HTTP"),
    "endless header": (answer("200 OK", b"x: " + b"y" * 300_000), "the endpoint's answer is no HTTP"),
    "nul in a header": (answer("200 OK", b"x: a\x00b"), "the endpoint's answer is no HTTP"),
    "no status line": (b"hello\r\n\r\n", "the endpoint's answer is no HTTP"),
    "status of letters": (answer("abc OK"), "the endpoint's answer is no HTTP"),
    "999": (answer("999 Odd"), "HTTP 999"),
    "600": (answer("600 Odd"), "HTTP 600"),
    "cut": (
        answer("200 OK", b"content-length: 999", body=GOOD[:20], length=False),
        "the endpoint broke the connection",
    ),
    "bad gzip": (answer("500 No", b"content-encoding: gzip"), "HTTP 500"),
}
SOUND = {
    "odd bytes in a header": answer("200 OK", b"x-odd: \xff\xfe\x80 \xc2\xb2"),
    "control characters in a header": answer("200 OK", b"x-odd: a\x01b\x7f"),
    "letters of no alphabet": answer("200 OK", "x-odd: 日本".encode()),
}


@contextlib.asynccontextmanager
async def raw(said: bytes) -> AsyncIterator[str]:
    """An endpoint that answers everything with these bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            await writer.drain()
            await reader.read(65536)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _through(said: bytes) -> tuple[Exchange, int | None]:
    """The exchange, and what an agent got for a status."""
    async with raw(said) as url, Gateway(endpoint(url), lambda exchange: None) as gateway:
        listener = socket.create_server(("127.0.0.1", 0))
        status = None
        async with (
            serve_trial(gateway, "t", listener) as session,
            httpx.AsyncClient(base_url=session.base_url) as client,
        ):
            with contextlib.suppress(httpx.HTTPError):
                status = (await client.post(CHAT, json=ASKED)).status_code
            for _ in range(400):
                if session.exchanges:
                    break
                await asyncio.sleep(0.01)
            return session.exchanges[0], status


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_protocol_is_the_endpoints_fault(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    said, told = FAULTS[name]
    exchange, _ = asyncio.run(_through(said))
    cause = diagnose([exchange], CommandOutcome(1, "exit", b"", b"", 3.0), adapters.agent("builtin"), 60)
    assert (cause.kind, cause.fault) == ("endpoint error", "endpoint"), cause
    assert told in cause.detail
    assert len(cause.detail.splitlines()) == 1
    assert len(cause.detail) < 600
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("name", SOUND)
def test_odd_headers_harm_nobody(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    exchange, status = asyncio.run(_through(SOUND[name]))
    assert status == 200
    assert exchange.error is None
    assert "x-odd" in exchange.response_headers
    assert "Traceback" not in "".join(capfd.readouterr())


def test_an_answer_that_was_still_coming_did_not_go_silent() -> None:
    """A stream that is given up for its length was not silent since its last recorded byte."""
    exchange, _ = asyncio.run(_through(answer()))
    endless = Exchange(**{**_fields(exchange), "error": ExchangeFailure("endless", "32 MiB"), "seconds": 25.0})
    cause = diagnose([endless], CommandOutcome(None, "timeout", b"", b"", 25.0), adapters.agent("builtin"), 60)
    assert (cause.kind, cause.fault) == ("endpoint error", "endpoint")
    assert cause.detail == str(endless.error)


def _fields(exchange: Exchange) -> dict[str, Any]:
    return {name: getattr(exchange, name) for name in Exchange.__dataclass_fields__}


@pytest.mark.parametrize("value", ["²", "٣", "-1", "1e99", "9" * 400, "nan", "inf"])
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms", "x-ratelimit-reset-requests"])
def test_no_time_to_wait_is_too_odd(name: str, value: str) -> None:
    from toolworthy.gateway.retries import refusal

    header = f"{name}: {value}".encode()
    exchange, _ = asyncio.run(_through(answer("429 No", header, body=b'{"error": {"message": "slow"}}')))
    told = refusal(exchange)
    assert told is not None
    assert told.retry_after is None or 0 <= told.retry_after < 1e10


@pytest.mark.parametrize(
    "said",
    [
        answer("500 No", b"retry-after: \xc2\xb2", body=b'{"error": {"message": "no"}}'),
        answer("999 Odd"),
        answer("204 No Content", body=b"", length=False),
    ],
    ids=["retry-after", "999", "204"],
)
@pytest.mark.parametrize("what", [["tools", "-k", "read", "--agent", "codex"], ["doctor"]], ids=["tools", "doctor"])
def test_doors_end_in_one_line(tmp_path: Path, said: bytes, what: list[str]) -> None:
    async def go() -> Any:
        async with raw(said) as url:
            asked = [*(what if what == ["doctor"] else ["run", *what]), "--endpoint", url, "--model", "m"]
            return await asyncio.to_thread(run, "toolworthy", *asked, cwd=tmp_path)

    done = asyncio.run(go())
    assert "Traceback" not in done.stdout + done.stderr
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert done.returncode in (0, 1, 4)


def test_the_built_in_agent_reads_any_time_to_wait(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) if b"POST" in head else 0
            body = await reader.readexactly(size)
            refuses = b"hidden" in body or b"bash" in body
            odd = answer("500 No", b"retry-after: \xb2", body=b'{"error": {"message": "down"}}')
            writer.write(odd if refuses else answer())
            await writer.drain()
        writer.close()

    async def go() -> Any:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            asked = [
                "run",
                "tasks",
                "--task",
                "fix-failing-test",
                "--agent",
                "builtin",
                "--endpoint",
                url,
                "--model",
                "m",
            ]
            return await asyncio.to_thread(run, "toolworthy", *asked, "--wire", "chat", cwd=tmp_path)

    done = asyncio.run(go())
    (result,) = results(only_run(tmp_path))
    assert result["cause"]["kind"] == "endpoint error", done.stdout
    assert "Traceback" not in result["agent_output"]
