"""Read Gemini requests, and write them for an endpoint.

The path of a request names the model and says whether to stream; here both are in the JSON, as ``model`` and
``stream``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy.wire import ir, shapes
from toolworthy.wire.gemini import _signatures as signs
from toolworthy.wire.gemini._schema import json_schema, subset
from toolworthy.wire.lenient import as_arguments, as_bool, as_dict, as_float, as_int, as_list, as_str, dump_json

_KNOWN = frozenset({"model", "stream", "contents", "systemInstruction", "tools", "generationConfig"})
_SETTINGS = frozenset(
    {
        "maxOutputTokens",
        "temperature",
        "topP",
        "stopSequences",
        "thinkingConfig",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
    }
)
_SNAKE = re.compile(r"_([a-z])")
_BELOW = ("functionCallingConfig", "thinkingConfig", "inlineData", "fileData", "functionCall", "functionResponse")


def parse_request(body: Mapping[str, Any]) -> ir.Request:
    """Read a request. Never raises; what has no neutral form goes into ``extra``."""
    body = camel(body)
    system = body.get("systemInstruction")
    texts = [system] if isinstance(system, str) else [as_str(part.get("text")) for part in _parts(as_dict(system))]
    head: list[tuple[ir.Role, list[ir.Part]]] = [("system", [ir.Text(text)]) for text in texts if text]
    settings = camel(as_dict(body.get("generationConfig")))
    rest = {name: value for name, value in settings.items() if name not in _SETTINGS}
    extra = {name: value for name, value in body.items() if name not in _KNOWN}
    return ir.Request(
        model=as_str(body.get("model")).removeprefix("models/"),
        messages=shapes.canonical([*head, *_messages(as_list(body.get("contents")))]),
        tools=tuple(tool for entry in as_list(body.get("tools")) for tool in _tools(camel(as_dict(entry)))),
        tool_choice=_choice(camel(as_dict(body.get("toolConfig")))),
        max_tokens=as_int(settings.get("maxOutputTokens")),
        temperature=as_float(settings.get("temperature")),
        top_p=as_float(settings.get("topP")),
        stop=tuple(as_str(item) for item in as_list(settings.get("stopSequences"))),
        stream=as_bool(body.get("stream")) or False,
        reasoning=_reasoning(as_dict(settings.get("thinkingConfig"))),
        response_format=_format(settings),
        extra=extra | ({"generationConfig": rest} if rest else {}),
    )


def camel(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object with its names in camel case: servers take either, as protobuf's JSON does. What the client's own
    schemas and arguments are called is left alone."""
    named = {_SNAKE.sub(lambda match: match[1].upper(), name): item for name, item in value.items()}
    return {name: camel(item) if name in _BELOW and isinstance(item, dict) else item for name, item in named.items()}


def _model_parts(parts: list[dict[str, Any]], ids: Iterator[str]) -> list[ir.Part]:
    """The parts of a model turn; `ids` are for calls without an id."""
    pairs = [(part, as_str(part.get("thoughtSignature"))) for part in parts]
    others = any(signs.read(signature) for _, signature in pairs if signature)
    out: list[ir.Part] = []
    for part, signature in pairs:
        carried = signs.read(signature) if signature else None
        out += carried or ()
        mark = signature if signature and not carried and signs.given(signature) else None
        if isinstance(part.get("functionCall"), dict):
            call = _call_part(part["functionCall"], ids)
            out += [ir.Thinking("", "thought", mark, call.id), call] if mark else [call]
        elif not isinstance(part.get("text"), str):
            out.append(ir.Opaque("gemini", part))
        elif not part.get("thought"):
            out += [ir.Text(part["text"])] if part["text"] else []
            out += [ir.Thinking("", "thought", mark)] if mark else []
        elif not others and (part["text"] or mark):
            last = out.pop() if out and isinstance(out[-1], ir.Thinking) and not out[-1].signature else None
            before = last.text if isinstance(last, ir.Thinking) else ""
            out.append(ir.Thinking(before + part["text"], "thought", mark))
    return out


def _call_part(value: Mapping[str, Any], ids: Iterator[str]) -> ir.ToolCall:
    """A call; one without an id, which the API allows, gets the next of `ids`."""
    made, args = next(ids), value.get("args")
    return ir.ToolCall(
        as_str(value.get("id")) or made, as_str(value.get("name")), as_arguments({} if args is None else args)
    )


def _parts(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = content.get("parts")
    return [camel(as_dict(part)) for part in ([parts] if isinstance(parts, dict) else as_list(parts))]


def _messages(contents: list[Any]) -> Iterator[tuple[ir.Role, list[ir.Part]]]:
    ids = (signs.made_id("request", number) for number in range(2**31))
    open_calls: list[ir.ToolCall] = []
    for item in contents:
        content = as_dict(item) if not isinstance(item, str) else {"parts": [{"text": item}]}
        parts = _parts(content)
        if content.get("role") == "model":
            model_parts = _model_parts(parts, ids)
            open_calls += [part for part in model_parts if isinstance(part, ir.ToolCall)]
            yield "assistant", model_parts
            continue
        results = [part["functionResponse"] for part in parts if isinstance(part.get("functionResponse"), dict)]
        yield "tool", [_result(result, open_calls) for result in results]
        rest = [part for part in parts if not isinstance(part.get("functionResponse"), dict)]
        if rest:
            open_calls = []
        yield "user", [_user_part(part) for part in rest if part.get("text") != ""]


def _result(value: Mapping[str, Any], open_calls: list[ir.ToolCall]) -> ir.ToolResult:
    """A result; one without an id answers the first open call of its name."""
    call_id, name = as_str(value.get("id")), as_str(value.get("name"))
    answered = next((call for call in open_calls if call.id == call_id), None)
    if not call_id:
        answered = next((call for call in open_calls if call.name == name), None)
        call_id = answered.id if answered else name
    if answered:
        open_calls.remove(answered)
    response = as_dict(value.get("response"))
    output = next((response[name] for name in ("output", "error") if list(response) == [name]), response)
    text = output if isinstance(output, str) else dump_json(output)
    beside = (_user_part(camel(as_dict(part))) for part in as_list(value.get("parts")))
    images = tuple(part for part in beside if isinstance(part, ir.Image))
    return ir.ToolResult(
        call_id, (*((ir.Text(text),) if text or not images else ()), *images), list(response) == ["error"]
    )


def _user_part(part: Mapping[str, Any]) -> ir.Text | ir.Image | ir.Opaque:
    inline, file = as_dict(part.get("inlineData")), as_dict(part.get("fileData"))
    if isinstance(part.get("text"), str):
        return ir.Text(part["text"])
    if as_str(inline.get("mimeType")).startswith("image/"):
        return ir.Image(f"data:{inline['mimeType']};base64,{as_str(inline.get('data'))}")
    if as_str(file.get("mimeType")).startswith("image/"):
        return ir.Image(as_str(file.get("fileUri")))
    return ir.Opaque("gemini", part)


def _tools(entry: Mapping[str, Any]) -> Iterator[ir.Tool]:
    """The tools of one entry: functions, or something that the endpoint runs."""
    for name, value in entry.items():
        if name != "functionDeclarations":
            yield ir.Tool(name, server=True, raw={name: value}, raw_api="gemini")
            continue
        for each in as_list(value):
            declared = camel(as_dict(each))
            schema = declared.get("parametersJsonSchema")
            if not isinstance(schema, dict) and isinstance(declared.get("parameters"), dict):
                schema = json_schema(declared["parameters"])
            schema = schema if isinstance(schema, dict) else None
            described = as_str(declared.get("description"))
            yield ir.Tool(as_str(declared.get("name")), described, schema, raw=declared, raw_api="gemini")


def _choice(config: Mapping[str, Any]) -> ir.ToolChoice | None:
    calling = as_dict(config.get("functionCallingConfig"))
    allowed = as_list(calling.get("allowedFunctionNames"))
    match as_str(calling.get("mode")).upper():
        case "ANY":
            return ir.ToolChoice("named", as_str(allowed[0])) if len(allowed) == 1 else ir.ToolChoice("required")
        case "AUTO" | "VALIDATED":
            return ir.ToolChoice("auto")
        case "NONE":
            return ir.ToolChoice("none")
        case _:
            return None


def _reasoning(config: Mapping[str, Any]) -> ir.Reasoning | None:
    budget, level = as_int(config.get("thinkingBudget")), as_str(config.get("thinkingLevel")).lower() or None
    if not config:
        return None
    enabled = False if budget == 0 else True if budget or level or config.get("includeThoughts") else None
    return ir.Reasoning(enabled=enabled, effort=level, budget_tokens=budget if budget and budget > 0 else None)


def _format(settings: Mapping[str, Any]) -> dict[str, Any] | None:
    if settings.get("responseMimeType") != "application/json":
        return None
    schema = settings.get("responseJsonSchema")
    if not isinstance(schema, dict) and isinstance(settings.get("responseSchema"), dict):
        schema = json_schema(settings["responseSchema"])
    if not isinstance(schema, dict):
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


# ---- writing ---------------------------------------------------------------------------------------------------------


def render_request(request: ir.Request, dialect: ir.Dialect = ir.PLAIN) -> ir.Rendered:
    """Write a request in `dialect`."""
    tools, losses = shapes.offered(request, "gemini")
    head, rest = shapes.leading_system(request.messages)
    body: dict[str, Any] = {"model": request.model, "contents": _contents(rest, losses)}
    if head:
        texts = [text for message in head for text in shapes.texts(message.parts)]
        body["systemInstruction"] = {"parts": [{"text": text} for text in texts]}
    if tools:
        body["tools"] = _write_tools(tools)
        if choice := shapes.choice(request.tool_choice, dialect):
            body["toolConfig"] = {"functionCallingConfig": _write_choice(choice)}
        if request.parallel_tool_calls is False:
            losses.append("parallel_tool_calls dropped")
    settings = {
        "maxOutputTokens": request.max_tokens,
        "temperature": request.temperature,
        "topP": request.top_p,
        "stopSequences": list(request.stop) or None,
    }
    config = {name: value for name, value in settings.items() if value is not None} | _write_format(request)
    if wish := shapes.reasoning(request, dialect, losses):
        config["thinkingConfig"] = _write_reasoning(wish, dialect)
    if config:
        body["generationConfig"] = config
    if request.stream:
        body["stream"] = True
    return ir.Rendered(body, tuple(dict.fromkeys(losses)))


def _write_tools(tools: list[ir.Tool]) -> list[dict[str, Any]]:
    declared = [_declaration(tool) for tool in tools if not tool.server]
    server = [dict(tool.raw or {}) for tool in tools if tool.server]
    return [*([{"functionDeclarations": declared}] if declared else []), *server]


def _declaration(tool: ir.Tool) -> dict[str, Any]:
    if tool.raw and tool.raw_api == "gemini":
        return dict(tool.raw)
    plain = shapes.as_function(tool)
    out: dict[str, Any] = {"name": plain.flat_name, "description": plain.description}
    schema = subset(plain.parameters or {})
    return out | ({"parameters": schema} if schema.get("properties") else {})


def _write_choice(choice: ir.ToolChoice) -> dict[str, Any]:
    mode = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}[choice.mode]
    return {"mode": mode} | ({"allowedFunctionNames": [choice.name]} if choice.mode == "named" else {})


def _write_reasoning(reasoning: ir.Reasoning, dialect: ir.Dialect) -> dict[str, Any]:
    if reasoning.enabled is False:
        return {"thinkingBudget": 0}
    if reasoning.budget_tokens:
        return {"includeThoughts": True, "thinkingBudget": reasoning.budget_tokens}
    effort = shapes.effort(reasoning, dialect)
    return {"includeThoughts": True} | ({"thinkingLevel": effort.upper()} if effort else {})


def _write_format(request: ir.Request) -> dict[str, Any]:
    kind, wanted = as_dict(request.response_format).get("type"), as_dict(request.response_format)
    if kind not in ("json_schema", "json_object"):
        return {}
    schema = as_dict(as_dict(wanted.get("json_schema")).get("schema"))
    return {"responseMimeType": "application/json"} | ({"responseSchema": subset(schema)} if schema else {})


def _contents(messages: tuple[ir.Message, ...], losses: list[str]) -> list[dict[str, Any]]:
    """Contents with alternating roles: neighbours of the same role are merged."""
    calls = (part for message in messages for part in message.parts if isinstance(part, ir.ToolCall))
    names = {call.id: call.flat_name for call in calls}
    current = max((number for number, message in enumerate(messages) if message.role == "user"), default=-1)
    out: list[dict[str, Any]] = []
    for number, message in enumerate(messages):
        if message.role == "assistant":
            role, parts = "model", _write_model(message, number > current, losses)
        elif message.role in ("system", "developer"):
            role, parts = "user", [{"text": shapes.late_system(message)}]
        else:
            role, parts = "user", [each for part in message.parts for each in _write_user(part, names, losses)]
        if out and out[-1]["role"] == role:
            out[-1]["parts"] += parts
        elif parts:
            out.append({"role": role, "parts": parts})
    return out


def _write_model(message: ir.Message, current: bool, losses: list[str]) -> list[dict[str, Any]]:
    """The parts of a model turn, each signature on the part that it belongs to."""
    calls = [part for part in message.parts if isinstance(part, ir.ToolCall)]
    known = {call.id for call in calls}
    bare = [
        part for part in message.parts if isinstance(part, ir.Thinking) and part.form == "thought" and not part.text
    ]
    marks = {thought.id: thought.signature for thought in bare if thought.id in known}
    lost = next((thought.signature for thought in bare if thought.id and thought.id not in known), None)
    if calls and calls[0].id not in marks:
        if lost:
            marks[calls[0].id] = lost
        elif current:
            marks[calls[0].id] = signs.NOBODYS
            losses.append("a call without its thought signature was sent with the vendor's substitute")
    out: list[dict[str, Any]] = []
    for part in message.parts:
        match part:
            case ir.Text():
                out += [{"text": part.text}] if part.text else []
            case ir.ToolCall():
                out.append(write_call(part, marks.get(part.id)))
            case ir.Thinking():
                out += _write_thought(part)
            case ir.Opaque(api="gemini"):
                out.append(dict(part.value))
            case _:
                losses.append("parts only another API knows were dropped")
    return out


def _write_thought(part: ir.Thinking) -> list[dict[str, Any]]:
    mark = {"thoughtSignature": part.signature} if part.form == "thought" and part.signature else {}
    if part.text:
        return [{"text": part.text, "thought": True, **mark}]
    return [{"text": "", **mark}] if mark and part.id is None else []


def write_call(call: ir.ToolCall, signature: str | None) -> dict[str, Any]:
    """A call as a part."""
    named = {"id": own} if (own := signs.own(call.id)) else {}
    part: dict[str, Any] = {"functionCall": {**named, "name": call.flat_name, "args": shapes.arguments_object(call)}}
    return part | ({"thoughtSignature": signature} if signature else {})


def _write_user(part: ir.Part, names: Mapping[str, str], losses: list[str]) -> Iterator[dict[str, Any]]:
    match part:
        case ir.Text():
            if part.text:
                yield {"text": part.text}
        case ir.Image():
            yield _write_image(part)
        case ir.ToolResult():
            yield from _write_result(part, names, losses)
        case ir.Opaque(api="gemini"):
            yield dict(part.value)
        case _:
            losses.append("parts only another API knows were dropped")


def _write_result(part: ir.ToolResult, names: Mapping[str, str], losses: list[str]) -> Iterator[dict[str, Any]]:
    """A result as text; pictures follow it, because some models take none inside of a result."""
    text = "\n".join(item.text for item in part.content if isinstance(item, ir.Text))
    named = {"id": own} if (own := signs.own(part.call_id)) else {}
    name = names.get(part.call_id, part.call_id)
    yield {"functionResponse": {**named, "name": name, "response": {"error" if part.is_error else "output": text}}}
    for item in part.content:
        if isinstance(item, ir.Image):
            losses.append("images in tool results moved behind them")
            yield {"text": f"Image returned by {name}:"}
            yield _write_image(item)


def _write_image(image: ir.Image) -> dict[str, Any]:
    if held := shapes.data_url(image.url):
        return {"inlineData": {"mimeType": held[0], "data": held[1]}}
    kind = "jpeg" if image.url.lower().endswith((".jpg", ".jpeg")) else "png"
    return {"fileData": {"mimeType": f"image/{kind}", "fileUri": image.url}}
