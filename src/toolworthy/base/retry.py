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
"""Seconds between the tries where the endpoint does not say how long: each is twice the one before."""
UNTOLD = 60.0
"""Seconds in all that are waited where it does not say."""
TOLD = 600.0
"""Seconds in all that are waited where it says how long."""
TRIES = 3
"""How often to ask what fails in a way that may pass."""
T = TypeVar("T")


@dataclass(frozen=True)
class Again:
    """Why a request is sent again."""

    no_time: bool = False
    """The endpoint has no time now: the waiting is limited, not the tries."""
    after: float | None = None
    """Seconds after which the endpoint says to ask again."""


def pause(tries: int, after: float | None = None, longest: float = LONGEST_PAUSE) -> float:
    """Seconds until the next try, after so many; as told, but for a server that says "at once" again and again."""
    grown: float = min(FIRST_PAUSE * 2 ** (tries - 1), longest)
    return grown if after is None else max(after, grown / 10)


async def patiently(
    ask: Callable[[], Awaitable[T]],
    again: Callable[[T], Again | None],
    within: float = TOLD,
    tries: int = TRIES,
    longest: float = LONGEST_PAUSE,
    before: Callable[[T, float], None] = lambda answer, seconds: None,
) -> T:
    """The answer to a request that is asked again for as long as that may help; the last one where nothing did.

    Args:
        ask: sends it.
        again: why an answer is to be asked for once more; None where it is not.
        within: most seconds to wait in total if the endpoint asks for it.
        tries: how often to ask at most what fails though the endpoint has time.
        longest: seconds of a pause that nobody asked for, at most.
        before: called with the answer and the seconds to wait, before each pause.
    """
    import tenacity

    why, faults = Again(), 0

    async def sent() -> T:
        return await ask()

    def retry(answer: T) -> bool:
        nonlocal why, faults
        reason = again(answer)
        why = reason or why
        faults += reason is not None and not reason.no_time
        return reason is not None

    def enough(state: tenacity.RetryCallState) -> bool:
        if not why.no_time and faults >= tries:
            return True
        if why.after is None:
            return why.no_time and state.idle_for >= UNTOLD
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
    """Of every window that is used up; a server that does not count what remains means each that it names."""
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
