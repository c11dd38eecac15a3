"""The programs of an archive show the fault again, and obey nothing that was recorded."""

from __future__ import annotations

import ast
import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ticketed import KEY, a_run, again, file_of, finding, keep, only, recorded, unpacked
from tests.support.upstream import endpoint, reply, serve
from toolworthy import rules
from toolworthy.content import adapters
from toolworthy.gateway import Gateway
from toolworthy.output.bug_report._reproduce import sent
from toolworthy.output.bug_report.evidence import bundle, choose, located_findings
from toolworthy.records.exchange import Chunk, ExchangeFailure
from toolworthy.records.exchanges import read_all
from toolworthy.records.meta import EndpointRecord, RunMeta
from toolworthy.records.store import RunDirectory
from toolworthy.reference import Oracle
from toolworthy.reference._limits import CONTEXT
from toolworthy.reference.defects import defect
from toolworthy.wire.ir import APIS, Api
from toolworthy.work.probes import ProbeBench, load_suite

pytestmark = pytest.mark.process


@asynccontextmanager
async def probed(folder: Path, names: Sequence[str], spoilt: Sequence[str]) -> AsyncIterator[tuple[RunDirectory, str]]:
    """A run of probes at the oracle with defects, and the oracle's address."""
    probes = load_suite()
    defects = [defect(each) for each in spoilt]
    async with Oracle((), adapters.agents(), defects=defects) as oracle, httpx.AsyncClient(timeout=None) as client:
        where = replace(endpoint(oracle.url, *APIS, model="oracle"), context=CONTEXT)
        made = RunDirectory.create(
            folder, RunMeta.model_validate({"toolworthy": "0.1.0", "endpoint": where.public(), "agents": {}})
        )
        async with Gateway(where, lambda exchange: keep(made, [exchange])) as gateway:
            bench = ProbeBench(where, gateway, client)
            for key in (key for each in names for key in probes[each].ways()):
                result = await bench.run(key)
                made.append(result.model_copy(update={"exchanges": file_of(key) if result.requests else ""}))
        yield made, oracle.url


@pytest.mark.parametrize(
    ("api", "spoilt", "code"),
    [
        ("chat", "done-marker-missing", "TW311"),
        ("messages", "block-stop-missing", "TW403"),
        ("responses", "completed-output-empty", "TW511"),
    ],
)
def test_both_programs_show_the_fault_again(tmp_path: Path, api: Api, spoilt: str, code: str) -> None:
    async def go() -> None:
        async with probed(tmp_path, ["one-call"], [spoilt]) as (made, url), Oracle((), adapters.agents()) as sound:
            located = choose(made, located_findings(made), code)
            folder = unpacked(bundle(made, located), tmp_path / "x")
            exchange = read_all(made.path / located.file)[located.exchange]

            def codes(body: bytes) -> set[str]:
                return {one.code for one in rules.check([replace(exchange, chunks=(Chunk(0, body),))])}

            for program in ("sh", "py"):
                for variables in ({}, {"ENDPOINT_URL": url if api == "messages" else f"{url}/v1/"}):
                    body, _ = await again(folder, program, ENDPOINT_KEY="k", **variables)
                    assert code in codes(body)
                body, _ = await again(folder, program, ENDPOINT_URL=sound.base_urls[api])
                assert body
                assert not codes(body)
            assert (folder / "answer-headers.txt").read_text().startswith("HTTP/1.1 200")

    asyncio.run(go())


@pytest.mark.parametrize("program", ["sh", "py"])
@pytest.mark.parametrize(
    ("api", "path", "auth"),
    [
        ("chat", "/v1/chat/completions?a=[1]&b={x}", ("authorization", f"Bearer {KEY}")),
        ("responses", "/v1/responses", ("authorization", f"Bearer {KEY}")),
        ("messages", "/v1/messages?beta=true", ("x-api-key", KEY)),
    ],
)
def test_the_endpoint_gets_what_it_got(
    tmp_path: Path, program: str, api: Api, path: str, auth: tuple[str, str]
) -> None:
    body = b'{ "model":"m",\n\t"x": "\xff\x00\r\n' + b"long" * 300_000 + b'"}'
    sent = {
        "content-type": "application/json",
        "anthropic-beta": "tools-2026",
        "user-agent": "codex/1 'x' $HOME `id`",
        "host": "127.0.0.1:8377",
        "x-api-key": "[redacted]",
        "x-secret-token": "[redacted]",
        "content-length": "7",
    }

    async def go() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 418, b"\xff\x00 no \xf0", "text/plain", x_odd="1")

        exchange = recorded(
            agent_api=api, endpoint_api=api, path=path, request_body=body, request_headers=sent, status=418
        )
        made = a_run(tmp_path, [exchange], finding())
        folder = unpacked(bundle(made, only(made)), tmp_path / "x")
        async with serve(answer) as upstream:
            base = upstream.url if api == "messages" else f"{upstream.url}/v1"
            out, said = await again(folder, program, ENDPOINT_URL=base, ENDPOINT_KEY=KEY)
            await again(folder, program, ENDPOINT_URL=base)
        assert out == b"\xff\x00 no \xf0"
        headers = (folder / "answer-headers.txt").read_text() if program == "sh" else said
        assert "418" in headers
        assert "x-odd: 1" in headers
        with_key, without = upstream.requests
        for request in (with_key, without):
            assert request["body"] == body
            assert f"{request['path']}?{request['query']}".rstrip("?") == path
            assert request["headers"]["user-agent"] == sent["user-agent"]
            assert request["headers"]["anthropic-beta"] == "tools-2026"
            assert request["headers"].get("anthropic-version") == ("2023-06-01" if api == "messages" else None)
            assert not {"x-secret-token", "expect"} & set(request["headers"])
        assert auth in with_key["headers"].items()
        assert not {"authorization", "x-api-key"} & set(without["headers"])

    asyncio.run(go())


def test_an_endpoint_that_breaks_off_or_is_not_there_is_told(tmp_path: Path) -> None:
    async def go() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            head = [(b"content-length", b"99")]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": b"half", "more_body": False})

        made = a_run(tmp_path, [recorded()], finding())
        folder = unpacked(bundle(made, only(made)), tmp_path / "x")
        async with serve(answer) as upstream:
            for program in ("sh", "py"):
                out, said = await again(folder, program, ENDPOINT_URL=upstream.url)
                assert out == b"half"
                assert "Traceback" not in said
        for program in ("sh", "py"):
            out, said = await again(folder, program, ENDPOINT_URL=upstream.url)
            assert (out, bool(said), "Traceback" in said) == (b"", True, False)

    asyncio.run(go())


@pytest.mark.parametrize("end", ["", "\nopen('bad6','w')\n"], ids=["one line", "several"])
def test_nothing_recorded_is_obeyed_by_the_programs(tmp_path: Path, end: str) -> None:
    bad = "'; touch bad1; $(touch bad2) `touch bad3` {url} %s \"\"\";open('bad4','w')#\\" + end
    odd = {"x-a": "'; touch bad5 #", "@reproduce.sh": "v", "x b": "v", "x-c": "a\r\nx-d: e", "x-e": "[redacted]"}
    odd["x-f"] = "é"
    urls = {"chat": f"http://u:p@127.0.0.1:1/{bad}?k=1"}
    about = {"endpoint": {"name": bad, "provider": "generic", "base_urls": urls, "model": bad}}
    exchange = recorded(path=f"/v1/chat/completions?{bad}", request_headers=odd, error=ExchangeFailure("failed", bad))
    made = a_run(tmp_path, [exchange], finding(detail=bad), **about)
    folder = unpacked(bundle(made, only(made)), tmp_path / "x")

    async def go() -> list[dict[str, Any]]:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 200, b"{}")

        async with serve(answer) as upstream:
            for program in ("sh", "py"):
                await again(folder, program)
                await again(folder, program, ENDPOINT_URL=upstream.url)
        return upstream.requests

    for request in asyncio.run(go()):
        assert request["headers"]["x-a"] == odd["x-a"]
        assert not {"x-c", "x-d", "x-e", "x-f", "x b", "@reproduce.sh"} & set(request["headers"])
    program = ast.parse((folder / "reproduce.py").read_text())
    values = {node.targets[0].id: node.value for node in program.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    assert ast.literal_eval(values["PATH"]) == f"/chat/completions?{bad}"
    assert set(ast.literal_eval(values["HEADERS"])) == {"x-a", "accept-encoding"}
    for option in ("@reproduce", "x b", "x-c", "x-f"):
        assert option not in (folder / "reproduce.sh").read_text()
    assert not list(folder.glob("bad*"))
    assert "u:p" not in (folder / "README.md").read_text()


def test_a_key_goes_where_the_endpoint_takes_it_and_to_where_preflight_found_it(tmp_path: Path) -> None:
    gate = {
        "name": "gate",
        "base_urls": {"chat": "https://e.example"},
        "auth": "none",
        "headers": {"x-gate-key": "env:GATE", "x-team": "search"},
    }
    found = {"base_urls": {"chat": "https://e.example/v1"}}
    exchange = recorded(request_headers={"x-note": "it was gate-0123456789"})
    made = a_run(tmp_path, [exchange], finding(), endpoint=gate, preflight=found)
    folder = unpacked(bundle(made, only(made), {"GATE": "gate-0123456789"}), tmp_path / "x")
    assert "https://e.example/v1" in (folder / "reproduce.sh").read_text()
    assert not any(b"gate-0123456789" in file.read_bytes() for file in folder.iterdir())

    async def go() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 200, b"{}")

        async with serve(answer) as upstream:
            for program in ("sh", "py"):
                await again(folder, program, ENDPOINT_URL=f"{upstream.url}/v1", ENDPOINT_KEY=KEY)
        for request in upstream.requests:
            assert request["headers"]["x-gate-key"] == KEY
            assert request["headers"]["x-team"] == "search"
            assert "authorization" not in request["headers"]

    asyncio.run(go())


def test_without_a_base_url_the_programs_ask_for_one(tmp_path: Path) -> None:
    made = a_run(tmp_path, [recorded()], finding(), endpoint={"name": "oracle", "base_urls": {}})
    folder = unpacked(bundle(made, only(made)), tmp_path / "x")
    for program in ("sh", "py"):
        out, said = asyncio.run(again(folder, program, ENDPOINT_KEY="k"))
        assert not out
        assert "ENDPOINT_URL" in said
        assert len(said.splitlines()) == 1


def test_the_shell_program_is_clean(tmp_path: Path) -> None:
    for number, base in enumerate(["https://e.example/v1", "", "https://e.example/it's"]):
        about = {"endpoint": {"base_urls": {"chat": base} if base else {}}}
        made = a_run(tmp_path / str(number), [recorded(path="/v1/chat/completions?a b")], finding(), **about)
        folder = unpacked(bundle(made, only(made)), tmp_path / f"x{number}")
        assert subprocess.run(["sh", "-n", "reproduce.sh"], cwd=folder, check=False).returncode == 0
        if shutil.which("shellcheck"):
            assert subprocess.run(["shellcheck", "reproduce.sh"], cwd=folder, check=False).returncode == 0
        assert os.access(folder / "reproduce.sh", os.R_OK)


def test_a_question_without_a_body_is_asked_without_one(tmp_path: Path) -> None:
    async def go() -> None:
        async def answer(request: dict[str, Any], send: Any) -> None:
            await reply(send, 200, b'{"data": []}')

        nothing = {"kind": "models", "method": "GET", "path": "/v1/models", "request_body": b""}
        made = a_run(tmp_path, [recorded(agent_api=None, endpoint_api=None, **nothing)], finding())
        folder = unpacked(bundle(made, only(made)), tmp_path / "x")
        assert not (folder / "request.json").exists()
        async with serve(answer) as upstream:
            for program in ("sh", "py"):
                assert (await again(folder, program, ENDPOINT_URL=f"{upstream.url}/v1"))[0] == b'{"data": []}'
        assert {(r["method"], r["path"], r["body"]) for r in upstream.requests} == {("GET", "/v1/models", b"")}

    asyncio.run(go())


@pytest.mark.parametrize(
    ("query", "path"),
    [("api-version=2024-10-21", "/chat/completions?api-version=2024-10-21"), ("sig=abc", "/chat/completions")],
)
def test_the_query_of_the_base_url_is_sent_too(query: str, path: str) -> None:
    request = sent(recorded(), EndpointRecord(base_urls={"chat": f"http://a.example/v1?{query}"}))
    assert (request.base_url, request.path) == ("http://a.example/v1", path)
