"""Read untrusted JSON: it may be invalid, and fields may have any type. Nothing here raises."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

EXACT = 2**53
"""The largest integer that all JSON parsers read alike (RFC 8259, section 6); no count exceeds it."""


def parse_json(data: bytes | str) -> Any | None:
    """The JSON value in `data`, or None if there is none. A BOM, blank lines and bad UTF-8 are tolerated."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        return json.loads(text.lstrip("\ufeff \t\r\n"))
    except (ValueError, RecursionError):
        return None


def dump_json(value: Any) -> str:
    """Compact JSON text; lone surrogates stay escaped, so that the result is always encodable."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, separators=(",", ":"))
    return text


def as_dict(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """`value` if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_str(value: Any, default: str = "") -> str:
    """`value` if it is a string, else `default`."""
    return value if isinstance(value, str) else default


def as_int(value: Any) -> int | None:
    """`value` if it is an integer that can be a count; not a boolean."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= EXACT else None


def as_float(value: Any) -> float | None:
    """`value` if it is a number; not a boolean."""
    if isinstance(value, int):
        value = as_int(value)
    return float(value) if isinstance(value, (int, float)) else None


def as_bool(value: Any) -> bool | None:
    """`value` if it is a boolean."""
    return value if isinstance(value, bool) else None


def as_key(value: Any) -> Hashable:
    """`value` as a hashable key: objects and arrays as their text."""
    return dump_json(value) if isinstance(value, (dict, list)) else value


def as_arguments(value: Any) -> str:
    """A call's arguments as text: a string unchanged, an object dumped as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else dump_json(value)
