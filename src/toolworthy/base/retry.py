"""Whether, when and how often to retry a request. All code that sends requests uses these rules."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import tenacity

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before the first retry if the endpoint names no delay; each further pause is twice as long."""
UNNAMED_WAIT = 60.0
"""The most seconds to wait in total if it names no delay."""
NAMED_WAIT = 600.0
"""The most seconds to wait in total if it names one."""
TRIES = 3
"""The most attempts for a failure that may be transient."""
T = TypeVar("T")


@dataclass(frozen=True)
class Retry:
    """Why a request is sent again."""

    busy: bool = False
    """The endpoint is busy: limits the total wait, not the number of attempts."""
    after: float | None = None
    """Seconds after which the endpoint asks for a retry."""


def pause(tries: int, after: float | None = None, longest: float = LONGEST_PAUSE) -> float:
    """Seconds until the next attempt: what the endpoint names, except that a server that repeatedly says "at once" is
    not asked without a pause."""
    grown: float = min(FIRST_PAUSE * 2 ** (tries - 1), longest)
    return grown if after is None else max(after, grown / 10)


async def with_retries(
    ask: Callable[[], Awaitable[T]],
    again: Callable[[T], Retry | None],
    within: float = NAMED_WAIT,
    tries: int = TRIES,
    longest: float = LONGEST_PAUSE,
    before: Callable[[T, float], None] = lambda answer, seconds: None,
) -> T:
    """The response to a request, retried for as long as that may help; the last response if no retry helped.

    Args:
        ask: sends the request.
        again: why a response calls for a retry; None if it does not.
        within: the most seconds to wait in total if the endpoint names the delay.
        tries: the most attempts if the endpoint is not busy.
        longest: the longest pause in seconds if the endpoint names none.
        before: called before each pause with the response and the seconds to wait.
    """
    import tenacity

    why, faults = Retry(), 0

    async def sent() -> T:
        return await ask()

    def retry(answer: T) -> bool:
        nonlocal why, faults
        reason = again(answer)
        why = reason or why
        faults += reason is not None and not reason.busy
        return reason is not None

    def enough(state: tenacity.RetryCallState) -> bool:
        if not why.busy and faults >= tries:
            return True
        if why.after is None:
            return why.busy and state.idle_for >= UNNAMED_WAIT
        return state.idle_for + why.after >= within

    asking = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(retry),
        wait=lambda state: pause(state.attempt_number, why.after, longest),
        stop=enough,
        before_sleep=lambda state: before(_last(state), state.upcoming_sleep),
        retry_error_callback=_last,
    )
    answer: T = await asking(sent)
    return answer


def _last(state: tenacity.RetryCallState) -> Any:
    assert state.outcome is not None
    return state.outcome.result()


# ---- what a server says ----------------------------------------------------------------------------------------------

_SPAN = r"(?:(\d+) ?h\w*[ ,]*)?(?:(\d+) ?m(?:in\w*)?(?!s)[ ,]*)?(?:(\d+(?:\.\d+)?) ?(ms|milliseconds?|s|sec\w*)\b)?"
_AGAIN = re.compile(rf"(?:try again|retry|available|wait|replenished)\D{{0,30}}?(?=\d){_SPAN}", re.IGNORECASE)
_CLOCK = re.compile(r"(?:again|retry|replenished|reset) (?:in|after) (\d\d):(\d\d):(\d\d)", re.IGNORECASE)
_FIELD = re.compile(
    rb'"(?:retry_?(?:delay|after)(?:_seconds)?|estimated_time)"\s*:\s*"?(\d{1,9}(?:\.\d+)?)s?"?', re.IGNORECASE
)
_RESET = re.compile(rb'"(x-ratelimit-reset[\w-]*)"\s*:\s*"?([\w.:-]+)"?', re.IGNORECASE)
_EPOCH = 10**9
"""A larger number is a Unix time, not a duration."""


def seconds_to_wait(status: int, headers: Mapping[str, str], body: bytes, words: str) -> float | None:
    """The delay in seconds that an error names; None if it names none.

    ``retry-after-ms``, ``retry-after`` as seconds or as a date (RFC 9110, 10.2.3); in the body ``retryDelay`` and its
    like; "try again in 1.5s"; for a rate limit, the reset time of its window.

    Args:
        status: HTTP status.
        headers: by lower-case name, or in a mapping that ignores case.
        body: of the answer.
        words: the error's.
    """
    now = _date(headers.get("date", ""))
    now = time.time() if now is None else now
    milliseconds, retry_after = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if _number(milliseconds):
        return float(milliseconds) / 1_000
    if _number(retry_after):
        return float(retry_after)
    if retry_after and (until := _date(retry_after)) is not None:
        return max(0.0, until - now)
    if field := _FIELD.search(body[:8192]):
        return float(field[1])
    if (seconds := _in_words(words)) is not None:
        return seconds
    return max(_resets(headers, body, now), default=None) if status == 429 else None


def _in_words(words: str) -> float | None:
    if clock := _CLOCK.search(words):
        hours, minutes, seconds = map(int, clock.groups())
        return hours * 3_600 + minutes * 60 + seconds
    again = _AGAIN.search(words)
    return _span(*again.groups()) if again and any(again.groups()) else None


def _resets(headers: Mapping[str, str], body: bytes, now: float) -> Iterator[float]:
    """Seconds until each exhausted window is reset. A window without a remaining count is taken for exhausted."""
    names = [name.lower() for name in headers if "ratelimit" in name.lower() and "reset" in name.lower()]
    remaining = {name: headers.get(name.replace("reset", "remaining"), "0").strip() for name in names}
    for name in names:
        if remaining[name] == "0" and (seconds := _reset(headers[name], now)) is not None:
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
