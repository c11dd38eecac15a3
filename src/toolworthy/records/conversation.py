"""Read several exchanges of one trial as a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolworthy.records.exchange import Exchange
from toolworthy.wire.ir import Image, Message, Part, Text, ToolCall, ToolResult


def messages_of(exchange: Exchange) -> tuple[Message, ...]:
    """The messages of a request; none if it is not a completion."""
    return exchange.request.messages if exchange.request else ()


def news_of(exchanges: Sequence[Exchange]) -> list[list[Message]]:
    """The messages of each request that no earlier one had. Requests without tools, apart from the task, are another
    conversation."""
    task: set[Message] = set()
    beside: set[Message] = set()
    return [
        [message for message in messages_of(exchange) if not _known(message, task if exchange.can_act else beside)]
        for exchange in exchanges
    ]


def results_of(exchanges: Sequence[Exchange], news: Sequence[Sequence[Message]]) -> list[list[ToolResult | None]]:
    """The result of every call of every exchange; None where none came back.

    Matched by id; by position if the server gave no id and the agent generated one.

    Args:
        exchanges: in order.
        news: their new messages, from :func:`news_of`.
    """
    made = [exchange.calls for exchange in exchanges]
    own_ids = {plain_id(call.id) for calls in made for call in calls}
    answers: dict[str, ToolResult] = {}
    orphans: list[list[ToolResult]] = []
    for new in news:
        results = [part for message in new for part in message.parts if isinstance(part, ToolResult)]
        for result in results:
            answers.setdefault(plain_id(result.call_id), result)
        orphans.append([result for result in results if plain_id(result.call_id) not in own_ids])
    return [_came_back(calls, answers, next(filter(None, orphans[at + 1 :]), [])) for at, calls in enumerate(made)]


def _came_back(
    calls: Sequence[ToolCall], answers: Mapping[str, ToolResult], orphans: Sequence[ToolResult]
) -> list[ToolResult | None]:
    by_id = [answers.get(plain_id(call.id)) for call in calls]
    return list(orphans) if not any(by_id) and len(orphans) == len(calls) else by_id


def plain_id(call_id: str) -> str:
    """The part of a call's id that agents preserve: OpenClaw keeps only letters and digits."""
    return "".join(mark for mark in call_id if mark.isalnum())


def text_of(parts: Sequence[Part]) -> str:
    """The text of some parts; a picture is replaced by a note."""
    return "\n".join(
        part.text if isinstance(part, Text) else "[image]" for part in parts if isinstance(part, (Text, Image))
    )


def _known(message: Message, seen: set[Message]) -> bool:
    try:
        known = message in seen
        seen.add(message)
    except TypeError:  # an opaque part contains a dict
        return False
    return known
