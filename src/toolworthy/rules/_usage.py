"""Rules over usage, stop reasons and answers with nothing in them."""

from __future__ import annotations

from functools import partial

from toolworthy import wire
from toolworthy.rules import model
from toolworthy.rules.model import UNREAD, Violations
from toolworthy.rules.view import View
from toolworthy.wire.ir import Text, Thinking, ToolCall
from toolworthy.wire.lenient import as_dict, as_int

rule = partial(model.rule, area="usage and stop reasons")

_SPEC = "https://platform.openai.com/docs/api-reference/chat/object"


def _wanted(view: View) -> bool:
    """Whether usage may be expected: a chat stream has it on request only."""
    return view.answered and view.response.complete and not view.uncounted


@rule(
    "TW701",
    "no usage",
    "degrades",
    source=_SPEC,
    right='"usage" is there: {"prompt_tokens": 812, "completion_tokens": 45, "total_tokens": 857} (chat), '
    '{"input_tokens": 812, "output_tokens": 45, …} (Messages, Responses).',
    situation="token-counts",
    follows=("TW506",),
)
def no_usage(view: View) -> Violations:
    """The answer says nothing of tokens used. Agents cannot tell when to compact, and run into the context limit."""
    if _wanted(view) and view.response.usage is None:
        yield "the answer says nothing of tokens used", ""


@rule(
    "TW702",
    "usage of zero",
    "degrades",
    source=_SPEC,
    right='Input and output both count more than 0: "prompt_tokens" and "completion_tokens" (chat), "input_tokens" '
    'and "output_tokens" (Messages, Responses).',
    situation="token-counts",
    follows=("TW711",),
)
def zero(view: View) -> Violations:
    """Usage is there and counts nothing although there is an answer. Agents take the context for empty."""
    usage = view.response.usage
    if _wanted(view) and usage and view.response.parts and not ((usage.input or 0) and (usage.output or 0)):
        yield f"input {usage.input}, output {usage.output}", view.usage()


@rule(
    "TW711",
    "usage that counts nothing",
    "cosmetic",
    source="zed-industries/zed#42893",
    right='"usage" is null, or left out, where nothing is counted yet; where it is an object it has its numbers: '
    '{"prompt_tokens": 812, …}.',
    situation="client-library",
)
def empty_usage(view: View) -> Violations:
    """``usage`` is an empty object. Clients whose usage has numbers that must be there, those in Rust among them,
    cannot read the chunk, and end there."""
    values = [(event.value, event.data) for event in view.events] or [(view.whole, view.tail())]
    for value, written in values:
        holders = (value, as_dict(value.get("message")), as_dict(value.get("response")))
        if any(holder.get("usage") == {} for holder in holders):
            yield "usage is an empty object", written


@rule(
    "TW703",
    "usage that does not add up",
    "cosmetic",
    source=_SPEC,
    right='"total_tokens" is input plus output; reasoning tokens are among the output, cached ones among the input '
    "(in Messages they are counted apart).",
    situation="token-counts",
)
def inconsistent(view: View) -> Violations:
    """More cached than input tokens, more reasoning than output tokens, or a total that is not the sum."""
    usage = view.response.usage
    if usage is None:
        return
    if view.api != "messages" and usage.cached and usage.input is not None and usage.cached > usage.input:
        yield f"{usage.cached} cached of {usage.input} input tokens", ""
    if usage.reasoning and usage.output is not None and usage.reasoning > usage.output:
        yield f"{usage.reasoning} reasoning of {usage.output} output tokens", ""
    told = as_dict(view.whole.get("usage"))
    total, parts = (
        as_int(told.get("total_tokens")),
        (as_int(told.get("prompt_tokens")), as_int(told.get("completion_tokens"))),
    )
    if total is not None and None not in parts and total != sum(part or 0 for part in parts):
        yield f"total_tokens is {total}, the sum of {parts[0]} and {parts[1]} is not", str(told)


@rule(
    "TW704",
    "nothing said, nothing done",
    "degrades",
    source="NousResearch/hermes-agent#18066",
    right="What the model wrote is in the answer, as text or as a call; where nothing could be made of it, an error "
    "says so.",
    follows=("TW111", "TW503", *UNREAD),
)
def nothing(view: View) -> Violations:
    """The answer ends in order with neither text, reasoning nor call. Agents end the task as if it were done. Where
    the usage shows that the model ended with its first tokens, nothing was lost, and it does not count."""
    if _ends_idle(view) and not _thinks(view):
        yield "neither text nor call", view.tail()


@rule(
    "TW710",
    "nothing but reasoning",
    "degrades",
    source="vybestack/llxprt-code#1731",
    right="Behind the reasoning stands what it led to, outside of it: text, or a call in tool_calls (chat), a "
    "tool_use block (Messages), a function_call item (Responses).",
    follows=("TW111", "TW503", *UNREAD),
)
def only_thoughts(view: View) -> Violations:
    """The answer ends in order and holds reasoning alone: the text or the call went into it, or the model stopped
    there. Agents end the task as if it were done. A few tokens of reasoning are the model's slip, and do not count."""
    if _ends_idle(view) and _thinks(view):
        yield "reasoning only, neither text nor call", view.tail()


@rule(
    "TW705",
    "cut before anything was said",
    "degrades",
    source="openai/openai-agents-python#4510",
    right="Reasoning leaves room for an answer within the token limit, and text or a call that was cut is sent as far "
    "as it came.",
    situation="token-limit",
)
def cut_empty(view: View) -> Violations:
    """The token limit was reached before text or a call came: the reasoning ate it, or a call was cut and dropped."""
    usage = view.response.usage
    if _whole_calls(view) == "always" and not (_thinks(view) or (usage and usage.reasoning)):
        return  # a call that was cut cannot be sent
    if view.answered and view.response.stop == "length" and not _acts(view):
        yield "stopped by the token limit with neither text nor call", view.tail()


@rule(
    "TW706",
    "stop reason that the API does not have",
    "cosmetic",
    source=_SPEC,
    right='The stop reason is one that the API has: "stop", "length", "tool_calls", "content_filter" (chat), '
    '"end_turn", "max_tokens", "stop_sequence", "tool_use" … (Messages).',
)
def unknown_stop(view: View) -> Violations:
    """Agents take an unknown reason for an error or for the end."""
    known = wire.api(view.api).stops if view.api else ()
    raw = view.response.raw_stop
    if known and raw and raw not in known:
        yield f"the stop reason is {raw!r}", view.stopped()


@rule(
    "TW707",
    "usage in more than one chunk",
    "degrades",
    "chat",
    source="camel-ai/camel#4217",
    right='Usage comes once, in the last chunk before [DONE], {"choices": [], "usage": {…}}; chunks before it have '
    '"usage": null, or no such key.',
    situation="token-counts",
)
def repeated(view: View) -> Violations:
    """Usage belongs into one chunk, the last, and is null before. Agents that add up what they get count the tokens
    several times, and compact or stop long before they must."""
    if as_dict(view.asked.get("stream_options")).get("continuous_usage_stats"):
        return
    counted = [event for event in view.events if as_int(as_dict(event.value.get("usage")).get("total_tokens"))]
    if len(counted) > 1:
        yield f"{len(counted)} chunks have usage", counted[0].data


@rule(
    "TW708",
    "tokens counted that never came",
    "cosmetic",
    source="noonghunna/club-3090#1191",
    right="All output tokens that are counted are in the answer, as text, reasoning or arguments; hidden reasoning is "
    'counted apart: "reasoning_tokens": 310 (chat, Responses).',
    situation="token-counts",
    follows=(
        "TW102",
        "TW105",
        "TW201",
        "TW204",
        "TW205",
        "TW111",
        "TW113",
        "TW118",
        "TW704",
        "TW705",
        "TW710",
        *UNREAD,
    ),
)
def undelivered(view: View) -> Violations:
    """More output tokens are counted than the answer has bytes. A parser swallowed text or a call; or there was
    reasoning that is neither shown nor counted apart, so that nobody can tell."""
    usage = view.response.usage
    if not (view.answered and usage and usage.output and view.response.stop in ("end", "tool", "unknown")):
        return
    if _whole_calls(view) != "never" and view.whole and view.calls:
        return  # the arguments are an object: what white space they were written with, nobody knows
    said = usage.output - (usage.reasoning or 0)
    if said <= _MARKS:
        return
    shown = sum(map(_bytes, ([event.value for event in view.events] if view.exchange.streamed else [view.whole])))
    if said > shown + _MARKS:
        yield f"{usage.output} output tokens, {shown} bytes", view.tail()


_MARKS = 64
"""Tokens that a model may spend on the marks of its own format."""
_SHOWN = ("choices", "delta", "content_block", "content", "output", "parts")


def _bytes(value: object, inside: bool = False) -> int:
    """How long the strings are that stand where answers stand; rather too much than too little."""
    if isinstance(value, dict):
        return sum(_bytes(item, inside or key in _SHOWN) for key, item in value.items())
    if isinstance(value, list):
        return sum(_bytes(item, inside) for item in value)
    return len(value.encode(errors="replace")) if inside and isinstance(value, str) else 0


@rule(
    "TW709",
    "stop string in the text",
    "degrades",
    "chat",
    "messages",
    "gemini",
    source="langchain-ai/langchain-aws#420",
    right='The text ends before the stop string, and the stop reason is "finish_reason": "stop" (chat), '
    '"stop_reason": "stop_sequence" (Messages).',
    situation="settings",
)
def stop_string(view: View) -> Violations:
    """The text holds a string at which it was to stop; text ends before that string. Agents that cut their answers by
    stop strings take what follows for the model's."""
    if view.request is None or view.asked.get("include_stop_str_in_output"):
        return
    for stop in view.request.stop:
        if stop and stop in view.response.text:
            yield f"{stop!r} stands in the text", view.response.text[-200:]


def _ends_idle(view: View) -> bool:
    """Whether an answer that is more than its own end has neither text nor call."""
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
