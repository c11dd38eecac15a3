"""Paths into JSON, by which the defect catalogue locates its changes.

Steps are joined by dots. A step is a key, an index (``-1`` the last), a slice (``1:``), ``a|b`` for either key, ``*``
for each element, ``**`` for the value and all within it; a condition on an object may follow: ``[key]``,
``[!key]``, ``[key=value]`` or ``[key!=value]``: ``messages.*[role=tool][!name].content``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_STEP = re.compile(r"([^\[]*)((?:\[[^\]]*\])*)")
_FILTER = re.compile(r"\[(!?)([^\]=!]+)(?:(!?=)([^\]]*))?\]")


def places(value: Any, path: str) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) that `path` names in a JSON value."""
    if not path:
        return iter(())
    holders: Iterator[tuple[Any, Any]] = iter([({"": value}, "")])
    for step in path.split("."):
        holders = _step(holders, step)
    return holders


def _step(holders: Iterator[tuple[Any, Any]], step: str) -> Iterator[tuple[Any, Any]]:
    match = _STEP.fullmatch(step)
    name, filters = (match[1], _FILTER.findall(match[2])) if match else (step, [])
    for container, key in holders:
        for inner, place in _inside(container, key, name):
            if all(_fits(inner[place], *each) for each in filters):
                yield inner, place


def _inside(container: Any, key: Any, name: str) -> Iterator[tuple[Any, Any]]:
    if name == "":
        yield container, key
        return
    value = container[key]
    if name == "**":
        yield container, key
        for place in _keys(value, "*"):
            yield from _inside(value, place, "**")
        return
    for place in _keys(value, name):
        yield value, place


def _keys(value: Any, name: str) -> list[Any]:
    if isinstance(value, dict):
        return list(value) if name == "*" else [key for key in name.split("|") if key in value]
    if isinstance(value, list):
        if name == "*":
            return list(range(len(value)))
        if match := re.fullmatch(r"(-?\d+)(:?)", name):
            number = int(match[1])
            if match[2]:
                return list(range(len(value))[number:])
            return [number] if -len(value) <= number < len(value) else []
    return []


def _fits(value: Any, absent: str, key: str, sign: str, wanted: str) -> bool:
    if not isinstance(value, dict):
        return False
    if not sign:
        return (key in value) != bool(absent)
    held = value.get(key)
    same = key in value and (held if isinstance(held, str) else json.dumps(held)) == wanted
    return same == (sign == "=")
