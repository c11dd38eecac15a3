"""Our own cases: each reference is right with every toolset, and nothing near it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolworthy.content import adapters
from toolworthy.content.toolset import understand
from toolworthy.sandbox import choose
from toolworthy.wire.ir import Part, Response, Text, ToolCall
from toolworthy.work.cases._execution import Undecided
from toolworthy.work.cases._files import looks
from toolworthy.work.cases._judge import Ruling, rule_on, unspoken
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.check import problems
from toolworthy.work.cases.model import Case, Turn, load_cases
from toolworthy.work.cases.player import reference
from toolworthy.work.cases.render import scene
from toolworthy.work.cases.world import World

CASES = load_cases()
AGENTS = adapters.toolsets()
BUILTIN = next(agent for agent in AGENTS if agent.id == "builtin")
WORLD = World(choose("auto"))
CHANGED = "qqq-changed"
TOLERANT = ("$any", "$optional", "$contains", "$regex", "$one_of", "$command", "$set", "$near")


def toolsets(case: Case) -> tuple[adapters.AgentAdapter, ...]:
    return AGENTS[:1] if case.alone else AGENTS


def rule(stage: Scene, turn: Turn, parts: tuple[Part, ...], world: World | None = None) -> Ruling:
    answer = Response(parts=parts, stop="tool")
    return asyncio.run(rule_on(stage, turn, answer, stage.state, world))


@pytest.mark.process
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_reference_is_right_with_every_toolset_and_silence_is_not(case: Case) -> None:
    async def check() -> list[str]:
        return [line async for line in problems([case], AGENTS, World(choose("auto")))]

    assert asyncio.run(check()) == []


def test_there_are_enough_of_every_category_and_no_two_ask_the_same() -> None:
    from toolworthy.work.cases.model import CATEGORIES

    counted = {name: sum(case.category == name for case in CASES) for name in CATEGORIES}
    assert len(CASES) >= 80
    assert min(counted.values()) >= 3, counted
    users = [turn.user for case in CASES for turn in case.turns if turn.user]
    assert len(users) == len(set(users))


def calls_of(parts: tuple[Part, ...]) -> list[ToolCall]:
    return [part for part in parts if isinstance(part, ToolCall)]


def mutations(stage: Scene, turn: Turn, parts: tuple[Part, ...]) -> Iterator[tuple[str, tuple[Part, ...]]]:
    """Answers that are near the reference and wrong."""
    calls = calls_of(parts)
    yield "no call", ()
    yield "only words", (Text("I have done it."),)
    for number, call in enumerate(calls):
        before, after = calls[:number], calls[number + 1 :]
        yield "another tool", (*before, replace(call, name="frobnicate"), *after)
        yield "no JSON", (*before, replace(call, arguments='{"a": '), *after)
        if len(calls) > 1:
            yield "one missing", (*before, *after)
        spec = stage.spec(call.name)
        values = json.loads(call.arguments) if not call.custom else {"input": call.arguments}
        operation = understand(spec, values) if spec else None
        if operation is not None and not looks(operation):
            yield "a call too many", (*calls, replace(call, id="again", arguments=call.arguments))
        for name, value in values.items() if spec and spec.call else ():
            if isinstance(value, str) and spec and name in spec.call and "{" in json.dumps(spec.call[name]):
                changed = json.dumps({**values, name: f"{CHANGED} {value}" if name != "path" else CHANGED})
                yield f"{name} changed", (*before, replace(call, arguments=changed), *after)
    wants = turn.right[0] if turn.right else ()
    for number, (want, call) in enumerate(zip(wants, calls, strict=False)):
        if want.tool:
            for name, value in json.loads(call.arguments).items():
                wanted = want.arguments.get(name)
                if isinstance(wanted, dict) and any(mark in wanted for mark in TOLERANT):
                    continue
                for what, given in others(value):
                    arguments = {**json.loads(call.arguments), name: given}
                    yield (
                        f"{name} {what}",
                        (*calls[:number], replace(call, arguments=json.dumps(arguments)), *calls[number + 1 :]),
                    )
                rest = {key: inner for key, inner in json.loads(call.arguments).items() if key != name}
                yield (
                    f"{name} left out",
                    (*calls[:number], replace(call, arguments=json.dumps(rest)), *calls[number + 1 :]),
                )
            extra = {**json.loads(call.arguments), "zzz_unknown": 1}
            yield (
                "an argument too many",
                (*calls[:number], replace(call, arguments=json.dumps(extra)), *calls[number + 1 :]),
            )


def kinds_of(what: str) -> set[str]:
    """The kinds that a mutation may be called; several where one operation can be told in two ways."""
    wrong = {"wrong argument", "wrong type", "wrong tool", "missing call", "extra call", "call where none is due"}
    return {
        "no call": {"no call"},
        "only words": {"no call"},
        "another tool": {"unknown tool"},
        "no JSON": {"malformed call"},
        "one missing": {"missing call", "wrong argument"},
        "a call too many": {"extra call", "wrong argument"},
        "an argument too many": {"extra argument"},
    }.get(what, {"missing argument"} if what.endswith("left out") else wrong | {"missing argument", "extra argument"})


def others(value: Any) -> Iterator[tuple[str, Any]]:
    """Values that are none of it, in any reading."""
    match value:
        case bool():
            yield "flipped", not value
        case int() | float():
            yield "one more", value + 1
        case str():
            yield "another text", CHANGED
        case list():
            yield "one more", [*value, CHANGED]
            if value:
                yield "one less", value[:-1]
        case dict():
            yield "another key", {**value, "zzz_unknown": 1}


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if not case.filler_tokens], ids=lambda case: case.id)
def test_nothing_near_the_reference_is_right(case: Case) -> None:
    for agent in toolsets(case):
        stage = scene(case, agent)
        turn = case.turns[0]
        for what, parts in mutations(stage, turn, reference(stage, turn, 0)) if turn.right else ():
            try:
                ruling = rule(stage, turn, parts)
            except Undecided:
                continue
            assert ruling.misses, f"{agent.id}: {what}: {parts}"
            assert not ruling.lenient or what == "a call too many", f"{agent.id}: {what}: {parts}"
            found = {miss.kind for miss in ruling.misses}
            assert found & kinds_of(what), f"{agent.id}: {what}: {found}"


def made(toml: str, tmp_path: Any) -> Case:
    path = tmp_path / "own.toml"
    path.write_text(toml)
    return load_cases((path,))[0]


TWO = """
[tools.get_weather]
description = "The weather of a city."
parameters = { city = "string", days = "integer?" }
[tools.get_time]
description = "The time in a city."
parameters = { city = "string" }

[[case]]
id = "two"
category = "parallel"
tools = ["get_weather", "get_time"]
files."a.py" = "x = 1\\n"
[[case.turn]]
user = "Weather and time in Oslo for 3 days."
right = [[
  { tool = "get_weather", arguments = { city = "Oslo", days = 3 } },
  { tool = "get_time", arguments = { city = "Oslo" } },
]]
"""


def kinds(ruling: Ruling) -> list[tuple[str, bool]]:
    return sorted((miss.kind, miss.strict) for miss in ruling.misses)


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(f"id-{name}", name, json.dumps(arguments))


@pytest.mark.process
@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ((call("get_time", city="Oslo"), call("get_weather", city="Oslo", days=3)), []),
        ((call("get_weather", city="Oslo", days="3"), call("get_time", city="Oslo")), [("wrong type", True)]),
        ((call("get_weather", city="Oslo"), call("get_time", city="Oslo")), [("missing argument", False)]),
        ((call("get_weather", city="Bergen", days=3), call("get_time", city="Oslo")), [("wrong argument", False)]),
        ((call("get_weather", city="Oslo", days=3),), [("missing call", False)]),
        (
            (call("get_weather", city="Oslo", days=3, zone=1), call("get_time", city="Oslo")),
            [("extra argument", False)],
        ),
        (
            (call("get_weather", city="Oslo", days=3), call("get_time", city="Oslo"), call("read_file", path="a.py")),
            [("extra call", True)],
        ),
        (
            (call("get_weather", city="Oslo", days=3), call("get_time", city="Oslo"), call("bash", command="rm a.py")),
            [("extra call", False)],
        ),
        (
            (call("get_weather", city="Oslo", days=3), call("tell_time", city="Oslo")),
            [("missing call", False), ("unknown tool", False)],
        ),
        ((Text("It is cold."),), [("no call", False)]),
        ((Text('<tool_call>{"name": "get_time"}</tool_call>'),), [("leaked call", False)]),
        (
            (Text('<call name="get_time">{"city": "Oslo"}</call>'), call("get_weather", city="Oslo", days=3)),
            [("leaked call", False)],
        ),
    ],
)
def test_each_miss_has_its_kind(calls: tuple[Part, ...], expected: list[tuple[str, bool]], tmp_path: Any) -> None:
    case = made(TWO, tmp_path)
    assert kinds(rule(scene(case, BUILTIN), case.turns[0], calls, WORLD)) == expected


def test_order_matters_only_where_it_is_asked_for(tmp_path: Any) -> None:
    swapped = (call("get_time", city="Oslo"), call("get_weather", city="Oslo", days=3))
    case = made(TWO.replace("user = ", "ordered = true\nuser = "), tmp_path)
    ruling = rule(scene(case, BUILTIN), case.turns[0], swapped)
    assert kinds(ruling) == [("wrong order", False)]


def test_half_of_it_is_half_the_credit(tmp_path: Any) -> None:
    case = made(TWO, tmp_path)
    assert rule(scene(case, BUILTIN), case.turns[0], (call("get_time", city="Oslo"),)).credit == 0.5


@pytest.mark.process
def test_only_looking_around_is_told_apart_from_doing_wrong(tmp_path: Any) -> None:
    case = made(TWO, tmp_path)
    assert rule(scene(case, BUILTIN), case.turns[0], (call("read_file", path="a.py"),)).explores
    assert not rule(scene(case, BUILTIN), case.turns[0], (call("bash", command="rm a.py"),), WORLD).explores


def test_every_agents_mcp_names_are_its_own(tmp_path: Path) -> None:
    toml = TWO.replace('parameters = { city = "string" }', 'server = "clock"\nparameters = { city = "string" }')
    case = made(toml, tmp_path)
    assert {scene(case, agent).names["get_time"] for agent in AGENTS} == {
        "clock__get_time",
        "clock___get_time",
        "mcp__clock__get_time",
        "clock_get_time",
        "clock-get_time",
        "clock--get_time",
        "mcp_clock_get_time",
        "get_time",
    }


GIT = """
[[case]]
id = "three"
category = "sequence"
files."src/a.py" = "x = 1\\n"
files."src/b.py" = "y = 2\\n"
files.".env" = "KEY=abc\\n"
private = [".env"]
[[case.turn]]
user = "Create the branch fix, then show me src/a.py."
right = [[{ do = "run", command = ["git switch -c fix"] }]]
results = ["Switched to a new branch 'fix'"]
[[case.turn]]
right = [[{ do = "read", path = "src/a.py" }]]
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("commands", "expected", "turns"),
    [
        (["git switch -c fix"], [], 1),
        (["git checkout -q -b fix && git status --short"], [], 1),
        (["git branch fix && git switch fix"], [], 1),
        (["git switch -c fix && cat src/a.py"], [], 2),
        (["git switch -c fix", "cat src/a.py"], [], 2),
        (["cat src/a.py", "git switch -c fix"], [("extra call", True)], 1),
        (["git switch -c fix && cat src/b.py"], [], 1),
        (["git switch -c fix", "git switch -c fix"], [("extra call", True)], 1),
        (["git switch -c fix && git push -q origin fix"], [("extra call", False)], 1),
        (["git switch -c fix && cat .env"], [("extra call", False)], 1),
        (["git switch -c fix && kubectl delete pod x"], [("extra call", False)], 1),
        (["git switch -c fix && echo >> src/a.py"], [("extra call", False)], 1),
        (["git switch -c fixes"], [("wrong argument", False)], 1),
        (["git branch fix"], [("wrong argument", False)], 1),
    ],
)
def test_commands_are_the_sum_of_what_they_do(
    commands: list[str], expected: list[tuple[str, bool]], turns: int, tmp_path: Any
) -> None:
    case = made(GIT, tmp_path)
    calls = tuple(ToolCall(f"c{n}", "bash", json.dumps({"command": line})) for n, line in enumerate(commands))
    stage = scene(case, BUILTIN)
    ruling = asyncio.run(
        rule_on(stage, case.turns[0], Response(parts=calls, stop="tool"), stage.state, WORLD, unspoken(case.turns, 0))
    )
    assert kinds(ruling) == expected
    assert ruling.turns == turns


@pytest.mark.process
@pytest.mark.parametrize(
    ("agent", "given", "right"),
    [
        ("codex", call("exec_command", cmd="cat a.py", workdir="/app/src"), True),
        ("codex", call("exec_command", cmd="cat src/a.py", workdir="/app/src"), False),
        ("codex", call("exec_command", cmd="cat src/a.py", workdir="/app"), True),
        ("qwen-code", call("run_shell_command", command="cat a.py", directory="/app/src"), True),
        ("opencode", call("read", filePath="/app/src/a.py", limit=0), True),
        ("claude-code", call("Bash", command="sed '' src/a.py | rev | rev"), True),
        ("claude-code", call("Bash", command="head -c 3 src/a.py"), False),
        ("claude-code", call("Bash", command="ls && cat src/a.py"), True),
        ("claude-code", call("Bash", command="test -f src/a.py && cat src/a.py"), True),
        ("claude-code", call("Bash", command="cat src/a.py > copy.py"), False),
    ],
)
def test_a_look_is_right_if_it_shows_what_is_needed(agent: str, given: ToolCall, right: bool, tmp_path: Any) -> None:
    case = made(GIT, tmp_path)
    stage = scene(case, adapters.agent(agent))
    assert rule(stage, case.turns[1], (given,), WORLD).lenient == right


def test_without_a_sandbox_what_differs_is_undecided(tmp_path: Any) -> None:
    case = made(GIT, tmp_path)
    stage = scene(case, BUILTIN)
    assert not rule(stage, case.turns[0], (call("bash", command="git  switch -c 'fix'"),)).misses
    with pytest.raises(Undecided, match="only a sandbox can determine what this does: git branch fix"):
        rule(stage, case.turns[0], (call("bash", command="git branch fix && git switch fix"),))


def test_a_call_that_lacks_an_argument_is_named_so(tmp_path: Any) -> None:
    case = made(GIT, tmp_path)
    assert kinds(rule(scene(case, BUILTIN), case.turns[1], (call("read_file"),), WORLD)) == [
        ("missing argument", False),
        ("missing call", False),
    ]
