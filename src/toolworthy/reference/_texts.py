"""Changes of texts and arguments by defects: pure functions on strings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import as_dict, dump_json, parse_json

Swaps = tuple[tuple[str, str], ...]
"""Patterns and their replacements."""


def written(call: ToolCall, form: str, each: str, between: str) -> str:
    """A call in a model's own notation.

    Args:
        call: the call.
        form: ``{name}``, ``{arguments}`` and ``{each}`` are filled in.
        each: one argument: ``{key}``, ``{value}`` (a string bare) and ``{json}`` are filled in.
        between: separates two of them.
    """
    parts = []
    for key, value in as_dict(parse_json(call.arguments)).items():
        text = json.dumps(value, ensure_ascii=False)
        parts.append(_filled(each, {"key": key, "value": value if isinstance(value, str) else text, "json": text}))
    return _filled(form, {"name": call.name, "arguments": call.arguments, "each": between.join(parts)})


def swapped(swaps: Swaps, text: str) -> str:
    """`text` with every pattern replaced."""
    for old, new in swaps:
        text = re.sub(old, new, text)
    return text


def swapped_values(swaps: Swaps, value: Any) -> Any:
    """A JSON value with every pattern replaced in its strings."""
    if isinstance(value, dict):
        return {key: swapped_values(swaps, item) for key, item in value.items()}
    if isinstance(value, list):
        return [swapped_values(swaps, item) for item in value]
    return swapped(swaps, value) if isinstance(value, str) else value


def arguments(how: str | None, text: str, number: int, instead: str) -> str:
    """The arguments of a call, made faulty.

    Args:
        how: see ``Saying.arguments``; None: no change.
        text: the arguments.
        number: index of the call in its response.
        instead: the replacement for ``replace``.
    """
    value = parse_json(text)
    match how:
        case "cut":
            return text[: max(1, len(text) * 2 // 3)]
        case "cut-brace":
            return text.rstrip()[:-1]
        case "close":
            return closed(text)
        case "empty":
            return ""
        case "none":
            return "{}" if number or isinstance(value, dict) else text
        case "stringify" if isinstance(value, dict):
            return dump_json({k: v if isinstance(v, str) else json.dumps(v) for k, v in value.items()})
        case "wrap" if isinstance(value, dict):
            return dump_json({"_": value})
        case "shuffle":
            half = len(text) // 2
            return text[half:] + text[:half]
        case "escape":
            return json.dumps(value)
        case "replace":
            return instead
        case "void" if value == {}:
            return ""
    return text


def closed(text: str) -> str:
    """A truncated JSON object, completed to a valid one, as some servers do."""
    if parse_json(text) is not None:
        return text
    for end in range(len(text), 0, -1):
        for tail in ('"}', "}", '"]}', "]}"):
            if isinstance(parse_json(text[:end] + tail), dict):
                return text[:end] + tail
    return "{}"


def with_stop_string(text: str, stops: tuple[str, ...], stopped: bool) -> str | None:
    """The text up to the end of its first stop string; with the stop string restored if it was removed; else None."""
    ends = [text.index(stop) + len(stop) for stop in stops if stop and stop in text]
    if ends:
        return text[: min(ends)]
    return text + stops[0] if stopped and stops else None


def _filled(form: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), form)
