"""The reference server's next step: pure and stateless, from the conversation alone.

The instruction identifies the task; the ids of the calls made so far contain their step and so give the progress. If an
agent replaced the ids, the progress follows from the calls that were due. So any client can use the server without
special headers, and it can be restarted between two turns.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from toolworthy.content.adapters import Action, AgentAdapter
from toolworthy.content.tasks import Step, Task
from toolworthy.content.toolset import Way, finishing, of_server, revealing, speaker, ways
from toolworthy.reference._compaction import quoted, summarized, summary, wants_summary, words_only
from toolworthy.reference._instructions import obey
from toolworthy.reference._limits import limited, words
from toolworthy.reference._text_edits import text_edits
from toolworthy.wire.ir import Message, Part, Request, Response, StopReason, Text, Thinking, ToolCall, ToolResult, Usage
from toolworthy.wire.text_edits import wants_text_edits

_ID = re.compile(r"tw(\d{3})([prwf])(\d{2})")
"""A call's id: its step, its purpose (the step itself, a read before it, a wait, the end), and the number of the
way."""
_MAX_WAITS = 30
_CACHEABLE = 1_024
"""The fewest tokens for which the beginning of a conversation counts as cached, as with OpenAI."""
_REFUSED = re.compile(r"unknown tool|no such tool|tool not found|not available|invalid arguments", re.IGNORECASE)


@dataclass
class _Place:
    """Progress of a conversation."""

    step: int = 0
    way: int = 0
    read: set[str] = field(default_factory=set)
    """Paths that a file tool has read."""
    session: str | None = None
    """The session of a command that still runs."""
    waits: int = 0
    complaint: str = ""
    """The text of the last refusal."""


Play = Callable[[Request], tuple[Part, ...] | None]
"""Returns the oracle's response to a known request; None for others."""


def next_answer(
    request: Request,
    tasks: Sequence[Task],
    adapters: Sequence[AgentAdapter],
    plays: Sequence[Play] = (),
    *,
    together: bool = False,
) -> Response:
    """The oracle's response to `request`, without the API's id and usage.

    Args:
        request: the request.
        tasks: the tasks whose solutions it can play.
        adapters: the agents whose tools it knows.
        plays: prepared responses, which take precedence over tasks.
        together: whether consecutive reads are called in one response.
    """
    for play in plays:
        if (prepared := play(request)) is not None:
            return _played(request, prepared)
    task = find_task(request, tasks)
    if task is not None and wants_summary(request, task):
        done = _place(request, task, speaker(request.tools, adapters)).step
        return _finished(request, summary(task, max(done, quoted(request, task))))
    if task is not None and wants_text_edits(request):
        return _finished(request, text_edits(request, task))
    if task is None or not request.tools:
        return _played(request, obey(request))
    adapter = speaker(request.tools, adapters)
    place = _place(request, task, adapter)
    before: list[str] = ["I will work through this step by step."] if place.step == place.way == 0 else []
    before += _texts_before_action(place, task)
    text = "\n\n".join(before[-1:])
    if place.step >= len(task.steps):
        end = finishing(request.tools, adapter) if (place.step, place.way) == (len(task.steps), 0) else None
        return (
            _answer(request, text or "Done.", _made(end, place, "f", 0)) if end else _finished(request, text or "Done.")
        )
    call = _call(request, task, place, adapter)
    if call is None:
        return _finished(request, f"I cannot go on: step {place.step + 1} was refused. {place.complaint}"[:500])
    more = _reads(request, task, place, adapter) if together and place.way == 0 else ()
    return _answer(request, text if place.way == 0 else "", call, *more)


def find_task(request: Request, tasks: Sequence[Task]) -> Task | None:
    """The task whose instruction is in a user message, or in a summary; of several, the last one."""
    best: tuple[int, int, Task] | None = None
    for number, message in enumerate(request.messages):
        if message.role != "user" and summarized(message.text) is None:
            continue
        text = words_only(message.text)
        for task in tasks:
            wanted = words_only(task.instruction)
            if wanted in text and (best is None or (number, len(wanted)) >= best[:2]):
                best = (number, len(wanted), task)
    return best[2] if best else None


def _place(request: Request, task: Task, adapter: AgentAdapter | None) -> _Place:
    results = {part.call_id: part for part in _parts(request.messages) if isinstance(part, ToolResult)}
    place = _Place()
    for part in _parts(request.messages):
        if isinstance(part, Text) and (done := summarized(part.text)) is not None:
            place = _Place(done)
        if isinstance(part, ToolCall) and part.id in results:
            match = _ID.search(part.id) or _ID.search(_due(request, task, place, adapter))
            step, kind, way = (int(match[1]), match[2], int(match[3])) if match else (place.step, "p", place.way)
            _advance(place, task, kind, step, way, results[part.id], adapter)
    return place


def _texts_before_action(place: _Place, task: Task) -> list[str]:
    """The texts before the next action, to which `place` advances."""
    texts = []
    while place.step < len(task.steps) and (text := task.steps[place.step].say) is not None:
        texts.append(text)
        place.step += 1
    return texts


def _due(request: Request, task: Task, place: _Place, adapter: AgentAdapter | None) -> str:
    """The id of the call that was due here, for a conversation that has lost it: some agents generate their own."""
    _texts_before_action(place, task)
    call = _call(request, task, place, adapter) if place.step < len(task.steps) else None
    return call.id if call else ""


def _advance(
    place: _Place, task: Task, kind: str, step: int, way: int, result: ToolResult, adapter: AgentAdapter | None
) -> None:
    """Advance by one result."""
    text = " ".join(part.text for part in result.content if isinstance(part, Text))
    target = task.steps[step] if step < len(task.steps) else None
    action = target.action if target else "say"
    refused = _refused(result, text, adapter, run=action == "run" and kind != "r")
    refused |= bool(target and target.gives and target.gives not in text)
    place.step, place.way, place.session = step, way, None
    if kind == "w" and action == "call":
        place.way, place.waits = 0, place.waits + 1
        return
    if kind == "r":
        path = _path(target)
        if not refused and path:
            place.read.add(path)
        else:
            place.way, place.complaint = way + 1, text[:300]
        return
    if adapter and adapter.running and (match := re.search(adapter.running, text)):
        place.session, place.waits = match[1], place.waits + 1
        return
    if refused:
        place.way, place.complaint = way + 1, text[:300]
        return
    if action == "read" and (path := _path(target)):
        place.read.add(path)
    place.step, place.way, place.waits = step + 1, 0, 0


def _refused(result: ToolResult, text: str, adapter: AgentAdapter | None, run: bool) -> bool:
    """Whether a tool refused a call. A command that ran and failed was not refused."""
    patterns = adapter.refusals if adapter else ()
    if any(re.search(pattern, text) for pattern in patterns):
        return True
    if run:
        return result.is_error and bool(_REFUSED.search(text[:300]))
    return result.is_error or bool(re.match(r"\W*error\b", text, re.IGNORECASE)) or bool(_REFUSED.match(text))


def _call(request: Request, task: Task, place: _Place, adapter: AgentAdapter | None) -> ToolCall | None:
    if place.session is not None and place.waits <= _MAX_WAITS:
        waiting = ways("wait", {"session": place.session}, request.tools, adapter)
        if waiting:
            return _made(waiting[0], place, "w", place.waits)
    step = task.steps[place.step]
    possible = _ways(task, step, request, adapter)
    if step.call is not None and not possible and place.waits < _MAX_WAITS:
        way = revealing(task.mcp.name if task.mcp else "", step.call, request.tools, adapter)
        return _made(way, place, "w", place.waits) if way else None
    if place.way >= len(possible):
        return None
    way, path = possible[place.way], _path(step)
    if way.native and way.spec.needs_read and path and path not in place.read and _stood_before(task, place, step):
        reading = [read for read in ways("read", {"path": path}, request.tools, adapter) if read.native]
        if reading:
            return _made(reading[0], place, "r", place.way)
    return _made(way, place, "p", place.way)


def _ways(task: Task, step: Step, request: Request, adapter: AgentAdapter | None) -> tuple[Way, ...]:
    if step.call is not None:
        server = task.mcp.name if task.mcp else ""
        return of_server(server, step.call, step.arguments or {}, request, adapter)
    return ways(_action(step), _values(step), request.tools, adapter)


def _reads(request: Request, task: Task, place: _Place, adapter: AgentAdapter | None) -> Iterator[ToolCall]:
    """The calls of the reads directly after a read."""
    for number in range(place.step + 1, len(task.steps)):
        if task.steps[number - 1].read is None or task.steps[number].read is None:
            return
        if call := _call(request, task, replace(place, step=number), adapter):
            yield call


def _stood_before(task: Task, place: _Place, step: Step) -> bool:
    """Whether the file existed before: edits need it, writes may create it."""
    path = _path(step)
    earlier = {other.write for other in task.steps[: place.step] if other.write}
    return step.edit is not None or (task.path / "environment" / "app" / path).exists() or path in earlier


def _made(way: Way, place: _Place, kind: str, number: int) -> ToolCall:
    seed = f"{place.step}{kind}{number}{way.tool}{way.arguments}".encode("utf-8", "replace")
    call_id = f"call_tw{place.step:03d}{kind}{min(number, 99):02d}x{hashlib.sha256(seed).hexdigest()[:6]}"
    return ToolCall(call_id, way.tool, way.arguments, custom=way.custom)


def _action(step: Step) -> Action:
    action = step.action
    assert action != "say"
    assert action != "call"
    return action


def _values(step: Step) -> dict[str, str]:
    if step.run is not None:
        return {"command": step.run}
    values = {"path": _path(step), "content": step.content, "old": step.old, "new": step.new}
    return {name: value for name, value in values.items() if value is not None}


def _path(step: Step | None) -> str:
    return (step.read or step.write or step.edit or "") if step else ""


def _answer(request: Request, text: str, *calls: ToolCall) -> Response:
    parts: list[Part] = list(_thinking(request, "The next step follows from the result so far."))
    if text:
        parts.append(Text(text))
    parts += calls
    return Response(model=request.model, parts=tuple(parts), stop="tool", usage=_usage(request, parts))


def _played(request: Request, made: Sequence[Part]) -> Response:
    parts = [*_thinking(request, "The message says what to do."), *made]
    called = any(isinstance(part, ToolCall) for part in parts)
    stop: StopReason = "tool" if called else "end"
    return limited(request, Response(model=request.model, parts=tuple(parts), stop=stop, usage=_usage(request, parts)))


def _finished(request: Request, text: str) -> Response:
    parts: list[Part] = [Text(text)]
    return Response(model=request.model, parts=tuple(parts), stop="end", usage=_usage(request, parts))


def _thinking(request: Request, text: str) -> Iterator[Thinking]:
    """Reasoning, if requested. The API's encoder writes it in its own form."""
    if request.reasoning and request.reasoning.enabled is not False:
        yield Thinking(text, "reasoning_content", None)


def _parts(messages: Sequence[Message]) -> Iterator[Part]:
    for message in messages:
        yield from message.parts


def _usage(request: Request, made: Sequence[Part]) -> Usage:
    """Four characters a token. All but the newest message counts as cached once the conversation is under way."""
    sizes = [sum(len(_words(part)) for part in message.parts) // 4 for message in request.messages]
    tools = sum(len(json.dumps(tool.parameters)) + len(tool.description) for tool in request.tools) // 4
    before = sum(sizes[:-1]) + tools
    cached = before if before > _CACHEABLE or any(message.role == "tool" for message in request.messages) else 0
    return Usage(input=sum(sizes) + tools + 1, output=sum(len(_words(part)) for part in made) // 4 + 1, cached=cached)


def _words(part: Part) -> str:
    return (part.name if isinstance(part, ToolCall) else "") + words(part)
