"""Read and write whole Chat Completions responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from toolworthy.wire import shapes
from toolworthy.wire._carried_reasoning import seal
from toolworthy.wire.chat.request import call_part, content_parts, reasoning_parts
from toolworthy.wire.failure import answer_failure, failure_of
from toolworthy.wire.ir import Failure, Part, Repair, Request, Response, StopReason, Text, Thinking, ToolCall, Usage
from toolworthy.wire.lenient import as_dict, as_int, as_list, as_str

_STOPS: dict[str, StopReason] = {
    "stop": "end",
    "tool_calls": "tool",
    "function_call": "tool",
    "length": "length",
    "content_filter": "filter",
    "model_context_window_exceeded": "length",
    "error": "error",
    "insufficient_system_resource": "error",
    "network_error": "error",
    "aborted": "error",
}
_WORDS: dict[StopReason, str] = {reason: word for word, reason in reversed(_STOPS.items())}
"""The first word for each reason is the one written."""


def parse_response(body: Any) -> Response:
    """Read a whole response. Anything else becomes a Response with a failure."""
    value = as_dict(body)
    if not isinstance(value.get("choices"), list):
        failure = failure_of(body) or Failure("the response is not a chat completion", "invalid_response")
        return Response(failure=failure, complete=False)
    repairs: list[Repair] = []
    choice = as_dict(value["choices"][0]) if value["choices"] else {}
    message = as_dict(choice.get("message"))
    raw_stop = choice.get("finish_reason")
    parts: list[Part] = [*reasoning_parts(message), *content_parts(message.get("content"))]
    calls = [as_dict(call) for call in as_list(message.get("tool_calls"))]
    if legacy := as_dict(message.get("function_call")):
        calls.append({"function": legacy})
    for number, call in enumerate(calls):
        parts.append(_checked(call, number, repairs))
    return Response(
        id=as_str(value.get("id")),
        model=as_str(value.get("model")),
        parts=tuple(parts),
        stop=stop_reason(raw_stop),
        raw_stop=raw_stop if isinstance(raw_stop, str) else None,
        usage=parse_usage(value.get("usage")),
        failure=answer_failure(value),
        repairs=tuple(repairs),
    )


def _checked(call: Mapping[str, Any], number: int, repairs: list[Repair]) -> ToolCall:
    part = call_part(call)
    raw = as_dict(call.get("function")).get("arguments")
    if not isinstance(raw, str) and not part.custom:
        repairs.append(Repair("arguments-not-string", type(raw).__name__))
    if not part.id:
        repairs.append(Repair("missing-id", f"call {number} of {part.name}"))
        part = replace(part, id=f"call_{number}")
    return part


def stop_reason(raw: Any) -> StopReason | None:
    """The neutral reason for a ``finish_reason``; None where there is none yet."""
    return _STOPS.get(raw, "unknown") if isinstance(raw, str) and raw else None


def finish_reason(stop: StopReason) -> str:
    """The ``finish_reason`` for a neutral reason."""
    return _WORDS.get("filter" if stop == "refusal" else stop, "stop")


def parse_usage(value: Any) -> Usage | None:
    """Read a usage object, with the vendors' several ways to count cached tokens."""
    if not isinstance(value, dict):
        return None
    prompt, completion = as_dict(value.get("prompt_tokens_details")), as_dict(value.get("completion_tokens_details"))
    cached = as_int(prompt.get("cached_tokens"))
    for name in ("prompt_cache_hit_tokens", "cached_tokens"):  # DeepSeek, Kimi
        cached = as_int(value.get(name)) if cached is None else cached
    written = as_int(prompt.get("cache_write_tokens"))
    for name in (
        "cache_creation_tokens",
        "cache_creation_input_tokens",
    ):  # LiteLLM: within the details, and next to them
        written = as_int(prompt.get(name, value.get(name))) if written is None else written
    return Usage(
        input=as_int(value.get("prompt_tokens")),
        output=as_int(value.get("completion_tokens")),
        cached=cached,
        cache_write=written,
        reasoning=as_int(completion.get("reasoning_tokens")),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """A usage object in chat's form."""
    input_tokens, output_tokens = usage.input or 0, usage.output or 0
    out: dict[str, Any] = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
    }
    if usage.cached is not None:
        out["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    if usage.reasoning is not None:
        out["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return out


def render_response(response: Response, request: Request) -> dict[str, Any]:
    """Write a whole answer for an agent that speaks chat."""
    text = "".join(part.text for part in response.parts if isinstance(part, Text))
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    thoughts = [part for part in response.parts if isinstance(part, Thinking)]
    if thoughts:
        message[reasoning_field(request)] = "".join(thought.text for thought in thoughts)
        if details := [detail for thought in thoughts if (detail := reasoning_detail(thought))]:
            message["reasoning_details"] = details
    if response.calls:
        message["tool_calls"] = [write_call(call, request) for call in response.calls]
    else:
        message["content"] = text
    out: dict[str, Any] = {
        "id": response.id or "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": response.model or request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(response.stop or "end")}],
    }
    if response.usage:
        out["usage"] = write_usage(response.usage)
    return out


def reasoning_field(request: Request) -> str:
    """The field in which the agent expects reasoning."""
    return request.reasoning.chat_field if request.reasoning else "reasoning_content"


def reasoning_detail(thought: Thinking) -> dict[str, str] | None:
    """The detail that a chat agent must replay if the endpoint needs more than the reasoning's text. Holds no text of
    its own, since the text is in :func:`reasoning_field` already."""
    if thought.signature is None and thought.form == "reasoning_content":
        return None
    return {"type": "reasoning.text", "signature": seal(thought)}


def write_call(call: ToolCall, request: Request) -> dict[str, Any]:
    """A call in the form in which the agent offered the tool: custom stays custom."""
    tool = request.tool(call.name)
    if call.custom or (tool and tool.custom):
        text = call.arguments if call.custom else shapes.unwrap_input(call.arguments)
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": text}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
