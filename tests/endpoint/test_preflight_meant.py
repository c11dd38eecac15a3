"""What the user meant by a base URL, a model's name and a key; and what ends in one line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run
from tests.support.small_server import Answering, asked, error, look, sound
from tests.support.upstream import endpoint, reply, serve
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters
from toolworthy.endpoint.preflight import Preflight, preflight
from toolworthy.endpoint.target import Endpoint, resolve

pytestmark = pytest.mark.process

_PAGE = b"<!doctype html><html><head><title>Tiny Router</title></head><body><div id=app></div></body></html>"


def _given(path: str, **more: Any) -> Callable[[str], Endpoint]:
    return lambda url: resolve(url + path, model="m", environ={}, **more)


async def _application(request: dict[str, Any], send: Any) -> None:
    """Everything outside ``/v1`` is a page of the server's own web application."""
    if request["path"].startswith("/v1/"):
        await sound(request, send)
    else:
        await reply(send, 200, _PAGE, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", ["", "/"])
def test_v1_is_added_where_only_web_pages_answer_and_said(path: str) -> None:
    found = asyncio.run(look(_application, "claude-code", "codex", "builtin", tested=_given(path)))
    assert list(found.endpoint.base_urls) == ["chat", "messages", "responses"]
    assert {url.removeprefix("http://127.0.0.1:")[5:] for url in found.endpoint.base_urls.values()} == {"/v1", ""}
    (told,) = found.record().readings
    assert "no API there (HTTP 200: a web page: Tiny Router); using http://127.0.0.1:" in told
    assert told.endswith("/v1")


@pytest.mark.parametrize("end", ["/chat/completions", "/messages", "/responses", "/", "/chat/completions/"])
def test_a_route_at_the_end_is_not_taken_for_the_base(end: str) -> None:
    found = asyncio.run(look(_application, tested=_given(f"/v1{end}")))
    assert found.endpoint.url("chat").endswith("/v1/chat/completions")
    assert found.endpoint.url("messages").endswith("/v1/messages")
    assert len(found.record().readings) == (end != "/")


@pytest.mark.parametrize("place", ["/api/v1", "/openai/v1", "/v1"])
def test_an_api_is_found_at_the_usual_places_of_its_host(place: str) -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["path"].startswith(f"{place}/"):
            await sound({**request, "path": "/v1" + request["path"].removeprefix(place)}, send)
        else:
            await reply(send, 200, _PAGE, "text/html")

    found = asyncio.run(look(answer, tested=_given("/console/keys")))
    assert list(found.endpoint.base_urls) == ["chat", "messages", "responses"]
    assert found.endpoint.url("responses").endswith(f"{place}/responses")


def test_an_address_that_hangs_up_is_asked_for_its_own_routes_only() -> None:
    asked_for: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked_for.append((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1])
        writer.transport.abort()

    async def look_at() -> None:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await preflight(resolve(f"http://127.0.0.1:{port}/v1", model="m", environ={}), [])

    with pytest.raises(ToolworthyError, match="does not answer in HTTP"):
        asyncio.run(look_at())
    own = {b"/v1/chat/completions", b"/v1/messages", b"/v1/responses"}
    assert set(asked_for) == own | {b"/v1beta/models/m:streamGenerateContent?alt=sse"}


def test_v1_is_left_out_where_the_api_is_at_the_root() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        moved = {"/chat/completions": "/v1/chat/completions"}.get(request["path"], "/nowhere")
        await sound({**request, "path": moved}, send)

    found = asyncio.run(look(answer, tested=_given("/v1")))
    assert list(found.endpoint.base_urls) == ["chat"]
    assert found.endpoint.url("chat").endswith("/chat/completions")
    assert "/v1" not in found.endpoint.base_urls["chat"]


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_a_web_page_is_never_an_answer(status: int) -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        await reply(send, status, _PAGE, "text/html")

    with pytest.raises(ToolworthyError, match="Tiny Router") as caught:
        asyncio.run(look(answer, tested=_given("/v1")))
    assert "\n" not in str(caught.value)


def _models(*names: str) -> Answering:
    """A server that lists these models, knows the last only, and says what routers of channels say of others."""

    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["path"] == "/v1/models":
            entries = [{"id": name, "created": 1.5, "pricing": {"prompt": 0.1799}} for name in names]
            await reply(send, 200, json.dumps({"data": entries}).encode())
        elif request["method"] == "POST" and asked(request)["model"] != names[-1]:
            said = f"No available channel for model {asked(request)['model']}"
            await reply(send, 503, error(said, code="model_not_found"))
        else:
            await sound(request, send)

    return answer


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        ("Big-Model-Pro", "big-model-pro"),
        ("owner/big-model-pro", "big-model-pro"),
        ("big-model-pro", "owner/Big-Model-Pro"),
        ("big-model-pro", "big-model-prp"),
    ],
)
def test_a_name_that_is_nearly_right_is_corrected_in_one_line(listed: str, wanted: str) -> None:
    requests: list[str] = []
    server = _models("other", listed)

    async def answer(request: dict[str, Any], send: Any) -> None:
        requests.append(request["path"])
        await server(request, send)

    with pytest.raises(ToolworthyError, match=f"has no model '{wanted}' .*; did you mean '{listed}'\\?") as caught:
        asyncio.run(look(answer, tested=lambda url: endpoint(url, model=wanted)))
    assert "No available channel" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(requests) <= 5


def test_a_model_that_is_refused_in_other_words_and_not_listed_is_unknown() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["method"] == "POST":
            await reply(send, 400, error("bad parameter"))
        else:
            await sound(request, send)

    with pytest.raises(
        ToolworthyError, match=r"has no model .nothing-like-it. .*bad parameter.*Give --model ID, one of m"
    ):
        asyncio.run(look(answer, tested=lambda url: endpoint(url, model="nothing-like-it")))


def test_a_model_that_answers_though_it_is_not_listed_is_taken_and_said() -> None:
    found = asyncio.run(look(sound, tested=lambda url: endpoint(url, model="alias")))
    assert not found.refused
    (told,) = found.record().readings
    assert told == "model list: alias is not listed but works; listed: m"


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (402, error("Insufficient Balance"), "no credit left .*Insufficient Balance"),
        (429, error("You have no quota left", code="insufficient_quota"), "no credit left .*no quota left"),
        (403, error("Your balance is negative"), "no credit left .*balance is negative"),
        (401, error("wrong key"), "refused the key in TOOLWORTHY_API_KEY.*wrong key.*headers"),
    ],
)
def test_an_account_or_key_of_no_use_is_one_line_in_the_servers_words(status: int, body: bytes, says: str) -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        await reply(send, status, body)

    with pytest.raises(ToolworthyError, match=says) as caught:
        asyncio.run(look(answer))
    assert "\n" not in str(caught.value)


def test_a_key_that_a_server_repeats_is_not_said() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        await reply(send, 401, error(f"bad key {request['headers'].get('authorization', '')}"))

    with pytest.raises(ToolworthyError) as caught:
        asyncio.run(look(answer))
    assert "sk-secret" not in str(caught.value)


def test_a_forced_api_that_is_not_there_is_one_line() -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        if "chat" in request["path"]:
            await reply(send, 404, error("no such route"))
        else:
            await sound(request, send)

    with pytest.raises(
        ToolworthyError, match=r"has no chat API \(HTTP 404: no such route .*one of messages, responses"
    ):
        asyncio.run(look(answer, tested=_given("/v1", wire="chat")))


def test_a_suite_ends_with_that_line_and_without_a_verdict(tmp_path: Path) -> None:
    async def answer(request: dict[str, Any], send: Any) -> None:
        await reply(send, 404, error("no such route"))

    async def go() -> Any:
        async with serve(answer) as upstream:
            argv = ("run", "wire", "--endpoint", f"{upstream.url}/v1", "--model", "m", "--wire", "chat")
            return await asyncio.to_thread(run, "toolworthy", *argv, cwd=tmp_path)

    done = asyncio.run(go())
    assert done.returncode == 4
    assert "speaks none of the wire APIs (HTTP 404: no such route" in done.stdout + done.stderr
    assert "= toolworthy =" not in done.stdout


async def _own_header(request: dict[str, Any], send: Any) -> None:
    """A gateway with a header of its own for its key, which takes no other."""
    headers = request["headers"]
    if headers.get("x-gate-key") != "gate-secret-1" or {"authorization", "x-api-key"} & headers.keys():
        await reply(send, 401, b'{"message":"no key for the gate"}')
    else:
        await sound(request, send)


def _configured(folder: Path, text: str) -> Callable[[str], Endpoint]:
    def made(url: str) -> Endpoint:
        (folder / "toolworthy.toml").write_text(f'[endpoints.gate]\nurl = "{url}/v1"\nmodel = "m"\n{text}\n')
        environ = {"GATE": "gate-secret-1", "TOOLWORTHY_API_KEY": "sk-other-0123456789"}
        return resolve("gate", folder=folder, environ=environ)

    return made


def test_a_key_in_a_header_of_the_gateways_own(tmp_path: Path) -> None:
    tested = _configured(tmp_path, 'auth = "none"\nheaders = { "X-Gate-Key" = "env:GATE" }')
    found = asyncio.run(look(_own_header, "claude-code", "codex", "builtin", tested=tested))
    assert list(found.endpoint.base_urls) == ["chat", "messages", "responses"]
    assert "gate-secret-1" not in repr(found) + str(found.endpoint.public())
    assert found.endpoint.secrets == ("gate-secret-1",)


def test_a_key_that_its_header_holds_wrongly_is_said_with_its_variable(tmp_path: Path) -> None:
    tested = _configured(tmp_path, 'headers = { "x-gate-key" = "env:GATE" }')
    with pytest.raises(
        ToolworthyError, match=r"refused the key in its header x-gate-key \(GATE\).*no key for the gate"
    ):
        asyncio.run(look(_own_header, tested=tested))


def test_the_doctor_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from toolworthy.cli.commands import doctor

    async def both() -> Preflight:
        async with serve(_application) as upstream:
            asyncio.get_running_loop()
            await asyncio.to_thread(doctor.run, upstream.url, model="m", key_env=None, wire=None)
            return await preflight(resolve(upstream.url, model="m"), adapters.agents())

    found = asyncio.run(both())
    told = capsys.readouterr().out
    for check in found.checks:
        assert f"{check.name}: {check.detail}" in told
    assert "\nnote base URL: http://127.0.0.1:" in told
