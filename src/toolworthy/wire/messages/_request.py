"""Read Anthropic Messages requests, and write them for an endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.wire import ir, shapes
from toolworthy.wire._carried_reasoning import unseal
from toolworthy.wire.lenient import as_bool, as_dict, as_float, as_int, as_list, as_str, dump_json

DEFAULT_MAX_TOKENS = 32_000
"""Messages has no default; sent if the agent named no limit."""
_SPELT = "toolu_tw_"
_KNOWN = frozenset(
    {
        "model",
        "system",
        "messages",
        "tools",
        "tool_choice",
        "max_tokens",
        "temperature",
        "top_p",
        "stop_sequences",
        "stream",
        "thinking",
        "output_config",
        "metadata",
    }
)


def parse_request(body: Mapping[str, Any]) -> ir.Request:
    """Read a request. Never raises; what has no neutral form goes into ``extra``."""
    system = body.get("system")
    texts = [system] if isinstance(system, str) else [as_str(as_dict(block).get("text")) for block in as_list(system)]
    head: list[tuple[ir.Role, list[ir.Part]]] = [("system", [ir.Text(text)]) for text in texts if text]
    choice = as_dict(body.get("tool_choice"))
    serial = as_bool(choice.get("disable_parallel_tool_use"))
    config = as_dict(body.get("output_config"))
    return ir.Request(
        model=as_str(body.get("model")),
        messages=shapes.canonical([*head, *_messages(as_list(body.get("messages")))]),
        tools=tuple(_tool(as_dict(tool)) for tool in as_list(body.get("tools"))),
        tool_choice=_choice(choice),
        parallel_tool_calls=None if serial is None else not serial,
        max_tokens=as_int(body.get("max_tokens")),
        temperature=as_float(body.get("temperature")),
        top_p=as_float(body.get("top_p")),
        stop=tuple(as_str(item) for item in as_list(body.get("stop_sequences"))),
        stream=as_bool(body.get("stream")) or False,
        reasoning=_reasoning(as_dict(body.get("thinking")), config),
        response_format=_format(as_dict(config.get("format") or body.get("output_format"))),
        user=as_str(as_dict(body.get("metadata")).get("user_id")) or None,
        extra={name: value for name, value in body.items() if name not in _KNOWN},
    )


def block_part(block: Mapping[str, Any]) -> ir.Part:
    """One content block, of a request or of an answer."""
    match block.get("type"):
        case "text":
            return ir.Text(as_str(block.get("text")))
        case "image":
            return _image(as_dict(block.get("source")))
        case "thinking":
            signature = as_str(block.get("signature")) or None
            text = as_str(block.get("thinking"))
            return unseal(signature) or ir.Thinking(text, "thinking", signature)
        case "redacted_thinking":
            data = as_str(block.get("data"))
            return unseal(data) or ir.Thinking("", "redacted_thinking", data)
        case "tool_use":
            value = block.get("input")
            arguments = value if isinstance(value, str) else dump_json({} if value is None else value)
            return ir.ToolCall(own_id(as_str(block.get("id"))), as_str(block.get("name")), arguments)
        case _:
            return ir.Opaque("messages", block)


def _messages(messages: list[Any]) -> Iterator[tuple[ir.Role, list[ir.Part]]]:
    for item in messages:
        message = as_dict(item)
        role, content = as_str(message.get("role")), message.get("content")
        if isinstance(content, str):
            blocks: list[dict[str, Any]] = [{"type": "text", "text": content}] if content else []
        else:
            blocks = [as_dict(block) for block in as_list(content)]
        if role == "system":
            yield "system", [block_part(block) for block in blocks]
        elif role == "assistant":
            yield "assistant", [block_part(block) for block in blocks]
        else:
            yield "tool", [_result(block) for block in blocks if block.get("type") == "tool_result"]
            yield "user", [block_part(block) for block in blocks if block.get("type") != "tool_result"]


def _result(block: Mapping[str, Any]) -> ir.ToolResult:
    content = block.get("content")
    if isinstance(content, str):
        parts: tuple[ir.Text | ir.Image, ...] = (ir.Text(content),)
    else:
        parts = tuple(_result_part(as_dict(item)) for item in as_list(content))
    return ir.ToolResult(own_id(as_str(block.get("tool_use_id"))), parts, as_bool(block.get("is_error")) or False)


def _result_part(block: Mapping[str, Any]) -> ir.Text | ir.Image:
    part = block_part(block)
    return part if isinstance(part, (ir.Text, ir.Image)) else ir.Text(dump_json(block))


def _image(source: Mapping[str, Any]) -> ir.Image:
    if source.get("type") == "base64":
        return ir.Image(f"data:{as_str(source.get('media_type'), 'image/png')};base64,{as_str(source.get('data'))}")
    return ir.Image(as_str(source.get("url")))


def _tool(tool: Mapping[str, Any]) -> ir.Tool:
    kind = as_str(tool.get("type"))
    schema = tool.get("input_schema")
    return ir.Tool(
        as_str(tool.get("name")) or kind,
        as_str(tool.get("description")),
        schema if isinstance(schema, dict) else None,
        strict=as_bool(tool.get("strict")),
        server=bool(kind) and kind != "custom" and not isinstance(schema, dict),
        deferred=as_bool(tool.get("defer_loading")) or False,
        raw=tool,
        raw_api="messages",
    )


def _choice(value: Mapping[str, Any]) -> ir.ToolChoice | None:
    match value.get("type"):
        case "auto" | "none":
            return ir.ToolChoice(value["type"])
        case "any":
            return ir.ToolChoice("required")
        case "tool":
            return ir.ToolChoice("named", as_str(value.get("name")))
        case _:
            return None


def _reasoning(thinking: Mapping[str, Any], config: Mapping[str, Any]) -> ir.Reasoning | None:
    kind, effort = thinking.get("type"), as_str(config.get("effort")) or None
    enabled = None if kind is None else kind in ("enabled", "adaptive")
    if enabled is None and effort is None:
        return None
    return ir.Reasoning(enabled=enabled, effort=effort, budget_tokens=as_int(thinking.get("budget_tokens")))


def _format(value: Mapping[str, Any]) -> dict[str, Any] | None:
    if value.get("type") != "json_schema":
        return None
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": as_dict(value.get("schema"))}}


# ---- writing ---------------------------------------------------------------------------------------------------------


def render_request(request: ir.Request, dialect: ir.Dialect = ir.PLAIN) -> ir.Rendered:
    """Write a request in `dialect`."""
    tools, losses = shapes.offered(request, "messages")
    head, rest = shapes.leading_system(request.messages)
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_tokens or DEFAULT_MAX_TOKENS,
        "messages": _write_messages(rest, dialect, losses),
    }
    if head:
        body["system"] = [{"type": "text", "text": text} for message in head for text in shapes.texts(message.parts)]
    if tools:
        body["tools"] = [_write_tool(tool) for tool in tools]
        if choice := _write_choice(request, dialect):
            body["tool_choice"] = choice
    optional = {"temperature": request.temperature, "top_p": request.top_p}
    body |= {name: value for name, value in optional.items() if value is not None}
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if request.user:
        body["metadata"] = {"user_id": request.user}
    if wish := shapes.reasoning(request, dialect, losses):
        body |= _write_reasoning(wish, dialect)
    schema = as_dict(as_dict(request.response_format).get("json_schema")).get("schema")
    if isinstance(schema, dict):
        body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}
    elif request.response_format and request.response_format.get("type") != "text":
        losses.append("response_format dropped")
    if request.stream:
        body["stream"] = True
    return ir.Rendered(body, tuple(dict.fromkeys(losses)))


def call_id(value: str) -> str:
    """`value` in the characters that this API accepts in ids: letters, digits, ``_`` and ``-``. Others are written in
    hexadecimal, which :func:`own_id` reverses."""
    if re.fullmatch(r"[a-zA-Z0-9_-]+", value):
        return value
    return _SPELT + value.encode("utf-8", "surrogatepass").hex()


def own_id(value: str) -> str:
    """The inverse of :func:`call_id`."""
    try:
        spelt = value.startswith(_SPELT)
        return bytes.fromhex(value.removeprefix(_SPELT)).decode("utf-8", "surrogatepass") if spelt else value
    except ValueError:
        return value


def _write_tool(tool: ir.Tool) -> dict[str, Any]:
    if tool.raw and tool.raw_api == "messages":
        return dict(tool.raw)
    plain = shapes.as_function(tool)
    schema = plain.parameters or {"type": "object", "properties": {}}
    return {"name": plain.flat_name, "description": plain.description, "input_schema": schema}


def _write_choice(request: ir.Request, dialect: ir.Dialect) -> dict[str, Any] | None:
    choice = shapes.choice(request.tool_choice, dialect)
    out: dict[str, Any] = {}
    if choice:
        kind = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}[choice.mode]
        out = {"type": kind} | ({"name": choice.name} if choice.mode == "named" else {})
    if request.parallel_tool_calls is False:
        out = {"type": "auto", **out, "disable_parallel_tool_use": True}
    return out or None


def _write_reasoning(reasoning: ir.Reasoning, dialect: ir.Dialect) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if reasoning.enabled is False:
        out["thinking"] = {"type": "disabled"}
    elif reasoning.budget_tokens:
        out["thinking"] = {"type": "enabled", "budget_tokens": reasoning.budget_tokens}
    elif reasoning.enabled or reasoning.effort:
        out["thinking"] = {"type": "adaptive"}
    if effort := shapes.effort(reasoning, dialect):
        out["output_config"] = {"effort": effort}
    return out


def _write_messages(messages: tuple[ir.Message, ...], dialect: ir.Dialect, losses: list[str]) -> list[dict[str, Any]]:
    """Messages with alternating roles: neighbours of the same role are merged; results come first in their user
    turn."""
    out: list[dict[str, Any]] = []
    for message in messages:
        if message.role in ("system", "developer"):
            if dialect.system_anywhere:
                out.append({"role": "system", "content": shapes.joined(message.parts)})
                continue
            role, blocks = "user", [{"type": "text", "text": shapes.late_system(message)}]
        else:
            role = "assistant" if message.role == "assistant" else "user"
            blocks = [block for part in message.parts if (block := _write_part(part, dialect, losses)) is not None]
        if not blocks:
            continue
        if out and out[-1]["role"] == role:
            out[-1]["content"] += blocks
        else:
            out.append({"role": role, "content": blocks})
    return out


def _write_part(part: ir.Part, dialect: ir.Dialect, losses: list[str]) -> dict[str, Any] | None:
    match part:
        case ir.Text():
            return {"type": "text", "text": part.text} if part.text else None
        case ir.Image():
            return write_image(part)
        case ir.Thinking():
            return _write_thinking(part, dialect, losses)
        case ir.ToolCall():
            arguments = shapes.arguments_object(part)
            return {"type": "tool_use", "id": call_id(part.id), "name": part.flat_name, "input": arguments}
        case ir.ToolResult():
            return _write_result(part)
        case _:
            if part.api == "messages":
                return dict(part.value)
            losses.append("parts only another API knows were dropped")
            return None


def write_image(image: ir.Image) -> dict[str, Any]:
    """An image block."""
    if held := shapes.data_url(image.url):
        source = {"type": "base64", "media_type": held[0], "data": held[1]}
    else:
        source = {"type": "url", "url": image.url}
    return {"type": "image", "source": source}


def _write_thinking(part: ir.Thinking, dialect: ir.Dialect, losses: list[str]) -> dict[str, Any] | None:
    if part.form == "redacted_thinking":
        return {"type": "redacted_thinking", "data": part.signature or ""}
    own = part.form == "thinking" and part.signature
    if not own and not dialect.unsigned_thinking:
        losses.append("reasoning without a signature dropped")
        return None
    if not part.text and not own:
        return None
    return {"type": "thinking", "thinking": part.text, "signature": part.signature if own else ""}


def _write_result(part: ir.ToolResult) -> dict[str, Any]:
    content: Any = [
        {"type": "text", "text": item.text} if isinstance(item, ir.Text) else write_image(item) for item in part.content
    ]
    if len(part.content) == 1 and isinstance(part.content[0], ir.Text):
        content = part.content[0].text
    block = {"type": "tool_result", "tool_use_id": call_id(part.call_id), "content": content}
    return block | ({"is_error": True} if part.is_error else {})
