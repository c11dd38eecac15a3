"""What several exchanges of one trial say together."""

from __future__ import annotations

from collections.abc import Sequence

from toolworthy.exchange import Exchange
from toolworthy.wire.ir import Image, Message, Part, Text, ToolResult


def messages_of(exchange: Exchange) -> tuple[Message, ...]:
    """The messages that a request carries; none where it is no completion."""
    return exchange.request.messages if exchange.request else ()


def results_of(exchanges: Sequence[Exchange]) -> dict[str, ToolResult]:
    """Plain call id to the first result that any request carries for it."""
    found: dict[str, ToolResult] = {}
    for exchange in exchanges:
        for message in messages_of(exchange):
            for part in message.parts:
                if isinstance(part, ToolResult):
                    found.setdefault(plain_id(part.call_id), part)
    return found


def plain_id(call_id: str) -> str:
    """What of a call's id survives agents that write it anew: OpenClaw keeps letters and digits only."""
    return "".join(mark for mark in call_id if mark.isalnum())


def text_of(parts: Sequence[Part]) -> str:
    """The text of some parts, pictures named."""
    return "\n".join(
        part.text if isinstance(part, Text) else "[image]" for part in parts if isinstance(part, (Text, Image))
    )
