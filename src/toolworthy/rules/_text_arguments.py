"""Read arguments from text in several notations: JSON, tags, a call in code, ``key: value``."""

from __future__ import annotations

import ast
import json
import re
import textwrap
import warnings
from collections.abc import Collection, Iterator
from typing import Any

from toolworthy.wire.lenient import parse_json

LONGEST = 2**14
"""The most characters of one call that are read."""
MAX_VALUES = 50
"""The most brackets of a text that are tried."""
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_DECODER = json.JSONDecoder(strict=False)
_ELEMENT = re.compile(r"<(?P<tag>[^\s<>=/\"']++)(?P<rest>[^<>]*+)>")
_NAMED = re.compile(r"(?:^\s*=|\b\w+\s*=)\s*[\"']?([\w.-]+)")
_WORDS = {"true": True, "false": False, "null": None}


def json_value(text: str, start: int) -> tuple[Any, int] | None:
    """The JSON object or array that begins at `start`, and its end; Python literals are read, too."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    end = balanced(text, start)
    if end is None:
        return None
    for read in (_python, _loose):
        if isinstance(value := read(text[start:end]), dict | list):
            return value, end
    return None


def _python(text: str) -> Any:
    """A Python literal; None if it is not one."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _loose(text: str) -> Any:
    """JSON with bare keys, single quotes or trailing commas; None if it is not that, either."""
    quoted = re.sub(r"([{,]\s*)([A-Za-z_]\w*)\s*:", r'\1"\2":', text)
    return _python(re.sub(r":\s*(true|false|null)\b", lambda m: f": {_WORDS[m[1]]}", quoted))


def json_values(text: str) -> Iterator[tuple[Any, int, int]]:
    """Every outermost object and array in `text`: (value, start, end)."""
    at = 0
    for _ in range(MAX_VALUES):
        match = re.compile(r"[{\[]").search(text, at)
        if match is None:
            return
        read = json_value(text, match.start())
        if read is None:
            at = match.end()
        else:
            yield read[0], match.start(), read[1]
            at = read[1]


def balanced(text: str, start: int) -> int | None:
    """The position at which the bracket at `start` is closed; None if it is not. Brackets in strings do not count."""
    open_, quote, at = [_PAIRS[text[start]]], "", start + 1
    while at < min(len(text), start + LONGEST):
        mark = text[at]
        if mark == "\\":
            at += 1
        elif quote:
            quote = "" if mark == quote else quote
        elif mark in "\"'":
            quote = mark
        elif mark in _PAIRS:
            open_.append(_PAIRS[mark])
        elif mark == open_[-1]:
            open_.pop()
            if not open_:
                return at + 1
        at += 1
    return None


def elements(text: str, names: Collection[str]) -> tuple[dict[str, str], int]:
    """The values of these names in tags, and the end of the last tag: ``<path>a</path>``,
    ``<parameter name="path">a</parameter>``, ``<parameter=path>a</parameter>``, ``<key>path</key><value>a</value>``."""
    values: dict[str, str] = {}
    at, end, key = 0, 0, ""
    for _ in range(MAX_VALUES):
        element = _ELEMENT.search(text, at)
        if element is None:
            break
        at = element.end()
        close = text.find(f"</{element['tag']}", at)
        if close < 0:
            continue
        named = _NAMED.search(element["rest"])
        name = next((name for name in (element["tag"], named[1] if named else "") if name in names), "")
        inner = text[at:close]
        if not name and key and "<" not in inner.strip()[:1]:
            name, key = key, ""
        elif not name and inner.strip() in names:
            key = inner.strip()
        if name and name not in values:
            values[name] = _trimmed(inner)
        if name or key:
            at = end = close + len(element["tag"]) + 2
            at = end = end + 1 if text[end : end + 1] == ">" else end
    return values, end


def _trimmed(text: str) -> str:
    """A tag's content without the line breaks around it."""
    return text.removeprefix("\n").removesuffix("\n")


def arguments_of_code(source: str, order: list[str]) -> dict[str, Any] | None:
    """The arguments of a call as code writes them, ``(path="a", limit=2)``; positional ones get the names in
    `order`."""
    try:
        with warnings.catch_warnings(action="ignore"):
            call = ast.parse(f"f{source}", mode="eval").body
        assert isinstance(call, ast.Call)
        made = {name: _literal(node) for name, node in zip(order, call.args, strict=False)}
        if len(call.args) > len(order) or any(word.arg is None for word in call.keywords):
            return None
        return made | {str(word.arg): _literal(word.value) for word in call.keywords}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, AssertionError):
        return None


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _WORDS:
        return _WORDS[node.id]
    return ast.literal_eval(node)


def pairs(text: str, names: Collection[str]) -> dict[str, Any]:
    """The values of these names in ``name: value`` or ``name = value``, each up to the next pair, without quotes."""
    if not names:
        return {}
    any_name = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    heads = list(re.finditer(rf"(?<![\w.-])[\"']?({any_name})[\"']?\s*(?:[:=]|\s(?=[\"']))\s*", text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    values: dict[str, Any] = {}
    for head, end in zip(heads, ends, strict=False):
        value = _unquoted(text[head.end() : end].strip().rstrip(",;").rstrip())
        values.setdefault(head[1], value)
    return values


_MARK = re.compile(r"^(<[^<>\s]*>|「始」)(.*?)(?:\1|<[^<>\s]*>|「末」)$", re.DOTALL)


def _unquoted(text: str) -> Any:
    """A value without quotes, or without tokens that stand for quotes."""
    if marked := _MARK.match(text):
        return marked[2]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        read = parse_json(text) if text[0] == '"' else None
        return text[1:-1] if read is None else read
    return text


_LINE = r"[ \t]*(?:[-*][ \t]+)?[\"'*]*[\w ]{1,40}[\"'*]*[ \t]*[:=]"
_BLOCK = re.compile(rf"(?:{_LINE}.*(?:\n|\Z)|[ \t]{{2,}}.*(?:\n|\Z))+")
_KEY = re.compile(r"^[ \t]*(?:[-*][ \t]+)?[\"'*]*(\w+)[\"'*]*[ \t]*[:=][ \t]*\S", re.MULTILINE)
_SCALAR = re.compile(r"\A[|>][+-]?\n")


def block_of(text: str, at: int, names: Collection[str], others: Collection[str]) -> tuple[str, dict[str, Any]]:
    """The lines of ``key: value`` from `at` on, and their values for `names`; empty if a key is in neither `names` nor
    `others`: then the lines are about something else."""
    match = _BLOCK.match(text, at)
    block = match.group() if match else ""
    values = pairs(block, names)
    inner = "\n".join(value for value in values.values() if isinstance(value, str) and _SCALAR.match(value))
    if any(key not in names and key not in others and f"{key}:" not in inner for key in _KEY.findall(block)):
        return block, {}
    return block, {
        name: textwrap.dedent(_SCALAR.sub("", value)) + "\n"
        if isinstance(value, str) and _SCALAR.match(value)
        else value
        for name, value in values.items()
    }
