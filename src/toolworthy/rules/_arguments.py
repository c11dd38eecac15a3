"""Rules on foreign content in a call's arguments: reasoning, or prose that belongs to the text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from toolworthy.rules.calls import broken_arguments
from toolworthy.rules.leaks import THINK_TAG, TOOL_SYNTAX, strings
from toolworthy.rules.model import Violations, builtin
from toolworthy.rules.view import View
from toolworthy.wire.lenient import as_dict, parse_json

_WORD = re.compile(r"(?<![\w<|{\"'=/.-])[^\W\d_]+(?!\.\w|[\w>|\"=(/:])")
_SENTENCE = re.compile(r"\s*[^\w\s]*[A-Z]|[^\W\d_][.!?:…](?:\s|\Z)")
_MARKUP = re.compile(r"</?\w|<\|")
_CJK = re.compile(r"[぀-鿿]")
_WORDS, _CHARACTERS = 3, 6
"""More prose than any call format writes next to the arguments."""


@builtin("TW193")
def _reasoning_in_arguments(view: View) -> Violations:
    request = view.exchange.request_body.decode(errors="replace")
    for call in view.calls:
        value = parse_json(call.arguments)
        texts = [call.arguments] if value is None else list(strings(value))
        for text in texts:
            tag = next((match for match in THINK_TAG.finditer(text) if match.group() not in request), None)
            if tag and (value is None or _is_thought(text)):
                yield f"the arguments of {call.name} have {tag.group()!r}", text[:300]


def _is_thought(text: str) -> bool:
    """Whether reasoning is before, after or in place of a value. Inside a value it may be intended, as in a text with
    other parsers' tags."""
    if TOOL_SYNTAX.search(text):
        return False
    tags = list(THINK_TAG.finditer(text))
    closing = sum("/" in tag.group() for tag in tags)
    return 2 * closing != len(tags) or not text[: tags[0].start()].strip()


@builtin("TW194")
def _prose_in_arguments(view: View) -> Violations:
    for call, _ in broken_arguments(view):
        for text in _beside(call.arguments):
            if _is_prose(THINK_TAG.sub(" ", text)):
                yield f"the arguments of {call.name} have the text {' '.join(text.split())[:60]!r}", call.arguments
                break

    for call in view.calls:
        tool = view.request.tool(call.name) if view.request else None
        known = as_dict(as_dict(tool.parameters if tool else None).get("properties"))
        arguments = as_dict(parse_json(call.arguments))
        if known and len(arguments) == 1 and not set(arguments) & set(known):
            ((name, value),) = arguments.items()
            if isinstance(value, str) and _is_prose(value):
                yield f"the arguments of {call.name} are a text in {name!r}: {value[:60]!r}", call.arguments


def _beside(text: str) -> Iterator[str]:
    """The text before and after the first object in `text`; all of it if there is no object."""
    start = text.find("{")
    if start < 0:
        yield text
        return
    yield text[:start]
    try:
        yield text[json.JSONDecoder().raw_decode(text, start)[1] :]
    except (ValueError, RecursionError):
        return


def _is_prose(text: str) -> bool:
    if _MARKUP.search(text):
        return False
    sentence = len(_WORD.findall(text)) >= _WORDS and _SENTENCE.search(text) is not None
    return sentence or len(_CJK.findall(text)) >= _CHARACTERS
