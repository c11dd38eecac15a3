"""The servers that run until they are stopped: `toolworthy oracle` and `toolworthy proxy`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.commands import run
from tests.support.small_server import sound
from tests.support.upstream import endpoint, reply, serve
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.public.server import ReferenceServer
from toolworthy.records.exchanges import read_all
from toolworthy.reference import Oracle

pytestmark = pytest.mark.process

CANARY = "sk-Zq7Kp2Wd9XcV4bN6mT1sRf8Yg3H"


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, timeout=20)


@pytest.mark.parametrize(
    "door",
    [("oracle",), ("proxy", "--endpoint", "http://127.0.0.1:1", "--model", "m")],
    ids=["oracle", "proxy"],
)
@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_there_is_not_is_one_line(tmp_path: Path, door: tuple[str, ...], port: str) -> None:
    done = run("toolworthy", *door, "--port", port, cwd=tmp_path)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert "--port" in done.stderr


@asynccontextmanager
async def proxied(folder: Path, url: str, *options: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A proxy before an endpoint: the address that it prints."""
    argv = ["proxy", "--endpoint", url, "--model", "m", "--port", "0", "--out", str(folder / "reports"), *options]
    env = {**os.environ, "TOOLWORTHY_API_KEY": CANARY}
    proxy = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "toolworthy", *argv, cwd=folder, env=env, stdout=subprocess.PIPE
    )
    assert proxy.stdout is not None
    told = re.search(r"http://127\.0\.0\.1:\d+\S*(?=;)", (await proxy.stdout.readline()).decode())
    assert told is not None
    try:
        yield told[0], proxy
    finally:
        with contextlib.suppress(ProcessLookupError):  # the test has stopped it
            proxy.terminate()
        await proxy.wait()


STRANGERS: dict[str, dict[str, str]] = {
    "rebound": {"host": "evil.example:8377"},
    "rebound without port": {"host": "evil.example"},
    "suffix": {"host": "localhost.evil.example"},
    "user": {"host": "localhost@evil.example"},
    "empty host": {"host": ""},
    "other origin": {"origin": "https://evil.example"},
    "other port": {"origin": "http://127.0.0.1:1"},
    "null origin": {"origin": "null"},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
}


def test_the_proxy_serves_programs_of_this_user_only(tmp_path: Path) -> None:
    """Its address has a part that nobody can guess, and no website gets through even with it."""

    async def go() -> None:
        async with (
            serve(sound) as upstream,
            proxied(tmp_path, f"{upstream.url}/v1") as (address, _),
            client() as asking,
        ):
            root, _, segment = address.rpartition("/")
            assert len(segment) > 20
            body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
            for path in ("/v1/chat/completions", f"/{segment[:-1]}/v1/chat/completions", "//v1/chat/completions"):
                assert (await asking.post(root + path, json=body)).status_code == 403, path
            assert (await asking.get(f"{root}/v1/models")).status_code == 403
            for name, headers in STRANGERS.items():
                answer = await asking.post(f"{address}/v1/chat/completions", json=body, headers=headers)
                assert answer.status_code == 403, name
                assert "access-control-allow-origin" not in answer.headers
            assert not upstream.requests
            port = root.rpartition(":")[2]
            same = {"origin": f"http://localhost:{port}", "host": f"localhost:{port}", "sec-fetch-site": "same-origin"}
            for headers in ({}, {"host": "localhost"}, {"host": f"[::1]:{port}"}, same):
                answer = await asking.post(f"{address}/v1/chat/completions", json=body, headers=headers)
                assert answer.status_code == 200
            assert len(upstream.requests) == 4
        (record,) = (tmp_path / "reports").glob("*.zst")
        assert {exchange.path for exchange in read_all(record)} == {"/v1/chat/completions"}

    asyncio.run(go())


def test_a_proxy_that_cannot_record_asks_nothing_more(tmp_path: Path) -> None:
    """Its first exchange is larger than any file may be, as on a full disk."""

    async def go() -> None:
        async with serve(sound) as upstream, client() as asking:
            argv = ["proxy", "--endpoint", f"{upstream.url}/v1", "--model", "m", "--port", "0", "--open"]
            proxy = await asyncio.create_subprocess_exec(
                *("sh", "-c", 'trap "" XFSZ; ulimit -f 4; exec "$@"', "sh"),
                *(sys.executable, "-m", "toolworthy", *argv),
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            try:
                assert proxy.stdout is not None
                told = re.search(r"http://127\.0\.0\.1:\d+", (await proxy.stdout.readline()).decode())
                assert told is not None
                noise = base64.b64encode(os.urandom(100_000)).decode()
                body = {"model": "m", "messages": [{"role": "user", "content": noise}]}
                with contextlib.suppress(httpx.HTTPError):
                    await asking.post(f"{told[0]}/v1/chat/completions", json=body)
                _, said = await asyncio.wait_for(proxy.communicate(), 60)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    proxy.kill()
                await proxy.wait()
            assert (proxy.returncode, said.count(b"\n")) == (4, 1), said.decode()
            assert b"cannot write reports/proxy-" in said

    asyncio.run(go())


def test_an_open_proxy_has_a_plain_address_and_still_serves_no_website(tmp_path: Path) -> None:
    async def go() -> None:
        async with (
            serve(sound) as upstream,
            proxied(tmp_path, upstream.url, "--open") as (address, _),
            client() as asking,
        ):
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
            assert (await asking.get(f"{address}/v1/models")).status_code == 200
            for name, headers in STRANGERS.items():
                assert (await asking.get(f"{address}/v1/models", headers=headers)).status_code == 403, name

    asyncio.run(go())


def test_the_embedded_oracle_answers_through_the_proxy(tmp_path: Path) -> None:
    async def go() -> None:
        async with proxied(tmp_path, "oracle") as (address, _), client() as asking:
            body = {"model": "oracle", "messages": [{"role": "user", "content": "hi"}]}
            answer = await asking.post(f"{address}/v1/chat/completions", json=body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["choices"][0]["message"]["content"]

    asyncio.run(go())


def test_the_oracle_serves_no_website() -> None:
    async def go() -> None:
        async with Oracle((), ()) as oracle, client() as asking:
            assert (await asking.get(f"{oracle.url}/v1/models")).status_code == 200
            for name, headers in STRANGERS.items():
                assert (await asking.get(f"{oracle.url}/v1/models", headers=headers)).status_code == 403, name

    asyncio.run(go())


def test_probes_lend_the_key_to_nobody_else() -> None:
    """While the wire suite runs, its listeners on this machine have addresses that nobody can guess."""

    async def go() -> None:
        async with serve(sound) as upstream, Gateway(endpoint(upstream.url), lambda exchange: None) as gateway:
            listener = socket.create_server(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            async with serve_trial(gateway, "t", listener, secret=True) as session, client() as asking:
                assert (await asking.get(f"http://127.0.0.1:{port}/v1/models")).status_code == 403
                assert (await asking.get(f"{session.base_url}/v1/models")).status_code == 200

    asyncio.run(go())


EVIL = "\x1b[31mred\x1b]0;title\x07\x1b[2J\rover\x9b1m\u202eltr\u2066\u200b"
"""What a terminal would obey."""


@pytest.mark.parametrize("status", [401, 404])
def test_no_door_lets_a_terminal_obey_a_server(tmp_path: Path, status: int) -> None:
    said = json.dumps({"error": {"message": f"no {EVIL} {CANARY} no", "type": EVIL, "code": EVIL}}).encode()

    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["method"] == "GET":
            listed = {"data": [{"id": f"m{EVIL}", "owned_by": EVIL}]}
            await reply(send, 200, json.dumps(listed).encode(), x_evil=EVIL[:4])
        else:
            await reply(send, status, said)

    async def go() -> list[Any]:
        async with serve(answer) as upstream:
            asked = ["--endpoint", upstream.url, "--model", "m"]
            env = {"TOOLWORTHY_API_KEY": CANARY}

            def call(*arguments: str) -> Any:
                return run("toolworthy", *arguments, *asked, cwd=tmp_path, env=env)

            calls = [["doctor"], ["run", "wire", "-k", "plain_answer"]]
            return [await asyncio.to_thread(call, *arguments) for arguments in calls]

    for done in asyncio.run(go()):
        out = done.stdout + done.stderr
        assert CANARY not in out
        assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\u200b"}
        assert "\r" not in out.replace("\r\n", "\n")


def test_the_proxy_shows_no_request_raw(tmp_path: Path) -> None:
    async def go() -> bytes:
        async with (
            serve(sound) as upstream,
            proxied(tmp_path, f"{upstream.url}/v1") as (address, proxy),
            client() as asking,
        ):
            await asking.get(f"{address}/v1/%1b%5b31m{CANARY}?x=\x9b1m".replace("\x9b", "%9b"))
            await asking.get(f"{address}/v1/models")
            assert proxy.stdout is not None
            return await proxy.stdout.readline() + await proxy.stdout.readline()

    out = asyncio.run(go())
    assert b"/v1/models" in out
    assert b"\x1b" not in out
    assert CANARY.encode() not in out


def test_findings_are_told_as_they_come_and_shown_of_the_record(tmp_path: Path) -> None:
    """Two defects behind the proxy: one line each, however often it comes; page and evidence are made of the record."""

    async def go() -> str:
        with ReferenceServer(["call-id-null", "finish-stop-with-tool-calls"]) as server:
            async with proxied(tmp_path, server.base_url) as (url, proxy), client() as http:
                tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
                said = [{"role": "user", "content": "Call the tool `look` with exactly these arguments: {}"}]
                body = {"model": "oracle", "messages": said, "tools": [tool], "stream": True}
                for _ in range(3):
                    assert (await http.post(f"{url}/v1/chat/completions", json=body)).status_code == 200
                proxy.send_signal(signal.SIGINT)
                assert proxy.stdout is not None
                return (await proxy.stdout.read()).decode()

    told = asyncio.run(go())
    assert "\x1b" not in told
    first = re.findall(r"^\d\d:\d\d:\d\d oracle/chat (TW\d+) \S+: .*\[exchange 0\]$", told, re.MULTILINE)
    assert len(first) == len(set(first)) >= 2
    assert "[exchange 1]" not in told
    for code in first:
        assert re.search(rf"^  3 × {code} ", told, re.MULTILINE)
    (record,) = (tmp_path / "reports").glob("proxy-*.jsonl.zst")
    for _ in range(2):  # it is made anew, not added to
        done = run("toolworthy", "report", str(record), cwd=tmp_path)
        assert (done.returncode, done.stdout.strip()) == (0, str(record).removesuffix(".jsonl.zst") + "/report.html")
        page = Path(done.stdout.strip()).read_text()
        assert all(f"{code} " in page for code in first)
    assert all(code in run("toolworthy", "evidence", str(record), cwd=tmp_path).stdout for code in first)
    done = run("toolworthy", "evidence", str(record), first[0], "-o", "one.zip", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert json.loads(archive.read("finding.json"))
        assert archive.read("response.body").startswith(b"data: ")
    assert CANARY not in page
