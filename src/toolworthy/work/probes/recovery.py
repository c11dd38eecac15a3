"""Measure whether, and when, an endpoint answers valid requests after an invalid one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from toolworthy.base.retry import Retry, with_retries
from toolworthy.gateway.retries import failed, refusal
from toolworthy.wire.lenient import dump_json
from toolworthy.work.probes._channel import Channel
from toolworthy.work.probes.answer import Answer

LONGEST = 120.0
"""The most seconds to wait for a valid request to succeed."""
PAUSE = 1.0
"""Seconds between its attempts."""


@dataclass(frozen=True)
class Recovery:
    """The result of a plain request after an invalid one."""

    seconds: float
    """Seconds until it was answered; 0 if at once."""
    answered: bool = True
    why: str = ""
    """The endpoint's error until then."""


async def recovered(line: Channel) -> Recovery:
    """Repeat a plain request until it is answered. A rate limit is waited for, but is not a lockout; if no request ever
    succeeded, do not wait."""
    began, why, knows = time.monotonic(), "", line.surface.knowledge.speed.known
    question = dump_json(line.body(line.request("Reply with exactly: Hello."))).encode()

    def locked(answer: Answer) -> bool:
        refused = refusal(answer.exchange)
        return failed(answer.exchange) or (refused is not None and refused.passes)

    def again(answer: Answer) -> Retry | None:
        nonlocal why
        if not locked(answer):
            return None
        refused = refusal(answer.exchange)
        if refused is None or refused.kind != "rate limited":
            why = why or f"HTTP {answer.status}: {answer.message[:200] or answer.exchange.error}"
        line.superseded.add(answer.exchange.index)
        return Retry(busy=True, after=PAUSE) if knows and time.monotonic() - began <= LONGEST else None

    answer = await with_retries(lambda: line.once(question), again)
    if locked(answer):
        line.surface.dead = f"valid requests no longer succeed: {why or answer.message[:200]}"
    return Recovery(time.monotonic() - began if why else 0.0, not locked(answer), why)
