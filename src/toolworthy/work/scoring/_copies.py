"""Detect attempts that are copies of each other, by a hash of all their responses.

A cache, or a model that is asked at temperature 0, gives the same responses again: ten such attempts are worth one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from toolworthy.records.exchange import Exchange
from toolworthy.wire.ir import Response, Text, Thinking, ToolCall
from toolworthy.wire.lenient import dump_json

_VARIES = re.compile(
    r"""
    [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}        # a UUID
    | /(?:tmp|var/tmp|var/folders)/[^\s"'\\/]+                          # a folder for one attempt
    | \d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?
    | \b\d\d:\d\d:\d\d(?:\.\d+)?\b                                      # a date, a time
    | \b\d{10,}\b                                                       # Unix time
    | \b(?=[0-9a-f]*\d)[0-9a-f]{12,}\b                                  # a hash
    | \b[A-Za-z]{2,12}[_-](?=[A-Za-z0-9]*\d)[A-Za-z0-9]{8,}\b           # an id as call_1a2b3c4d
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What differs between attempts that are the same: ids, times, temporary paths."""


def answers_of(completions: Sequence[Exchange]) -> str:
    """A hash of all responses, in order; "" if one is missing.

    Requests are not included: an agent's next request follows from earlier responses. Side requests, without tools,
    come in any order and are left out.

    Args:
        completions: completions of one attempt, in order.
    """
    own = [exchange for exchange in completions if exchange.can_act] or completions
    answers = [exchange.response for exchange in own]
    if not answers or any(answer is None or exchange.error for answer, exchange in zip(answers, own, strict=True)):
        return ""
    contents = dump_json([list(_contents(answer)) for answer in answers if answer])
    return hashlib.sha256(_VARIES.sub("·", contents).encode("utf-8", "replace")).hexdigest()[:16]


def _contents(answer: Response) -> Iterator[tuple[str, ...]]:
    if answer.failure is not None:
        yield "failure", answer.failure.message
    for part in answer.parts:
        if isinstance(part, ToolCall):
            yield "call", part.name, part.arguments
        elif isinstance(part, (Text, Thinking)):
            yield type(part).__name__, part.text
    yield "stop", str(answer.stop)
