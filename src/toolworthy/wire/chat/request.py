"""Read Chat Completions requests, and write them in a provider's dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from toolworthy.wire import ir, shapes
from toolworthy.wire._carried_reasoning import unseal
from toolworthy.wire.lenient import (
    as_arguments,
    as_bool,
    as_dict,
    as_float,
    as_int,
    as_list,
    as_str,
    dump_json,
    parse_json,
)

_ROLES: dict[str, ir.Role] = {"system": "system", "developer": "developer", "user": "user", "assistant": "assistant"}
_KNOWN = frozenset(
    {
        "model",
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "stop",
        "stream",
        "response_format",
        "user",
        "thinking",
        "enable_thinking",
        "reasoning_effort",
        "reasoning",
    }
)


def parse_request(body: Mapping[str, Any]) -> ir.Request:
    """Read a request. Never raises; what has no neutral form goes into ``extra``."""
    max_tokens = as_int(body.get("max_completion_tokens"))
    stop = body.get("stop")
    return ir.Request(
        model=as_str(body.get("model")),
        messages=shapes.canonical(_messages(as_list(body.get("messages")))),
        tools=tuple(_tool(as_dict(tool)) for tool in as_list(body.get("tools"))),
        tool_choice=_choice(body.get("tool_choice")),
        parallel_tool_calls=as_bool(body.get("parallel_tool_calls")),
        max_tokens=as_int(body.get("max_tokens")) if max_tokens is None else max_tokens,
        temperature=as_float(body.get("temperature")),
        top_p=as_float(body.get("top_p")),
        stop=(stop,) if isinstance(stop, str) else tuple(as_str(item) for item in as_list(stop)),
        stream=as_bool(body.get("stream")) or False,
        reasoning=_reasoning(body),
        response_format=_format(as_dict(body.get("response_format"))),
        user=as_str(body.get("user")) or None,
        extra={name: value for name, value in body.items() if name not in _KNOWN},
    )


def reasoning_parts(message: Mapping[str, Any]) -> list[ir.Thinking]:
    """The reasoning that an assistant message carries, in any of the known fields."""
    details = as_list(message.get("reasoning_details"))
    sealed = [unseal(as_str(as_dict(detail).get("signature"))) for detail in details]
    if any(sealed):
        return [thinking for thinking in sealed if thinking]
    if details:
        text = "".join(as_str(as_dict(d).get("text")) or as_str(as_dict(d).get("summary")) for d in details)
        return [ir.Thinking(text, "reasoning_details", signature=dump_json(details))]
    if text := as_str(message.get("reasoning_content")):
        return [ir.Thinking(text, "reasoning_content")]
    if text := as_str(message.get("reasoning")):
        return [ir.Thinking(text, "reasoning")]
    return []


def content_parts(content: Any) -> list[ir.Part]:
    """The parts of a message's content; bare strings are accepted, too."""
    if isinstance(content, list):
        content = [{"text": item} if isinstance(item, str) else item for item in content]
    return shapes.content_parts(content, "chat", "image_url")


def call_part(value: Mapping[str, Any]) -> ir.ToolCall:
    """A whole tool call of an assistant message."""
    if isinstance(value.get("custom"), dict):
        custom = as_dict(value["custom"])
        return ir.ToolCall(as_str(value.get("id")), as_str(custom.get("name")), as_arguments(custom.get("input")), True)
    function = as_dict(value.get("function"))
    return ir.ToolCall(as_str(value.get("id")), as_str(function.get("name")), as_arguments(function.get("arguments")))


def _messages(messages: list[Any]) -> Iterator[tuple[ir.Role, list[ir.Part]]]:
    for item in messages:
        message = as_dict(item)
        role = as_str(message.get("role"))
        if role in ("tool", "function"):
            content = [part for part in content_parts(message.get("content")) if isinstance(part, (ir.Text, ir.Image))]
            call_id = as_str(message.get("tool_call_id")) or as_str(message.get("name"))
            yield "tool", [ir.ToolResult(call_id, tuple(content))]
        elif role == "assistant":
            calls = [call_part(as_dict(call)) for call in as_list(message.get("tool_calls"))]
            if legacy := as_dict(message.get("function_call")):
                name = as_str(legacy.get("name"))
                calls.append(ir.ToolCall(name, name, as_arguments(legacy.get("arguments"))))
            yield "assistant", [*reasoning_parts(message), *content_parts(message.get("content")), *calls]
        else:
            yield _ROLES.get(role, "user"), content_parts(message.get("content"))


def _tool(tool: Mapping[str, Any]) -> ir.Tool:
    if isinstance(tool.get("custom"), dict):
        custom = as_dict(tool["custom"])
        return ir.Tool(
            as_str(custom.get("name")),
            as_str(custom.get("description")),
            custom=True,
            grammar=as_dict(custom.get("format")) or None,
            raw=tool,
            raw_api="chat",
        )
    function = as_dict(tool.get("function"))
    if not function:
        return ir.Tool(as_str(tool.get("type")), server=True, raw=tool, raw_api="chat")
    schema = function.get("parameters")
    return ir.Tool(
        as_str(function.get("name")),
        as_str(function.get("description")),
        schema if isinstance(schema, dict) else None,
        strict=as_bool(function.get("strict")),
        raw=tool,
        raw_api="chat",
    )


def _choice(value: Any) -> ir.ToolChoice | None:
    if isinstance(value, str) and value in ("auto", "none", "required"):
        return ir.ToolChoice(value)  # type: ignore[arg-type]
    name = as_str(as_dict(as_dict(value).get("function") or as_dict(value).get("custom")).get("name"))
    return ir.ToolChoice("named", name) if name else None


def _format(value: dict[str, Any]) -> dict[str, Any] | None:
    """The response format; None for plain text."""
    return None if value.get("type") in (None, "text") else value


def _reasoning(body: Mapping[str, Any]) -> ir.Reasoning | None:
    """The reasoning settings, in any vendor's fields. An agent that uses OpenRouter's (``reasoning``) expects the
    response in that field."""
    thinking, router = as_dict(body.get("thinking")), as_dict(body.get("reasoning"))
    effort = as_str(body.get("reasoning_effort")) or as_str(router.get("effort")) or None
    enabled = as_bool(body.get("enable_thinking"))
    if thinking.get("type") in ("enabled", "disabled"):
        enabled = thinking["type"] == "enabled"
    elif enabled is None:
        enabled = False if effort == "none" else as_bool(router.get("enabled"))
    budget = as_int(thinking.get("budget_tokens")) or as_int(router.get("max_tokens"))
    if enabled is None and effort is None and budget is None:
        return None
    field: Literal["reasoning_content", "reasoning"] = "reasoning" if router else "reasoning_content"
    return ir.Reasoning(enabled=enabled, effort=effort, budget_tokens=budget, chat_field=field)


# ---- writing ---------------------------------------------------------------------------------------------------------


def render_request(request: ir.Request, dialect: ir.Dialect = ir.PLAIN) -> ir.Rendered:
    """Write a request in `dialect`."""
    losses: list[str] = []
    body: dict[str, Any] = {"model": request.model, "messages": list(_write_messages(request, dialect, losses))}
    tools, lost = shapes.offered(request)
    losses += lost
    if tools:
        body["tools"] = [_write_tool(tool) for tool in tools]
        if picked := shapes.choice(request.tool_choice, dialect):
            named = {"type": "function", "function": {"name": picked.name}}
            body["tool_choice"] = named if picked.mode == "named" else picked.mode
            if request.tool_choice != picked:
                losses.append(f"tool_choice {request.tool_choice.mode if request.tool_choice else ''} became auto")
        if request.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = request.parallel_tool_calls
    optional = {
        dialect.max_tokens_field: request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "response_format": request.response_format,
        "user": request.user,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    if wish := shapes.reasoning(request, dialect, losses):
        body |= _write_reasoning(wish, dialect)
    if request.stream:
        body["stream"] = True
        if dialect.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return ir.Rendered(body, tuple(dict.fromkeys(losses)))


def _write_reasoning(reasoning: ir.Reasoning, dialect: ir.Dialect) -> dict[str, Any]:
    switch, effort = dialect.thinking_switch, shapes.effort(reasoning, dialect)
    out: dict[str, Any] = {}
    if switch in ("thinking", "thinking+effort") and reasoning.enabled is not None:
        out["thinking"] = {"type": "enabled" if reasoning.enabled else "disabled"}
    if switch == "enable_thinking" and reasoning.enabled is not None:
        out["enable_thinking"] = reasoning.enabled
    if switch in ("reasoning_effort", "thinking+effort") and effort and reasoning.enabled is not False:
        out["reasoning_effort"] = effort
    if switch == "reasoning":
        fields = {"enabled": reasoning.enabled, "effort": effort if reasoning.enabled is not False else None}
        out["reasoning"] = {name: value for name, value in fields.items() if value is not None}
    return out


def _write_messages(request: ir.Request, dialect: ir.Dialect, losses: list[str]) -> Iterator[dict[str, Any]]:
    messages = request.messages
    if not dialect.system_anywhere:
        head, messages = shapes.leading_system(messages)
        if head:
            text = "\n\n".join(shapes.joined(message.parts) for message in head)
            yield {"role": "system", "content": text}
    for message in messages:
        if message.role in ("system", "developer"):
            if not dialect.system_anywhere:
                yield {"role": "user", "content": shapes.late_system(message)}
            else:
                role = "developer" if message.role == "developer" and dialect.developer_role else "system"
                yield {"role": role, "content": _write_content(message.parts, losses)}
        elif message.role == "tool":
            yield from _write_results(message, losses)
        elif message.role == "assistant":
            yield _write_assistant(message, request, dialect, losses)
        else:
            yield {"role": "user", "content": _write_content(message.parts, losses)}


def _write_results(message: ir.Message, losses: list[str]) -> Iterator[dict[str, Any]]:
    """Tool messages hold text only, so pictures follow in a user message."""
    images: list[dict[str, Any]] = []
    for part in message.parts:
        if not isinstance(part, ir.ToolResult):
            continue
        yield {"role": "tool", "tool_call_id": part.call_id, "content": shapes.result_text(part)}
        for image in part.content:
            if isinstance(image, ir.Image):
                images.append({"type": "text", "text": f"Image returned by call {part.call_id}:"})
                images.append({"type": "image_url", "image_url": {"url": image.url}})
    if images:
        losses.append("images in tool results moved into a user message")
        yield {"role": "user", "content": images}


def _write_assistant(
    message: ir.Message, request: ir.Request, dialect: ir.Dialect, losses: list[str]
) -> dict[str, Any]:
    out: dict[str, Any] = {"role": "assistant"}
    calls = [part for part in message.parts if isinstance(part, ir.ToolCall)]
    text = "".join(shapes.texts(message.parts))
    out["content"] = text or (None if calls else "")
    thoughts = [part for part in message.parts if isinstance(part, ir.Thinking)]
    if thoughts:
        out |= _write_thoughts(thoughts, dialect)
    if any(isinstance(part, ir.Opaque) for part in message.parts):
        losses.append("parts only another API knows were dropped")
    if calls:
        out["tool_calls"] = [_write_call(call) for call in calls]
    return out


def _write_thoughts(thoughts: list[ir.Thinking], dialect: ir.Dialect) -> dict[str, Any]:
    """Replay reasoning in the field it came from, else in the dialect's field."""
    text = "".join(thought.text for thought in thoughts)
    first = thoughts[0]
    if first.form == "reasoning_details" and first.signature:
        details = parse_json(first.signature)
        return {"reasoning_details": details} if details else {}
    if first.form in ("reasoning_content", "reasoning") and dialect.reasoning_field != "none":
        return {first.form: text}
    if dialect.reasoning_field in ("none", "reasoning_details") or not text:
        return {}
    return {dialect.reasoning_field: text}


def _write_call(call: ir.ToolCall) -> dict[str, Any]:
    arguments = shapes.wrap_input(call.arguments) if call.custom else call.arguments or "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.flat_name, "arguments": arguments}}


def _write_tool(tool: ir.Tool) -> dict[str, Any]:
    plain = shapes.as_function(tool)
    function: dict[str, Any] = {"name": plain.flat_name, "description": plain.description}
    if plain.parameters is not None:
        function["parameters"] = plain.parameters
    if plain.strict is not None:
        function["strict"] = plain.strict
    return {"type": "function", "function": function}


def _write_content(parts: tuple[ir.Part, ...], losses: list[str]) -> Any:
    if all(isinstance(part, ir.Text) for part in parts):  # many chat templates accept only strings
        return shapes.joined(parts)
    content: list[Any] = []
    for part in parts:
        if isinstance(part, ir.Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, ir.Image):
            content.append({"type": "image_url", "image_url": {"url": part.url}})
        elif isinstance(part, ir.Opaque) and part.api == "chat":
            content.append(dict(part.value))
        else:
            losses.append("parts only another API knows were dropped")
    return content
