"""A call's arguments as a JSON object that other programs can read."""

from __future__ import annotations

import math
from typing import Any

from toolworthy.wire.ir import ToolCall
from toolworthy.wire.lenient import parse_json

_DEEPEST = 100
"""The deepest nesting that is kept: pydantic's parser, for one, reads about 200 levels."""


def arguments(call: ToolCall) -> tuple[dict[str, Any], str]:
    """The arguments as an object, and their fault, or "".

    Arguments that are not an object, contain numbers that JSON lacks (``NaN``), or are nested too deeply become text
    under ``input``, like the text of a free-form tool.
    """
    as_text = {"input": call.arguments}
    if call.custom:
        return as_text, ""
    value = parse_json(call.arguments)
    if not isinstance(value, dict):
        return as_text, "the arguments are not a JSON object"
    return (value, "") if _is_json(value, _DEEPEST) else (as_text, "the arguments are not plain JSON")


def _is_json(value: Any, deeper: int) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return deeper > 0 and all(_is_json(one, deeper - 1) for one in inner)
