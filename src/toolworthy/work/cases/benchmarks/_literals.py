"""Parse the Java and JavaScript literals that BFCL expects as arguments in these languages.

BFCL declares every parameter of its Java and JavaScript tools as a string that contains source code
(``new int[]{1, 2}``, ``5L``, ``['a', 'b']``). A literal means here what it means to ``bfcl_eval`` 2026.3.23,
including its shortcuts: commas split lists even inside quotes, and a text that cannot be parsed stays a string.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_EXPONENT = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_INTEGER = re.compile(r"-?\d+$")

_JAVA_NUMBERS: dict[str, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    "byte": (_INTEGER, int),
    "short": (_INTEGER, int),
    "integer": (_INTEGER, int),
    "long": (re.compile(r"-?\d+[lL]$"), lambda text: int(text.strip()[:-1])),
    "float": (re.compile(_EXPONENT + "[fF]$"), lambda text: float(text.strip()[:-1])),
    "double": (re.compile(_EXPONENT + "$"), float),
}
_JS_NUMBERS: dict[str, tuple[re.Pattern[str], Callable[[str], Any]]] = {
    "integer": (_INTEGER, int),
    "float": (re.compile(r"-?\d+(?:\.\d+)?$"), float),
    "Bigint": (re.compile(r"-?\d+n$"), lambda text: int(text.strip()[:-1])),
}
_BOOLEANS = {"true": True, "false": False}

_JAVA_ARRAY = re.compile(r"new\s+\w+\[\]\s*\{(.*?)\}")
_JAVA_AS_LIST = re.compile(r"new\s+ArrayList<\w*>\(Arrays\.asList\((.+?)\)\)")
_JAVA_ADDED = re.compile(r"new\s+ArrayList<\w*>\(\)\s*\{\{\s*(.+?)\s*\}\}", re.DOTALL)
_JAVA_EMPTY_LIST = re.compile(r"new\s+ArrayList<\w*>\(\)")
_JAVA_MAP = re.compile(r"new\s+HashMap<.*?>\s*\(\)\s*\{\s*\{?\s*(.*?)\s*\}?\s*\}", re.DOTALL)
_JAVA_EMPTY_MAP = re.compile(r"new\s+HashMap<.*?>\s*\(\)")

_JS_ROWS = r"\[.*?\]\s*(?:,\s*\[.*?\]\s*)*"
_JS_TABLE = re.compile(rf"\[\s*{_JS_ROWS}\]|\bnew\s+Array\(\s*{_JS_ROWS}\)")
_JS_LIST = re.compile(r"\[(.*?)\]|\bnew\s+Array\((.*?)\)")
_JS_DICT = re.compile(r"\{(.*?)\}")
_JS_PAIR = re.compile(r"([^:]+):\s*(.*?)(?:,\s*(?=[^,]+:)|$)")


def java(text: str, kind: str, inner: str = "any") -> Any:
    """The value of a Java literal declared as `kind` (of `inner`, for lists); if it is not one, the text itself."""
    if kind in _JAVA_NUMBERS:
        return _number(text, *_JAVA_NUMBERS[kind])
    if kind == "boolean":
        return _BOOLEANS.get(text, text)
    if kind == "Array":
        match = _JAVA_ARRAY.search(text)
        return [java(item, inner) for item in _split(match.group(1)) if item] if match else text
    if kind == "ArrayList":
        return _java_list(text, inner)
    if kind == "HashMap":
        return _java_map(text)
    return text


def javascript(text: str, kind: str, inner: str = "any") -> Any:
    """The value of a JavaScript literal declared as `kind` (of `inner`, for arrays); if it is not one, the text."""
    if kind == "String":
        return text[1:-1] if _quoted(text) else text
    if kind in _JS_NUMBERS:
        return _number(text, *_JS_NUMBERS[kind])
    if kind == "Boolean":
        return _BOOLEANS.get(text, text)
    if kind == "array":
        return _js_list(text.strip(), lambda item: javascript(item, inner))
    if kind == "dict":
        return _js_dict(text.strip())
    return text


def _number(text: str, pattern: re.Pattern[str], make: Callable[[str], Any]) -> Any:
    return make(text) if pattern.match(text) else text


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _quoted(text: str) -> bool:
    return any(text.startswith(quote) and text.endswith(quote) for quote in "\"'")


def _java_list(text: str, inner: str) -> Any:
    if match := _JAVA_AS_LIST.search(text):
        items = _split(match.group(1))
    elif match := _JAVA_ADDED.search(text):
        items = [item.strip() for item in re.findall(r"add\((.+?)\)", match.group(1))]
    else:
        return [] if _JAVA_EMPTY_LIST.search(text) else text
    return [item[1:-1] if inner in ("char", "String") else java(item, inner) for item in items]


def _java_map(text: str) -> Any:
    if match := _JAVA_MAP.search(text):
        pairs = re.findall(r"put\(\"(.*?)\",\s*(.*?)\)", match.group(1))
        return {key: _java_guess(value.strip()) for key, value in pairs}
    return {} if _JAVA_EMPTY_MAP.search(text) else text


def _java_guess(text: str) -> Any:
    """A value without a declared type."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text.startswith('"') and text.endswith('"'):
        return text[1:-1]
    for kind in ("long", "float"):
        if (value := java(text, kind)) is not text:
            return value
    return _number_or_text(text)


def _js_guess(text: str) -> Any:
    text = text.strip()
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return text[1:-1] if _quoted(text) else _number_or_text(text)


def _number_or_text(text: str) -> Any:
    for make in (int, float):
        try:
            return make(text)
        except ValueError:
            continue
    return text


def _js_list(text: str, read: Callable[[str], Any]) -> Any:
    if table := _JS_TABLE.match(text):
        rows = [row.strip() for row in re.findall(r"\[(.*?)\]", table.group(0))]
        if rows:
            rows[0] = rows[0].removeprefix("[")
        return [[_js_guess(item) for item in _split(row)] for row in rows]
    match = _JS_LIST.match(text)
    if not match:
        return text
    inside = (match.group(1) if match.group(1) is not None else match.group(2)).strip()
    return [read(item) for item in _split(inside)] if inside else []


def _js_dict(text: str) -> Any:
    if text == "{}":
        return {}
    match = _JS_DICT.match(text)
    if not match:
        return text
    out: dict[str, Any] = {}
    for name, value in _JS_PAIR.findall(match.group(1)):
        key, value = name.strip().strip("'\""), value.strip()
        if value.startswith("[") and value.endswith("]"):
            out[key] = _js_list(value, _js_guess)
        elif value.startswith("{") and value.endswith("}"):
            out[key] = _js_dict(value)
        else:
            out[key] = _js_guess(value.strip("'\""))
    return out
