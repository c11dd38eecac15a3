"""Conversions that several wire APIs need: canonical messages, free-form tools carried as functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from toolworthy.wire import ir
from toolworthy.wire.lenient import as_dict, as_list, as_str, dump_json, parse_json

LATE_SYSTEM = "<system-message>\n{text}\n</system-message>"
"""Form of a system message in a place where only a user message is allowed."""


CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
"""OpenAI's code of an error for a conversation that is longer than the context window."""

UNPARSED = "_unparsed"
"""The key that wraps arguments that are not an object, for an API that requires one."""


def canonical(messages: Iterable[tuple[ir.Role, Sequence[ir.Part]]]) -> tuple[ir.Message, ...]:
    """Messages in the shape of ``ir``: neighbours of role tool, and of role assistant, are merged; empty ones are
    removed."""
    merged: list[ir.Message] = []
    for role, parts in messages:
        if not parts:
            continue
        if merged and merged[-1].role == role and role in ("tool", "assistant"):
            merged[-1] = replace(merged[-1], parts=merged[-1].parts + tuple(parts))
        else:
            merged.append(ir.Message(role, tuple(parts)))
    return tuple(merged)


def content_parts(content: Any, api: ir.Api, image: str) -> list[ir.Part]:
    """The parts of a message's content in OpenAI's APIs: a string, null, or an array of typed parts.

    Args:
        content: as it was sent.
        api: of the request.
        image: type of a part that is a picture.
    """
    if isinstance(content, str):
        return [ir.Text(content)] if content else []
    parts: list[ir.Part] = []
    for value in map(as_dict, as_list(content)):
        url = value.get("image_url")
        if value.get("type") == image:
            parts.append(ir.Image(as_str(url) or as_str(as_dict(url).get("url"))))
        elif isinstance(value.get("text"), str):
            parts.append(ir.Text(value["text"]))
        elif isinstance(value.get("refusal"), str):
            parts.append(ir.Text(value["refusal"]))
        else:
            parts.append(ir.Opaque(api, value))
    return parts


def texts(parts: Iterable[ir.Part]) -> list[str]:
    """The text of every text part."""
    return [part.text for part in parts if isinstance(part, ir.Text)]


def joined(parts: Iterable[ir.Part]) -> str:
    """All text parts as one text, a blank line between."""
    return "\n\n".join(texts(parts))


def leading_system(messages: Sequence[ir.Message]) -> tuple[tuple[ir.Message, ...], tuple[ir.Message, ...]]:
    """The system and developer messages that open a conversation, and the rest."""
    count = 0
    while count < len(messages) and messages[count].role in ("system", "developer"):
        count += 1
    return tuple(messages[:count]), tuple(messages[count:])


def late_system(message: ir.Message) -> str:
    """A system message in mid-conversation as the text of a user message."""
    return LATE_SYSTEM.format(text=joined(message.parts))


def as_function(tool: ir.Tool) -> ir.Tool:
    """A free-form tool as a function with one string, for an API that has no other kind."""
    if not tool.custom:
        return tool
    grammar = as_str(as_dict(tool.grammar).get("definition"))
    hint = f"\n\nThe input must match this grammar:\n{grammar}" if grammar else ""
    schema = {
        "type": "object",
        "properties": {"input": {"type": "string", "description": "The free-form input of the tool, verbatim."}},
        "required": ["input"],
        "additionalProperties": False,
    }
    return replace(tool, description=tool.description + hint, parameters=schema, custom=False)


def wrap_input(text: str) -> str:
    """Free-form input as the arguments of :func:`as_function`'s function."""
    return dump_json({"input": text})


def unwrap_input(arguments: str) -> str:
    """The inverse of :func:`wrap_input`; text that is no such object stays as it is."""
    value = parse_json(arguments)
    inner = value.get("input") if isinstance(value, dict) else None
    return inner if isinstance(inner, str) else arguments


def arguments_object(call: ir.ToolCall) -> dict[str, Any]:
    """A call's arguments for an API that requires an object; anything else is wrapped."""
    if call.custom:
        return {"input": call.arguments}
    value = parse_json(call.arguments) if call.arguments.strip() else {}
    return value if isinstance(value, dict) else {UNPARSED: call.arguments}


def data_url(url: str) -> tuple[str, str] | None:
    """Media type and base64 data of a data URL; None for any other URL."""
    match = re.match(r"data:([^;,]*);base64,(.*)", url, re.DOTALL)
    return (match[1] or "image/png", match[2]) if match else None


def result_text(result: ir.ToolResult) -> str:
    """A tool result's text. An error whose text does not show it is marked, since not every API has a flag for it."""
    text = "\n".join(part.text for part in result.content if isinstance(part, ir.Text))
    if result.is_error and not re.match(r"\W*(<\w*error|error\b)", text, re.IGNORECASE):
        return f"Error: {text}"
    return text


def offered(request: ir.Request, api: ir.Api | None = None) -> tuple[list[ir.Tool], list[str]]:
    """The tools that an endpoint can be offered, and the losses: tools that another API's endpoint runs itself.

    Args:
        request: the request.
        api: the API whose own server tools stay; None: no server tools stay.
    """
    lost = [tool for tool in request.tools if tool.server and tool.raw_api != api]
    kept = [tool for tool in request.tools if not tool.server or tool.raw_api == api]
    return kept, [f"server tool {tool.name} dropped" for tool in lost]


def choice(request_choice: ir.ToolChoice | None, dialect: ir.Dialect) -> ir.ToolChoice | None:
    """The tool choice that the endpoint accepts: forced ones become ``auto`` if it does not always accept them."""
    if request_choice and request_choice.mode in ("required", "named") and dialect.forced_calls != "accepted":
        return ir.ToolChoice("auto")
    return request_choice


EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra")
"""Levels of reasoning effort, rising."""


def reasoning(request: ir.Request, dialect: ir.Dialect, losses: list[str]) -> ir.Reasoning | None:
    """The request's wish about thinking; None, and a loss, if the endpoint has no setting for it."""
    wish = request.reasoning
    if wish is None or dialect.thinking_switch != "none":
        return wish
    if wish.enabled is not None or wish.effort or wish.budget_tokens:
        losses.append("thinking settings dropped")
    return None


def effort(reasoning: ir.Reasoning, dialect: ir.Dialect) -> str | None:
    """The requested effort, or the nearest one that the endpoint accepts."""
    if reasoning.effort is None or not dialect.efforts:
        return None
    if reasoning.effort in dialect.efforts or reasoning.effort not in EFFORTS:
        return reasoning.effort if reasoning.effort in dialect.efforts else dialect.efforts[-1]
    wanted = EFFORTS.index(reasoning.effort)
    known = [name for name in dialect.efforts if name in EFFORTS]
    return min(known, key=lambda name: abs(EFFORTS.index(name) - wanted), default=None)


def openai_error(failure: ir.Failure) -> dict[str, Any]:
    """An error body in OpenAI's envelope."""
    return {"error": {"message": failure.message, "type": failure.type, "param": None, "code": failure.code}}


def openai_models(model: str, context: int | None) -> dict[str, Any]:
    """A list of one model, in OpenAI's format; its context window is in OpenRouter's field."""
    entry = {"id": model, "object": "model", "created": 0, "owned_by": "toolworthy"}
    return {"object": "list", "data": [{**entry, "context_length": context} if context else entry]}
