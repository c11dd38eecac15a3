"""Recognize damage to a value that a server, not a model, causes.

A model that is asked to repeat something may repeat it wrongly. But it does not turn every number into a string, or
UTF-8 into Latin-1. Such a difference is the server's fault.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from toolworthy.wire.lenient import parse_json


def arguments(wanted: Any, written: str) -> str | None:
    """How the arguments `written` differ from `wanted`, if only the server can cause that difference; else None."""
    value = parse_json(written)
    if value == wanted and type(value) is type(wanted):
        return None
    compact = _compact(json.dumps(wanted, ensure_ascii=False))
    given = _compact(written)
    if isinstance(value, str) and parse_json(value) == wanted:
        return "encoded as JSON twice"
    if isinstance(value, dict):
        return _wrapped(wanted, value) or _changed(wanted, value)
    if value is None and given:
        if len(given) < len(compact) and compact.startswith(given):
            return f"cut off after {len(given)} of {len(compact)} characters"
        if given.startswith(compact) and not given[len(compact) :].strip():
            return None
        if given.startswith(compact):
            return f"followed by {given[len(compact) :][:60]!r}"
        if sorted(given) == sorted(compact):
            return "in pieces that are out of order"
    return None


def text(wanted: str, given: str) -> str | None:
    """The same for a string."""
    if wanted == given:
        return None
    for name, change in _CHANGES.items():
        try:
            changed = change(wanted)
        except UnicodeError:
            continue
        if changed != wanted and changed == given:
            return name
    if marks := _without(wanted, given):
        return f"without {', '.join(marks)}"
    if given and "�" in given and len(given) >= len(wanted) // 2:
        return "with U+FFFD where characters were split"
    if (behind := given.removeprefix(wanted)) != given and wanted and _foreign(behind):
        return f"followed by {behind.strip()[:40]!r}"
    if (before := given.removesuffix(wanted)) != given and wanted and _foreign(before[::-1]):
        return f"with {before.strip()[-40:]!r} before it"
    if given and len(given) < len(wanted) and wanted.startswith(given) and _at_markup(wanted[len(given) :]):
        return f"cut off before {wanted[len(given) :][:20]!r}"
    return None


def _foreign(rest: str) -> bool:
    """Whether text after a value begins on a new line or with a mark, and has words: a parser took it for a part."""
    return rest[:1] in ("\n", "<", ">") and any(char.isalpha() for char in rest)


def _at_markup(rest: str) -> bool:
    return _MARK.match(rest) is not None or rest.lstrip().startswith(("<", "[", "```", "{"))


_MARK = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|<[|/]?[^<>\n]{1,60}>|\[/?[A-Z_]{2,}\]|\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}"
)
"""Text that a parser, a tokenizer or a template may take for its own syntax."""
_MOST = 40
"""The most marks of a text that are searched one by one."""


def _without(wanted: str, given: str) -> list[str]:
    """The marks of `wanted` that `given` lacks, with or without the spaces after them, or has replaced by a space or a
    replacement character; empty if anything else differs."""
    marks = _MARK.findall(wanted)
    if not 0 < len(marks) <= _MOST:
        return []
    first, *others = _MARK.split(wanted)
    pattern = re.escape(first)
    for mark, part in zip(marks, others, strict=True):
        text = part.lstrip(" ")
        blanks = part[: len(part) - len(text)]
        pattern += f"(?:({re.escape(mark)}){blanks}|[ ?\ufffd]?(?:{blanks})?){re.escape(text)}"
    match = re.fullmatch(pattern, given)
    if match is None:
        return []
    return list(dict.fromkeys(_mark_name(mark) for mark, there in zip(marks, match.groups(), strict=True) if not there))


def _mark_name(mark: str) -> str:
    return f"U+{ord(mark):04X}" if len(mark) == 1 else mark


def _ascii_only(mark: str) -> Callable[[str], str]:
    return lambda value: "".join(char if ord(char) < 128 else mark for char in value)


_CHANGES: dict[str, Callable[[str], str]] = {
    "as UTF-8 read as Latin-1": lambda value: value.encode().decode("latin-1"),
    "as UTF-8 read as Windows-1252": lambda value: value.encode().decode("cp1252"),
    "escaped once too often": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "with \\u escapes as text": lambda value: json.dumps(value)[1:-1],
    "with HTML entities": html.escape,
    "with HTML entities for < and >": lambda value: html.escape(value, quote=False),
    "with ? for what is not ASCII": _ascii_only("?"),
    "with U+FFFD for what is not ASCII": _ascii_only("�"),
    "without what is not ASCII": _ascii_only(""),
    "without line breaks": lambda value: value.replace("\n", ""),
    "with the outer white space lost": str.strip,
    "with all white space lost": lambda value: "".join(value.split()),
    "without backslashes": lambda value: value.replace("\\", ""),
    "in the normal form NFD": lambda value: unicodedata.normalize("NFD", value),
    "in the normal form NFKC": lambda value: unicodedata.normalize("NFKC", value),
    "without zero-width characters": lambda value: re.sub("[\u200b-\u200d\ufe0f\u2060]", "", value),
    "without characters beyond U+FFFF": lambda value: re.sub("[^\x00-\uffff]", "", value),
    "with U+FFFD for characters beyond U+FFFF": lambda value: re.sub("[^\x00-\uffff]", "\ufffd", value),
    "in quotes": lambda value: f'"{value}"',
    "twice": lambda value: value * 2,
}


def _wrapped(wanted: Any, value: dict[str, Any]) -> str | None:
    if len(value) == 1:
        ((name, inner),) = value.items()
        if isinstance(inner, str):
            inner = parse_json(inner)
        if inner == wanted:
            return f"wrapped in {name!r}"
    return None


def _changed(wanted: Any, value: dict[str, Any]) -> str | None:
    """The kind of difference, if the keys are the same and only the server can cause each difference."""
    if not isinstance(wanted, dict) or set(wanted) != set(value):
        return None
    kinds = [_value(wanted[key], value[key]) for key in wanted if not _same(wanted[key], value[key])]
    named = [kind for kind in kinds if kind]
    return named[0] if named and len(named) == len(kinds) else None


def _same(wanted: Any, given: Any) -> bool:
    return bool(wanted == given) and isinstance(wanted, bool) == isinstance(given, bool)


def _value(wanted: Any, given: Any) -> str | None:
    if isinstance(wanted, str) and isinstance(given, str):
        return text(wanted, given)
    if not isinstance(wanted, str) and isinstance(given, str):
        same = _same(parse_json(given), wanted) or given == str(wanted)
        return "with non-string values turned into strings" if same else None
    if isinstance(wanted, str) and parse_json(wanted) == given and given is not None:
        return "with strings that look like JSON turned into values"
    return None


def _compact(written: str) -> str:
    """JSON text without white space between tokens, as far as that is possible without parsing."""
    out, inside, escaped = [], False, False
    for char in written:
        if not inside and char.isspace():
            continue
        if char == '"' and not escaped:
            inside = not inside
        escaped = inside and char == "\\" and not escaped
        out.append(char)
    return "".join(out)
