"""What the doctor finds at an endpoint, and what it says to set."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from tests.support.small_server import error, sound
from tests.support.upstream import endpoint, reply, serve
from toolworthy import content, wire
from toolworthy.agents._template import render
from toolworthy.agents.settings import DEFAULT_CONTEXT, MAX_OUTPUT, Setup, agent_url, settings
from toolworthy.content import adapters
from toolworthy.content.adapters import AgentAdapter
from toolworthy.endpoint.target import Endpoint, resolve
from toolworthy.output.terminal.doctor import lines
from toolworthy.public.server import ReferenceServer
from toolworthy.records.doctor import AgentReport, DoctorReport
from toolworthy.wire.ir import Api
from toolworthy.work.doctor import examine

AGENTS = adapters.agents()
THEIRS = [agent for agent in AGENTS if agent.run.interactive.command]
KEY = "sk-Zq7Kp2Wd9XcV4bN6mT1sRf8Yg3H"
FORMATS = {".json": json.loads, ".toml": tomllib.loads}


def examined(target: Endpoint, *names: str, **options: Any) -> DoctorReport:
    chosen = [adapters.agent(name) for name in names] or AGENTS
    return asyncio.run(examine(target, chosen, **options))


def oracle(*defects: str, agents: tuple[str, ...] = ("codex",), **options: Any) -> DoctorReport:
    with ReferenceServer(defects=defects) as server:
        return examined(resolve(server.base_url, model="oracle"), *agents, **options)


def only(report: DoctorReport, name: str) -> AgentReport:
    return next(agent for agent in report.agents if agent.id == name)


# ---- settings are those of the trials -------------------------------------------------------------------------------


@pytest.mark.parametrize(("agent", "api"), [(agent, api) for agent in THEIRS for api in agent.apis])
def test_settings_are_those_of_a_trial(agent: AgentAdapter, api: Api) -> None:
    run = agent.run_in(api)
    setup = Setup("http://host/v1", "${MY_KEY}", "qwen3", None, home="/h")
    made = settings(agent, api, setup)
    values = {
        "base_url": setup.base_url,
        "key": setup.key,
        "model": "qwen3",
        "home": "/h",
        "context": str(DEFAULT_CONTEXT),
        "max_output": str(MAX_OUTPUT),
    }
    trial_env = {name: render(text, values) for name, text in run.env.items()}
    assert made.env.items() <= trial_env.items()
    left = {
        name for name in trial_env.keys() - made.env.keys() if not re.search(r"\{(?:max_turns|path)\}", run.env[name])
    }
    assert left == set(run.trial_only)
    trial_files = {render(file.path, values): render(file.content, values).lstrip("\n") for file in run.files}
    assert {file.path: file.content for file in made.files}.items() <= trial_files.items()
    for text in (*made.env.values(), *(file.content for file in made.files), *made.start, *sum(made.before, ())):
        assert not any(f"{{{name}}}" in text for name in (*values, "install", "node", "workspace", "max_turns"))


@pytest.mark.parametrize(("agent", "api"), [(agent, api) for agent in THEIRS for api in agent.apis])
def test_every_config_file_can_be_read(agent: AgentAdapter, api: Api) -> None:
    for file in settings(agent, api, Setup("http://host/v1", "${MY_KEY}", "qwen3", 65_536)).files:
        assert file.path.startswith("~/")
        if read := FORMATS.get(Path(file.path).suffix):
            read(file.content)


@pytest.mark.parametrize(
    ("base", "api", "path", "url"),
    [
        ("http://h/v1", "chat", "/v1", "http://h/v1"),
        ("https://api.deepseek.com", "chat", "/v1", "https://api.deepseek.com"),
        ("http://h/v1/", "chat", "", "http://h"),
        ("https://api.deepseek.com", "chat", "", None),
        ("https://h/anthropic", "messages", "", "https://h/anthropic"),
        ("http://h", "messages", "/v1", "http://h/v1"),
        ("http://h", "gemini", "/v1beta", "http://h/v1beta"),
    ],
)
def test_an_agent_gets_the_base_url_that_leads_to_the_api(base: str, api: Api, path: str, url: str | None) -> None:
    assert agent_url(base, api, path) == url
    if url:
        rest = wire.api(api).completion.removeprefix(path)
        assert url.rstrip("/") + rest == base.rstrip("/") + wire.api(api).completion.removeprefix(wire.api(api).base)


# ---- endpoints ------------------------------------------------------------------------------------------------------


@pytest.mark.process
def test_a_sound_endpoint_is_looked_at_with_few_requests() -> None:
    report = oracle(agents=())
    assert {api.api for api in report.apis} == {"chat", "messages", "responses", "gemini"}
    for api in report.apis:
        assert (api.streaming, api.tools, api.parallel_calls, api.findings) == ("yes", "yes", "yes", [])
        assert api.thinking
    assert {agent.state for agent in report.agents} == {"works"}
    assert report.context.declared == 200_000
    assert report.models == ["oracle"]
    assert report.spent.requests <= 16
    assert report.spent.input_tokens + report.spent.output_tokens < 5_000


@pytest.mark.process
def test_what_an_api_breaks_is_named() -> None:
    (chat,) = (api for api in oracle("call-id-null").apis if api.api == "chat")
    assert "TW101" in chat.findings


async def no_tools(request: dict[str, Any], send: Any) -> None:
    if b'"tools"' in request["body"]:
        await reply(send, 400, error("tools are not supported"))
    else:
        await sound(request, send)


@pytest.mark.process
def test_no_agent_works_where_tools_are_refused() -> None:
    async def go() -> DoctorReport:
        async with serve(no_tools) as server:
            return await examine(endpoint(server.url), AGENTS)

    report = asyncio.run(go())
    assert {agent.state for agent in report.agents} == {"cannot"}
    assert all("tools are not supported" in agent.why and not agent.settings for agent in report.agents)


async def chat_only(request: dict[str, Any], send: Any) -> None:
    if request["path"] in ("/v1/messages", "/v1/responses"):
        await reply(send, 404, b'{"detail":"Not Found"}')
    else:
        await sound(request, send)


def at_chat_only(**changes: Any) -> DoctorReport:
    async def go() -> DoctorReport:
        async with serve(chat_only) as server:
            target = resolve(server.url, model="m", environ={"TOOLWORTHY_API_KEY": KEY})
            return await examine(replace(target, **changes), AGENTS)

    return asyncio.run(go())


@pytest.mark.process
def test_translation_needs_the_proxy_and_the_settings_name_it() -> None:
    report = at_chat_only()
    claude, opencode = only(report, "claude-code"), only(report, "opencode")
    assert (claude.state, claude.api, claude.endpoint_api) == ("translated", "messages", "chat")
    assert claude.proxy[:2] == ["toolworthy", "proxy"]
    assert claude.proxy[-1] == "--open"
    assert claude.settings is not None
    assert claude.settings.env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8377"
    assert claude.settings.env["ANTHROPIC_API_KEY"] == "unused"
    assert (opencode.state, opencode.proxy) == ("works", [])
    assert opencode.settings is not None
    assert opencode.settings.base_url == report.endpoint.base_urls["chat"]
    assert opencode.settings.env["TOOLWORTHY_KEY"] == "${TOOLWORTHY_API_KEY}"


@pytest.mark.process
def test_the_key_is_named_and_never_shown() -> None:
    report = at_chat_only()
    assert KEY not in report.model_dump_json() + "\n".join(lines(report))
    cline = only(report, "cline")
    assert cline.settings is not None
    holding = [file for file in cline.settings.files if file.key_variable]
    assert [file.key_variable for file in holding] == ["TOOLWORTHY_API_KEY"]
    assert "${TOOLWORTHY_API_KEY}" in holding[0].content


@pytest.mark.process
def test_what_no_agent_can_be_set_to_needs_the_proxy() -> None:
    opencode = only(at_chat_only(query={"api-version": "1"}), "opencode")
    assert opencode.state == "proxy"
    assert opencode.why == "the endpoint wants the query parameter api-version"
    assert opencode.proxy
    assert only(at_chat_only(extra_body={"chat": {"safe_prompt": True}}), "pi").state == "proxy"


@pytest.mark.process
def test_text_and_json_say_the_same() -> None:
    report = oracle(agents=("codex", "pi"))
    text = "\n".join(lines(report))
    for agent in report.agents:
        assert agent.settings is not None
        for file in agent.settings.files:
            assert f"# --- file {file.path}\n{file.content}" in text
        for name, value in agent.settings.env.items():
            assert f'export {name}="{value.replace("~/", "$HOME/", 1)}"' in text


def keys(model: type[BaseModel]) -> set[str]:
    inner = [field.annotation for field in model.model_fields.values()]
    models = {one for kind in inner for one in (kind, *get_args(kind)) if isinstance(one, type)}
    return {*model.model_fields}.union(*(keys(one) for one in models if issubclass(one, BaseModel)))


def test_the_page_names_every_key() -> None:
    page = (content.ROOT / "docs" / "doctor.md").read_text()
    assert not [key for key in keys(DoctorReport) if f"`{key}`" not in page]


# ---- context window -------------------------------------------------------------------------------------------------


@pytest.mark.process
def test_a_declared_window_is_tried_on_both_sides() -> None:
    context = oracle(find_context=True).context
    assert context.declared == 200_000
    assert context.accepted is not None
    assert context.refused is not None
    assert context.refused > context.accepted
    assert context.detail


def windowed(window: int, *, cuts: bool) -> Any:
    """A server without a declared window: it refuses longer inputs, or cuts them without a word."""

    async def answer(request: dict[str, Any], send: Any) -> None:
        if request["path"] != "/v1/chat/completions" or b"alpha" not in request["body"]:
            return await (chat_only(request, send) if request["method"] == "POST" else reply(send, 404, b"{}"))
        tokens = request["body"].count(b"alpha") + 10
        if tokens > window and not cuts:
            return await reply(send, 400, error(f"maximum context length is {window} tokens"))
        usage = {"prompt_tokens": min(tokens, window // 2 if tokens > window else tokens), "completion_tokens": 1}
        choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
        body = {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
        return await reply(send, 200, json.dumps(body).encode())

    return answer


@pytest.mark.process
@pytest.mark.parametrize("cuts", [False, True], ids=["refuses", "cuts"])
def test_a_window_is_found_by_bisection(cuts: bool) -> None:
    async def go() -> DoctorReport:
        async with serve(windowed(20_000, cuts=cuts)) as server:
            return await examine(endpoint(server.url), [adapters.agent("codex")], find_context=True)

    context = asyncio.run(go()).context
    assert context.declared is None
    assert context.accepted is not None
    assert context.refused is not None
    assert 20_000 * 0.94 <= context.accepted <= 20_000
    assert 19_950 <= context.refused <= 20_000 * 1.05
    assert ("cut" if cuts else "maximum context length") in context.detail
