"""The parts of a replay, one by one: no sockets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.support.upstream import endpoint
from toolworthy.content import providers
from toolworthy.endpoint.target import Endpoint
from toolworthy.records.exchange import Exchange
from toolworthy.records.meta import RunMeta
from toolworthy.records.replay import ReplayKey, ReplayResult, Status
from toolworthy.wire import api
from toolworthy.wire.ir import Api, Request, Response, Text, Thinking, ToolCall
from toolworthy.work.replay import _agreement as agreement
from toolworthy.work.replay._adapt import prepare, with_model
from toolworthy.work.replay._compare import decision, differences
from toolworthy.work.replay.recording import matches

SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
TOOL = {"type": "function", "function": {"name": "read", "description": "", "parameters": SCHEMA}}


def exchange(agent: Api, body: object, response: Response | None = None, asked: Request | None = None) -> Exchange:
    answer = b""
    if response is not None and asked is not None:
        answer = json.dumps(api(agent).render_response(response, asked)).encode()
    from toolworthy.records.exchange import Chunk

    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Exchange(
        trial="tasks/x/builtin#1",
        index=0,
        kind="completion",
        agent_api=agent,
        endpoint_api=agent,
        method="POST",
        path="/v1",
        request_headers={},
        request_body=raw,
        upstream_body=None,
        losses=(),
        status=200,
        response_headers={"content-type": "application/json"},
        chunks=(Chunk(0.1, answer),),
        started=0.0,
        seconds=1.0,
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"old","x":{"model":"old"}}',
        b'  { "a" : [ 1 , {"model": 2} ] ,\n "model" : "old" }  ',
        '{"messages":[{"content":"“model”: \\"model\\""}],"model":"o\\u006cd"}'.encode(),
        b'{"model": null, "z": 1.50}',
    ],
)
def test_only_the_model_is_replaced(body: bytes) -> None:
    made = with_model(body, 'new "one"')
    assert made is not None
    before, after = json.loads(body), json.loads(made)
    assert after == {**before, "model": 'new "one"'}
    assert len(made) - len(body) == len(json.dumps('new "one"')) - len(_value(body))


def _value(body: bytes) -> bytes:
    return b"null" if b"null" in body else b'"o\\u006cd"' if b"u006c" in body else b'"old"'


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a":1}', b'{"model":"x"', b'{"model" "x"}', b"\xff"])
def test_what_has_no_model_is_left_alone(body: bytes) -> None:
    assert with_model(body, "new") is None


@given(some.binary(max_size=40) | some.text('{}[]":,model 1\n', max_size=40).map(str.encode))
def test_no_body_raises(body: bytes) -> None:
    with_model(body, "new")


def _deepseek(*apis: Api) -> Endpoint:
    provider = providers.provider("deepseek")
    return Endpoint("deepseek", provider, {name: "http://127.0.0.1:9" for name in apis}, "v4", None)


def test_reasoning_and_forced_calls_are_told_in_the_targets_dialect() -> None:
    body = {
        "model": "claude",
        "max_tokens": 100,
        "top_k": 5,
        "thinking": {"type": "enabled", "budget_tokens": 1_024},
        "tool_choice": {"type": "any"},
        "tools": [{"name": "read", "input_schema": SCHEMA}],
        "messages": [
            {"role": "user", "content": "go"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "theirs"},
                    {"type": "tool_use", "id": "c1", "name": "read", "input": {"path": "a"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "ok"}]},
        ],
    }
    recorded = exchange("messages", body)
    assert recorded.request is not None
    made = prepare(recorded, recorded.request, _deepseek("chat"), "anthropic")
    sent = json.loads(made.body)
    assert (made.path, sent["model"], sent["tool_choice"]) == ("/v1/chat/completions", "v4", "auto")
    assert sent["messages"][1]["reasoning_content"] == "hm"
    notes = " · ".join(made.adapted.notes)
    assert made.adapted.how == "adapted"
    assert "tool_choice required became auto" in notes
    assert "earlier reasoning: thinking became reasoning_content" in notes
    assert "thinking: on 1024 tokens became on" in notes
    assert "fields not carried: top_k" in notes

    other = prepare(recorded, recorded.request, _deepseek("messages"), "anthropic")
    assert b"theirs" not in other.body
    assert other.adapted.how == "adapted"
    same = prepare(recorded, recorded.request, _deepseek("messages"), "deepseek")
    assert json.loads(same.body) == {**body, "model": "v4"}
    assert same.adapted.how == "as recorded"


def test_an_unknown_provider_is_adapted_to() -> None:
    recorded = exchange("chat", {"model": "m", "messages": [{"role": "user", "content": "hi"}], "store": True})
    assert recorded.request is not None
    made = prepare(recorded, recorded.request, endpoint("http://127.0.0.1:9"), "")
    assert made.adapted.how == "adapted"
    assert made.adapted.notes == ("fields not carried: store",)


def _answer(*parts: Text | ToolCall | Thinking) -> tuple[Exchange, Request]:
    body = {"model": "m", "messages": [{"role": "user", "content": "go"}], "tools": [TOOL]}
    asked = exchange("chat", body).request
    assert asked is not None
    stop = "tool" if any(isinstance(part, ToolCall) for part in parts) else "end"
    return exchange("chat", body, Response(id="1", model="m", parts=parts, stop=stop), asked), asked


def _kinds(old: tuple[Text | ToolCall, ...], new: tuple[Text | ToolCall, ...]) -> list[str]:
    made = [decision(*_answer(*parts)) for parts in (old, new)]
    return [difference.kind for difference in differences(made[0], made[1], same_api=True)]


READ = ToolCall("c1", "read", '{"path": "a", "n": 1}')
OTHER = ToolCall("c2", "read", '{"path": "b"}')


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ((READ,), (READ,), []),
        ((READ,), (ToolCall("c9", "read", '{"n":1.0,"path":"a"}'),), ["arguments written otherwise"]),
        ((READ, OTHER), (OTHER, READ), []),
        ((READ,), (READ, OTHER), ["other tools"]),
        ((READ,), (OTHER,), ["other arguments"]),
        ((READ,), (ToolCall("c1", "read", '{"path": 5}'),), ["other arguments", "schema"]),
        ((READ,), (ToolCall("c1", "read", '{"path": "a'),), ["other arguments", "schema", "findings"]),
        ((READ,), (Text("no"),), ["no call", "finish reason"]),
        ((Text("no"),), (READ,), ["call", "finish reason"]),
        ((Text("no"),), (Text("yes"),), []),
        ((READ,), (Text('<tool_call>{"name": "read"}</tool_call>'),), ["no call", "finish reason", "leaked syntax"]),
    ],
)
def test_differences_have_names(
    old: tuple[Text | ToolCall, ...], new: tuple[Text | ToolCall, ...], kinds: list[str]
) -> None:
    assert _kinds(old, new) == kinds


def _sent(trial: int, number: int, status: Status = "compared", *, call: bool = True) -> ReplayResult:
    old, new = decision(*_answer(READ)), decision(*_answer(READ if call else Text("no")))
    key = ReplayKey(trial=f"t{trial}", exchange=0, number=number)
    return ReplayResult(key=key, status=status, offers_tools=True, old=old, new=None if status == "unmeasured" else new)


def test_sendings_of_one_trial_do_not_narrow_an_interval() -> None:
    of_ten = [_sent(trial, number, call=trial < 8) for trial in range(10) for number in range(4)]
    of_forty = [_sent(trial, 1, call=trial < 32) for trial in range(40)]
    wide, narrow = (agreement.same_trigger(results).estimate for results in (of_ten, of_forty))
    assert wide is not None
    assert narrow is not None
    assert (wide.value, wide.n, narrow.n) == (0.8, 40, 40)
    assert wide.low < narrow.low < 0.8 < narrow.high < wide.high
    trigger = agreement.trigger(of_ten)
    assert str(trigger.recall).startswith("32/40 · 80% (")
    assert trigger.f1 is not None
    assert trigger.f1.value == pytest.approx(2 * 0.8 / 1.8)
    assert trigger.f1.high - trigger.f1.low > 0.2


def test_sendings_that_came_to_nothing_are_named_beside_the_rate() -> None:
    results = [_sent(1, 1), _sent(2, 1), _sent(3, 1, "unmeasured"), _sent(4, 1, "failed")]
    said = str(agreement.same_trigger(results))
    assert said.endswith(" · 2 not counted (1 failed, 1 not measured): 50% to 100% if they are")
    assert str(agreement.same_trigger([])) == "not measured"


def test_what_no_file_takes_is_replaced() -> None:
    recorded = exchange(
        "chat", b'{"model":"m","\\ud800":1,"messages":[{"role":"user","content":"\\ud800"}],"tools":[]}'
    )
    assert recorded.request is not None
    made = prepare(recorded, recorded.request, endpoint("http://127.0.0.1:9"), "other")
    assert made.adapted.notes == ("fields not carried: ?",)
    odd = decision(*_answer(Text("\ud800"), ToolCall("c", "\ud800", "\ud800")))
    for value in (made.adapted, odd):
        assert value.model_dump_json()


def test_a_packed_request_is_read(tmp_path: Path) -> None:
    import zstandard

    from toolworthy.records.exchanges import ExchangeWriter
    from toolworthy.work.replay.recording import Recording

    body = json.dumps({"model": "m", "input": "hi"}).encode()
    packed = replace(
        exchange("responses", zstandard.ZstdCompressor().compress(body)), request_headers={"content-encoding": "zstd"}
    )
    path = tmp_path / "proxy-1.jsonl.zst"
    writer = ExchangeWriter(path)
    writer.append(packed)
    writer.close()
    recording = Recording.open(path)
    (item,) = recording.requests()
    assert recording.exchange(item).request_body == body


@pytest.mark.parametrize("glob", ["tasks", "rename-*", "builtin", "tasks/rename-api/builtin#2", "tasks/*"])
def test_only_takes_a_name_or_a_part_of_it(glob: str) -> None:
    assert matches("tasks/rename-api/builtin#2", glob)
    assert not matches("wire/one-call/chat-stream", glob)


def test_a_reference_is_found_where_replays_once_named_it() -> None:
    old = {"replay": {"of": "x", "reference": {"name": "y", "key_env": "Y_KEY"}}, "options": {"reference": None}}
    meta = RunMeta.model_validate_json(json.dumps({"schema": 1, **old}), extra="ignore")
    assert meta.options.reference is not None
    assert meta.options.reference.name == "y"
    assert [*meta.secrets({"Y_KEY": "sk-y"})] == ["", "sk-y"]
