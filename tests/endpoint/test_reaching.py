"""Endpoints as people run them: servers of ours that let a request in only as the user's file says to send it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.support.certificates import Authority
from tests.support.commands import only_run, run, suites
from tests.support.conditions import Conditions
from tests.support.upstream import reply, serve
from toolworthy import content
from toolworthy.base.asgi import App
from toolworthy.base.errors import ToolworthyError
from toolworthy.endpoint import connection
from toolworthy.endpoint.connection import MinuteLimit
from toolworthy.endpoint.preflight import preflight
from toolworthy.endpoint.target import Endpoint, resolve
from toolworthy.records.exchanges import read_all
from toolworthy.work.run.embedded import standing

pytestmark = pytest.mark.process

KEY = "open-sesame-0123456789"
PASSWORD = "hunter2-and-more"
Asked = Mapping[str, Any]


def guarded(why_not: Callable[[Asked], str]) -> tuple[Callable[[Asked, Any], Any], list[str]]:
    """An answering server: the oracle's, for requests of which `why_not` says ""; and what it says of all others."""
    oracle, refused = standing([]), list[str]()

    async def answer(request: Asked, send: Any) -> None:
        if why := why_not(request):
            refused.append(f"{why}: {request['path']}")
            await reply(send, 401, json.dumps({"error": {"message": why}}).encode())
            return
        path = re.sub(r"^/team-7(?=/)", "", request["path"])
        await oracle.app({**_scope(request), "path": path}, _receive(request), send)

    return answer, refused


def header(name: str, value: str) -> Callable[[Asked], str]:
    return lambda request: "" if request["headers"].get(name) == value else f"{name} is wrong"


def parameter(name: str, value: str) -> Callable[[Asked], str]:
    return lambda request: "" if (name, value) in parse_qsl(request["query"]) else f"{name} is missing"


def field(name: str, value: Any) -> Callable[[Asked], str]:
    """Of completion requests."""

    def why(request: Asked) -> str:
        body = json.loads(request["body"] or b"{}")
        return "" if request["method"] == "GET" or body.get(name) == value else f"{name} is {body.get(name)!r}"

    return why


def all_of(*parts: Callable[[Asked], str]) -> Callable[[Asked], str]:
    return lambda request: next(filter(None, (part(request) for part in parts)), "")


BASIC = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()
FORMS: dict[str, tuple[str, Callable[[Asked], str]]] = {
    "Azure's query and header": (
        'auth = "api-key"\nkey_env = "MY_KEY"\nquery = { api-version = "2024-10-21" }',
        all_of(header("api-key", KEY), parameter("api-version", "2024-10-21")),
    ),
    "a token from a variable in a header of its own": (
        'auth = "none"\nheaders = { cf-aig-authorization = "env:MY_TOKEN", x-team = "search" }',
        all_of(header("cf-aig-authorization", f"Bearer {KEY}"), header("x-team", "search")),
    ),
    "key of a command": ('key_command = ["printenv", "MY_KEY"]', header("authorization", f"Bearer {KEY}")),
    "basic authentication": ('auth = "basic"\nkey_env = "MY_LOGIN"', header("authorization", BASIC)),
    "a header of the user's own name": (
        'auth = "Ocp-Apim-Subscription-Key"\nkey_env = "MY_KEY"',
        header("ocp-apim-subscription-key", KEY),
    ),
    "provider routing": (
        'key_env = "MY_KEY"\n[endpoints.it.extra_body.chat]\nprovider = { require_parameters = true }',
        all_of(header("authorization", f"Bearer {KEY}"), field("provider", {"require_parameters": True})),
    ),
    "a path before the API": ("", lambda request: "" if request["path"].startswith("/team-7/") else "no such path"),
}
ENVIRON = {"MY_KEY": KEY, "MY_TOKEN": f"Bearer {KEY}", "MY_LOGIN": f"me:{PASSWORD}"}


@pytest.mark.parametrize("form", FORMS)
def test_a_request_gets_in_as_the_file_says(form: str, tmp_path: Path) -> None:
    settings, why_not = FORMS[form]
    answer, refused = guarded(why_not)

    async def go() -> Any:
        async with serve(answer) as upstream:
            path = "/team-7/v1" if "path" in form else "/v1"
            text = f'[endpoints.it]\nmodel = "oracle"\nurl = "{upstream.url}{path}"\n{settings}\n'
            (tmp_path / "toolworthy.toml").write_text(text)
            options = ("--endpoint", "it", "--wire", "chat", "-k", "one_call or error_bad_key", "--tier", "quick")
            return await asyncio.to_thread(suites, *options, cwd=tmp_path, suite="wire", env=ENVIRON)

    done = asyncio.run(go())
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert [why for why in refused if why.endswith(("/chat/completions", "/v1/models"))] == []
    exchanges = [one for path in only_run(tmp_path).rglob("*.zst") for one in read_all(path)]
    assert {one.upstream_body is not None for one in exchanges if one.kind == "completion"} == {
        form == "provider routing"
    }
    assert not any(one.translated for one in exchanges)
    held = [one.body + one.request_body + (one.upstream_body or b"") for one in exchanges]
    held += [path.read_bytes() for path in only_run(tmp_path).rglob("*") if path.is_file() and path.suffix != ".zst"]
    for data in held:
        assert KEY.encode() not in data
        assert PASSWORD.encode() not in data
        assert BASIC.encode() not in data


def test_without_its_settings_each_of_these_servers_lets_nothing_in(tmp_path: Path) -> None:
    """Else the test above would pass on any server."""
    for form, (_, why_not) in FORMS.items():
        answer, refused = guarded(why_not)

        async def go(answer: Any = answer) -> None:
            async with serve(answer) as upstream:
                await preflight(resolve(f"{upstream.url}/v1", model="oracle", folder=tmp_path, environ={}), [])

        with pytest.raises(ToolworthyError):
            asyncio.run(go())
        assert refused, form


DOCUMENTED: dict[str, tuple[str, Callable[[Asked], str]]] = {
    "azure": ("/openai/v1", header("api-key", KEY)),
    "azure-classic": (
        "/openai/deployments/my-deployment",
        all_of(header("api-key", KEY), parameter("api-version", "2024-10-21")),
    ),
    "openrouter": (
        "/api/v1",
        all_of(
            header("authorization", f"Bearer {KEY}"),
            field("provider", {"require_parameters": True, "allow_fallbacks": False}),
        ),
    ),
    "gate": ("/v1", all_of(header("x-gateway-api-key", KEY), header("x-team", "search"))),
    "cluster": (
        "/team-7/v1",
        all_of(header("authorization", f"Bearer {KEY}"), field("chat_template_kwargs", {"enable_thinking": False})),
    ),
    "vertex": (
        "/v1/projects/my-project/locations/us-central1/endpoints/openapi",
        header("authorization", f"Bearer {KEY}"),
    ),
    "bedrock": ("/openai/v1", header("authorization", f"Bearer {KEY}")),
}
"""What the vendors of the documented examples demand: the path before the route, and the rest."""


def documented() -> dict[str, str]:
    """The examples of docs/providers.md that name an endpoint, by that name."""
    text = (content.ROOT / "docs" / "providers.md").read_text()
    tables = re.finditer(r"\[endpoints\.([\w-]+)\]\n.*?(?=\n\[endpoints\.[\w-]+\]\n|\n```)", text, re.DOTALL)
    return {table[1]: table[0] for table in tables}


def test_each_documented_vendor_is_tried() -> None:
    assert set(documented()) == {*DOCUMENTED, "staging"}  # the last is of another section


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documented_example_is_let_in(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gcloud = tmp_path / "gcloud"
    gcloud.write_text(f"#!/bin/sh\necho {KEY}\n")
    gcloud.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    path, why_not = DOCUMENTED[name]
    Authority(tmp_path).file.rename(tmp_path / "company-ca.pem")
    oracle, accepted = standing([]), list[str]()

    async def answer(request: Asked, send: Any) -> None:
        """A vendor that has Chat Completions alone, and no list of models."""
        if request["path"] != f"{path}/chat/completions" or why_not(request):
            await reply(send, 404, b'{"error": {"message": "not here"}}')
        else:
            accepted.append(request["path"])
            body = json.dumps({**json.loads(request["body"]), "model": "oracle"}).encode()
            scope = {**_scope(request), "path": "/v1/chat/completions"}
            await oracle.app(scope, _receive({**request, "body": body}), send)

    async def go() -> list[str]:
        async with serve(answer) as upstream:
            text = re.sub(r"https://[^/\"]+", upstream.url, documented()[name])
            (tmp_path / "toolworthy.toml").write_text(text)
            variables = re.findall(r'key_env = "(\w+)"|env:(\w+)', text)
            environ = {next(filter(None, variable)): KEY for variable in variables}
            endpoint = resolve(name, folder=tmp_path, environ=environ)
            return await _looked(endpoint)

    assert asyncio.run(go()) == ["chat"]
    assert accepted


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("exit 3", "ended with exit code 3. Run it in a terminal to see why."),
        ("exit 0", "printed is empty. It must print the key alone."),
        ("echo sk-secret-1; echo sk-secret-2", "printed has a line break in it. It must print the key alone."),
        ("echo sk-secret-1 sk-secret-2", "has a blank or a control character in it"),
        ("echo sk-secret-1 >&2; kill -9 $$", "ended with exit code -9"),
    ],
)
def test_a_command_without_a_key_is_told_in_one_line(tmp_path: Path, command: str, says: str) -> None:
    (tmp_path / "key.sh").write_text(f"#!/bin/sh\n{command}\n")
    (tmp_path / "key.sh").chmod(0o755)
    (tmp_path / "toolworthy.toml").write_text(
        '[endpoints.it]\nmodel = "m"\nurl = "http://localhost:9/v1"\nkey_command = ["./key.sh"]\n'
    )
    with pytest.raises(ToolworthyError) as caught:
        resolve("it", folder=tmp_path, environ={})
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_command_runs_once_and_not_where_a_variable_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.sh").write_text(f"#!/bin/sh\necho . >> {tmp_path}/runs\necho {KEY}\n")
    (tmp_path / "key.sh").chmod(0o755)
    (tmp_path / "toolworthy.toml").write_text(
        '[endpoints.it]\nmodel = "m"\nurl = "http://localhost:9/v1"\nkey_command = ["./key.sh"]\n'
    )
    assert resolve("it", folder=tmp_path, key_env="MINE", environ={"MINE": "other"}).key == "other"
    assert not (tmp_path / "runs").exists()
    one, two = (resolve("it", folder=tmp_path, environ={}) for _ in range(2))
    assert one.key == two.key == KEY
    assert KEY in one.secrets
    assert KEY not in repr(one) + one.public().model_dump_json()
    assert (tmp_path / "runs").read_text() == ".\n"


@pytest.mark.parametrize("given", ["[]", '[""]', '["echo", "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"]'])
def test_what_is_no_command_is_refused(tmp_path: Path, given: str) -> None:
    (tmp_path / "toolworthy.toml").write_text(f'[endpoints.it]\nurl = "http://localhost:9/v1"\nkey_command = {given}\n')
    with pytest.raises(ToolworthyError, match="key_command") as caught:
        resolve("it", model="m", folder=tmp_path, environ={})
    assert "abcdef" not in str(caught.value)


# ---- doors: what stands before the socket ----------------------------------------------------------------------------


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()


def tunnel(port: int, first: Callable[[bytes], bytes | None] = lambda head: head) -> Callable[[Any, Any], Any]:
    """A connection is passed on to `port`, its first head as `first` makes it; None refuses it."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = first(await reader.readuntil(b"\r\n\r\n"))
        except (asyncio.IncompleteReadError, ConnectionError):
            head = None
        if head is None:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        inner_writer.write(head)
        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    return connected


@contextlib.asynccontextmanager
async def before(port: int, **how: Any) -> AsyncIterator[int]:
    """A door before `port`; its own port."""
    first = how.pop("first", lambda head: head)
    server = await asyncio.start_server(tunnel(port, first), "127.0.0.1", 0, **how)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _looked(endpoint: Endpoint) -> list[str]:
    """The wire APIs that preflight finds there."""
    return [*(await preflight(endpoint, [])).endpoint.base_urls]


def configured(folder: Path, url: str, settings: str, **environ: str) -> Endpoint:
    (folder / "toolworthy.toml").write_text(f'[endpoints.it]\nmodel = "oracle"\nurl = "{url}"\n{settings}\n')
    return resolve("it", folder=folder, environ=environ)


def test_a_client_certificate_opens_a_server_of_ones_own_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.file))
    context.load_cert_chain(*authority.issue("server"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue("client")
    shown = 'client_cert = "client.pem"\nclient_key = "client.key"'

    async def go() -> None:
        async with standing([]) as oracle, before(int(oracle.url.rpartition(":")[2]), ssl=context) as port:
            url = f"https://127.0.0.1:{port}/v1"
            found = await _looked(configured(tmp_path, url, f'ca_file = "authority.pem"\n{shown}'))
            assert "chat" in found
            with pytest.raises(ToolworthyError, match="Name the file of its authority as ca_file"):
                await _looked(configured(tmp_path, url, shown))
            with pytest.raises(ToolworthyError):
                await _looked(configured(tmp_path, url, 'ca_file = "authority.pem"'))
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
            assert "chat" in await _looked(configured(tmp_path, url, shown))

    asyncio.run(go())


@pytest.mark.parametrize("name", ["ca_file", "client_cert"])
def test_a_file_that_is_no_certificate_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for path, says in (("empty.pem", "is not a usable PEM certificate"), ("nowhere.pem", "No such file")):
        with pytest.raises(ToolworthyError, match=says) as caught:
            configured(tmp_path, "https://llm.example/v1", f'{name} = "{path}"')
        assert "\n" not in str(caught.value)
        assert path in str(caught.value)


def test_a_proxy_with_a_password_is_asked(tmp_path: Path) -> None:
    told: list[bytes] = []

    def first(head: bytes) -> bytes | None:
        told.append(head)
        word = b"Basic " + base64.b64encode(f"me:{PASSWORD}".encode())
        return re.sub(rb"^(\w+) http://[^/]+", rb"\1 ", head) if word in head else None

    async def go() -> None:
        async with standing([]) as oracle, before(int(oracle.url.rpartition(":")[2]), first=first) as port:
            endpoint = configured(
                tmp_path,
                f"{oracle.url}/v1",
                'proxy = "env:MY_PROXY"',
                MY_PROXY=f"http://me:{PASSWORD}@127.0.0.1:{port}",
            )
            assert PASSWORD not in repr(endpoint)
            assert PASSWORD in endpoint.secrets
            assert "chat" in await _looked(endpoint)
            assert told[0].startswith(b"GET http://127.0.0.1") or told[0].startswith(b"POST http://127.0.0.1")
            with pytest.raises(ToolworthyError, match="407"):
                await _looked(configured(tmp_path, f"{oracle.url}/v1", f'proxy = "http://127.0.0.1:{port}"'))

    asyncio.run(go())


def test_a_unix_socket_is_asked(tmp_path: Path) -> None:
    async def go() -> None:
        async with standing([]) as oracle:
            connected = tunnel(int(oracle.url.rpartition(":")[2]))
            async with await asyncio.start_unix_server(connected, tmp_path / "llm.sock"):
                found = await _looked(configured(tmp_path, "http://localhost/v1", 'unix_socket = "llm.sock"'))
                assert "chat" in found

    asyncio.run(go())


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_no_minute_has_more_requests_than_it_may() -> None:
    now = 0.0
    limit = MinuteLimit(10, clock=lambda: now)
    begun = []
    for number in range(35):
        now = number * 0.5
        begun.append(now + limit.reserve())
    assert begun[:10] == [number * 0.5 for number in range(10)]
    assert all(later - sooner >= 60 for sooner, later in zip(begun, begun[10:], strict=False))


def test_an_endpoint_with_limits_never_refuses_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its minute lasts two seconds here."""
    monkeypatch.setattr(connection, "_MINUTE", 2.0)
    begun: list[float] = []

    async def go() -> Conditions:
        inner: App = standing([]).app
        conditions = Conditions(inner, at_once=2, delay=0.05)

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            begun.append(asyncio.get_running_loop().time())
            await conditions(scope, receive, send)

        async with serve(lambda request, send: counted(_scope(request), _receive(request), send)) as upstream:
            endpoint = configured(
                tmp_path, f"{upstream.url}/v1", "concurrency = 2\nrequests_per_minute = 5\n", MY_KEY=KEY
            )
            for _ in range(3):
                await _looked(endpoint)
        return conditions

    conditions = asyncio.run(go())
    assert conditions.asked >= 6
    assert conditions.refused == 0
    spans = [later - sooner for sooner, later in zip(begun, begun[5:], strict=False)]
    assert spans
    assert min(spans) > 1  # a busy machine receives some late; without a limit, it would be 0.15 s


def _scope(request: Asked) -> dict[str, Any]:
    headers = [(name.encode(), value.encode()) for name, value in request["headers"].items()]
    return {"method": request["method"], "path": request["path"], "query_string": b"", "headers": headers}


def _receive(request: Asked) -> Any:
    async def receive() -> dict[str, Any]:
        return {"body": request["body"], "more_body": False}

    return receive


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (f'query = {{ key = "{KEY}" }}', "a URL must not hold a key"),
        (f'proxy = "http://me:{PASSWORD}@proxy:3128"', '"env:VARIABLE" if it has a password'),
        (
            '[endpoints.it.extra_body.chat]\nmetadata = { user = "sk-0123456789abcdef0123" }',
            "a file must not hold a key",
        ),
        ('auth = "my header"', "auth"),
        ("concurrency = 0", "concurrency"),
        ("timeout = 0", "timeout"),
        ("[endpoints.it.extra_body.tchat]\nn = 1", "tchat"),
    ],
)
def test_a_mistake_in_these_is_one_line_without_the_secret(settings: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ToolworthyError) as caught:
        configured(tmp_path, "https://llm.example/v1", settings)
    said = str(caught.value)
    assert says in said
    assert "\n" not in said
    assert KEY not in said
    assert PASSWORD not in said


def test_a_password_in_the_url_is_told_how_to_be_given(tmp_path: Path) -> None:
    done = run("toolworthy", "doctor", "--endpoint", f"http://me:{PASSWORD}@127.0.0.1:9/v1", cwd=tmp_path)
    assert done.returncode == 4
    assert 'auth = "basic"' in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
