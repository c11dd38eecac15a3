"""The reference server's response to a request that is not a task: it follows the last message literally.

Probes and tests use these instructions, which real models understand, too::

    First write exactly: I will look.
    Call the tool `read` with exactly these arguments: {"path": "a.txt"}
    Then reply with exactly: done

    Make these calls one after the other.
    Call the tool …

    Reply with exactly these lines:
    …

    Reply with nothing but the code word that you were told.
    Reply with nothing but the code word that a.txt holds.
    What colour is the picture?
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from toolworthy.content.toolset import sample
from toolworthy.reference._side_requests import side_answer
from toolworthy.wire.ir import Image, Message, Part, Request, Text, Tool, ToolCall, ToolResult
from toolworthy.wire.lenient import as_dict, dump_json

_CALL = re.compile(r"Call the tool `([^`]+)` with exactly these arguments: (?=\{)")
_FIRST = re.compile(r"First write exactly: (.+)")
_ONE_BY_ONE = re.compile(r"one after the other")
_ASK_CODE = re.compile(r"nothing but the code word")
_HELD = re.compile(r"nothing but the code word that (\S+) holds")
_CODE = re.compile(r"code word is ([\w-]+)")
_ASK_COLOUR = re.compile(r"What colour is the picture")
_LINES = re.compile(r"reply with exactly these lines:\n(.+)", re.IGNORECASE | re.DOTALL)
_SAY = re.compile(r"reply with exactly: (.+)", re.IGNORECASE)


def obey(request: Request) -> tuple[Part, ...]:
    """The parts of the response: calls that are demanded and not made yet, else text."""
    orders, results = _orders(request)
    choice = request.tool_choice
    forbidden = choice is not None and choice.mode == "none"
    one_by_one = bool(_ONE_BY_ONE.search(orders))
    if request.tools and not forbidden and (one_by_one or not results):
        calls = list(_calls(request, orders))
        calls = calls[results : results + 1] if one_by_one else calls
        if choice and choice.mode == "named":
            calls = [call for call in calls if call.name == choice.name] or [_sampled(_tool(request, choice.name))]
        if choice and choice.mode == "required" and not calls:
            calls = [_sampled(request.tools[0])]
        if calls:
            before = [Text(match[1].strip()) for match in _FIRST.finditer(orders)]
            return (*before, *(calls[:1] if request.parallel_tool_calls is False else calls))
    held = _HELD.search(orders)
    if _ASK_CODE.search(orders) and (word := _code_word(_results_of(request, held[1]) if held else request)):
        return (Text(word),)
    if _ASK_COLOUR.search(orders):
        return (Text(_colour(request)),)
    if lines := _LINES.search(orders):
        return (Text(lines[1]),)
    phrase = None if request.response_format else _SAY.search(orders)
    return (Text(phrase[1].strip()) if phrase else Text(side_answer(request)),)


def _visible_parts(request: Request) -> Iterator[Part]:
    """All texts in the conversation, including results."""
    for part in (part for message in request.messages for part in message.parts):
        yield from part.content if isinstance(part, ToolResult) else (part,)


def _code_word(request: Request) -> str | None:
    """The last code word in the conversation, in any role."""
    words = [word for part in _visible_parts(request) if isinstance(part, Text) for word in _CODE.findall(part.text)]
    return words[-1] if words else None


def _results_of(request: Request, path: str) -> Request:
    """The request with only the results of calls whose arguments name the path."""
    parts = [part for message in request.messages for part in message.parts]
    calls = {part.id for part in parts if isinstance(part, ToolCall) and path in part.arguments}
    kept = tuple(part for part in parts if isinstance(part, ToolResult) and part.call_id in calls)
    return replace(request, messages=(Message("tool", kept),))


def _colour(request: Request) -> str:
    """The strongest colour of the first pixel of the last picture, a PNG of 8-bit RGB; "none" without one."""
    urls = [part.url for part in _visible_parts(request) if isinstance(part, Image)]
    with suppress(ValueError, zlib.error):
        data = base64.b64decode(urls[-1].partition(",")[2] if urls else "").partition(b"IDAT")[2]
        pixel = zlib.decompressobj().decompress(data)[1:4]
        return dict(zip(pixel, ("red", "green", "blue"), strict=True))[max(pixel)]
    return "none"


def _orders(request: Request) -> tuple[str, int]:
    """The newest user message, and how many results follow it; an instruction with several steps stays in force until a
    newer message has an instruction."""
    results, newest = 0, ("", 0)
    for message in reversed(request.messages):
        text = message.text
        if message.role == "user" and text:
            newest = newest if newest[0] else (text, results)
            if _ONE_BY_ONE.search(text):
                return text, results
            if _CALL.search(newest[0]) or _SAY.search(newest[0]) or _ASK_CODE.search(newest[0]):
                break
        results += sum(isinstance(part, ToolResult) for part in message.parts)
    return newest


def _calls(request: Request, orders: str) -> Iterator[ToolCall]:
    turn = sum(isinstance(part, ToolCall) for message in request.messages for part in message.parts)
    for number, match in enumerate(_CALL.finditer(orders)):
        tool = _named(request, match[1])
        try:
            value, end = json.JSONDecoder().raw_decode(orders[match.end() :])
        except ValueError:
            continue
        if tool is not None:
            written = orders[match.end() : match.end() + end]
            yield _made(tool, written if json.loads(written) == value else dump_json(value), f"{turn}.{number}")


def _named(request: Request, name: str) -> Tool | None:
    """The tool of that name, or, like a model that is offered no other, the one whose flat name ends with it."""
    exact = (tool for tool in request.tools if tool.name == name)
    return next(exact, None) or next((tool for tool in request.tools if tool.name.endswith(f"__{name}")), None)


def _tool(request: Request, name: str | None) -> Tool:
    return next((tool for tool in request.tools if tool.name == name), request.tools[0])


def _sampled(tool: Tool) -> ToolCall:
    return _made(tool, dump_json(sample(as_dict(tool.parameters))), "0")


def _made(tool: Tool, arguments: str, seed: str) -> ToolCall:
    if tool.custom:
        arguments = str(as_dict(json.loads(arguments)).get("input", arguments))
    digest = hashlib.sha256(f"{seed}{tool.name}{arguments}".encode("utf-8", "replace")).hexdigest()
    return ToolCall(f"call_{digest[:20]}", tool.name, arguments, custom=tool.custom, namespace=tool.namespace)
