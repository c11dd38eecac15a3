"""A trial as an ATIF trajectory, the field's interchange format.

Format: Agent Trajectory Interchange Format v1.6, as read by the models of the ``harbor`` package, 0.25.0 (2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolworthy.base.version import __version__
from toolworthy.output.exports._arguments import arguments
from toolworthy.output.exports.timeline import Call, TimelineTurn, iso, timeline
from toolworthy.records.exchange import Exchange
from toolworthy.records.trial import TrialResult

VERSION = "ATIF-v1.6"


def trajectory(result: TrialResult, exchanges: Sequence[Exchange], model: str) -> dict[str, Any]:
    """The trajectory of one trial, ready for JSON. Only the task's own conversation is in it, no side requests."""
    turns = [turn for turn in timeline(exchanges, result.score.findings) if not turn.side]
    steps: list[dict[str, Any]] = []
    for turn in turns:
        steps += [_asked(turn, role, text) for role, text in turn.asked]
        steps.append(_answered(turn))
    if not steps:
        steps.append({"source": "system", "message": result.cause.detail if result.cause else "no request was sent"})
    tokens = result.score.tokens
    totals = {
        "total_prompt_tokens": tokens.input,
        "total_completion_tokens": tokens.output,
        "total_cached_tokens": tokens.cached,
        "total_cost_usd": result.score.cost_usd,
        "total_steps": len(steps),
    }
    return {
        "schema_version": VERSION,
        "session_id": str(result.key),
        "agent": {"name": result.key.agent, "version": result.agent_version or __version__, "model_name": model},
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, 1)],
        "final_metrics": _some(totals),
        "extra": {"status": result.status, "task": result.key.task, "translated": result.score.translated},
    }


def _asked(turn: TimelineTurn, role: str, text: str) -> dict[str, Any]:
    return {"timestamp": iso(turn.exchange.started), "source": "user" if role == "user" else "system", "message": text}


def _answered(turn: TimelineTurn) -> dict[str, Any]:
    response = turn.exchange.response
    step: dict[str, Any] = {
        "timestamp": iso(turn.exchange.started),
        "source": "agent",
        "message": turn.text or turn.note,
    }
    if turn.reasoning:
        step["reasoning_content"] = turn.reasoning
    if turn.calls:
        step["tool_calls"] = [_tool_call(number, call) for number, call in enumerate(turn.calls)]
        observed = [
            {"source_call_id": call.call.id or str(number), "content": call.result}
            for number, call in enumerate(turn.calls)
            if call.result is not None
        ]
        if observed:
            step["observation"] = {"results": observed}
    if response and response.model:
        step["model_name"] = response.model
    if response and (usage := response.usage):
        counts = {"prompt_tokens": usage.input, "completion_tokens": usage.output, "cached_tokens": usage.cached}
        step |= {"metrics": metrics} if (metrics := _some(counts)) else {}
    return step


def _tool_call(number: int, call: Call) -> dict[str, Any]:
    values, _ = arguments(call.call)
    return {"tool_call_id": call.call.id or str(number), "function_name": call.call.name, "arguments": values}


def _some(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
