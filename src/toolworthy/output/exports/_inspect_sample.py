"""One attempt at an item as a sample of an Inspect log: its conversation, scores, usage and times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from toolworthy.judgement.analysis.success import counts
from toolworthy.output.exports._arguments import arguments
from toolworthy.output.exports.timeline import TimelineTurn, cut, iso, timeline
from toolworthy.records.case import CaseResult, Miss
from toolworthy.records.conversation import messages_of, text_of
from toolworthy.records.exchange import Exchange
from toolworthy.records.result import Result
from toolworthy.records.score import Score, score_of
from toolworthy.records.trial import TrialResult
from toolworthy.wire.ir import Message, StopReason, Text, Thinking, ToolCall, ToolResult, Usage
from toolworthy.work.kind import attempt
from toolworthy.work.kinds import kind_of

SCORERS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "tasks": {"hidden_tests": lambda result: result.ok},
    "tools": {"lenient": lambda result: result.ok, "strict": lambda result: result.status == "right"},
}
"""By suite; the first is the main one. Other kinds of work have one scorer, `ok`."""
_OK: Mapping[str, Callable[[Any], bool]] = {"ok": lambda result: result.ok}
_ROLES = {"developer": "system"}
_STOPS: Mapping[StopReason, str] = {
    "end": "stop",
    "stop_sequence": "stop",
    "tool": "tool_calls",
    "length": "max_tokens",
    "filter": "content_filter",
    "refusal": "content_filter",
}
"""Stop reasons in Inspect's terms; all others are ``unknown``."""
_COUNTS = ("input", "output", "cached", "cache_write", "reasoning")
_MOST = 2**53
"""Larger integers are not exact in every program."""
_TAIL = 4_000
"""Characters of the hidden tests' output."""


def scorers(suite: str) -> Mapping[str, Callable[[Any], bool]]:
    """Scorer to its function, for the results of a suite."""
    return SCORERS.get(suite, _OK)


def scores(result: Result) -> dict[str, bool]:
    """Scorer to whether the attempt was right; empty if the attempt does not count."""
    return {name: right(result) for name, right in scorers(result.key.suite).items()} if counts(result) else {}


def error(result: Result) -> dict[str, str]:
    """Why an attempt does not count."""
    if isinstance(result, CaseResult):
        reason = result.detail
    elif isinstance(result, TrialResult):
        reason = f"{result.cause.kind}: {result.cause.detail}" if result.cause else result.status
    else:
        reason = result.uncounted or result.status_word
    return {"message": f"not measured: {reason}", "traceback": "", "traceback_ansi": ""}


def usage(scores: Sequence[Score], model: str) -> dict[str, Any]:
    """Model to its tokens, as Inspect counts them: cached input separate from the rest. Empty if none are known."""
    reported = [score for score in scores if score.tokens.input is not None or score.tokens.output is not None]
    if not reported:
        return {}
    costs = [score.cost_usd for score in reported if score.cost_usd is not None]
    total = Usage(**{name: sum(getattr(one.tokens, name) or 0 for one in reported) for name in _COUNTS})
    return {model: {**_usage(total), "total_cost": sum(costs) if len(costs) == len(reported) else None}}


def sample(result: Result, exchanges: Sequence[Exchange], model: str, uuid: str) -> dict[str, Any]:
    """The sample, ready for JSON. Of a trial only the task's own conversation is in it, no side requests.

    Args:
        result: the attempt.
        exchanges: all exchanges, in order; none if they are gone.
        model: the requested model.
        uuid: the sample's id.
    """
    turns = [
        turn
        for turn in timeline(exchanges, result.findings)
        if turn.exchange.kind == "completion" and not (turn.side and isinstance(result, TrialResult))
    ]
    messages = [{"id": f"{uuid}-{number}", **message} for number, message in enumerate(_conversation(turns), 1)]
    answers = [place for place, message in enumerate(messages) if message.get("source") == "generate"]
    outputs = [_output(turn, messages[place], model) for turn, place in zip(turns, answers, strict=True)]
    events = [_event(*one, uuid, result.started) for one in zip(turns, answers, outputs, strict=True)]
    counted = scores(result)
    return {
        "id": result.key.item,
        "epoch": attempt(result.key),
        "input": _input(turns) or result.key.item,
        "target": _target(result),
        "messages": messages,
        "output": outputs[-1] if outputs else {"model": model, "choices": []},
        "scores": {name: _score(result, ok) for name, ok in counted.items()},
        "metadata": _metadata(result),
        "events": events,
        "model_usage": usage([score_of(result)], model),
        "started_at": iso(result.started) if result.started > 0 else None,
        "completed_at": iso(result.started + result.seconds) if result.started > 0 else None,
        "total_time": result.seconds,
        "uuid": uuid,
        "error": None if counted else error(result),
        "events_data": {"messages": messages, "calls": []},
        "turn_count": len(turns),
    }


def _input(turns: Sequence[TimelineTurn]) -> str:
    """The user's request, without what agents add in tags; "" if there is none."""
    first = messages_of(turns[0].exchange) if turns else ()
    texts = [part.text for one in first if one.role == "user" for part in one.parts if isinstance(part, Text)]
    own = [text for text in texts if not text.lstrip().startswith("<")]
    return cut((own or texts or [""])[-1])


def _conversation(turns: Sequence[TimelineTurn]) -> Iterator[dict[str, Any]]:
    """Every message, in order: those of the first request, then for each turn new messages, response and tool
    results."""
    for number, turn in enumerate(turns):
        if number:
            yield from ({"role": _ROLES.get(role, role), "content": text} for role, text in turn.asked)
        else:
            for message in messages_of(turn.exchange):
                yield from _given(message)
        yield _answered(turn)
        for place, call in enumerate(turn.calls):
            if call.result is not None:
                yield _tool(_id(call.call, place), call.call.name, call.result, call.is_error)


def _given(message: Message) -> Iterator[dict[str, Any]]:
    """A message of the first request as Inspect's messages: a tool's each hold one result."""
    if message.role == "tool":
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        yield from (_tool(one.call_id, None, cut(text_of(one.content)), one.is_error) for one in results)
        return
    row: dict[str, Any] = {"role": _ROLES.get(message.role, message.role), "content": cut(text_of(message.parts))}
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if message.role == "assistant":
        thought = "".join(part.text for part in message.parts if isinstance(part, Thinking))
        row |= {"content": _content(cut(thought), row["content"]), "tool_calls": _calls(calls)}
    yield {**row, "source": "input"}


def _answered(turn: TimelineTurn) -> dict[str, Any]:
    response = turn.exchange.response
    return {
        "role": "assistant",
        "content": _content(turn.reasoning, turn.text),
        "source": "generate",
        "metadata": {"exchange": turn.exchange.index} | ({"error": turn.note} if turn.note else {}),
        "tool_calls": _calls([call.call for call in turn.calls]),
        "model": (response.model if response else "") or None,
    }


def _content(reasoning: str, text: str) -> str | list[dict[str, Any]]:
    if not reasoning:
        return text
    return [{"type": "reasoning", "reasoning": reasoning}, *([{"type": "text", "text": text}] if text else [])]


def _calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]] | None:
    rows = []
    for place, call in enumerate(calls):
        values, wrong = arguments(call)
        kind = "custom" if call.custom else "function"
        rows.append({"id": _id(call, place), "function": call.name, "arguments": values, "type": kind})
        if wrong:
            rows[-1]["parse_error"] = wrong
    return rows or None


def _tool(call: str, function: str | None, text: str, failed: bool) -> dict[str, Any]:
    wrong = {"type": "unknown", "message": text[:200]} if failed else None
    return {"role": "tool", "content": text, "tool_call_id": call, "function": function, "error": wrong}


def _id(call: ToolCall, place: int) -> str:
    return call.id or f"call-{place}"


def _output(turn: TimelineTurn, message: dict[str, Any], model: str) -> dict[str, Any]:
    response = turn.exchange.response
    stop = _STOPS.get(response.stop, "unknown") if response and response.stop else "unknown"
    return {
        "model": (response.model if response else "") or model,
        "choices": [{"message": message, "stop_reason": stop}],
        "completion": turn.text,
        "usage": _usage(response.usage) if response and response.usage else None,
        "time": turn.exchange.seconds,
        "error": turn.note or None,
    }


def _event(turn: TimelineTurn, place: int, output: dict[str, Any], uuid: str, began: float) -> dict[str, Any]:
    """One request. Its content is a reference to the messages of the conversation up to `place`."""
    exchange = turn.exchange
    return {
        "event": "model",
        "uuid": f"{uuid}-request-{exchange.index}",
        "timestamp": iso(exchange.started),
        "working_start": max(0.0, exchange.started - began),
        "model": output["model"],
        "input": [],
        "input_refs": [[0, place]],
        "tools": [],
        "tool_choice": "auto",
        "config": {},
        "output": output,
        "error": turn.note or None,
        "completed": iso(exchange.started + exchange.seconds),
        "working_time": exchange.seconds,
    }


def _usage(tokens: Usage) -> dict[str, Any]:
    whole, output, cached, written, reasoning = (_count(getattr(tokens, name)) for name in _COUNTS)
    return {
        "input_tokens": max(0, (whole or 0) - (cached or 0) - (written or 0)),
        "output_tokens": output or 0,
        "total_tokens": (whole or 0) + (output or 0),
        "input_tokens_cache_read": cached,
        "input_tokens_cache_write": written,
        "reasoning_tokens": reasoning,
    }


def _count(tokens: int | None) -> int | None:
    """A valid number of tokens; servers also send values that Inspect cannot store."""
    return tokens if tokens is not None and 0 <= tokens < _MOST else None


def _score(result: Result, ok: bool) -> dict[str, Any]:
    value = "C" if ok else "I"
    if isinstance(result, CaseResult):
        kinds = list(dict.fromkeys(miss.kind for miss in result.misses))
        return {"value": value, "explanation": "\n".join(map(_missed, result.misses)), "metadata": {"misses": kinds}}
    if not isinstance(result, TrialResult):
        return {"value": value, "explanation": kind_of(result.key).outcome_of(result).message, "metadata": {}}
    output = result.verification.output.strip()[-_TAIL:] if result.verification else ""
    cause = result.cause.model_dump(mode="json") if result.cause else None
    return {"value": value, "explanation": result.explanation if cause else output, "metadata": {"cause": cause}}


def _missed(miss: Miss) -> str:
    head = f"turn {miss.turn + 1}: {miss.kind}" + (" (only in the strict reading)" if miss.strict else "")
    parts = (("why", miss.detail), ("wanted", miss.wanted), ("given", miss.given))
    return "\n".join([head, *(f"  {name} {text}" for name, text in parts if text)])


def _target(result: Result) -> str:
    """The expected calls, if known: a right case does not record them."""
    if isinstance(result, TrialResult):
        return "the hidden tests pass"
    misses = result.misses if isinstance(result, CaseResult) else ()
    return "\n".join(dict.fromkeys(miss.wanted for miss in misses if miss.wanted))


def _metadata(result: Result) -> dict[str, Any]:
    score = score_of(result)
    common = {
        "status": result.status_word,
        "limit": result.limit,
        "findings": [finding.model_dump(mode="json") for finding in result.findings],
        "models_answered": list(score.models_answered),
        "translated": score.translated,
        "exchanges": result.exchanges,
        "reproduce": result.reproduce,
    }
    if isinstance(result, CaseResult):
        return {**common, "category": result.category, "credit": result.credit, "api": result.api}
    if not isinstance(result, TrialResult):
        return {**common, "api": result.api}
    return {
        **common,
        "cause": result.cause.model_dump(mode="json") if result.cause else None,
        "agent_version": result.agent_version,
        "agent_api": result.agent_api,
        "endpoint_api": result.endpoint_api,
    }
