"""Rules on usage, stop reasons and empty responses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from toolworthy import wire
from toolworthy.base.counted import counted
from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View
from toolworthy.wire.ir import Text, Thinking, ToolCall
from toolworthy.wire.lenient import as_dict, as_int


def _wanted(view: View) -> bool:
    """Whether usage may be expected: a chat stream has it only on request."""
    return view.answered and view.response.complete and not view.uncounted


@builtin("TW701")
def _missing_usage(view: View) -> Violations:
    if _wanted(view) and view.response.usage is None:
        yield "the response has no usage", ""


@builtin("TW702")
def _zero_usage(view: View) -> Violations:
    usage = view.response.usage
    if _wanted(view) and usage and view.response.parts and not ((usage.input or 0) and (usage.output or 0)):
        yield f"usage counts {usage.input} input and {usage.output} output tokens", view.usage()


@builtin("TW711")
def _empty_usage_object(view: View) -> Violations:
    for usage, written in _usages(view):
        if usage == {}:
            yield "usage is an empty object", written


@builtin("TW790")
def _usage_of_other_types(view: View) -> Violations:
    for usage, written in _usages(view):
        for name in _COUNTS:
            if name in usage and type(usage[name]) is not int and (usage[name] is not None or name in _NEVER_NULL):
                yield f"{name} is {json.dumps(usage[name])[:40]}", written


@builtin("TW791")
def _undercounted_output(view: View) -> Violations:
    made = (view.response.usage.output if view.response.usage else None) or 0
    shown = len(view.response.text + view.thoughts) + sum(len(call.arguments) for call in view.calls)
    if made and shown > max(_LONG, made * _CHARACTERS):
        yield f"usage counts {counted(made, 'output token')}, but the content has {shown} characters", view.usage()


_NEVER_NULL = ("prompt_tokens", "completion_tokens", "total_tokens", "output_tokens")
_COUNTS = (*_NEVER_NULL, "input_tokens")
"""Fields that typed clients read as integers; the end of a Messages stream may omit the input."""
_LONG = 512
"""More characters than a single unusual token has."""
_CHARACTERS = 32
"""More characters than tokens have on average in any text."""


def _usages(view: View) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every usage object, and its location."""
    values = [(event.value, event.data) for event in view.events] or [(view.whole, view.tail())]
    for value, written in values:
        for holder in (value, as_dict(value.get("message")), as_dict(value.get("response"))):
            if isinstance(usage := holder.get("usage"), dict):
                yield usage, written


@builtin("TW703")
def _inconsistent_usage(view: View) -> Violations:
    usage = view.response.usage
    if usage is None:
        return
    stored = (usage.cached or 0) + (usage.cache_write or 0)
    if usage.input is not None and stored > usage.input:
        yield f"{stored} tokens from a cache or for it, but only {usage.input} input tokens", ""
    if usage.reasoning and usage.output is not None and usage.reasoning > usage.output:
        yield f"{usage.reasoning} reasoning tokens, but only {usage.output} output tokens", ""
    raw: Mapping[str, Any] = next((raw for raw, _ in reversed([*_usages(view)]) if raw), {})
    total = as_int(raw.get("total_tokens"))
    for prompt, completion in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
        parts = as_int(raw.get(prompt)), as_int(raw.get(completion))
        if total is not None and None not in parts and total != sum(part or 0 for part in parts):
            yield f"total_tokens is {total}, but {parts[0]} + {parts[1]} is not", json.dumps(raw)


@builtin("TW704")
def _no_text_or_tool_call(view: View) -> Violations:
    if _ends_idle(view) and not _thinks(view):
        yield "the response has neither text nor a call", view.tail()


@builtin("TW710")
def _only_reasoning(view: View) -> Violations:
    if _ends_idle(view) and _thinks(view):
        yield "the response has reasoning, but neither text nor a call", view.tail()


@builtin("TW705")
def _truncated_before_content(view: View) -> Violations:
    usage = view.response.usage
    if _whole_calls(view) == "always" and not (_thinks(view) or (usage and usage.reasoning)):
        return  # a truncated call cannot be sent
    if view.answered and view.response.stop == "length" and not _acts(view):
        yield "the token limit was reached before any text or call", view.tail()


@builtin("TW706")
def _unknown_stop_reason(view: View) -> Violations:
    known = wire.api(view.api).stops if view.api else ()
    raw = view.response.raw_stop
    if known and raw and raw not in known:
        yield f"the stop reason is {raw!r}", view.stopped()


@builtin("TW707")
def _repeated_usage(view: View) -> Violations:
    if as_dict(view.asked.get("stream_options")).get("continuous_usage_stats"):
        return
    counted = [event for event in view.events if any(map(as_int, map(as_dict(event.value.get("usage")).get, _TOTALS)))]
    if len(counted) > 1:
        yield f"{len(counted)} chunks have usage", counted[0].data


@builtin("TW708")
def _undelivered_tokens(view: View) -> Violations:
    usage = view.response.usage
    if not (view.answered and usage and usage.output and view.response.stop in ("end", "tool", "unknown")):
        return
    if _whole_calls(view) != "never" and view.whole and view.calls:
        return  # the arguments are an object: the model's own white space is unknown
    counted = usage.output - (usage.reasoning or 0)
    if counted <= _MARKS:
        return
    shown = sum(map(_bytes, ([event.value for event in view.events] if view.exchange.streamed else [view.whole])))
    if counted > shown + _MARKS:
        yield f"usage counts {usage.output} output tokens, but the content has {shown} bytes", view.tail()


_TOTALS = ("total_tokens", "prompt_tokens", "completion_tokens")
_MARKS = 64
"""Tokens that a model may need for the special tokens of its format."""
_SHOWN = ("choices", "delta", "content_block", "content", "output", "parts")


def _bytes(value: object, inside: bool = False) -> int:
    """An upper bound for the bytes of content in a response."""
    if isinstance(value, dict):
        return sum(_bytes(item, inside or key in _SHOWN) for key, item in value.items())
    if isinstance(value, list):
        return sum(_bytes(item, inside) for item in value)
    return len(value.encode(errors="replace")) if inside and isinstance(value, str) else 0


@builtin("TW709")
def _stop_string_in_text(view: View) -> Violations:
    if view.request is None or view.asked.get("include_stop_str_in_output"):
        return
    for stop in view.request.stop:
        if stop and stop in view.response.text:
            yield f"the text contains the stop string {stop!r}", view.response.text[-200:]


def _ends_idle(view: View) -> bool:
    """Whether a response with more than its end has neither text nor call."""
    ended = view.answered and view.response.stop in ("end", "unknown") and view.exchange.body
    return bool(ended) and not _acts(view) and not view.at_once


def _whole_calls(view: View) -> str:
    return wire.api(view.api).whole_calls if view.api else "never"


def _thinks(view: View) -> bool:
    return any(isinstance(part, Thinking) for part in view.response.parts)


def _acts(view: View) -> bool:
    return any(
        isinstance(part, ToolCall) or (isinstance(part, Text) and part.text.strip()) for part in view.response.parts
    )
