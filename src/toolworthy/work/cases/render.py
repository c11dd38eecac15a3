"""A case with one agent's tools: the tools that are offered and the conversation before the first judged turn."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from toolworthy.content.adapters import AgentAdapter, ToolSpec
from toolworthy.content.toolset import tool_schema, understand
from toolworthy.wire.ir import Message, Part, Text, Tool, ToolCall, ToolResult
from toolworthy.wire.lenient import parse_json
from toolworthy.work.cases._files import answer_from
from toolworthy.work.cases._reference import calls_for
from toolworthy.work.cases._scene import Scene
from toolworthy.work.cases.model import Case, CaseTool, Turn, Want, crowd
from toolworthy.work.cases.world import Commit, State

_SYSTEM = (
    "You are a coding agent. The working directory is /app. Do what the user asks, and only that, with the tools you "
    "have; call them at once, without asking for permission. If nothing is to be done with a tool, answer in words."
)


def scene(case: Case, adapter: AgentAdapter) -> Scene:
    """Render `case` with the tools of `adapter`."""
    names = {name: _name(name, case.own[name], adapter) for name in case.tools}
    tools = [] if case.alone else [_agents(name, spec) for name, spec in adapter.tools.items()]
    tools += [_own(names[name], case.own[name]) for name in case.tools]
    for name, tool in crowd().items() if case.crowd else ():
        offered = _name(name, tool, adapter)
        if len(tools) >= case.crowd:
            break
        if all(offered != other.name for other in tools):
            tools.append(_own(offered, tool))
    if case.crowd:
        # The position among many tools must not reveal the right one.
        random.Random(case.id).shuffle(tools)
    system = Message("system", (Text(_SYSTEM),))
    bare = Scene(case, adapter, tuple(tools), names, (system,), State(case.files))
    messages, files = [*bare.messages], dict(case.files)
    for turn in (*_initial_reads(case), *case.before, *_filler(case)):
        messages += played(bare, turn, files, len(messages))
    return replace(bare, messages=tuple(messages), state=_state(case, files))


def _state(case: Case, files: Mapping[str, str]) -> State:
    history: list[Commit] = []
    tracked: dict[str, str] = {}
    for step in case.commits:
        tracked = {path: text for path, text in {**tracked, **step.files}.items() if path not in step.gone}
        history.append(Commit(step.message, tracked, step.name))
    history = history or [Commit("Start", case.files)]
    return State(
        {**tracked, **files},
        executable=frozenset(case.executable),
        history=tuple(history),
        branch=case.branch,
        upstream=case.upstream,
        staged=case.staged,
    )


def played(scene: Scene, turn: Turn, files: dict[str, str], number: int) -> list[Message]:
    """`turn` as the reference plays it; `files` are changed as it changes them."""
    messages = [Message("user", (Text(turn.user),))] if turn.user else []
    wants = turn.right[0] if turn.right else ()
    calls = calls_for(scene, wants, f"h{number}")
    opening: list[Part] = [Text(turn.say)] if turn.say and calls else []
    if calls:
        made = [call for _, call in calls]
        meets = {number: want for number, (want, _) in enumerate(calls)}
        messages.append(Message("assistant", (*opening, *made)))
        messages.append(Message("tool", tuple(results(scene, turn, made, meets, files))))
        for want in () if turn.error else wants:
            apply_change(want, files)
    if turn.say and not calls:
        messages.append(Message("assistant", (Text(turn.say),)))
    elif calls and turn.answer is not None:
        messages.append(Message("assistant", (Text(str(turn.answer)),)))
    return messages


def results(
    scene: Scene,
    turn: Turn,
    calls: Sequence[ToolCall],
    meets: Mapping[int, int],
    files: Mapping[str, str],
    shown: Mapping[int, str] | None = None,
) -> list[ToolResult]:
    """What the tools say to `calls`: as scripted, else what the files tell.

    Args:
        scene: the case with its toolset.
        turn: whose results they are.
        calls: what was called.
        meets: number of a call to number of what it is for; others are looks around.
        files: what lies in the working directory.
        shown: number of a call to what it said when it was run.
    """
    out = []
    for number, call in enumerate(calls):
        place = meets.get(number, len(turn.results))
        scripted = place < len(turn.results)
        text = turn.results[place] if scripted else (shown or {}).get(number) or answer_of(scene, call, files)
        out.append(ToolResult(call.id, (Text(text),), is_error=turn.error and scripted, custom=call.custom))
    return out


def answer_of(scene: Scene, call: ToolCall, files: Mapping[str, str]) -> str:
    """The result of the agent's tool for a call that shows or changes files."""
    spec = scene.spec(call.name)
    operation = understand(spec, call.arguments if call.custom else parse_json(call.arguments)) if spec else None
    return (answer_from(operation, files) if operation else None) or "done"


def apply_change(want: Want, files: dict[str, str]) -> None:
    """The files after `want`."""
    files.update(want.after)
    for path in want.gone:
        files.pop(path, None)


def _name(name: str, tool: CaseTool, adapter: AgentAdapter) -> str:
    return adapter.mcp.tool(tool.server, name) if tool.server else name


def _agents(name: str, spec: ToolSpec) -> Tool:
    return Tool(name, spec.description, None if spec.custom else tool_schema(spec), custom=spec.custom)


def _own(name: str, tool: CaseTool) -> Tool:
    if tool.parameters.get("type") == "object" and "properties" in tool.parameters:
        return Tool(name, tool.description, tool.parameters)
    return Tool(name, tool.description, tool_schema(ToolSpec(parameters=tool.parameters)))


def _initial_reads(case: Case) -> list[Turn]:
    """The calls that read files at the beginning."""
    turns = []
    for path in case.seen:
        want = Want(do="read", path=path)
        turns.append(Turn(user=f"Read {path}.", right=((want,),), answer="I have read it."))
    return turns


_FILLER_TURNS = 8


def _filler(case: Case) -> list[Turn]:
    """Turns about other things: notes are read, and a word is said about each."""
    if not (case.filler_turns or case.filler_tokens):
        return []
    count = case.filler_turns or _FILLER_TURNS
    turns = []
    for number, note in enumerate(_notes(case.id, count, max(20, case.filler_tokens // count)), 1):
        path = f"notes/{number:03d}.txt"
        want = Want(do="read", path=path)
        user = f"Read {path} and say in one word whether it matters."
        turns.append(Turn(user=user, right=((want,),), results=(note,), answer="No."))
    return turns


@lru_cache
def _notes(seed: str, count: int, words: int) -> tuple[str, ...]:
    """Texts of so many words, the same for every agent."""
    chance = random.Random(seed)
    return tuple(" ".join(chance.choice(_WORDS) for _ in range(words)) for _ in range(count))


_WORDS = re.findall(
    r"\w+",
    "the plan for this week is to look at every ticket once more and to close what nobody needs while the others wait "
    "until somebody has time so that we can talk about it on Monday with all who were there when it was decided",
)
