"""Judge every tool call of a trial against what its own request offered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolworthy.content.adapters import AgentAdapter
from toolworthy.records.conversation import news_of, results_of, text_of
from toolworthy.records.exchange import Exchange
from toolworthy.records.score import CallScores, Count
from toolworthy.rules.calls import is_json_object
from toolworthy.rules.leaked import lost_calls
from toolworthy.rules.leaks import TOOL_SYNTAX
from toolworthy.rules.schemas import misfit
from toolworthy.wire.ir import Request, Thinking, Tool, ToolCall, ToolResult
from toolworthy.work.scoring._edits import JudgedEdit

_LOOP = 3
"""The same call this many times in a row is a loop."""


@dataclass(frozen=True)
class Fit:
    """How one call fits the offered tools."""

    parses: bool
    known: bool
    problem: str | None
    """Why the arguments do not fit the offered schema."""

    @property
    def valid(self) -> bool | None:
        """Whether they do; None if the tool is unknown or they cannot be parsed."""
        return self.problem is None if self.known and self.parses else None


@dataclass(frozen=True)
class JudgedCall(Fit):
    """One call with its judgement; None for questions that do not apply."""

    exchange: int
    call: ToolCall
    coherent: bool
    executed: bool | None
    """False if the tool's result is an error; None if there is no result."""
    result: str
    fresh: bool


def judge_call(request: Request, call: ToolCall) -> Fit:
    """Judge one call against the tools that `request` offered."""
    tool = _offered(request, call)
    parses = call.custom or bool(tool and tool.custom) or is_json_object(call.arguments)
    return Fit(parses, tool is not None, _problem(tool, call) if tool and parses else None)


def judge_calls(exchanges: Sequence[Exchange], agent: AgentAdapter) -> tuple[JudgedCall, ...]:
    """All calls, in order."""
    judged: list[JudgedCall] = []
    row: list[tuple[str, str]] = []
    for exchange, call, result in _calls(exchanges):
        request, response = exchange.request, exchange.response
        assert request is not None
        assert response is not None
        fit = judge_call(request, call)
        without_id = any(repair.code == "missing-id" for repair in response.repairs)
        row.append((call.name, call.arguments))
        looped = len(row) >= _LOOP and len(set(row[-_LOOP:])) == 1
        judged.append(
            JudgedCall(
                **vars(fit),
                exchange=exchange.index,
                call=call,
                coherent=response.stop in ("tool", "length", None) and not without_id,
                executed=None if result is None else not _refused(result, agent),
                result="" if result is None else text_of(result.content),
                fresh=not looped,
            )
        )
    return tuple(judged)


def call_scores(calls: Sequence[JudgedCall], edits: Sequence[JudgedEdit], exchanges: Sequence[Exchange]) -> CallScores:
    """The counts over judged calls and edits, and over answers where text is concerned."""

    def count(values: list[bool | None]) -> Count:
        decided = [value for value in values if value is not None]
        return Count(ok=sum(decided), n=len(decided))

    return CallScores(
        parses=count([call.parses for call in calls]),
        known=count([call.known for call in calls]),
        valid=count([call.valid for call in calls]),
        coherent=count([call.coherent for call in calls]),
        executed=count([call.executed for call in calls]),
        fresh=count([call.fresh for call in calls]),
        clean_text=count([_clean(exchange) for exchange in exchanges]),
        edits=count([not edit.problem for edit in edits]),
    )


def _calls(exchanges: Sequence[Exchange]) -> Iterator[tuple[Exchange, ToolCall, ToolResult | None]]:
    """Every call of an answered request, with its result."""
    for exchange, results in zip(exchanges, results_of(exchanges, news_of(exchanges)), strict=True):
        if exchange.request:
            for call, result in zip(exchange.calls, results, strict=True):
                yield exchange, call, result


def _offered(request: Request, call: ToolCall) -> Tool | None:
    wanted = (call.name, call.flat_name)
    return next((tool for tool in request.tools if tool.flat_name in wanted or tool.name == call.name), None)


def _problem(tool: Tool, call: ToolCall) -> str | None:
    """The first schema violation as text; None if there is none, or no schema."""
    if call.custom or not tool.parameters:
        return None
    return misfit(tool.parameters, json.loads(call.arguments))


def _refused(result: ToolResult, agent: AgentAdapter) -> bool:
    return result.is_error or any(re.search(pattern, text_of(result.content)) for pattern in agent.refusals)


def _clean(exchange: Exchange) -> bool | None:
    response = exchange.response
    if response is None or response.failure is not None or not exchange.can_act:
        return None
    texts = [response.text, *(part.text for part in response.parts if isinstance(part, Thinking))]
    return not lost_calls(exchange.request, response) and not any(TOOL_SYNTAX.search(text) for text in texts)
