"""Google's own client reads what the reference server and the gateway say in Gemini's API, and is read by them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import errors, types

from tests.support.replaying import replayed
from tests.support.upstream import endpoint
from toolworthy import rules, wire
from toolworthy.content import adapters
from toolworthy.gateway import Gateway, serve_trial
from toolworthy.records.exchange import Exchange
from toolworthy.reference import Oracle
from toolworthy.reference.defects import defect
from toolworthy.wire.ir import APIS, Api, Dialect, Message, Request, Text, Thinking, Tool, ToolCall
from toolworthy.work.probes.material import orders

pytestmark = pytest.mark.process

READ = ("read_file", {"path": "src/a.py"})
LIST: tuple[str, dict[str, Any]] = ("list_files", {})
READS = types.Schema(
    type=types.Type.OBJECT, properties={"path": types.Schema(type=types.Type.STRING)}, required=["path"]
)
TOOLS = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name="read_file", description="Read a file.", parameters=READS),
        types.FunctionDeclaration(name="list_files", description="List the files."),
    ]
)
FILES = Tool("read_file", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
THINK = types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.HIGH)
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)

Asking = Callable[[genai.Client, str], Awaitable[None]]


@contextlib.asynccontextmanager
async def client(url: str) -> AsyncIterator[genai.Client]:
    made = genai.Client(api_key="none", http_options=types.HttpOptions(base_url=url))
    try:
        yield made
    finally:
        await made.aio.aclose()
        made.close()


async def through(api: Api | None, asking: Asking, *defects: str) -> list[Exchange]:
    """Ask the reference server itself, or through a gateway that speaks `api` to it; what the gateway recorded."""
    async with Oracle((), adapters.agents(), defects=[defect(name) for name in defects]) as oracle:
        if api is None:
            async with client(oracle.url) as direct:
                await asking(direct, "oracle")
            return []
        where = replace(endpoint(oracle.url, *APIS, model="oracle"), forced_api=api)
        where = where.speaking(Dialect(thinking_switch="thinking+effort"))
        async with Gateway(where, lambda _: None) as gateway:
            listener = socket.create_server(("127.0.0.1", 0))
            async with serve_trial(gateway, "t", listener) as session, client(session.base_url) as translated:
                await asking(translated, "oracle")
            return session.exchanges


async def told(google: genai.Client, model: str, contents: Any, *, stream: bool, **config: Any) -> list[types.Part]:
    """The parts of an answer, streamed or whole."""
    asked: Any = {"model": model, "contents": contents, "config": types.GenerateContentConfig(**config)}
    if stream:
        chunks = [chunk async for chunk in await google.aio.models.generate_content_stream(**asked)]
    else:
        chunks = [await google.aio.models.generate_content(**asked)]
    last = chunks[-1]
    assert last.candidates
    assert last.candidates[0].finish_reason == types.FinishReason.STOP
    assert last.usage_metadata
    assert last.usage_metadata.prompt_token_count
    return [part for chunk in chunks for candidate in chunk.candidates or () for part in _parts(candidate)]


def _parts(candidate: types.Candidate) -> list[types.Part]:
    return (candidate.content.parts or []) if candidate.content else []


def calls(parts: list[types.Part]) -> list[types.FunctionCall]:
    return [part.function_call for part in parts if part.function_call]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api", [None, *APIS])
def test_text(api: Api | None, stream: bool) -> None:
    async def asking(google: genai.Client, model: str) -> None:
        parts = await told(google, model, "Reply with exactly: naïve 你好 🎉", stream=stream)
        assert "".join(part.text or "" for part in parts) == "naïve 你好 🎉"

    for exchange in asyncio.run(through(api, asking)):
        assert (exchange.agent_api, exchange.endpoint_api, exchange.translated) == ("gemini", api, api != "gemini")
        assert exchange.request
        assert (exchange.request.model, exchange.request.stream) == ("oracle", stream)
        assert not rules.check([exchange])


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api", [None, *APIS])
def test_parallel_calls_and_their_results(api: Api | None, stream: bool) -> None:
    """With thinking: what was thought goes back with the calls, signatures too."""

    async def asking(google: genai.Client, model: str) -> None:
        order = types.Content(role="user", parts=[types.Part(text=orders([READ, LIST]))])
        config: Any = {"tools": [TOOLS], "thinking_config": THINK, "automatic_function_calling": BY_HAND}
        parts = await told(google, model, [order], stream=stream, **config)
        made = calls(parts)
        assert [(call.name, call.args) for call in made] == [READ, LIST]
        results = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "x"}))
            for call in made
        ]
        history = [order, types.Content(role="model", parts=parts), types.Content(role="user", parts=results)]
        parts = await told(google, model, history, stream=stream, **config)
        assert "".join(part.text or "" for part in parts if not part.thought) == "done"

    exchanges = asyncio.run(through(api, asking))
    for exchange in exchanges:
        assert not rules.check([exchange])
    if api is None:
        return
    first, second = exchanges
    assert first.response
    assert second.request
    thoughts = [part for part in first.response.parts if isinstance(part, Thinking)]
    back = [part for message in second.request.messages for part in message.parts if isinstance(part, Thinking)]
    assert [(part.form, part.signature) for part in back] == [(part.form, part.signature) for part in thoughts]
    assert thoughts


@pytest.mark.parametrize("api", [None, *APIS])
def test_the_clients_own_tool_loop(api: Api | None) -> None:
    """It makes the schema from a function, runs the function, and sends the result without an id."""
    read: list[str] = []

    def read_file(path: str) -> str:
        """Read a file."""
        read.append(path)
        return "x = 1"

    async def asking(google: genai.Client, model: str) -> None:
        config = types.GenerateContentConfig(tools=[read_file], thinking_config=THINK)
        answer = await google.aio.chats.create(model=model, config=config).send_message(orders([READ]))
        assert answer.text == "done"

    for exchange in asyncio.run(through(api, asking)):
        assert not rules.check([exchange])
    assert read == ["src/a.py"]


@pytest.mark.parametrize("mode", ["ANY", "NONE", "AUTO", "VALIDATED"])
def test_modes(mode: str) -> None:
    async def asking(google: genai.Client, model: str) -> None:
        calling = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode(mode))
        parts = await told(
            google,
            model,
            "Reply with exactly: hello",
            stream=False,
            tools=[TOOLS],
            tool_config=types.ToolConfig(function_calling_config=calling),
            automatic_function_calling=BY_HAND,
        )
        assert bool(calls(parts)) == (mode == "ANY")

    asyncio.run(through(None, asking))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("api", [None, *APIS])
def test_errors(api: Api | None, stream: bool) -> None:
    async def asking(google: genai.Client, model: str) -> None:
        with pytest.raises(errors.ClientError) as caught:
            await told(google, "gemini-9", "Hello.", stream=stream)
        assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
        assert "'gemini-9' does not exist" in str(caught.value.message)

    asyncio.run(through(api, asking))


def test_an_error_inside_a_stream() -> None:
    async def asking(google: genai.Client, model: str) -> None:
        with pytest.raises(errors.ServerError) as caught:
            await told(google, model, "Reply with exactly: " + "word " * 40, stream=True)
        assert caught.value.code >= 500

    asyncio.run(through("chat", asking, "error-frame-inside-200-stream"))


@pytest.mark.parametrize("api", [None, "gemini", "chat"])
def test_models_and_tokens(api: Api | None) -> None:
    async def asking(google: genai.Client, model: str) -> None:
        listed = [one.name async for one in await google.aio.models.list(config={"query_base": True})]
        assert listed == [f"models/{model}"]
        counted = await google.aio.models.count_tokens(model=model, contents="word " * 400)
        assert 200 < (counted.total_tokens or 0) < 2_000

    asyncio.run(through(api, asking))


@pytest.mark.parametrize("api", APIS)
def test_what_an_agent_of_any_api_asks_a_gemini_endpoint(api: Api) -> None:
    """A call and its result: the signature that the endpoint gave comes back to it."""

    async def ask() -> list[Exchange]:
        async with Oracle((), adapters.agents()) as oracle:
            where = endpoint(oracle.url, "gemini", model="oracle")
            async with (
                Gateway(where, lambda _: None) as gateway,
                serve_trial(gateway, "t", socket.create_server(("127.0.0.1", 0))) as session,
                httpx.AsyncClient(base_url=session.base_url) as agent,
            ):

                async def said(body: dict[str, Any]) -> Any:
                    path, sent = wire.api(api).sent({**body, "model": "oracle"})
                    answer = await agent.post(path, json=dict(sent))
                    assert answer.status_code == 200, answer.text
                    return answer.json()

                request = Request("oracle", (Message("user", (Text(orders([READ])),)),), (FILES,))
                first = wire.api(api).render_request(request).body
                second = replayed(api, await said(first))
                name = wire.api(api).conversation
                answer = await said({**first, name: [*first[name], *second[name][1:]]})
                assert wire.api(api).parse_response(answer).text == "done"
            return session.exchanges

    first, second = asyncio.run(ask())
    assert first.response
    mark, call = (part for part in first.response.parts if not isinstance(part, Text))
    assert isinstance(mark, Thinking)
    assert isinstance(call, ToolCall)
    assert (mark.id, bool(mark.signature)) == (call.id, True)
    assert (mark.signature or "").encode() in (second.upstream_body or second.request_body)
    assert not rules.check([first, second])
