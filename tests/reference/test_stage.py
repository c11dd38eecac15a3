"""Each stage shows what it says, over all APIs, and is right in all else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import httpx
import pytest

from toolworthy import content, rules, wire
from toolworthy.base.errors import ToolworthyError
from toolworthy.content import adapters
from toolworthy.content.tasks import load_task
from toolworthy.content.toolset import tool_schema
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.reference import Oracle
from toolworthy.reference._limits import CONTEXT
from toolworthy.reference.defects import defect
from toolworthy.reference.events import PLAIN, STAGES, Stage, stages
from toolworthy.wire.ir import APIS, Api, Message, Request, Text, Thinking, Tool, ToolCall, ToolResult

TASK = load_task(content.FIXTURES / "tasks" / "fix-failing-test")
AGENTS = adapters.agents()
BUILTIN = adapters.agent("builtin")
WORDS = {"messages": adapters.agent("claude-code"), "responses": adapters.agent("codex")}


def named(name: str) -> Stage:
    return next(stage for stage in STAGES if stage.id == name)


def first(api: Api) -> Request:
    tools = tuple(Tool(name, "", tool_schema(spec)) for name, spec in WORDS.get(api, BUILTIN).tools.items())
    return Request("oracle", (Message("user", (Text(TASK.instruction),)),), tools, stream=True)


def answered(api: Api, oracle: Oracle, request: Request) -> Exchange:
    """One request and its answer, as a trial would record it."""
    body = json.dumps(wire.api(api).render_request(request).body).encode()
    made = oracle.reply(api, body)
    return Exchange(
        trial="t",
        index=0,
        kind="completion",
        agent_api=api,
        endpoint_api=api,
        method="POST",
        path=wire.api(api).path(),
        request_headers={},
        request_body=body,
        upstream_body=None,
        losses=(),
        status=made.status,
        response_headers={"content-type": made.content_type, **dict(made.headers)},
        chunks=tuple(Chunk(0.1, piece) for piece in made.pieces),
        started=1.0,
        seconds=0.5,
        error=None if made.whole else "the endpoint broke the connection",
    )


def played(api: Api, stage: Stage) -> Iterator[Exchange]:
    """A task to its end, for a client whose tools do all they are told, and which asks again where there is no call."""
    oracle, request = Oracle([TASK], AGENTS, stage=stage), first(api)
    for _ in range(30):
        exchange = answered(api, oracle, request)
        yield exchange
        answer = exchange.response
        assert answer is not None
        whole = exchange.status == 200 and exchange.error is None and answer.failure is None
        if not whole or answer.stop == "length":
            continue
        if not answer.calls:
            return
        results = tuple(ToolResult(call.id, (Text("ok"),)) for call in answer.calls)
        added = (Message("assistant", answer.parts), Message("tool", results))
        request = replace(request, messages=request.messages + added)
    if not stage.lasts:
        raise AssertionError("it never ends")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.id)
def test_a_stage_is_right_in_all_but_what_it_shows(api: Api, stage: Stage) -> None:
    exchanges = list(played(api, stage))
    plain = list(played(api, PLAIN))
    acts = stage.cut is not None or stage.once or stage.full
    if not stage.lasts:
        assert len(exchanges) == len(plain) + stage.requests + acts - stage.together  # of its own steps, two are reads
    sound = [exchange for number, exchange in enumerate(exchanges) if not (acts and stage.acts(number))]
    assert [finding for finding in rules.check(sound) if finding.severity != "cosmetic"] == []


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", ["cut-call", "cut-text"])
def test_an_answer_is_cut(api: Api, name: str) -> None:
    _, cut, again, *_ = played(api, named(name))
    assert cut.response is not None
    assert again.response is not None
    assert cut.response.stop == "length"
    assert again.response.stop == "tool"
    if name == "cut-text":
        assert cut.response.calls == ()
        assert again.response.text.startswith(cut.response.text)
        assert len(again.response.text) > 1.5 * len(cut.response.text)
    elif api == "gemini":  # its calls come whole or not at all
        assert cut.response.calls == ()
    else:
        (part,), (whole,) = cut.response.calls, again.response.calls
        assert whole.arguments.startswith(part.arguments)
        with pytest.raises(ValueError, match=r".+"):
            json.loads(part.arguments)
    assert [finding for finding in rules.check([cut]) if finding.severity == "blocks"] == []


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("name", "statuses", "kind"),
    [
        ("refused-400", {400}, "invalid_request_error|INVALID_ARGUMENT"),
        ("refused-429", {429}, "rate_limit_error|RESOURCE_EXHAUSTED"),
        ("refused-500", {500}, "server_error|api_error|INTERNAL"),
        ("refused-overloaded", {503, 529}, "overloaded_error|UNAVAILABLE"),
    ],
)
def test_a_request_is_refused(api: Api, name: str, statuses: set[int], kind: str) -> None:
    _, refused, again, *_ = played(api, named(name))
    assert refused.status in statuses
    told = json.loads(refused.body)["error"]
    assert (told.get("type") or told["status"]) in kind.split("|")
    assert ("retry-after" in refused.response_headers) == (refused.status == 429)
    assert again.status == 200
    assert again.request_body == refused.request_body
    assert {finding.code for finding in rules.check([refused])} <= {"TW609", "TW610"}  # which any refusal is


@pytest.mark.parametrize("api", APIS)
def test_a_refusal_can_last(api: Api) -> None:
    once, *ever = played(api, named("refused-for-good"))
    assert once.status == 200
    assert {exchange.status for exchange in ever} == {400}


@pytest.mark.parametrize("api", APIS)
def test_a_full_window_refuses_until_the_conversation_is_shortened(api: Api) -> None:
    """A client that asks for a summary, and goes on from it, comes to the end of the task."""
    oracle, request, refused = Oracle([TASK], AGENTS, stage=named("full-window")), first(api), 0
    for _ in range(30):
        answer = answered(api, oracle, request).response
        assert answer is not None
        if answer.failure or answer.stop is None:
            refused += 1
            assert answered(api, oracle, request).response.failure  # type: ignore[union-attr]  # as often as it is sent
            wish = Message("user", (Text("Create a detailed summary of the conversation so far."),))
            said = answered(api, oracle, replace(request, messages=(*request.messages, wish))).response
            assert said is not None
            assert said.calls == ()
            request = replace(first(api), messages=(Message("user", (Text(f"Go on from here. {said.text}"),)),))
            continue
        if not answer.calls:
            assert refused == 1
            return
        results = tuple(ToolResult(call.id, (Text("ok, " * 200),)) for call in answer.calls)
        added = (Message("assistant", answer.parts), Message("tool", results))
        request = replace(request, messages=request.messages + added)
    raise AssertionError("it never ends")


@pytest.mark.parametrize("api", APIS)
def test_usage_says_that_the_window_is_nearly_full(api: Api) -> None:
    """Who shortens the conversation then is never refused; who goes on is."""
    stage = named("counted-window")
    *before, last, refused = list(played(api, stage))[: stage.at + 1]
    counts = [
        answer.usage.input or 0 for answer in (one.response for one in (*before, last)) if answer and answer.usage
    ]
    assert max(counts[:-1]) < CONTEXT // 2 < counts[-1] < CONTEXT
    assert refused.response is not None
    assert refused.response.failure is not None
    oracle = Oracle([TASK], AGENTS, stage=stage)
    for one in (*before, last):
        oracle.reply(api, one.request_body)
    assert oracle.reply(api, before[0].request_body).status == 200
    assert oracle.reply(api, last.request_body).status == 200


def summed_up(conversation: str) -> str:
    """The oracle's answer to a request for a summary in OpenCode's form: one message, without tools, which holds the
    conversation as text."""
    quoted = f"Here is the conversation so far:\n\n<conversation>\n{conversation}\n</conversation>"
    wish = Request("oracle", (Message("system", (Text("You sum up."),)), Message("user", (Text(quoted),))))
    said = answered("chat", Oracle([TASK], AGENTS), wish).response
    assert said is not None
    return said.text


def test_a_quoted_conversation_is_summarized() -> None:
    text = summed_up(f"[User]: {TASK.instruction}")
    assert TASK.instruction.strip() in text
    assert "Steps that are done: 0." in text


def test_a_summary_of_a_quoted_conversation_counts_the_calls_in_it() -> None:
    first_step, second = TASK.steps[0].run, TASK.steps[1].read
    calls = f"[Assistant tool call]: bash({json.dumps({'command': first_step})})\n[Tool result]: F.\n"
    opening = f"[User]: {TASK.instruction}\n\n{calls}"
    assert "Steps that are done: 1." in summed_up(opening)
    assert "Steps that are done: 2." in summed_up(
        f'{opening}[Assistant tool call]: read({{"filePath":"/app/{second}"}})'
    )


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_the_task_goes_on_from_a_summary(role: Literal["user", "assistant"]) -> None:
    """OpenCode shows the summary as the model's own answer to "What did we do so far?"."""
    summary = summed_up(f"[User]: {TASK.instruction}\n\n[Assistant tool call]: bash({TASK.steps[0].run})")
    asked = (Message("user", (Text("What did we do so far?"),)), Message(role, (Text(summary),)))
    request = replace(first("chat"), messages=(*asked, Message("user", (Text("Continue."),))))
    said = answered("chat", Oracle([TASK], AGENTS), request).response
    assert said is not None
    assert [call.id[:10] for call in said.calls] == ["call_tw001"]


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
def test_a_full_window_is_told_in_a_defects_own_words(api: Api) -> None:
    shown = {
        "chat": "overflow-error-string",
        "messages": "overflow-413-without-body",
        "responses": "overflow-without-code",
    }
    wrong = defect(shown[api])
    oracle = Oracle([TASK], AGENTS, defects=[wrong], stage=replace(named("full-window"), at=0))
    found = answered(api, oracle, first(api))
    assert (found.status, found.body.decode()) == (wrong.refuse[0].status, wrong.refuse[0].body)


@pytest.mark.parametrize("api", APIS)
def test_a_stream_ends_in_an_error(api: Api) -> None:
    _, broken, again, *_ = played(api, named("stream-error"))
    assert broken.response is not None
    assert broken.response.failure is not None
    assert "overloaded" in broken.response.failure.message
    assert b"output_item.done" not in broken.body  # a call that was never said whole must not be run
    assert again.response is not None
    assert again.response.stop == "tool"


@pytest.mark.process
@pytest.mark.parametrize("api", APIS)
def test_a_connection_closes_in_mid_stream(api: Api) -> None:
    async def ask() -> None:
        oracle = Oracle([TASK], AGENTS, stage=replace(named("stream-closed"), at=0))
        path, asked = wire.api(api).sent(wire.api(api).render_request(first(api)).body)
        body = dict(asked)
        async with oracle, httpx.AsyncClient() as client:
            url = oracle.url + path
            pieces = bytearray()
            with pytest.raises(httpx.RemoteProtocolError):
                await _read(client, url, body, pieces)
            assert pieces
            whole = await client.post(url, json=body)
            assert whole.content.startswith(pieces)
            assert not wire.parse_body(api, 200, bytes(pieces), streamed=True).complete

    asyncio.run(ask())


@pytest.mark.parametrize("api", APIS)
def test_calls_come_together(api: Api) -> None:
    _, together, *_ = played(api, named("parallel-calls"))
    assert together.response is not None
    assert len(together.response.calls) == 3
    assert len({call.id for call in together.response.calls}) == 3


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("name", "says"),
    [("long-input", "line 1099"), ("markup", "<|im_start|>"), ("unicode", "日本語"), ("image", "iVBOR")],
)
def test_what_is_written_is_unusual(api: Api, name: str, says: str) -> None:
    calls = [call for exchange in played(api, named(name)) if exchange.response for call in exchange.response.calls]
    assert any(says in json.dumps(json.loads(call.arguments), ensure_ascii=False) for call in calls)
    if name == "long-input":
        assert max(len(call.arguments) for call in calls) >= 2**16


def test_a_picture_is_looked_at_with_the_tool_for_it() -> None:
    names = {api: {call.name for one in played(api, named("image")) for call in _calls(one)} for api in APIS}
    assert "view_image" in names["responses"]
    assert "Read" in names["messages"]
    assert "read_file" in names["chat"]


@pytest.mark.parametrize("api", APIS)
def test_the_model_thinks(api: Api) -> None:
    exchanges = list(played(api, named("thinking")))
    assert all(any(isinstance(part, Thinking) for part in one.response.parts) for one in exchanges[:-1] if one.response)


def test_side_requests_are_left_alone() -> None:
    oracle = Oracle([TASK], AGENTS, stage=replace(named("refused-400"), at=0))
    assert answered("chat", oracle, replace(first("chat"), tools=())).status == 200
    assert answered("chat", oracle, first("chat")).status == 400
    assert answered("chat", oracle, first("chat")).status == 200


@pytest.mark.parametrize("name", ["error-frame-object-error", "upstream-429-wrapped-as-500", "done-marker-missing"])
def test_a_staged_fault_shows_a_defect_once(name: str) -> None:
    def answers(shown: tuple[str, ...], stage: str) -> list[tuple[int, bytes]]:
        oracle = Oracle([TASK], AGENTS, defects=[defect(one) for one in shown], stage=named(stage))
        made = [answered("chat", oracle, first("chat")) for _ in range(3)]
        return [(one.status or 0, one.body) for one in made]

    sound, faulty = answers((), "plain"), answers((name,), "plain")
    for stage in ("refused-500", "stream-closed"):
        assert answers((name,), stage) == [sound[0], faulty[1], sound[2]]


def test_a_staged_error_is_spoilt_where_the_defect_leaves_answers_alone() -> None:
    oracle = Oracle([TASK], AGENTS, defects=[defect("empty-list-of-calls")], stage=named("refused-400"))
    sound = Oracle([TASK], AGENTS, stage=named("refused-400"))
    assert [answered("chat", oracle, first("chat")).status for _ in range(3)] == [200, 400, 200]
    assert [answered("chat", sound, first("chat")).status for _ in range(3)] == [200, 400, 200]


def test_an_unknown_situation_is_said() -> None:
    assert {stage.situation for stage in stages(["token-limit"])} == {"token-limit"}
    assert stages([]) == STAGES
    with pytest.raises(ToolworthyError, match="'nothing'; did you mean 'thinking'"):
        stages(["nothing"])


async def _read(client: httpx.AsyncClient, url: str, body: Any, into: bytearray) -> None:
    async with client.stream("POST", url, json=body) as response:
        async for data in response.aiter_bytes():
            into += data


def _calls(exchange: Exchange) -> tuple[ToolCall, ...]:
    return exchange.response.calls if exchange.response else ()
