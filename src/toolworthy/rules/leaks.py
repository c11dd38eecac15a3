"""Rules on markup in a response's text that the server should have parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from toolworthy.rules._mentioned import spoken_of
from toolworthy.rules._notations import Candidate
from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View
from toolworthy.wire.ir import Thinking
from toolworthy.wire.lenient import parse_json

# Markup of the tool-call formats that models are trained on; a parser that misses one leaves it in the text.
TOOL_SYNTAX = re.compile(
    r"</?[｜|]{1,2}DSML[｜|]{1,2}|</?tool_calls?>|<\|/?tool_calls?|<minimax:tool_call>|</minimax:tool_call>|<\|python_tag\|>"
    r"|<｜tool▁|\[/?TOOL_CALLS\]|\[TOOL_REQUEST\]|</?function=?(?=\w*>\s*<parameter)|<function=(?=\w)|<\|tool_calls?_section_(?:begin|end)\|>"
    r"|</?seed:tool_call>|<invoke name=|<function_calls>|<arg_key>|<｜DS\b"
)
_SPECIAL = re.compile(
    r"<\|(?:channel|message|start|end|call|return|im_start|im_end|eot_id|eom_id|endoftext|end_of_text|user|assistant"
    r"|observation|system)\|>|<｜(?:end|begin)▁of▁sentence｜>|<｜(?:User|Assistant)｜>|</s>\s*\Z|<end_of_turn>|\[/?INST\]"
    r"|assistantfinal|commentary to=functions\."
)
OPENERS = (
    "<tool_call>",
    "<tool_calls>",
    "<function=",
    "<function_calls>",
    "<minimax:tool_call>",
    "<seed:tool_call>",
    "<｜DSML｜",
    "<｜tool▁calls▁begin｜>",
    "<|tool_calls_section_begin|>",
    "<|tool_call|>",
    "<|python_tag|>",
    "<|channel|>",
    "[TOOL_CALLS]",
    "[TOOL_REQUEST]",
)
# In Markdown code, markup is mentioned, not leaked.
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_CONTROL = ("<|", "<｜")
"""Beginnings of special tokens, which no server should show."""
THINK_TAG = re.compile(r"</?(?:think|thinking|thought|seed:think|reasoning)>|<\|start_of_thinking\|>|\[/?THINK\]")


def _quoted(view: View) -> str:
    """Markup in the request: a model may mention markup that it was shown."""
    return view.exchange.request_body.decode(errors="replace")


def _marks(view: View, pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Markup in `text` that is neither in the request nor only mentioned."""
    quoted = _quoted(view)
    return (match for match in pattern.finditer(_CODE.sub("", text)) if match.group().strip() not in quoted)


def _around(match: re.Match[str]) -> tuple[str, str]:
    """The markup with its surroundings."""
    start = max(0, match.start() - 60)
    return match.group(), match.string[start : start + 300]


def _search(view: View, pattern: re.Pattern[str], text: str) -> tuple[str, str] | None:
    match = next(_marks(view, pattern, text), None)
    return match and _around(match)


@builtin("TW201")
def _tool_call_markup_in_text(view: View) -> Violations:
    lost = [call for call in view.lost_calls if call.marked or call.form in ("markup", "lines")]
    for call in lost:
        yield f"the {call.where} has a call of {call.name}", call.excerpt
    if lost or not (view.request and view.request.tools):
        return
    names = re.compile("|".join(rf"(?<!\w){re.escape(tool.name)}(?!\w)" for tool in view.request.tools))
    texts = [("text", "" if view.calls else view.response.text)]
    texts += [("reasoning", part.text) for part in view.response.parts if isinstance(part, Thinking)]
    for where, text in texts:
        match = next(_marks(view, TOOL_SYNTAX, text), None)
        if match and names.search(match.string, match.end()) and not _is_example(match):
            mark, excerpt = _around(match)
            yield f"the {where} has {mark!r}", excerpt


def _is_example(mark: re.Match[str]) -> bool:
    """Whether the text around the markup is an example of a call."""
    return spoken_of(mark.string, Candidate("", {}, mark.start(), mark.end(), "markup", marked=True))


@builtin("TW202")
def _reasoning_tags_in_text(view: View) -> Violations:
    tags = list(islice(_marks(view, THINK_TAG, view.response.text), 2))
    if tags and _encloses(view, tags) and not isinstance(parse_json(view.response.text), dict | list):
        mark, excerpt = _around(tags[0])
        yield f"the text has {mark!r}", excerpt


def _encloses(view: View, tags: Sequence[re.Match[str]]) -> bool:
    """Whether the text begins with reasoning: after an opening tag, or, if the template opened it, up to a single
    closing tag."""
    before = tags[0].string[: tags[0].start()].strip()
    closes = tags[0].group()[1] == "/"
    return (len(tags) == 1 and bool(before) and not view.thoughts.strip()) if closes else not before


@builtin("TW203")
def _control_tokens_in_text(view: View) -> Violations:
    texts = [("text", view.response.text)]
    texts += [("reasoning", part.text) for part in view.response.parts if isinstance(part, Thinking)]
    for where, text in texts:
        if leak := _search(view, _SPECIAL, text):
            yield f"the {where} has {leak[0]!r}", leak[1]
    for call in view.calls:
        for value in strings(parse_json(call.arguments)):
            leak = _search(view, _SPECIAL, value[-40:])
            if leak and value.rstrip().endswith(leak[0].strip()):
                yield f"an argument of {call.name} ends with {leak[0]!r}", value[-200:]


@builtin("TW207")
def _call_marker_in_text(view: View) -> Violations:
    match = next(_marks(view, TOOL_SYNTAX, view.response.text), None)
    offers = bool(view.request.tools) if view.request else not view.knows_request
    if match and offers and (view.calls or match.group().startswith(_CONTROL)):
        mark, excerpt = _around(match)
        yield f"the text has {mark!r}", excerpt


def strings(value: object) -> Iterator[str]:
    """The strings in a JSON value. Inside of one, a token may be intended: models also write chat templates."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


@builtin("TW204")
def _tool_call_as_json_text(view: View) -> Violations:
    for call in view.lost_calls:
        if call.form == "json" and not call.marked:
            yield f"the text has a call of {call.name}", call.excerpt


@builtin("TW205")
def _tool_call_as_code_text(view: View) -> Violations:
    for call in view.lost_calls:
        if call.form == "code" and not call.marked:
            yield f"the text has a call of {call.name}", call.excerpt


@builtin("TW206")
def _partial_call_marker_in_text(view: View) -> Violations:
    text = view.response.text.rstrip()
    if not (view.calls and text):
        return
    for mark in OPENERS:
        size = next((size for size in range(len(mark) - 1, 2, -1) if text.endswith(mark[:size])), 0)
        if size:
            yield f"the text ends with {mark[:size]!r}", text[-200:]
            return
