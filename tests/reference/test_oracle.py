"""The oracle plays a task for any client, over any wire API, from the conversation alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

import toolworthy
from toolworthy import wire
from toolworthy.content import adapters
from toolworthy.content.tasks import Task, load_task
from toolworthy.content.toolset import tool_schema
from toolworthy.reference import Oracle
from toolworthy.reference._next_step import next_answer
from toolworthy.wire.failure import parse_error
from toolworthy.wire.ir import APIS, Api, Message, Reasoning, Request, Text, Thinking, Tool, ToolResult
from toolworthy.work.run.embedded import standing

AGENTS = adapters.toolsets()
BUILTIN = adapters.agent("builtin")
STEPS = """
[[step]]
say = "First I look."
[[step]]
run = "ls"
[[step]]
edit = "a.txt"
old = "one"
new = "two"
[[step]]
write = "b.txt"
content = "new\\n"
[[step]]
say = "All done."
"""


@pytest.fixture
def task(tmp_path: Path) -> Task:
    (tmp_path / "t" / "solution").mkdir(parents=True)
    (tmp_path / "t" / "environment" / "app").mkdir(parents=True)
    (tmp_path / "t" / "environment" / "app" / "a.txt").write_text("one")
    (tmp_path / "t" / "task.toml").write_text("")
    (tmp_path / "t" / "instruction.md").write_text('Change "one" into\ntwo, in a.txt; then add b.txt.\n')
    (tmp_path / "t" / "solution" / "steps.toml").write_text(STEPS)
    return load_task(tmp_path / "t")


def asking(task: Task, agent: adapters.AgentAdapter = BUILTIN, **more: Any) -> Request:
    tools = tuple(Tool(name, "", tool_schema(spec)) for name, spec in agent.tools.items())
    return Request("oracle", (Message("user", (Text(task.instruction),)),), tools, **more)


def play(
    task: Task, request: Request, results: dict[str, ToolResult | str], rename: Callable[[str], str] = str
) -> list[tuple[str, str]]:
    """The calls that the oracle makes for a client that answers them by tool name."""
    made = []
    for _ in range(30):
        answer = next_answer(request, [task], AGENTS)
        if not answer.calls:
            made.append(("", answer.text))
            return made
        parts = tuple(replace(part, id=rename(part.id)) if part in answer.calls else part for part in answer.parts)
        given = []
        for call in answer.calls:
            made.append((call.name, call.arguments))
            result = results.get(call.name, "ok")
            error = isinstance(result, str) and result.startswith("!")
            text = result.removeprefix("!") if isinstance(result, str) else ""
            given.append(ToolResult(rename(call.id), (Text(text),), error))
        added = (Message("assistant", parts), Message("tool", tuple(given)))
        request = replace(request, messages=request.messages + added)
    raise AssertionError("it never ends")


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.id)
def test_it_plays_in_every_agents_words(task: Task, agent: adapters.AgentAdapter) -> None:
    made = play(task, asking(task, agent), {})
    assert made[-1] == ("", "Done." if agent.finish else "All done.")
    words = " ".join(arguments for _, arguments in made)
    assert all(word in words for word in ("ls", "two", "b.txt"))
    names = {tool.name for tool in asking(task, agent).tools}
    assert {name for name, _ in made[:-1]} <= names


@pytest.mark.parametrize("keeps_ids", [True, False])
def test_an_agent_that_wants_a_call_at_the_end_gets_one(
    task: Task, monkeypatch: pytest.MonkeyPatch, keeps_ids: bool
) -> None:
    finish = adapters.Finish(tool="bash", call={"command": "echo DONE"})
    agent = BUILTIN.model_copy(update={"finish": finish})
    monkeypatch.setitem(globals(), "AGENTS", (agent,))
    made = play(task, asking(task), {}, str if keeps_ids else lambda name: f"mine_{name[-6:]}")
    assert made[-2:] == [("bash", '{"command": "echo DONE"}'), ("", "Done.")]
    assert [name for name, _ in made[:-2]] == ["bash", "edit_file", "write_file"]


def test_a_tool_that_wants_a_read_first_gets_one(task: Task) -> None:
    made = play(task, asking(task, adapters.agent("claude-code")), {})
    assert [name for name, _ in made] == ["Bash", "Read", "Edit", "Write", ""]


def test_a_refusal_is_met_another_way(task: Task) -> None:
    made = play(task, asking(task), {"edit_file": "!Error: no"})
    assert [name for name, _ in made] == ["bash", "edit_file", "bash", "write_file", ""]
    assert "python3" in made[2][1]


def test_a_command_that_fails_is_no_refusal(task: Task) -> None:
    claude = adapters.agent("claude-code")
    made = play(task, asking(task, claude), {"Bash": "!Exit code 1"})
    assert made[-1] == ("", "All done.")


def test_where_every_way_is_refused_it_says_so(task: Task) -> None:
    refused = {"edit_file": "!Error: no", "bash": "Error: unknown tool bash"}
    made = play(task, asking(task), refused)
    assert made[-1][1].startswith("I cannot go on: step 2 was refused.")


def test_ids_may_be_rewritten(task: Task) -> None:
    assert play(task, asking(task), {}, rename="x-{}".format) == play(task, asking(task), {})


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.id)
def test_ids_of_an_agents_own_lose_no_step(task: Task, agent: adapters.AgentAdapter) -> None:
    backwards = play(task, asking(task, agent), {}, rename=lambda one: one[::-1])
    assert backwards == play(task, asking(task, agent), {})


def test_a_command_that_still_runs_is_waited_for(task: Task) -> None:
    codex = adapters.agent("codex")
    request = asking(task, codex)
    first = next_answer(request, [task], AGENTS)
    result = ToolResult(first.calls[0].id, (Text("Process running with session ID 42"),))
    request = replace(
        request, messages=(*request.messages, Message("assistant", first.parts), Message("tool", (result,)))
    )
    second = next_answer(request, [task], AGENTS)
    assert second.calls[0].name == "write_stdin"
    assert json.loads(second.calls[0].arguments) == {"session_id": 42, "chars": ""}


def test_the_task_is_found_however_it_is_wrapped(task: Task) -> None:
    wrapped = f"<reminder>x</reminder>\n[Tue] > {json.dumps(task.instruction)}\n<end/>"
    request = replace(asking(task), messages=(Message("user", (Text(wrapped),)),))
    assert next_answer(request, [task], AGENTS).calls


def test_side_requests_are_answered_briefly(task: Task) -> None:
    no_tools = replace(asking(task), tools=())
    assert next_answer(no_tools, [task], AGENTS).stop == "end"
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    wanted = replace(no_tools, response_format={"type": "json_schema", "json_schema": {"schema": schema}})
    assert set(json.loads(next_answer(wanted, [task], AGENTS).text)) == {"title"}
    unknown = replace(asking(task), messages=(Message("user", (Text("hello"),)),))
    assert "reference endpoint" in next_answer(unknown, [task], AGENTS).text


def test_reasoning_is_given_where_it_is_asked_for(task: Task) -> None:
    answer = next_answer(asking(task, reasoning=Reasoning(enabled=True)), [task], AGENTS)
    assert isinstance(answer.parts[0], Thinking)
    assert not any(isinstance(part, Thinking) for part in next_answer(asking(task), [task], AGENTS).parts)


@pytest.mark.process
@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("streams", [True, False])
def test_it_serves_every_api(task: Task, api: Api, streams: bool) -> None:
    async def ask() -> None:
        async with Oracle([task], AGENTS) as oracle, httpx.AsyncClient() as client:
            request = replace(asking(task), stream=streams)
            path, body = wire.api(api).sent(wire.api(api).render_request(request).body)
            url = oracle.url + path
            response = await client.post(url, json=dict(body))
            assert ("event-stream" in response.headers["content-type"]) == streams
            answer = wire.parse_body(api, response.status_code, response.content, streamed=streams)
            assert answer.repairs == ()
            assert answer.stop == "tool"
            assert [call.name for call in answer.calls] == ["bash"]
            bad = await client.post(url, content=b"nonsense")
            assert bad.status_code == 400
            assert "not a JSON object" in parse_error(400, bad.content).message

    asyncio.run(ask())


@pytest.mark.process
def test_the_vendors_own_clients_read_it(task: Task) -> None:
    async def ask() -> None:
        from anthropic import AsyncAnthropic
        from openai import AsyncOpenAI

        tools = asking(task).tools
        text = task.instruction
        async with Oracle([task], AGENTS) as oracle:
            openai = AsyncOpenAI(base_url=f"{oracle.url}/v1", api_key="x")
            functions = wire.api("chat").render_request(asking(task)).body["tools"]
            messages: Any = [{"role": "user", "content": text}]
            chunks = [
                c
                async for c in await openai.chat.completions.create(
                    model="oracle", messages=messages, tools=functions, stream=True
                )
            ]
            assert chunks[-1].choices[0].finish_reason == "tool_calls"
            flat = wire.api("responses").render_request(asking(task)).body["tools"]
            events = [
                e async for e in await openai.responses.create(model="oracle", input=text, tools=flat, stream=True)
            ]
            assert events[-1].type == "response.completed"
            assert [item.type for item in events[-1].response.output] == ["message", "function_call"]
            await openai.close()
            anthropic = AsyncAnthropic(base_url=oracle.url, api_key="x")
            offered = [{"name": t.name, "input_schema": t.parameters} for t in tools]
            async with anthropic.messages.stream(
                model="oracle", max_tokens=99, messages=messages, tools=offered
            ) as stream:
                message = await stream.get_final_message()
            assert message.stop_reason == "tool_use"
            assert [block.type for block in message.content] == ["text", "tool_use"]
            await anthropic.close()

    asyncio.run(ask())


@pytest.mark.process
def test_the_oracle_as_a_server_answers_cases_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the embedded one does: a case is known by what its user says."""
    monkeypatch.chdir(tmp_path)

    async def go() -> toolworthy.Run:
        async with standing([]) as oracle:
            target = toolworthy.Endpoint.of(f"{oracle.url}/v1", model="oracle")
            return await toolworthy.run_async(target, suites="tools", cases=["read-one-file"], agents=["codex"])

    (result,) = asyncio.run(go()).cases
    assert result.status == "right"
