"""Read and write whole Anthropic Messages responses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from toolworthy.wire import ir, shapes
from toolworthy.wire._carried_reasoning import seal
from toolworthy.wire.failure import error_type, failure_of
from toolworthy.wire.lenient import as_dict, as_int, as_str
from toolworthy.wire.messages._request import block_part, call_id

STOPS: dict[str, ir.StopReason] = {
    "end_turn": "end",
    "tool_use": "tool",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_WORDS: dict[ir.StopReason, str] = {reason: word for word, reason in reversed(STOPS.items())}
"""The first word for each reason is the one written."""


def parse_response(body: Any) -> ir.Response:
    """Read a whole response. Anything else becomes a Response with a failure."""
    value = as_dict(body)
    if not isinstance(value.get("content"), list):
        failure = failure_of(body) or ir.Failure("the response is not a message", "invalid_response")
        return ir.Response(failure=failure, complete=False)
    repairs: list[ir.Repair] = []
    parts: list[ir.Part] = []
    for number, item in enumerate(value["content"]):
        block = as_dict(item)
        part = block_part(block)
        if isinstance(part, ir.ToolCall):
            if isinstance(block.get("input"), str):
                repairs.append(ir.Repair("arguments-not-object", "str"))
            if not part.id:
                repairs.append(ir.Repair("missing-id", f"call {number} of {part.name}"))
                part = replace(part, id=f"call_{number}")
        parts.append(part)
    raw_stop = value.get("stop_reason")
    return ir.Response(
        id=as_str(value.get("id")),
        model=as_str(value.get("model")),
        parts=tuple(parts),
        stop=stop_reason(raw_stop),
        raw_stop=raw_stop if isinstance(raw_stop, str) else None,
        usage=parse_usage(value.get("usage")),
        repairs=tuple(repairs),
    )


def stop_reason(raw: Any) -> ir.StopReason | None:
    """The neutral reason for a ``stop_reason``; None where there is none yet."""
    return STOPS.get(raw, "unknown") if isinstance(raw, str) and raw else None


def stop_word(stop: ir.StopReason) -> str:
    """The ``stop_reason`` for a neutral reason."""
    return _WORDS.get("refusal" if stop == "filter" else stop, "end_turn")


def parse_usage(value: Any) -> ir.Usage | None:
    """Read a usage object. This API counts cached input separately; the neutral form counts all input."""
    usage = as_dict(value)
    if not usage:
        return None
    plain, output = as_int(usage.get("input_tokens")), as_int(usage.get("output_tokens"))
    cached = as_int(usage.get("cache_read_input_tokens"))
    parts = as_dict(usage.get("cache_creation"))
    short, long = (as_int(parts.get(f"ephemeral_{lifetime}_input_tokens")) for lifetime in ("5m", "1h"))
    written = as_int(usage.get("cache_creation_input_tokens"))
    if written is None and (short, long) != (None, None):
        written = (short or 0) + (long or 0)
    total = None if plain is None else plain + (cached or 0) + (written or 0)
    return ir.Usage(input=total, output=output, cached=cached, cache_write=written, cache_write_1h=long)


def write_usage(usage: ir.Usage | None) -> dict[str, int]:
    """A usage object in this API's form."""
    usage = usage or ir.Usage()
    cached, written = usage.cached or 0, usage.cache_write or 0
    return {
        "input_tokens": max(0, (usage.input or 0) - cached - written),
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "output_tokens": usage.output or 0,
    }


def render_response(response: ir.Response, request: ir.Request) -> dict[str, Any]:
    """Write a whole answer for an agent that speaks Messages."""
    return {
        "id": response.id or "msg_0",
        "type": "message",
        "role": "assistant",
        "model": response.model or request.model,
        "content": [block for part in response.parts if (block := _write_part(part)) is not None],
        "stop_reason": stop_word(response.stop or "end"),
        "stop_sequence": None,
        "usage": write_usage(response.usage),
    }


def _write_part(part: ir.Part) -> dict[str, Any] | None:
    match part:
        case ir.Text():
            return {"type": "text", "text": part.text} if part.text else None
        case ir.Thinking(form="redacted_thinking"):
            return {"type": "redacted_thinking", "data": part.signature or ""}
        case ir.Thinking():
            return {"type": "thinking", "thinking": part.text, "signature": signature(part)}
        case ir.ToolCall():
            return {
                "type": "tool_use",
                "id": call_id(part.id),
                "name": part.name,
                "input": shapes.arguments_object(part),
            }
        case ir.Opaque(api="messages"):
            return dict(part.value)
        case _:
            return None


def signature(part: ir.Thinking) -> str:
    """The signature that the agent replays with this reasoning: the endpoint's own, or the sealed reasoning."""
    return part.signature or "" if part.form == "thinking" else seal(part)


def render_error(failure: ir.Failure) -> dict[str, Any]:
    """An error body in Anthropic's envelope."""
    kind = error_type(failure.status) if failure.status else failure.type
    return {"type": "error", "error": {"type": kind, "message": failure.message}}


def render_models(model: str, context: int | None) -> dict[str, Any]:
    """A list of one model; the format has no field for the context window."""
    entry = {"type": "model", "id": model, "display_name": model, "created_at": "2026-01-01T00:00:00Z"}
    return {"data": [entry], "has_more": False, "first_id": model, "last_id": model}
