"""No key gets into a run directory, whatever an endpoint does with it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import only_run, run
from tests.support.examples import recorded
from tests.support.hostile import CANARY, PACKED, PLACES, TEXTS, Hostile, hostile, leaks, ways
from toolworthy.base import packing
from toolworthy.base.redact import Redactor
from toolworthy.endpoint.target import resolve
from toolworthy.gateway import Gateway, ask
from toolworthy.records.exchange import Chunk
from toolworthy.records.exchanges import ExchangeWriter, read_all
from toolworthy.records.sanitized import cleaned

REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
    "messages": ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}),
    "responses": ("/v1/responses", {"input": "hi"}),
}
TOOL = {"type": "object", "properties": {"command": {"type": "string"}}}
TOOLS: dict[str, Any] = {
    "chat": {"type": "function", "function": {"name": "bash", "parameters": TOOL}},
    "messages": {"name": "bash", "input_schema": TOOL},
    "responses": {"type": "function", "name": "bash", "parameters": TOOL},
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_search_finds_every_disguise(name: str) -> None:
    said = f"before {TEXTS[name](CANARY)} after"
    assert ways(said.encode())
    assert ways(json.dumps({"a": said}).encode())
    for _, pack in list(PACKED.values())[:-1]:
        assert ways(pack(said.encode()))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("key", [CANARY, "hunter2-hunter2", "k3y/with\"quote+and=more's&<"])
def test_every_disguise_is_taken_out_of_a_text(name: str, key: str) -> None:
    redactor = Redactor([key])
    for said in (f"before {TEXTS[name](key)} after", json.dumps({"a": f"before {TEXTS[name](key)} after"})):
        clean = redactor.text(said)
        assert "[redacted]" in clean
        assert clean.count("before ") == clean.count("after") == 1
        assert not ways(clean.encode(), key)
        assert not redactor.holds(clean.encode())
        assert "".join(redactor.parts(said)) == clean


async def _ask(folder: Path, requests: Iterable[tuple[str, bytes, dict[str, str]]]) -> Hostile:
    """Send requests through the gateway; the exchanges are written into `folder`."""
    async with hostile() as endpoint:
        tested = resolve(endpoint.url, model="m", environ={"TOOLWORTHY_API_KEY": CANARY})
        with closing(ExchangeWriter(folder / "x.jsonl.zst")) as writer:
            async with Gateway(tested, writer.append) as gateway:
                session = gateway.direct("t")
                for path, body, headers in requests:
                    await ask(session, path, body, 5, headers)
    return endpoint


@pytest.mark.process
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("api", REQUESTS)
def test_no_exchange_holds_it(tmp_path: Path, api: str, stream: bool) -> None:
    path, body = REQUESTS[api]
    asked = json.dumps({"model": "m", "stream": stream, "tools": [TOOLS[api]], **body}).encode()
    endpoint = asyncio.run(_ask(tmp_path, [(path, asked, {}) for _ in PLACES]))
    assert set(endpoint.seen) == set(PLACES)
    exchanges = read_all(tmp_path / "x.jsonl.zst")
    assert {exchange.status for exchange in exchanges} == {200, 400, 500}
    for place, exchange in zip(PLACES, exchanges, strict=True):
        assert not ways(exchange.body), place
        assert not ways(json.dumps(dict(exchange.response_headers)).encode()), place
        said = repr(exchange.response).encode()
        assert not ways(said), place
        if place.startswith(("split", "text")) and stream:
            assert b"[redacted]" in said, place
            assert b"and so on." in said, place  # only the key is gone
    assert not leaks(tmp_path)


@pytest.mark.parametrize("whole", [True, False], ids=["one stream", "two at once"])
def test_a_stream_of_two_answers_at_once_is_clean(whole: bool) -> None:
    """Pieces of the key alternate with those of something else, within an event and from event to event."""
    events = []
    for at in range(0, len(CANARY), 2):
        ours = {"index": 0, "delta": {"content": CANARY[at : at + 2]}}
        other = {"index": 1, "delta": {"content": "no"}}
        events += [[ours, other]] if whole else [[ours], [other]]
    said = [json.dumps({"id": "c", "model": "m", "choices": choices}) for choices in events]
    body = "".join(f"data: {one}\n\n" for one in [*said, "[DONE]"]).encode()
    pieces = tuple(Chunk(0.1, body[at : at + 50]) for at in range(0, len(body), 50))
    headers = {"content-type": "text/event-stream"}
    exchange = recorded(response_headers=headers, chunks=pieces)
    assert exchange.response is not None
    assert exchange.response.text == CANARY
    clean = cleaned(exchange, Redactor([CANARY]))
    assert len(clean.chunks) == len(pieces)
    assert not ways(clean.body)
    assert not ways(repr(clean.response).encode())
    if not whole:
        assert clean.response is not None
        assert clean.response.text == "[redacted]"


def test_what_unpacks_to_more_than_can_be_looked_at_is_not_kept() -> None:
    bomb = gzip.compress(bytes(2 * packing.LIMIT) + CANARY.encode())
    exchange = recorded(
        response_headers={"content-encoding": "gzip"}, chunks=(Chunk(0.1, bomb[:9]), Chunk(0.2, bomb[9:]))
    )
    assert cleaned(exchange, Redactor([CANARY])).body == b"[redacted]"
    assert cleaned(exchange, Redactor(())).body == bomb


@pytest.mark.process
def test_a_request_that_holds_it_is_clean_too(tmp_path: Path) -> None:
    halves = [{"type": "text", "text": part} for part in (CANARY[:9], CANARY[9:])]
    cut = json.dumps({"model": "m", "messages": [{"role": "user", "content": halves}]}).encode()
    whole = json.dumps({"model": "m", "messages": [{"role": "user", "content": CANARY}]}).encode()
    path = "/v1/chat/completions"
    packed = [(path, pack(whole), {"content-encoding": coding}) for coding, pack in list(PACKED.values())[:-1]]
    asyncio.run(_ask(tmp_path, [(path, cut, {}), *packed, (f"{path}?q={CANARY}", b"{}", {"x-a": CANARY})]))
    assert len(read_all(tmp_path / "x.jsonl.zst")) == len(PACKED) + 1
    assert not leaks(tmp_path)


@pytest.mark.process
@pytest.mark.parametrize(
    "what",
    [
        ["wire", "-k", "test_plain_answer or test_one_call or test_session or models"],
        ["tools", "-k", "read"],
        ["tasks", "--task", "fix-failing-test", "--agent", "builtin", "--trials", "3"],
    ],
    ids=["wire", "tools", "tasks"],
)
def test_no_file_of_a_run_holds_it_nor_does_the_terminal(tmp_path: Path, what: list[str]) -> None:
    async def go() -> tuple[Any, Any]:
        good = tuple(place for place in PLACES if not place.startswith(("error", "packed", "name and id")))
        places = PLACES if what[0] != "tasks" else good
        async with hostile(places, turns=14) as endpoint:
            asked = [*what, "--endpoint", endpoint.url, "--model", "m", "--out", str(tmp_path / "reports")]
            asked += ["-rA", "--junitxml", str(tmp_path / "reports" / "pytest.xml"), "--concurrency", "2"]
            env = {"TOOLWORTHY_API_KEY": CANARY}
            done = await asyncio.to_thread(run, "toolworthy", "run", *asked, cwd=tmp_path, env=env, timeout=500)
            made = only_run(tmp_path)
            again = await asyncio.to_thread(run, "toolworthy", "report", str(made), cwd=tmp_path, env=env)
            found = await asyncio.to_thread(run, "toolworthy", "evidence", str(made), cwd=tmp_path, env=env)
            ids = [line.split()[0] for line in found.stdout.splitlines() if "@" in line][:3]
            for number, name in enumerate(ids):
                archive = str(made / f"evidence{number}.zip")
                await asyncio.to_thread(run, "toolworthy", "evidence", str(made), name, "-o", archive, cwd=tmp_path)
            return endpoint, [done, again, found]

    endpoint, outputs = asyncio.run(go())
    assert len(set(endpoint.seen)) > 25, outputs[0].stdout[-3000:]
    for done in outputs:
        assert not ways(done.stdout.encode())
        assert not ways(done.stderr.encode())
        assert "Traceback" not in done.stdout + done.stderr
    assert (only_run(tmp_path) / "report.html").is_file()
    assert not leaks(tmp_path / "reports")


@pytest.mark.process
@pytest.mark.parametrize("form", ["plain", "base64 at 1", "upper hex"])
@pytest.mark.parametrize("status", [400, 401])
def test_no_refusal_shows_a_part_of_it(tmp_path: Path, form: str, status: int) -> None:
    """What a server says is cut for a line; the key is taken out before."""

    async def go() -> Any:
        async with hostile((f"error {status}: {form}",)) as endpoint:
            asked = ["doctor", "--endpoint", endpoint.url, "--model", "m"]
            return await asyncio.to_thread(run, "toolworthy", *asked, cwd=tmp_path, env={"TOOLWORTHY_API_KEY": CANARY})

    done = asyncio.run(go())
    out = done.stdout + done.stderr
    assert "[redacted]" in out
    assert not ways(out.encode())
    assert CANARY[:6] not in out
    assert TEXTS[form](CANARY)[:12] not in out


def test_base64_shows_no_bit_beside_its_core() -> None:
    """The characters next to what is surely the key's tell of it too."""
    coded = base64.b64encode(b"ab" + CANARY.encode() + b"cd").decode()
    clean = Redactor([CANARY]).text(coded)
    assert len(clean.replace("[redacted]", "")) <= 6
