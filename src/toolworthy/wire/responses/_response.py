"""Read and write whole OpenAI Responses responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from toolworthy.wire import ir, shapes
from toolworthy.wire._carried_reasoning import seal
from toolworthy.wire.failure import answer_failure, failure_of
from toolworthy.wire.lenient import as_dict, as_int, as_str
from toolworthy.wire.responses._request import item_part, message_parts
from toolworthy.wire.responses._resource import response_id, response_object

_STEM = 48
"""Characters of a response's id in the ids of its items, which OpenAI takes back with up to 64."""


def parse_response(body: Any) -> ir.Response:
    """Read a whole response. Anything else becomes a Response with a failure."""
    value = as_dict(body)
    if not isinstance(value.get("output"), list):
        failure = failure_of(body) or ir.Failure("the response is not a response object", "invalid_response")
        return ir.Response(failure=failure, complete=False)
    repairs: list[ir.Repair] = []
    parts: list[ir.Part] = []
    for number, item in enumerate(value["output"]):
        parts += item_parts(as_dict(item), number, repairs)
    calls = any(isinstance(part, ir.ToolCall) for part in parts)
    stop, raw = stop_of(value, calls)
    return ir.Response(
        id=as_str(value.get("id")),
        model=as_str(value.get("model")),
        parts=tuple(parts),
        stop=stop,
        raw_stop=raw,
        usage=parse_usage(value.get("usage")),
        failure=answer_failure(value),
        complete=stop is not None or not value.get("status"),
        repairs=tuple(repairs),
    )


def item_parts(item: Mapping[str, Any], number: int, repairs: list[ir.Repair]) -> list[ir.Part]:
    """The parts of one output item."""
    if item.get("type") == "message":
        return message_parts(item.get("content"))
    part = item_part(item)
    if isinstance(part, ir.ToolCall):
        field = "input" if part.custom else "arguments"
        if not isinstance(item.get(field), str):
            repairs.append(ir.Repair("arguments-not-string", type(item.get(field)).__name__))
        if not part.id:
            repairs.append(ir.Repair("missing-id", f"call {number} of {part.name}"))
            part = replace(part, id=part.item_id or f"call_{number}")
    return [part]


def stop_of(value: Mapping[str, Any], calls: bool) -> tuple[ir.StopReason | None, str | None]:
    """The stop reason of a response object: neutral, and in its own word."""
    status = as_str(value.get("status"))
    if status in ("completed", ""):  # a response without a status is taken for complete
        return ("tool" if calls else "end"), status or None
    if status == "incomplete":
        reason = as_str(as_dict(value.get("incomplete_details")).get("reason"))
        return ("filter" if reason == "content_filter" else "length"), reason or status
    if status in ("failed", "cancelled"):
        return "error", status
    return None, status or None


def parse_usage(value: Any) -> ir.Usage | None:
    """Read a usage object."""
    if not isinstance(value, dict):
        return None
    details = as_dict(value.get("input_tokens_details"))
    return ir.Usage(
        input=as_int(value.get("input_tokens")),
        output=as_int(value.get("output_tokens")),
        cached=as_int(details.get("cached_tokens")),
        cache_write=as_int(details.get("cache_write_tokens")),
        reasoning=as_int(as_dict(value.get("output_tokens_details")).get("reasoning_tokens")),
    )


def render_response(response: ir.Response, request: ir.Request) -> dict[str, Any]:
    """Write a whole answer for an agent that speaks Responses."""
    output = [
        item
        for index, part in enumerate(response.parts)
        if (item := output_item(part, item_id(response, index), request)) is not None
    ]
    return response_object(response, request, output)


def item_id(response: ir.Response, number: int) -> str:
    """What follows the prefix in the id of a response's output item."""
    return f"{response_id(response)[-_STEM:]}_{number}"


def output_item(part: ir.Part, item_id: str, request: ir.Request) -> dict[str, Any] | None:
    """One part as a complete output item."""
    match part:
        case ir.Text():
            content = [{"type": "output_text", "text": part.text, "annotations": []}]
            return {
                "type": "message",
                "id": f"msg_{item_id}",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        case ir.Thinking():
            return _reasoning_item(part, item_id)
        case ir.ToolCall():
            return call_item(part, item_id, request)
        case ir.Opaque(api="responses"):
            return dict(part.value)
        case _:
            return None


def call_item(call: ir.ToolCall, item_id: str, request: ir.Request) -> dict[str, Any]:
    """A call in the form in which the agent offered the tool: custom stays custom, and a namespace is restored."""
    tool = request.tool(call.name)
    name, namespace = call.name, call.namespace
    if tool and tool.namespace and not namespace:
        name, namespace = tool.name, tool.namespace
    if call.custom or (tool and tool.custom):
        text = call.arguments if call.custom else shapes.unwrap_input(call.arguments)
        item = {"type": "custom_tool_call", "id": call.item_id or f"ctc_{item_id}", "call_id": call.id, "name": name}
        item |= {"input": text, "status": "completed"}
    else:
        item = {"type": "function_call", "id": call.item_id or f"fc_{item_id}", "call_id": call.id, "name": name}
        item |= {"arguments": call.arguments, "status": "completed"}
    return item | ({"namespace": namespace} if namespace else {})


def _reasoning_item(part: ir.Thinking, item_id: str) -> dict[str, Any]:
    """Reasoning of this API as it came; reasoning of another as text, and sealed for the replay."""
    own = part.form == "reasoning_item"
    known = part.id if own else None  # another API's may be that of a call
    item: dict[str, Any] = {"type": "reasoning", "id": known or f"rs_{item_id}", "summary": []}
    if part.text:
        item["content"] = [{"type": "reasoning_text", "text": part.text}]
    encrypted = part.signature if own else seal(part)
    return item | ({"encrypted_content": encrypted} if encrypted else {})
