"""When a server says to ask again. Pure: no I/O."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

_SPAN = r"(?:(\d+) ?h\w*[ ,]*)?(?:(\d+) ?m(?:in\w*)?(?!s)[ ,]*)?(?:(\d+(?:\.\d+)?) ?(ms|milliseconds?|s|sec\w*)\b)?"
_AGAIN = re.compile(rf"(?:try again|retry|available|wait|replenished)\D{{0,30}}?(?=\d){_SPAN}", re.IGNORECASE)
_CLOCK = re.compile(r"(?:again|retry|replenished|reset) (?:in|after) (\d\d):(\d\d):(\d\d)", re.IGNORECASE)
_FIELD = re.compile(
    rb'"(?:retry_?(?:delay|after)(?:_seconds)?|estimated_time)"\s*:\s*"?(\d{1,9}(?:\.\d+)?)s?"?', re.IGNORECASE
)
_RESET = re.compile(rb'"(x-ratelimit-reset[\w-]*)"\s*:\s*"?([\w.:-]+)"?', re.IGNORECASE)
_EPOCH = 10**9
"""A number of seconds beyond this is a point in time."""


def seconds_to_wait(status: int, headers: Mapping[str, str], body: bytes, words: str) -> float | None:
    """Seconds, as an error says; None where it does not.

    ``retry-after-ms``, ``retry-after`` as seconds or as a date (RFC 9110, 10.2.3); in the body ``retryDelay`` and its
    like; "try again in 1.5s"; of a rate limit, when its window is reset.

    Args:
        status: HTTP status.
        headers: by lower-case name, or in a mapping that ignores case.
        body: of the answer.
        words: the error's.
    """
    now = _date(headers.get("date", ""))
    now = time.time() if now is None else now
    milliseconds, said = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if _number(milliseconds):
        return float(milliseconds) / 1_000
    if _number(said):
        return float(said)
    if said and (until := _date(said)) is not None:
        return max(0.0, until - now)
    if found := _FIELD.search(body[:8192]):
        return float(found[1])
    if (told := _in_words(words)) is not None:
        return told
    return max(_resets(headers, body, now), default=None) if status == 429 else None


def _in_words(words: str) -> float | None:
    if clock := _CLOCK.search(words):
        hours, minutes, seconds = map(int, clock.groups())
        return hours * 3_600 + minutes * 60 + seconds
    again = _AGAIN.search(words)
    return _span(*again.groups()) if again and any(again.groups()) else None


def _resets(headers: Mapping[str, str], body: bytes, now: float) -> Iterator[float]:
    """Of every window that is used up; a server that does not count what remains means each that it names."""
    names = [name.lower() for name in headers if "ratelimit" in name.lower() and "reset" in name.lower()]
    left = {name: headers.get(name.replace("reset", "remaining"), "0").strip() for name in names}
    for name in names:
        if left[name] == "0" and (seconds := _reset(headers[name], now)) is not None:
            yield seconds
    for _, value in _RESET.findall(body[:8192]):
        if (seconds := _reset(value.decode(), now)) is not None:
            yield seconds


def _reset(value: str, now: float) -> float | None:
    """Seconds until a window is reset: a number of seconds, a span, a date, or a point in time."""
    value = value.strip()
    if re.fullmatch(r"\d{1,16}(?:\.\d+)?", value):
        number = float(value)
        number = number / 1_000 if number > _EPOCH * 1_000 / 2 else number
        return max(0.0, number - now) if number > _EPOCH else number
    if (span := re.fullmatch(_SPAN, value, re.IGNORECASE)) and any(span.groups()):
        return _span(*span.groups())
    try:
        return max(0.0, datetime.fromisoformat(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _span(hours: str | None, minutes: str | None, seconds: str | None, unit: str | None) -> float:
    last = float(seconds or 0) / (1_000 if (unit or "").lower().startswith("m") else 1)
    return int(hours or 0) * 3_600 + int(minutes or 0) * 60 + last


def _number(text: str) -> bool:
    return bool(re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", text))


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
