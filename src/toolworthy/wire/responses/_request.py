"""Read OpenAI Responses requests, and write them for an endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from toolworthy.wire import ir, shapes
from toolworthy.wire._carried_reasoning import unseal
from toolworthy.wire.lenient import as_arguments, as_bool, as_dict, as_float, as_int, as_list, as_str

_ROLES: dict[str, ir.Role] = {"system": "system", "developer": "developer", "assistant": "assistant"}
_KNOWN = frozenset(
    {
        "model",
        "instructions",
        "input",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_output_tokens",
        "temperature",
        "top_p",
        "stream",
        "reasoning",
        "text",
        "user",
    }
)


def parse_request(body: Mapping[str, Any]) -> ir.Request:
    """Read a request. Never raises; what has no neutral form goes into ``extra``."""
    head: list[tuple[ir.Role, list[ir.Part]]] = []
    if instructions := as_str(body.get("instructions")):
        head.append(("system", [ir.Text(instructions)]))
    value = body.get("input")
    items = [{"role": "user", "content": value}] if isinstance(value, str) else as_list(value)
    reasoning = as_dict(body.get("reasoning"))
    return ir.Request(
        model=as_str(body.get("model")),
        messages=shapes.canonical([*head, *(_item(as_dict(item)) for item in items)]),
        tools=tuple(tool for item in as_list(body.get("tools")) for tool in _tools(as_dict(item))),
        tool_choice=_choice(body.get("tool_choice")),
        parallel_tool_calls=as_bool(body.get("parallel_tool_calls")),
        max_tokens=as_int(body.get("max_output_tokens")),
        temperature=as_float(body.get("temperature")),
        top_p=as_float(body.get("top_p")),
        stream=as_bool(body.get("stream")) or False,
        reasoning=_reasoning(reasoning),
        response_format=_format(as_dict(as_dict(body.get("text")).get("format"))),
        user=as_str(body.get("user")) or None,
        extra={name: value for name, value in body.items() if name not in _KNOWN},
    )


def item_part(item: Mapping[str, Any]) -> ir.Part:
    """An item that is one part: reasoning, or a call. Others are opaque."""
    match item.get("type"):
        case "reasoning":
            return reasoning_part(item)
        case "function_call" | "custom_tool_call" as kind:
            custom = kind == "custom_tool_call"
            return ir.ToolCall(
                id=as_str(item.get("call_id")),
                name=as_str(item.get("name")),
                arguments=as_arguments(item.get("input" if custom else "arguments")),
                custom=custom,
                namespace=as_str(item.get("namespace")) or None,
                item_id=as_str(item.get("id")) or None,
            )
        case _:
            return ir.Opaque("responses", item)


def reasoning_part(item: Mapping[str, Any]) -> ir.Thinking:
    """A reasoning item: its text if there is any, else its summary."""
    encrypted = as_str(item.get("encrypted_content")) or None
    text = "".join(as_str(as_dict(part).get("text")) for part in as_list(item.get("content")))
    summary = "\n\n".join(as_str(as_dict(part).get("text")) for part in as_list(item.get("summary")))
    known = unseal(encrypted)
    return known or ir.Thinking(text or summary, "reasoning_item", encrypted, as_str(item.get("id")) or None)


def message_parts(content: Any) -> list[ir.Part]:
    """The content of a message item."""
    return shapes.content_parts(content, "responses", "input_image")


def _item(item: Mapping[str, Any]) -> tuple[ir.Role, list[ir.Part]]:
    kind = as_str(item.get("type")) or "message"
    if kind == "message":
        return _ROLES.get(as_str(item.get("role")), "user"), message_parts(item.get("content"))
    if kind in ("function_call_output", "custom_tool_call_output"):
        content = [part for part in message_parts(item.get("output")) if isinstance(part, (ir.Text, ir.Image))]
        return "tool", [ir.ToolResult(as_str(item.get("call_id")), tuple(content), custom=kind.startswith("custom"))]
    return "assistant", [item_part(item)]


def _tools(tool: Mapping[str, Any], namespace: str | None = None) -> Iterator[ir.Tool]:
    kind, name = as_str(tool.get("type")), as_str(tool.get("name"))
    description = as_str(tool.get("description"))
    if kind == "namespace":
        for inner in as_list(tool.get("tools")):
            yield from _tools(as_dict(inner), name)
    elif kind == "custom":
        yield ir.Tool(
            name,
            description,
            custom=True,
            grammar=as_dict(tool.get("format")) or None,
            namespace=namespace,
            raw=tool,
            raw_api="responses",
        )
    elif kind == "function":
        schema = tool.get("parameters")
        yield ir.Tool(
            name,
            description,
            schema if isinstance(schema, dict) else None,
            namespace=namespace,
            strict=as_bool(tool.get("strict")),
            deferred=as_bool(tool.get("defer_loading")) or False,
            raw=tool,
            raw_api="responses",
        )
    else:
        yield ir.Tool(name or kind, description, server=True, raw=tool, raw_api="responses")


def _choice(value: Any) -> ir.ToolChoice | None:
    if isinstance(value, str) and value in ("auto", "none", "required"):
        return ir.ToolChoice(value)  # type: ignore[arg-type]
    name = as_str(as_dict(value).get("name"))
    return ir.ToolChoice("named", name) if name else None


def _reasoning(value: Mapping[str, Any]) -> ir.Reasoning | None:
    effort, summary = as_str(value.get("effort")) or None, as_str(value.get("summary")) or None
    if effort is None and summary is None:
        return None
    enabled = None if effort is None else effort != "none"
    return ir.Reasoning(enabled=enabled, effort=effort, summary=summary)


def _format(value: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = as_str(value.get("type"))
    if kind == "json_schema":
        inner = {name: value[name] for name in ("name", "schema", "strict", "description") if name in value}
        return {"type": kind, "json_schema": inner}
    return {"type": kind} if kind == "json_object" else None


# ---- writing ---------------------------------------------------------------------------------------------------------


def render_request(request: ir.Request, dialect: ir.Dialect = ir.PLAIN) -> ir.Rendered:
    """Write a request in `dialect`. Nothing is stored at the endpoint: the whole conversation is sent every time."""
    tools, losses = shapes.offered(request, "responses")
    head, rest = shapes.leading_system(request.messages)
    body: dict[str, Any] = {
        "model": request.model,
        "input": [item for message in rest for item in _write_message(message, dialect, losses)],
        "store": False,
    }
    if head:
        body["instructions"] = "\n\n".join(shapes.joined(message.parts) for message in head)
    if tools:
        body["tools"] = list(write_tools(tools))
        if choice := shapes.choice(request.tool_choice, dialect):
            named = {"type": "function", "name": choice.name}
            body["tool_choice"] = named if choice.mode == "named" else choice.mode
        if request.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    optional = {
        "max_output_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "user": request.user,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    if wish := shapes.reasoning(request, dialect, losses):
        body |= _write_reasoning(wish, dialect)
    if request.response_format:
        inner = as_dict(request.response_format.get("json_schema"))
        body["text"] = {"format": {**inner, "type": request.response_format.get("type")}}
    if request.stop:
        losses.append("stop sequences dropped")
    if request.stream:
        body["stream"] = True
    return ir.Rendered(body, tuple(dict.fromkeys(losses)))


def _write_reasoning(reasoning: ir.Reasoning, dialect: ir.Dialect) -> dict[str, Any]:
    effort = "none" if reasoning.enabled is False else shapes.effort(reasoning, dialect)
    value = {"effort": effort, "summary": reasoning.summary}
    settings = {name: item for name, item in value.items() if item is not None}
    return {"reasoning": settings, "include": ["reasoning.encrypted_content"]} if settings else {}


def write_tools(tools: Iterable[ir.Tool]) -> Iterator[dict[str, Any]]:
    """Tools as this API offers them, those of a namespace together."""
    spaces: dict[str, list[dict[str, Any]]] = {}
    for tool in tools:
        if tool.namespace:
            if tool.namespace not in spaces:
                spaces[tool.namespace] = []
                yield {"type": "namespace", "name": tool.namespace, "tools": spaces[tool.namespace]}
            spaces[tool.namespace].append(_write_tool(tool))
        else:
            yield _write_tool(tool)


def _write_tool(tool: ir.Tool) -> dict[str, Any]:
    if tool.raw and tool.raw_api == "responses":
        return dict(tool.raw)
    if tool.custom:
        out: dict[str, Any] = {"type": "custom", "name": tool.name, "description": tool.description}
        return out | ({"format": dict(tool.grammar)} if tool.grammar else {})
    schema = tool.parameters if tool.parameters is not None else {"type": "object", "properties": {}}
    out = {"type": "function", "name": tool.name, "description": tool.description, "parameters": schema}
    return out | {"strict": tool.strict or False}


def _write_message(message: ir.Message, dialect: ir.Dialect, losses: list[str]) -> Iterator[dict[str, Any]]:
    if message.role in ("system", "developer"):
        if not dialect.system_anywhere:
            yield _message("user", [{"type": "input_text", "text": shapes.late_system(message)}])
        else:
            yield _message("developer", [{"type": "input_text", "text": text} for text in shapes.texts(message.parts)])
    elif message.role == "user":
        content = [block for part in message.parts if (block := _write_input(part, losses)) is not None]
        if content:
            yield _message("user", content)
    else:
        for part in message.parts:
            if (item := _write_item(part, losses)) is not None:
                yield item


def _message(role: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


def _write_input(part: ir.Part, losses: list[str]) -> dict[str, Any] | None:
    if isinstance(part, ir.Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, ir.Image):
        return {"type": "input_image", "image_url": part.url}
    if isinstance(part, ir.Opaque) and part.api == "responses":
        return dict(part.value)
    losses.append("parts only another API knows were dropped")
    return None


def _write_item(part: ir.Part, losses: list[str]) -> dict[str, Any] | None:
    match part:
        case ir.Text():
            return _message("assistant", [{"type": "output_text", "text": part.text}])
        case ir.Thinking():
            return _write_thinking(part)
        case ir.ToolCall():
            return write_call(part)
        case ir.ToolResult():
            kind = "custom_tool_call_output" if part.custom else "function_call_output"
            return {"type": kind, "call_id": part.call_id, "output": _write_output(part)}
        case ir.Opaque(api="responses"):
            return dict(part.value)
        case _:
            losses.append("parts only another API knows were dropped")
            return None


def write_call(call: ir.ToolCall) -> dict[str, Any]:
    """A call as an item."""
    kind, field = ("custom_tool_call", "input") if call.custom else ("function_call", "arguments")
    out = {"type": kind, "call_id": call.id, "name": call.name, field: call.arguments}
    if call.namespace:
        out["namespace"] = call.namespace
    return out | ({"id": call.item_id} if call.item_id else {})


def _write_thinking(part: ir.Thinking) -> dict[str, Any] | None:
    own = part.form == "reasoning_item"
    if not own and not part.text:
        return None
    item = {"type": "reasoning", "summary": []} | ({"id": part.id} if own and part.id else {})
    if own and part.signature:
        return {**item, "encrypted_content": part.signature}
    return {**item, "content": [{"type": "reasoning_text", "text": part.text}]}


def _write_output(part: ir.ToolResult) -> Any:
    if all(isinstance(item, ir.Text) for item in part.content):
        return shapes.result_text(part)
    return [
        {"type": "input_text", "text": item.text}
        if isinstance(item, ir.Text)
        else {"type": "input_image", "image_url": item.url}
        for item in part.content
    ]
