"""Whether two pieces of code are equivalent."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

from toolworthy.work.cases.matching._equivalent import same_command

_LONGEST = 100_000


def same_code(wanted: str, given: str, language: str) -> bool:
    """Whether `given` is equivalent to `wanted`, whatever its layout.

    Python is compared as a tree: layout, quotes, comments and brackets do not matter; docstrings do, since programs
    can read them. JSON is compared by value, Bash as commands, SQL word by word without case and layout. In other
    languages, and in code that cannot be parsed, white space may differ at the ends of lines and of the text.
    """
    if _trimmed(wanted) == _trimmed(given):
        return True
    match language.lower():
        case "python" | "py" | "python3":
            first = _python(wanted)
            return first is not None and first == _python(given)
        case "json":
            return _same_json(wanted, given)
        case "sql":
            return _sql(wanted) == _sql(given)
        case "bash" | "sh" | "shell":
            return same_command(wanted, given)
        case _:
            return False


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\r\n").splitlines()).rstrip()


def _python(text: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(text)) if len(text) <= _LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _same_json(wanted: str, given: str) -> bool:
    try:
        return bool(typed(json.loads(wanted)) == typed(json.loads(given)))
    except (ValueError, RecursionError):
        return False


_SQL = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*(?:'|\Z)|\"[^\"]*(?:\"|\Z)|`[^`]*(?:`|\Z)|\w+(?:\.\d+)?|[<>!=|:]{2,3}|\S",
    re.S,
)


def _sql(text: str) -> list[str]:
    """The tokens of a statement; case matters only in quotes."""
    words = [word for word in _SQL.findall(text) if not word.startswith(("--", "/*"))]
    while words and words[-1] == ";":
        words.pop()
    return [word if word[0] in "'\"`" else word.lower() for word in words]


def typed(value: Any) -> Any:
    """`value` in a form in which ``true`` and ``1`` differ, but 1 and 1.0 do not."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [typed(inner) for inner in value]
    return (isinstance(value, bool), value)
