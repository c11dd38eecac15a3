"""Agents and servers are known by what they say of themselves, without what changes from run to run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import only_run, suites
from toolworthy.base.redact import MARK
from toolworthy.content import adapters
from toolworthy.records.conditions import difference
from toolworthy.records.exchange import Chunk, Exchange
from toolworthy.records.meta import AgentPrint, RunMeta
from toolworthy.wire.ir import Message, Request, Text, Thinking, Tool
from toolworthy.work.run.fingerprint import MANY, Seen, agent_print, renamed, reshaped, server_says, steady, words


def exchange(
    system: str = "You are an agent.",
    *,
    tools: tuple[str, ...] = ("bash",),
    trial: str = "tasks/t/codex#1",
    index: int = 0,
    headers: dict[str, str] | None = None,
    answer: dict[str, Any] | None = None,
    model: str = "m",
    status: int = 200,
) -> Exchange:
    offered = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in tools]
    asked: dict[str, Any] = {"model": model, "messages": [{"role": "system", "content": system}]}
    if offered:
        asked["tools"] = offered
    said = {"model": "m", "choices": [{"message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}
    body = json.dumps({**said, **(answer or {})}).encode()
    return Exchange(
        trial,
        index,
        "completion",
        "chat",
        "chat",
        "POST",
        "/v1/chat/completions",
        {},
        json.dumps(asked).encode(),
        None,
        (),
        status,
        headers or {},
        (Chunk(0.1, body),),
        0.0,
        1.0,
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Today's date: Wed Nov 25 2026", "Today's date: Thu Feb 4 2027"),
        ("Today's date is 2026-11-25.", "Today's date is 2027-02-04."),
        ("The current month is November 2026.", "The current month is February 2027."),
        ("now: 2026-11-25T08:51:46.123Z", "now: 2027-02-04T23:01:00Z"),
        ("It is Wednesday, November 25, 2026, 08:51 UTC", "It is Thursday, February 4, 2027, 11:02 UTC"),
        ("25. November 2026", "4. February 2027"),
        ("session 3fa85f64-5717-4562-b3fc-2c963f66afa6", "session 11111111-2222-4333-8444-555555555555"),
        ("HEAD is 9fceb02d", "HEAD is 1a2b3c4"),
        ("Working directory: /tmp/toolworthy-a1/app", "Working directory: /app"),
        ("(memory in `/home/agent/.qwen/projects/x`)", "(memory in `/home/other/.qwen`)"),
        ("OS Version: Linux 6.8.0-45-generic", "OS Version: Linux 6.18.44"),
        ("at http://127.0.0.1:8377/v1", "at http://localhost:40123/v1"),
        ("cc_version=2.1.330.730; x", "cc_version=2.1.330.932; x"),
        ("Is directory a git repo: yes", "Is directory a git repo: no"),
        ("Is a git repository: true", "Is a git repository: false"),
        ("Workspace root folder: /\n", "Workspace root folder: /app\n"),
        ("a\r\n  b", "a b"),
    ],
)
def test_what_changes_from_run_to_run_is_taken_out(one: str, two: str) -> None:
    assert steady(one) == steady(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Read at most 2000 lines.", "Read at most 1000 lines."),
        ("Use rg, not grep.", "Use grep, not rg."),
        ("May you call tools?", "Must you call tools?"),
        ("Never write to disk/network.", "Never write to disk."),
        ("A timeout of 120000 ms", "A timeout of 600000 ms"),
    ],
)
def test_what_an_agent_is_told_is_kept(one: str, two: str) -> None:
    assert steady(one) != steady(two)


def test_an_agent_is_known_by_its_tools_in_any_order_and_by_its_prompt() -> None:
    tools = (Tool("a", "x", {"type": "object"}), Tool("b", "y", {"type": "object"}))
    request = Request("gpt-x", (Message("system", (Text("You are gpt-x in /app."),)),), tools)
    told = agent_print(request, "1")
    assert told == agent_print(replace(request, tools=tools[::-1]), "1")
    assert told.tool_count == 2
    assert told.tools != agent_print(replace(request, tools=tools[:1]), "1").tools
    assert told.tools != agent_print(replace(request, tools=(replace(tools[0], description="z"), tools[1])), "1").tools
    other_model = replace(request, model="gpt-y", messages=(Message("system", (Text("You are gpt-y in /tmp/q."),)),))
    assert told == agent_print(other_model, "1")


def test_only_what_is_said_before_the_model_speaks_is_the_system_prompt() -> None:
    first = (Message("system", (Text("A"),)), Message("user", (Text("hi"),)), Message("system", (Text("B"),)))
    later = (*first, Message("assistant", (Text("x"),)), Message("system", (Text("C"),)))
    assert agent_print(Request("m", first), "").system == agent_print(Request("m", later), "").system
    assert agent_print(Request("m", first), "").system != agent_print(Request("m", first[:2]), "").system


def test_the_first_request_with_tools_of_a_trial_tells_whatever_came_in_first() -> None:
    seen = Seen("m", {"codex": "1.2"})
    seen.add(exchange("A title, please.", tools=(), index=0))
    assert seen.about()["fingerprints"] == {}
    assert seen.add(exchange("late", index=3))
    assert seen.add(exchange("main", index=1))
    assert not seen.add(exchange("later", index=4))
    (found,) = seen.about()["fingerprints"]["codex"]
    want = exchange("main").request
    assert want is not None
    assert found == agent_print(want, "1.2").model_copy(update={"tasks": ("t",)})
    assert seen.add(exchange("main", trial="tasks/u/codex#1"))
    assert not seen.add(exchange("main", trial="tasks/u/codex#2"))
    assert [one.tasks for one in seen.about()["fingerprints"]["codex"]] == [("t", "u")]
    assert seen.add(exchange("other", trial="tasks/v/codex#1"))
    assert len(seen.about()["fingerprints"]["codex"]) == 2
    seen.add(exchange(trial="tools/case/codex#1"))
    assert list(seen.about()["fingerprints"]) == ["codex"]


@pytest.mark.parametrize(
    "other", [{"trial": "tasks/t/codex#1", "kind": "models"}, {"trial": "tasks"}, {"trial": "wire/x/chat#1"}]
)
def test_only_a_completion_with_tools_in_a_task_tells_what_an_agent_is(other: dict[str, str]) -> None:
    seen = Seen("m", {"codex": "1"})
    seen.add(replace(exchange(), **other))
    assert seen.about()["fingerprints"] == {}
    assert not Seen("m", {}).add(replace(exchange(tools=()), status=None))
    seen.add(replace(exchange(), request_body=b"{"))
    assert seen.about()["fingerprints"] == {}
    assert seen.add(exchange())
    assert list(seen.about()["fingerprints"]) == ["codex"]


def test_what_is_seen_again_is_not_new() -> None:
    seen = Seen("m", {"codex": "1"})
    assert seen.add(exchange("A", index=2, headers={"server": "a"}))
    assert not seen.add(exchange("B", index=2, headers={"server": "a"})), "the same request cannot come first"
    assert seen.add(exchange("B", index=3, headers={"server": "b"})), "the server is new"
    assert not seen.add(exchange("A", index=1, headers={"server": "a"})), "it came first, and says the same"
    (face,) = seen.about()["fingerprints"]["codex"]
    assert (face.version, seen.about()["server"]) == ("1", {"server": ["a", "b"], "model": ["m"]})


def test_an_agent_of_unknown_version_has_none() -> None:
    seen = Seen("m", {})
    seen.add(exchange())
    assert [face.version for face in seen.about()["fingerprints"]["codex"]] == [""]


@pytest.mark.parametrize(("status", "names"), [(399, ["server", "model", "system_fingerprint"]), (400, ["server"])])
def test_an_error_begins_at_400(status: int, names: list[str]) -> None:
    says: dict[str, Any] = {"headers": {"server": "x"}, "answer": {"system_fingerprint": "fp"}}
    assert [name for name, _ in server_says(exchange(**says, status=status), "m")] == names


def test_of_several_fingerprints_each_is_named_once_and_odd_bytes_do_no_harm() -> None:
    values = (b'": "a"', b'" :"b"', b'":"a"', b'":"\xff"')
    body = b" ".join(b'{"system_fingerprint' + value + b"}" for value in values)
    told = [*server_says(replace(exchange(), chunks=(Chunk(0.1, body),)), "m")]
    assert told == [("system_fingerprint", value) for value in ("a", "b", "\ufffd")]


def test_a_question_about_models_names_the_server_only() -> None:
    asked = replace(exchange(headers={"server": "x"}, answer={"system_fingerprint": "fp"}), kind="models")
    assert dict(server_says(asked, "m")) == {"server": "x"}


def test_a_response_that_cannot_be_read_names_no_model() -> None:
    assert list(server_says(replace(exchange(), chunks=(Chunk(0.1, b"<html>"),)), "m")) == []


def test_the_names_of_headers_are_kept_in_order_and_in_lower_case() -> None:
    told = [name for name, _ in server_says(exchange(headers={"X-Version": "2", "Server": "s", "Via": "v"}), "m")]
    assert told == ["server", "via", "x-version", "model"]


def test_letters_beyond_ascii_and_half_of_a_pair_have_a_fingerprint() -> None:
    """A prompt may hold what UTF-8 cannot; a tool's text counts letters, not escapes."""

    def told(text: str, about: str = "ü") -> AgentPrint:
        return agent_print(Request("m", (Message("developer", (Text(text),)),), (Tool("a", about, {}),)), "1")

    assert told("\ud83d").system != told("\ud83e").system
    assert len(told("A").system) == 16
    assert told("A", "ü").tool_chars == told("A", "u").tool_chars
    assert told("A", "ü").tools != told("A", "u").tools


def test_a_tool_is_known_by_its_schema_whatever_the_order_of_its_keys_and_by_its_grammar() -> None:
    def told(tool: Tool) -> str:
        return agent_print(Request("m", (), (tool,)), "1").tools

    one = Tool("a", "x", {"type": "object", "properties": {}})
    assert told(one) == told(replace(one, parameters={"properties": {}, "type": "object"}))
    other = [replace(one, parameters={"type": "object"}), replace(one, grammar="start: x"), replace(one, name="b")]
    assert len({told(one), *map(told, other)}) == 4


def test_parts_of_a_prompt_that_are_no_text_do_not_tell_and_texts_are_apart() -> None:
    def told(*texts: str) -> str:
        return agent_print(Request("", tuple(Message("system", (Text(text),)) for text in texts)), "").system

    assert told("A", "B") == told("A\nB") != told("AB")
    assert agent_print(Request("m", (Message("system", (Thinking("A", "reasoning"),)),)), "").system_chars == 0


def test_a_server_says_what_it_is_and_no_secret_is_kept() -> None:
    headers = {
        "server": "uvicorn",
        "via": "1.1 3f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c.cloudfront.net (CloudFront)",
        "openai-version": "2020-10-01",
        "x-model-name": "qwen",
        "set-cookie": "session=1",
        "x-request-id": "req_1",
        "openai-organization": "org",
        "date": "now",
    }
    told = dict(server_says(exchange(headers=headers, answer={"system_fingerprint": "fp_1"}), "m"))
    assert told == {
        "server": "uvicorn",
        "via": "1.1 <ID>.cloudfront.net (CloudFront)",
        "openai-version": "2020-10-01",
        "x-model-name": "qwen",
        "model": "m",
        "system_fingerprint": "fp_1",
    }


@pytest.mark.parametrize(
    ("name", "tells"),
    [
        *((name, True) for name in ("server", "via", "x-powered-by", "openai-version", "openai-model", "x-model")),
        *((name, True) for name in ("x-served-model", "x-model-id", "x-a-model-b", "x-version", "x-api-version")),
        *((name, True) for name in ("x-compute-type", "x-inference-type", "Server", "X-Version")),
        *((name, False) for name in ("x-server", "servers", "date", "openai-organization", "x-versions", "x-type")),
        *((name, False) for name in ("x-my-own-version", "x-modelling", "version", "model", "x-powered-by-us")),
    ],
)
def test_headers_that_name_software_tell_what_a_server_is(name: str, tells: bool) -> None:
    told = dict(server_says(exchange(headers={name: "v"}), "m"))
    assert told == ({name.lower(): "v", "model": "m"} if tells else {"model": "m"})


def test_of_what_a_server_says_an_id_an_empty_value_and_a_secret_are_left_out() -> None:
    def said(value: str) -> str | None:
        return dict(server_says(exchange(headers={"server": value}), "m")).get("server")

    assert said("") is None
    assert said(f"key {MARK}") is None
    assert said("v" * 300) == "v" * 200
    assert said("abcdefghij0123456789 x") == "<ID> x"
    for kept in ("abcdefghij012345678", "a" * 30, "1" * 30):
        assert said(kept) == kept
    long = exchange(answer={"model": "m" * 300, "system_fingerprint": "f" * 200})
    assert dict(server_says(long, "m")) == {"model": "m" * 200, "system_fingerprint": "f" * 200}
    assert "system_fingerprint" not in dict(server_says(exchange(answer={"system_fingerprint": "f" * 201}), "m"))


def test_a_fingerprint_says_how_many_tools_there_are_and_how_long_all_is() -> None:
    tools = (Tool("b", "  y  ", {"type": "object"}), Tool("a", "x", {"type": "object"}))
    told = agent_print(Request("", (Message("system", (Text("You   code."),)),), tools), "1")
    lines = '["a", "x", {"type": "object"}, null, null] ["b", " y ", {"type": "object"}, null, null]'
    assert (told.version, told.tool_count, told.tool_chars, told.system_chars) == ("1", 2, len(lines), 9)


def test_an_agent_with_ever_new_faces_keeps_the_first_eight_and_their_tasks() -> None:
    seen = Seen("m", {"codex": "1"})
    for number in range(9):
        seen.add(exchange(f"face {number}", trial=f"tasks/t{number}/codex#1"))
    seen.add(exchange("face 0", trial="tasks/again/codex#1"))
    told = seen.about()["fingerprints"]["codex"]
    assert [one.tasks for one in told] == [("again", "t0"), *((f"t{number}",) for number in range(1, 8))]


def test_a_fingerprint_in_what_the_model_says_is_none() -> None:
    said = {"message": {"role": "assistant", "content": '"system_fingerprint": "fp_x"'}, "finish_reason": "stop"}
    assert "system_fingerprint" not in dict(server_says(exchange(answer={"choices": [said]}), "m"))


def test_neither_the_gateway_nor_errors_nor_questions_about_other_models_name_a_model() -> None:
    assert dict(server_says(replace(exchange(headers={"server": "x"}), local=True), "m")) == {}
    assert dict(server_says(replace(exchange(), status=None), "m")) == {}
    assert dict(server_says(exchange(status=500, headers={"server": "x"}), "m")) == {"server": "x"}
    assert "model" not in dict(server_says(exchange(model="none-such"), "m"))


def test_a_header_with_ever_new_values_ends_in_a_mark() -> None:
    seen = Seen("m", {})
    assert [seen.add(exchange(headers={"x-model-x": f"v{n}"}, trial="wire/x#1")) for n in range(12)][-2:] == [False] * 2
    assert seen.about()["server"]["x-model-x"][-1] == MANY
    assert len(seen.about()["server"]["x-model-x"]) == 9


def test_a_resumed_run_keeps_what_was_seen() -> None:
    first = Seen("m", {"codex": "1"})
    first.add(exchange("one", headers={"server": "a"}))
    second = Seen("m", {"codex": "1"}, RunMeta.model_validate(first.about()))
    second.add(exchange("two", headers={"server": "b"}))
    assert second.about()["server"] == {"server": ["a", "b"], "model": ["m"]}
    assert len(second.about()["fingerprints"]["codex"]) == 2


def test_words_change_with_the_tools_of_an_adapter() -> None:
    agent = adapters.agent("codex")
    name, tool = next((name, tool) for name, tool in agent.tools.items() if not tool.custom)
    changed = [
        {"tools": dict(list(agent.tools.items())[1:])},
        {"tools": {**agent.tools, name: tool.model_copy(update={"description": "another"})}},
        {"tools": {**agent.tools, name: tool.model_copy(update={"parameters": {"x": "string"}})}},
        {"apis": (*agent.apis, "chat")},
        {"mcp": agent.mcp.model_copy(update={"name": "{server}.{tool}"})},
    ]
    hashes = {words(agent.model_copy(update=update)) for update in changed}
    assert len({words(agent), *hashes}) == 1 + len(changed)
    turned = dict(reversed(agent.tools.items()))
    assert words(agent) == words(adapters.agent("codex")) == words(agent.model_copy(update={"tools": turned}))


@pytest.mark.parametrize(
    ("what", "was", "now", "said"),
    [
        (
            "agents",
            {"codex": "0.168.0"},
            {"codex": "0.169.0"},
            "was made with another codex (agents: 0.168.0, now 0.169.0)",
        ),
        ("tasks", {"t": "a" * 64}, {"t": "b" * 64}, f"was made with another t (tasks: {'a' * 16}…, now {'b' * 16}…)"),
        ("cases", {"c": "1"}, {}, "was made with --case c, this is --case none"),
        ("endpoint", {"model": "a"}, {"model": "b"}, "was made with --model a, this is --model b"),
        ("toolsets", ["a"], ["b"], "was made with --agent a, this is --agent b"),
        ("toolset_hashes", {"codex": "1"}, {"codex": "2"}, "was made with another codex (toolset_hashes: 1, now 2)"),
        ("toolset_hashes", {}, {"codex": "2"}, ""),
    ],
)
def test_a_run_goes_on_with_the_same_only(what: str, was: Any, now: Any, said: str) -> None:
    assert difference(RunMeta.model_validate({what: was}), RunMeta.model_validate({what: now})) == said


@dataclass
class Told:
    agents: dict[str, str]
    fingerprints: dict[str, tuple[AgentPrint, ...]]
    words: dict[str, str] = field(default_factory=dict)


def test_an_agent_that_changed_under_its_version_is_named() -> None:
    def face(tools: str, system: str, *tasks: str, version: str = "1") -> Told:
        return Told({"codex": version}, {"codex": (AgentPrint(tools=tools, system=system, tasks=tasks),)})

    old = face("a", "x", "t", "u")
    old.fingerprints["codex"] += (AgentPrint(tools="a", system="y", tasks=("v",)),)
    assert list(reshaped(old, face("a", "x", "t"))) == []
    assert list(reshaped(old, face("a", "y", "t", "v"))) == []
    assert list(reshaped(old, face("b", "z", "t", version="2"))) == []
    assert list(reshaped(old, face("b", "z", "another task"))) == []
    assert list(reshaped(old, Told({"codex": "1"}, {}))) == []
    other = face("b", "x", "t")
    other.fingerprints["codex"] += (AgentPrint(tools="a", system="z", tasks=("w",)),)
    assert list(reshaped(old, other)) == ["codex's tools changed although its version (1) did not"]
    assert list(reshaped(old, face("a", "z", "t"))) == ["codex's prompt changed although its version (1) did not"]
    assert list(reshaped(old, face("a", "y", "t"))) == ["codex's prompt changed although its version (1) did not"]
    assert list(reshaped(old, face("b", "z", "u"))) == [
        "codex's tools and prompt changed although its version (1) did not"
    ]


def test_each_agent_that_changed_is_named() -> None:
    def told(hashed: str) -> Told:
        face = AgentPrint(tools=hashed, system="x", tasks=("t",))
        return Told(
            {"codex": "1", "pi": "2", "aider": ""},
            {"codex": (), "pi": (face,), "aider": (face,)},
            {"z": hashed, "y": "same", "x": hashed},
        )

    now = told("b")
    del now.words["z"]
    assert list(reshaped(told("a"), now)) == [
        "pi's tools changed although its version (2) did not",
        "aider's tools changed although its version () did not",
        "the tools of x, which cases use, have changed",
    ]


def test_a_server_that_names_something_else_is_noted() -> None:
    assert list(renamed({"model": ["a"], "server": ["x"]}, {"model": ["a", "b"]})) == [
        "the server names another model: b (before: a)"
    ]
    assert list(renamed({"model": ["a", "b"], "x": ["1", MANY]}, {"model": ["b"], "x": ["2"], "via": ["new"]})) == []
    assert list(renamed({"x": [MANY], "model": ["a"]}, {"x": ["1"], "via": ["new"], "model": ["b"]})) == [
        "the server names another model: b (before: a)"
    ]


@pytest.mark.process
def test_a_run_writes_what_it_saw_and_refuses_other_agents(tmp_path: Path) -> None:
    done = suites("--task", "fix-failing-test", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    path = only_run(tmp_path)
    about = json.loads((path / "run.json").read_text())
    (found,) = RunMeta.model_validate(about).fingerprints["builtin"]
    assert found.tool_count > 2
    assert found.system
    assert isinstance(found, AgentPrint)
    assert found.version == about["agents"]["builtin"]
    assert about["server"]["model"] == ["oracle"]
    about["agents"]["builtin"] = "0.0.1"
    (path / "run.json").write_text(json.dumps(about))
    again = suites("--resume", str(path), cwd=tmp_path)
    assert again.returncode == 4
    assert "was made with another builtin (agents: 0.0.1, now " in again.stdout + again.stderr


def test_an_answer_to_a_request_that_cannot_be_read_names_no_model() -> None:
    assert [name for name, _ in server_says(exchange(), "m")] == ["model"]
    assert not list(server_says(replace(exchange(), request_body=b"{"), "m"))


def test_an_error_names_no_model_and_no_fingerprint() -> None:
    says = {"answer": {"system_fingerprint": "fp_1"}, "headers": {"server": "vllm"}}
    assert [name for name, _ in server_says(exchange(**says), "m")] == ["server", "model", "system_fingerprint"]
    assert [name for name, _ in server_says(exchange(**says, status=500), "m")] == ["server"]
