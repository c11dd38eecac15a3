"""Rules over one answer: ids, arguments, stop reasons, leaks, and streams that end badly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from toolworthy.exchange import Exchange
from toolworthy.rules.model import Rule
from toolworthy.wire.ir import Thinking, ToolCall

_Violations = Iterator[tuple[str, str]]

# Opening marks of the tool-call formats that models are trained on; a parser that missed one leaves it in the text.
TOOL_SYNTAX = re.compile(
    r"<｜DSML｜|<\|\|DSML\|\||<tool_call>|<\|tool_call|<tool_calls>|<minimax:tool_call>|<\|python_tag\|>"
    r"|<｜tool▁call|\[TOOL_CALLS\]|<function=\w|<\|tool_calls_section_begin\|>|<\|channel\|>"
    r"|<seed:tool_call>|<invoke name="
)
_THINK_TAG = re.compile(r"</?think>|</?seed:think>|<\|start_of_thinking\|>")


def _missing_id(exchange: Exchange) -> _Violations:
    for repair in exchange.response.repairs if exchange.response else ():
        if repair.code == "missing-id":
            yield f"a tool call came without an id ({repair.detail})", repair.detail


def _arguments_not_json(exchange: Exchange) -> _Violations:
    for call in _calls(exchange):
        if not call.custom and not is_json_object(call.arguments) and not _cut_by_length(exchange):
            yield f"the arguments of {call.name} are no JSON object", call.arguments


def _stop_denies_calls(exchange: Exchange) -> _Violations:
    response = exchange.response
    if response and response.calls and response.stop not in ("tool", "length", None):
        yield f"the answer holds {len(response.calls)} tool call(s) but says it stopped by {response.raw_stop!r}", ""


def _calls_announced_only(exchange: Exchange) -> _Violations:
    response = exchange.response
    if response and response.stop == "tool" and not response.calls:
        yield f"the answer says it stopped by {response.raw_stop!r} but holds no tool call", response.text[-200:]


def _syntax_in_text(exchange: Exchange) -> _Violations:
    response = exchange.response
    if response and exchange.request and exchange.request.tools:
        texts = [("text", response.text)]
        texts += [("reasoning", part.text) for part in response.parts if isinstance(part, Thinking)]
        for where, text in texts:
            if match := TOOL_SYNTAX.search(text):
                start = max(0, match.start() - 40)
                yield f"tool-call syntax {match.group()!r} stands in the {where}", text[start : start + 300]


def _think_tag_in_text(exchange: Exchange) -> _Violations:
    response = exchange.response
    if response and (match := _THINK_TAG.search(response.text)):
        start = max(0, match.start() - 40)
        yield f"{match.group()!r} stands in the text instead of the reasoning field", response.text[start : start + 300]


def _cut_stream(exchange: Exchange) -> _Violations:
    response = exchange.response
    if response and not response.complete and response.failure is None and exchange.error is None:
        yield "the answer ended without a stop reason and without its terminal event", _tail(exchange)


def _error_in_stream(exchange: Exchange) -> _Violations:
    response = exchange.response
    if response and response.failure and exchange.status is not None and exchange.status < 400:
        yield f"HTTP {exchange.status}, then an error: {response.failure.message[:200]}", _tail(exchange)


def _no_usage(exchange: Exchange) -> _Violations:
    response = exchange.response
    if response and response.complete and response.failure is None and response.usage is None:
        yield "the answer says nothing of tokens used", ""


def is_json_object(text: str) -> bool:
    """Whether `text` is one JSON object, as arguments must be. Empty arguments are none."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _cut_by_length(exchange: Exchange) -> bool:
    return exchange.response is not None and exchange.response.stop == "length"


def _calls(exchange: Exchange) -> tuple[ToolCall, ...]:
    return exchange.response.calls if exchange.response else ()


def _tail(exchange: Exchange) -> str:
    return exchange.body[-200:].decode(errors="replace")


RULES: tuple[Rule, ...] = (
    Rule("TW101", "tool call without an id", "blocks", _missing_id),
    Rule("TW102", "arguments that are no JSON", "blocks", _arguments_not_json),
    Rule("TW103", "stop reason denies the calls", "degrades", _stop_denies_calls),
    Rule("TW104", "calls announced, none sent", "blocks", _calls_announced_only),
    Rule("TW201", "tool-call syntax in the text", "blocks", _syntax_in_text),
    Rule("TW202", "reasoning tags in the text", "degrades", _think_tag_in_text),
    Rule("TW301", "answer cut short", "blocks", _cut_stream),
    Rule("TW302", "error inside a successful answer", "blocks", _error_in_stream),
    Rule("TW401", "no usage", "cosmetic", _no_usage),
)
