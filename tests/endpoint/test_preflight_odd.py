"""Answers that are none: preflight reads a bounded part of them, and says in one line what was sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run
from tests.support.upstream import endpoint
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.redact import Redactor
from toolworthy.cli.commands import doctor
from toolworthy.endpoint.preflight import preflight
from toolworthy.endpoint.preflight._model import MAX_BODY

pytestmark = pytest.mark.process

LISTED = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}).encode()


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"content-length: {len(body)}", "connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def packed_blanks(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(b" " * size) + packer.flush()


class Odd:
    """An endpoint that answers every completion with the same bytes, `more` of them again and again."""

    def __init__(self, said: bytes, more: bytes = b"") -> None:
        self.url = ""
        self.asked: list[str] = []
        self.sent = 0
        self._said, self._more = said, more

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.asked.append(head.split(" ")[1])
            if head.startswith("GET"):
                writer.write(answer("200 OK", "content-type: application/json", body=LISTED))
            else:
                await self._complete(writer)
            await writer.drain()
            writer.write_eof()
            await reader.read(65_536)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _complete(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self._said)
        for _ in range(1_000 if self._more else 0):
            writer.write(self._more)
            await writer.drain()
            self.sent += len(self._more)


@contextlib.asynccontextmanager
async def odd(said: bytes, more: bytes = b"") -> AsyncIterator[Odd]:
    made = Odd(said, more)
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield made


def refused(said: bytes, more: bytes = b"") -> tuple[Odd, str]:
    """The endpoint, and the line in which the doctor refuses it."""

    async def go() -> tuple[Odd, str]:
        async with odd(said, more) as server:
            with pytest.raises(ToolworthyError) as caught:
                await asyncio.to_thread(doctor.run, server.url, model="m", key_env=None, wire=None)
            return server, str(caught.value)

    server, line = asyncio.run(go())
    assert len(line.splitlines()) == 1
    return server, line


def test_an_answer_that_unpacks_to_much_is_neither_unpacked_nor_judged_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []
    pieces: Callable[..., Any] = Redactor.pieces

    def counted(self: Redactor, whole: list[bytes], **more: Any) -> Any:
        looked.append(sum(map(len, whole)))
        return pieces(self, whole, **more)

    monkeypatch.setattr(Redactor, "pieces", counted)
    blanks = packed_blanks(40_000_000)
    packed = answer("200 OK", "content-type: application/json", "content-encoding: gzip", body=blanks)
    server, line = refused(packed)
    assert "HTTP 200, an answer of more than 2 MiB" in line
    assert max(looked) <= 2**16
    completions = [path for path in server.asked if "models" not in path]
    assert len(completions) == len(set(completions))  # none was asked twice for the same answer


def test_an_answer_without_end_is_read_to_a_bound() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    server, line = refused(head, b" " * 2**17)
    assert "an answer of more than 2 MiB" in line
    held = 8 * 2**20  # by the kernel, of a connection at most
    assert server.sent < len(server.asked) * (MAX_BODY + held)


def test_a_stream_without_end_is_a_fault_of_the_endpoint() -> None:
    """It speaks the API: it is there, and agents cannot work with it."""

    async def go() -> Any:
        event = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % (b"z" * 60_000)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        async with odd(head, event) as server:
            return server, await preflight(endpoint(server.url.removesuffix("/v1")), [])

    server, found = asyncio.run(go())
    assert (found.checks[0].name, found.checks[0].ok) == ("chat API", False)
    assert "more than 2 MiB" in found.checks[0].detail
    assert server.asked.count("/v1/chat/completions") == 1


ODD = {
    "204": (answer("204 No Content"), "HTTP 204 without a body"),
    "205": (answer("205 Reset Content"), "HTTP 205 without a body"),
    "600": (answer("600 Odd", body=b"{}"), "HTTP 600: {}"),
    "999": (answer("999 Odd", body=b"{}"), "HTTP 999: {}"),
    "099": (answer("099 Odd", body=b"{}"), "status 99"),
    "000": (answer("000 Odd"), "status 0"),
    "1000": (answer("1000 Odd", body=b"{}"), "'HTTP/1.1 1000 Odd'"),
    "101": (answer("101 Switching"), "does not answer in HTTP"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "'PRI * HTTP/2.0'"),
    "header flood": (answer("200 OK", *(f"x-{n}: {'a' * 200}" for n in range(3_000))), "headers of more than 100 KB"),
    "two lengths": (answer("200 OK", "content-length: 5", body=b"{}"), "conflicting Content-Length"),
    "no answer": (b"", "disconnected without sending a response"),
    "302": (answer("302 Found", "location: http://127.0.0.1:1/"), "a redirection to http://127.0.0.1:1/"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_was_sent_is_said_of_a_server_that_answers_badly(name: str) -> None:
    said, told = ODD[name]
    _, line = refused(said)
    assert told in line
    assert "cannot reach" not in line
    assert "bytearray" not in line


@pytest.mark.parametrize("name", ["204", "1000"])
@pytest.mark.parametrize(
    "suite", [["wire", "-k", "test_plain_answer"], ["tools", "--case", "node-id-of-a-pull-request"], ["tasks"]], ids=str
)
def test_every_suite_ends_with_that_line(tmp_path: Path, suite: list[str], name: str) -> None:
    said, told = ODD[name]

    async def go() -> Any:
        async with odd(said) as server:
            asked = ["run", *suite, "--endpoint", server.url, "--model", "m", "--out", str(tmp_path)]
            return await asyncio.to_thread(run, "toolworthy", *asked, cwd=tmp_path)

    done = asyncio.run(go())
    assert done.returncode == 4, done.stdout
    assert told in done.stdout + done.stderr
    assert "cannot reach" not in done.stdout + done.stderr
    assert "exit 0" not in done.stdout
