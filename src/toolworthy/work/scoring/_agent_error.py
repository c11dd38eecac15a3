"""The last error in an agent's own output."""

from __future__ import annotations

import json
import re
from typing import Any

from toolworthy.sandbox.model import CommandOutcome

_ERROR = re.compile(r"\berror\b", re.IGNORECASE)
_LONG = 240


def complaint(outcome: CommandOutcome) -> str:
    """The agent's error message in one line; "" if it ended well or reported none.

    Agents print plain lines or JSON lines; in these, the message of an error counts, wherever it is.
    """
    if outcome.ended != "exit" or outcome.exit_code == 0:
        return ""
    for stream in (outcome.stdout, outcome.stderr):
        for line in reversed(stream.decode(errors="replace").splitlines()):
            if message := " ".join(_error_in(line).split()):
                return message if len(message) <= _LONG else message[:_LONG] + "…"
    return ""


def _error_in(line: str) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return line if _ERROR.search(line) else ""
    if value.get("is_error") and isinstance(value.get("result"), str):
        return str(value["result"])
    if value.get("type") == "error" and "error" not in value:
        return _message(value)
    return _message(value.get("error"))


def _message(error: Any) -> str:
    """The message of an error, which may be nested."""
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    return next((message for key in ("message", "data", "error") if (message := _message(error.get(key)))), "")
