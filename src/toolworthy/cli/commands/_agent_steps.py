"""``toolworthy agents check NAME|FILE``: check a new adapter step by step; reports what is missing, in the order to fix
it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolworthy.agents.install import check, ensure
from toolworthy.base import tree
from toolworthy.base.counted import counted
from toolworthy.base.errors import ToolworthyError
from toolworthy.base.sanitize import show
from toolworthy.cli._event_loop import run_until_signal
from toolworthy.content.adapters import AgentAdapter
from toolworthy.content.tasks import known_tasks
from toolworthy.content.toolset import speaker, tool_schema
from toolworthy.public.running import run
from toolworthy.records.exchange import Exchange
from toolworthy.records.trial import TrialResult
from toolworthy.wire.ir import Request, ToolResult

_TASK = "fix-failing-test"
_SLOW = 20.0
"""Seconds until the first request from which on a start counts as slow."""
_OWN = re.compile(r"^\+\+\+ b/(\.[^/\n]+)", re.MULTILINE)


class _Missing(Exception):
    """A step that failed: the next ones make no sense."""


def check_steps(agent: AgentAdapter, file: Path | None) -> bool:
    """Install an agent, start it, let it do a task on the oracle, and say after each step what is missing.

    Args:
        agent: its adapter.
        file: of the adapter, where it is not one of ours.
    """
    try:
        for name, lines in _steps(agent, file):
            show(f"{'ok  ' if not lines else 'note'} {agent.id}: {name}")
            for line in lines:
                show(f"     {line}")
    except (_Missing, ToolworthyError) as error:
        show(f"BAD  {agent.id}: {error}")
        return False
    return True


def _steps(agent: AgentAdapter, file: Path | None) -> Iterator[tuple[str, list[str]]]:
    """Each step that went well, and what could be better."""
    if agent.install:
        run_until_signal(ensure(agent, lambda line: show(f"     {line}")))
        yield f"install: {run_until_signal(check(agent))}", []
    with tree.temporary() as folder:
        files = [file] if file else []
        ran = run("oracle", suites="tasks", agents=[agent.id], adapters=files, tasks=[_TASK], out=folder / "reports")
        result = ran.trials[0]
        asked = [exchange for exchange in ran.exchanges(result) if exchange.kind == "completion"]
    first = next((exchange for exchange in asked if exchange.can_act), None)
    if first is None:
        raise _Missing(f"first request: none with tools reached {{base_url}}; {_end(result)}")
    request = first.request
    assert request is not None
    size = f"{counted(len(first.request_body), 'byte')}, {counted(len(request.tools), 'tool')}"
    yield (
        f"first request: {first.agent_api}, {size}",
        [
            *_of_first(agent, first, request),
            *_slow(agent, result, first),
        ],
    )
    results = [
        part
        for exchange in asked
        for message in (exchange.request.messages if exchange.request else ())
        for part in message.parts
        if isinstance(part, ToolResult)
    ]
    if agent.tools and not results:
        raise _Missing(f"one call: no result came back; {_end(result)}")
    if agent.tools:
        yield "one call: its result came back", []
    else:
        applied = result.score.call_scores.edits
        yield f"edits as text: {applied.ok} of {applied.n} applied", []
    if result.status != "passed":
        raise _Missing(f"one task: {_TASK} {result.status}; {_end(result)}")
    yield f"one task: {_TASK} passed, {counted(len(asked), 'request')}", list(_of_end(agent, result, asked))


def _of_first(agent: AgentAdapter, first: Exchange, request: Request) -> Iterator[str]:
    if first.agent_api != agent.apis[0]:
        yield f'it speaks {first.agent_api}: write apis = ["{first.agent_api}", …]'
    offered = {tool.name: tool for tool in request.tools}
    if other := sorted(agent.tools.keys() - offered.keys()):
        yield f"it does not offer {', '.join(other)}: remove these [tools] or correct their names"
    if other := sorted(offered.keys() - agent.tools.keys()):
        yield f"it also offers {', '.join(other)}: describe in [tools.NAME] those that read, write, edit or run"
    for name in sorted(offered.keys() & agent.tools.keys()):
        has = ((offered[name].parameters or {}).get("properties") or {}).keys()
        if has and (wrong := sorted(tool_schema(agent.tools[name])["properties"].keys() - has)):
            yield f"tools.{name}.parameters: it has no {', '.join(wrong)}; it has {', '.join(sorted(has))}"
    if agent.tools and speaker(request.tools, [agent]) is None:
        yield "none of its tools has `does` and `call`: the oracle guesses"
    tokens = len(first.request_body) // 4
    if not tokens / 2 <= agent.prompt_tokens <= tokens * 2:
        yield f"prompt_tokens = {tokens}: its first request is that large, not {agent.prompt_tokens}"


def _slow(agent: AgentAdapter, result: TrialResult, first: Exchange) -> Iterator[str]:
    waited = first.started - (result.started or first.started)
    if waited > max(_SLOW, agent.run.start_seconds * 2):
        yield f"run.start_seconds = {waited:.0f}: so long it took until its first request"


def _of_end(agent: AgentAdapter, result: TrialResult, asked: Sequence[Exchange]) -> Iterator[str]:
    ends = [exchange for exchange in asked if exchange.can_act and not exchange.calls]
    if len(ends) > 1:
        more = counted(len(ends) - 1, "more time")
        yield f"it asked {more} after the last answer: does it want a call at the end (finish)?"
    task = next(task for task in known_tasks() if task.name == _TASK)
    own = {name for name in _OWN.findall(result.diff) if not (task.path / "environment" / "app" / name).exists()}
    if own:
        yield f"leaves = {json.dumps(sorted(own))}: it left them in the workspace"
    if agent.full_window is None:
        yield "[full_window] says which errors it takes for a full context window; without it that is not tested"


def _end(result: TrialResult) -> str:
    output = result.agent_output.strip().splitlines()
    why = f"{result.cause.detail}; " if result.cause else ""
    return (
        f"{why}exit {result.agent_exit}, ended by {result.agent_ended}: {' '.join(output[-3:])[-300:] or 'no output'}"
    )
