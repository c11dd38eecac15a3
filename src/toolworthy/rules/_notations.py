"""Find places where a text names an offered tool next to arguments that fit it, in any notation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from toolworthy.rules._text_arguments import (
    LONGEST,
    arguments_of_code,
    balanced,
    block_of,
    elements,
    json_value,
    json_values,
    pairs,
)
from toolworthy.rules.schemas import fitted
from toolworthy.wire.ir import Tool
from toolworthy.wire.lenient import as_dict, as_list, parse_json
from toolworthy.wire.shapes import as_function

_NAMESPACES = frozenset({"functions", "function", "tools", "tool", "default_api", "api"})
"""Namespaces that models write before a dot and a tool's name."""
Form = Literal["json", "markup", "code", "lines"]

TAG = r"<[^<>\n]{0,200}+>"
TOKEN = r"\[/?[A-Za-z_]{2,24}\]"
_LABEL = r"[\"']?\w+(?: \w+)?[\"']?\s*[:=]"
_SYMBOLS = r"[^\w\s]{2,}+\w+ |[^\w\s]\w+(?=[^\w\s.,;(])"
LEADS = re.compile(
    rf"(?:{TAG}|{TOKEN}|{_LABEL}|{_SYMBOLS}|[\w.]+[.:](?=\w|$)|\w{{1,12}}\(|[a-z]{{4,12}}\Z"
    r"|(?:function|tool|call|action) |[^\w])*+"
)
"""Text that may precede the name of a call in a line: markup and labels, but not words of a sentence."""
_GLUE = re.compile(
    rf"(?:{TAG}|{TOKEN}(?:\w+(?=\[))?|{_LABEL}|[^\w\s]\w+(?=[^\w\s.,;(])|```\w*|\bjson\b|:\d+|[^\w<{{])*+(?=\{{)"
)
"""Text that may be between a name and its JSON arguments."""
_JUNK = re.compile(r"[^\n{]{0,60}\s*(?=\{)")
_OPENED = re.compile(rf"(?:<[^<>\n]*+|{TAG}|{TOKEN}|\bto=)[\s\w.:=\"'`\[{{-]{{0,40}}\Z")
_PLACEHOLDER = re.compile(r"\.{3}|…|<[\w ./-]+>|string|(?:path|file)[/_]to[/_]\S+")
_NAMESPACE = re.compile(r"^(?:functions|tools|default_api|namespace)[.:/]")
_HEAD = re.compile(r"[\"'`*」]*\s*,?(?:「末」)?,?:?[ \t]*\r?\n")
_LABELLED = re.compile(r"(?:\s*[-*]?\s*[\"'*]*\w+(?: \w+)?[\"'*]*\s*[:=]|.*\bcall)[\"'\s*「始」`]*", re.IGNORECASE)
_INPUT = re.compile(r"[ \t]*(?:\w+[ _])?(?:input|arguments?|args|parameters)[ \t]*:[ \t]*(.+)", re.IGNORECASE)
_BRACKET = re.compile(r"\[\s*(?:\w+(?:[ _]\w+)*\s*[:=]\s*)?")
MAX_PLACES = 50
"""The most mentions of tools that are examined, to limit the time for garbage."""
_KEYS = {"id", "type", "call_id", "tool_call_id"}
_Read = tuple[dict[str, Any], int, Form] | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tool's name next to arguments; whether they are meant as a call is decided elsewhere."""

    name: str
    arguments: Mapping[str, Any]
    start: int
    end: int
    form: Form
    marked: bool


def candidates(text: str, tools: Sequence[Tool]) -> list[Candidate]:
    """All candidates, by start, the longest first."""
    offered = {name: as_function(tool) for tool in tools for name in (tool.name, tool.flat_name) if name}
    if not any(name in text for name in offered):
        return []
    calls = [*_in_json(text, offered), *_by_name(text, offered)]
    return sorted(calls, key=lambda call: (call.start, -call.end))


def _known(tool: Tool) -> Mapping[str, Any]:
    return as_dict(as_dict(tool.parameters).get("properties"))


def _fit(tool: Tool, arguments: object) -> dict[str, Any] | None:
    """The arguments if they fit the tool; a schema or a placeholder does not."""
    values = parse_json(arguments) if isinstance(arguments, str) else arguments
    if not isinstance(values, dict) or (values.get("type") == "object" and "properties" in values):
        return None
    if any(isinstance(value, str) and _PLACEHOLDER.fullmatch(value.strip()) for value in values.values()):
        return None
    return fitted(tool.parameters or {}, values)


def _only(tool: Tool, text: str) -> dict[str, Any] | None:
    """Bare text as the tool's only required argument."""
    required = as_list(as_dict(tool.parameters).get("required"))
    return _fit(tool, {required[0]: text.strip()}) if len(required) == 1 and text.strip() else None


# ---- JSON with name and arguments ------------------------------------------------------------------------------------


def _in_json(text: str, offered: Mapping[str, Tool]) -> Iterator[Candidate]:
    for value, start, end in json_values(text):
        marked = bool(_OPENED.search(text, max(0, start - 80), start))
        for name, arguments in _walk(value, offered, 8):
            yield Candidate(name, arguments, start, end, "json", marked)


def _walk(value: object, offered: Mapping[str, Tool], depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls in a JSON value."""
    if isinstance(value, list) and depth:
        for item in value:
            yield from _walk(item, offered, depth - 1)
    if not isinstance(value, dict) or not depth:
        return
    for key, named in value.items():
        tool = offered.get(_NAMESPACE.sub("", named.strip())) if isinstance(named, str) else None
        rest = {other: inner for other, inner in value.items() if other != key}
        if tool and (made := _beside(tool, rest, bare=key != "name")) is not None:
            yield tool.flat_name, made
            return
    if len(value) == 1:
        ((key, inner),) = value.items()
        tool = offered.get(key)
        if tool and inner and (made := _fit(tool, inner)) is not None:
            yield tool.flat_name, made
            return
    for inner in value.values():
        yield from _walk(inner, offered, depth - 1)


def _beside(tool: Tool, rest: Mapping[str, Any], *, bare: bool) -> dict[str, Any] | None:
    """The arguments next to a tool's name: under their own key, or as sibling keys if the name's key is specific to
    calls."""
    for inner in rest.values():
        if isinstance(inner, dict | str) and (made := _fit(tool, inner)) is not None:
            return made
    values = {key: value for key, value in rest.items() if key in _known(tool) or key not in _KEYS}
    return _fit(tool, values) if bare and values and _known(tool) else None


# ---- a name, then arguments ------------------------------------------------------------------------------------------


def _by_name(text: str, offered: Mapping[str, Tool]) -> Iterator[Candidate]:
    names = "|".join(re.escape(name) for name in sorted(offered, key=len, reverse=True))
    end = 0
    for match in islice(re.finditer(rf"(?<!\w)(?:{names})(?!\w)", text), MAX_PLACES):
        if match.start() < end:
            continue
        tool = offered[match.group()]
        line = max(end, text.rfind("\n", 0, match.start()) + 1)
        marked = bool(_OPENED.search(text, max(line, match.start() - 200), match.start()))
        tag = text.rfind("<", line, match.start()) if marked else -1
        start = tag if tag >= 0 else line if LEADS.fullmatch(text, line, match.start()) else match.start()
        for read in (_json_behind, _code_behind, _markup_behind, _lines_behind):
            if read is _code_behind and not marked and _is_method(text[max(0, match.start() - 40) : match.start()]):
                continue
            if made := read(text, match.end(), tool, marked):
                arguments, end, form = made
                yield Candidate(tool.flat_name, arguments, start, end, form, marked)
                break


def _is_method(before: str) -> bool:
    """Whether the name after this text is a method: ``file.write("a", "b")`` is code, not a call of a tool `write`."""
    owner = re.search(r"([\w\])]+)\.$", before)
    return owner is not None and owner[1].lower() not in _NAMESPACES


def _json_behind(text: str, at: int, tool: Tool, marked: bool) -> _Read:
    """``name {…}``, with nothing but markup between."""
    harmony = _JUNK if marked and re.search(r"\bto=[\w.]*$", text[max(0, at - 200) : at]) else _GLUE
    for begin in dict.fromkeys((at, _in_tag(text, at))):
        glue = (_GLUE.match(text, begin, begin + 300)) or harmony.match(text, begin, begin + 300)
        read = json_value(text, glue.end()) if glue else None
        made = _fit(tool, read[0]) if read else None
        if read is not None and made is not None:
            return made, read[1], "markup" if marked else "json"
    return None


def _in_tag(text: str, at: int) -> int:
    """The position after the tag that contains the name."""
    opened, closed = text.rfind("<", max(0, at - 200), at), text.rfind(">", max(0, at - 200), at)
    close = text.find(">", at, at + 300)
    return close + 1 if opened > closed and close >= 0 else at


def _markup_behind(text: str, at: int, tool: Tool, marked: bool) -> _Read:
    """``<tag name>`` with the arguments as elements or attributes; or a line with the name before them."""
    if not marked and re.compile(r"[ \t]*\n\s*<\w").match(text, at):
        values, stop = elements(text[at : at + LONGEST], _known(tool))
        made = _fit(tool, values) if values else None
        return None if made is None else (made, at + stop, "markup")
    tag = text.rfind("<", max(0, at - 300), at)
    opened = re.compile(r"<([^\s<>=/\"']++)").match(text, tag) if marked and tag >= 0 else None
    if opened is None:
        return None
    inside = _in_tag(text, at)
    attributes = pairs(text[at : inside - 1].rstrip("/ "), _known(tool)) if inside > at else {}
    if attributes and (made := _fit(tool, attributes)) is not None:
        return made, inside, "markup"
    close = text.find(f"</{opened[1]}", inside, inside + LONGEST)
    inner = text[inside : close if close >= 0 else at + LONGEST]
    if close >= 0 and not inner.strip() and inside == at:
        inside = _in_tag(text, close + 2)
        inner = text[inside : inside + LONGEST]
    elif close >= 0 and not inner.strip():
        empty = opened[1] not in (tool.name, tool.flat_name) and _fit(tool, {}) is not None
        return ({}, close, "markup") if empty else None
    values, stop = elements(inner, _known(tool))
    if values and (made := _fit(tool, values)) is not None:
        return made, inside + stop, "markup"
    whole = opened[1].endswith((tool.name, tool.flat_name)) and close >= 0 and "<" not in inner
    made = _only(tool, inner) if whole else None
    return None if made is None else (made, close, "markup")


def _code_behind(text: str, at: int, tool: Tool, marked: bool) -> _Read:
    """``name(path="a")``, ``name["a"]`` and ``name{path: a}``."""
    at += 5 if text.startswith(".call(", at) else 0
    end = balanced(text, at) if text[at : at + 1] in ("(", "[", "{") else None
    if end is None:
        return None
    inner = text[at + 1 : end - 1]
    order = list(dict.fromkeys([*as_list(as_dict(tool.parameters).get("required")), *_known(tool)]))
    values = arguments_of_code(f"({inner})", order) if text[at] != "{" else None
    if text[at] == "[" and not values:
        return None
    if values is None or (inner.strip() and not values):
        values = pairs(inner.strip("{} \n"), _known(tool)) or None
    made = _fit(tool, values) if values or not inner.strip() else None
    return None if made is None else (made, end, "markup" if marked else "code")


def _lines_behind(text: str, at: int, tool: Tool, marked: bool) -> _Read:
    """A line with the tool's name, then lines of ``key: value``; or all of it in one pair of brackets."""
    line = text.rfind("\n", 0, at) + 1
    bracket = text.rfind("[", line, at)
    close = balanced(text, bracket) if bracket >= 0 and _BRACKET.fullmatch(text, bracket, at) else None
    if close and (values := pairs(text[at : close - 1], _known(tool))) and (made := _fit(tool, values)) is not None:
        return made, close, "lines"
    head = _HEAD.match(text, at)
    if head is None or not (marked or _LABELLED.match(text[line:at])):
        return None
    if (input_line := _INPUT.match(text, head.end())) and (made := _only(tool, input_line[1])) is not None:
        return made, input_line.end(), "lines"
    block, values = block_of(text, head.end(), _known(tool), _KEYS)
    made = _fit(tool, values) if values else None
    return None if made is None else (made, head.end() + len(block), "lines")
