"""Find the longest input that an endpoint accepts, by bisection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from toolworthy.gateway import Gateway
from toolworthy.records.doctor import ContextReport
from toolworthy.wire.ir import Message, Request, Text
from toolworthy.work.doctor._capabilities import send

SECONDS = 300.0
"""Time limit in seconds of one response: local servers read long prompts slowly."""
FIRST, MOST = 1_024, 2**21
"""The words at which the search begins, and the tokens at which it ends."""
_NEAR = 0.03
"""The search ends when both ends differ by less than this share."""
_WORD = "alpha "
"""One token in most vocabularies."""
_CUT = 0.6
"""If usage counts less than this share of an input, it was truncated without an error."""


@dataclass
class _Tried:
    fits: bool
    counted: int | None
    why: str


async def measured_context(gateway: Gateway, report: ContextReport, say: Callable[[str], None]) -> ContextReport:
    """`report` with the longest input that is answered, and the shortest that is not.

    A short input shows how many tokens a word is. A declared window is tested just below and just above.
    """
    low = high = 0
    counted, why, tokens_a_word = None, "", 1.0
    while not high or high - low > max(64, low * _NEAR):
        words = _next(low, high, report.declared and int(report.declared / tokens_a_word))
        tried = await _try(gateway, words)
        verdict = "answered" if tried.fits else tried.why
        say(f"context: an input of about {int(words * tokens_a_word):,} tokens: {verdict}")
        if tried.fits:
            low, counted = words, tried.counted or words
            tokens_a_word = counted / words
        else:
            high, why = words, tried.why
        if low * tokens_a_word >= MOST or high == FIRST:
            break
    refused = int(high * tokens_a_word) if high else None
    return report.model_copy(update={"accepted": counted, "refused": refused, "detail": why})


def _next(low: int, high: int, declared: int | None) -> int:
    """The next number of words to try."""
    if not low:
        return FIRST
    if declared:
        for words in (int(declared * (1 - _NEAR / 2)), int(declared * (1 + _NEAR / 2))):
            if low < words and (not high or words < high):
                return words
    return (low + high) // 2 if high else low * 2


async def _try(gateway: Gateway, words: int) -> _Tried:
    api = next(iter(gateway.endpoint.base_urls))
    text = f"Reply with one word. {_WORD * words}"
    request = Request(gateway.endpoint.model, (Message("user", (Text(text),)),), max_tokens=16)
    exchange = await send(gateway, request, api, SECONDS)
    response = exchange.response
    if exchange.error or exchange.status != 200 or response is None or response.failure:
        failure = response.failure.message if response and response.failure else str(exchange.error or "")
        return _Tried(False, None, gateway.redactor.text(" ".join(failure.split())[:200]))
    counted = response.usage.input if response.usage else None
    if counted is not None and counted < words * _CUT:
        return _Tried(False, counted, f"it was cut to {counted:,} tokens without an error")
    return _Tried(True, counted, "")
