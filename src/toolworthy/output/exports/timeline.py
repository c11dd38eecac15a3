"""A trial's exchanges for readers: new messages, responses, and tool results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from toolworthy.records.conversation import news_of, results_of, text_of
from toolworthy.records.exchange import Exchange
from toolworthy.records.finding import Finding
from toolworthy.wire.ir import Message, Response, Thinking, ToolCall, ToolResult

_CUT = 100_000


@dataclass(frozen=True)
class Call:
    """One call and its result."""

    call: ToolCall
    result: str | None
    """None if no result ever came back."""
    is_error: bool


@dataclass(frozen=True)
class TimelineTurn:
    """One exchange."""

    exchange: Exchange
    asked: tuple[tuple[str, str], ...]
    """Role and text of the messages that this request adds to the one before, tool results apart."""
    side: bool
    """A request outside the task's own conversation (a title, a count, a list of models)."""
    reasoning: str
    text: str
    calls: tuple[Call, ...]
    findings: tuple[Finding, ...]
    note: str
    """The failure of the exchange itself, or ""."""


def timeline(exchanges: Sequence[Exchange], findings: Sequence[Finding]) -> tuple[TimelineTurn, ...]:
    """The turns of a trial, in order."""
    by_exchange: dict[int, list[Finding]] = {}
    for finding in findings:
        by_exchange.setdefault(finding.evidence.exchange, []).append(finding)
    news = news_of(exchanges)
    return tuple(
        _turn(exchange, new, results, by_exchange.get(exchange.index, []))
        for exchange, new, results in zip(exchanges, news, results_of(exchanges, news), strict=True)
    )


def _turn(
    exchange: Exchange, new: list[Message], results: Sequence[ToolResult | None], findings: list[Finding]
) -> TimelineTurn:
    response = exchange.response or Response()
    failure = f"HTTP {exchange.status}: {response.failure.message}" if response.failure else ""
    return TimelineTurn(
        exchange=exchange,
        asked=tuple(
            (message.role, cut(text_of(message.parts))) for message in new if message.role not in ("tool", "assistant")
        ),
        side=exchange.kind != "completion" or not exchange.can_act,
        reasoning=cut("".join(part.text for part in response.parts if isinstance(part, Thinking))),
        text=cut(response.text),
        calls=tuple(
            Call(call, cut(text_of(result.content)), result.is_error) if result else Call(call, None, False)
            for call, result in zip(response.calls, results, strict=True)
        ),
        findings=tuple(findings),
        note=str(exchange.error or failure),
    )


def iso(seconds: float) -> str:
    """Unix time in ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def cut(text: str, most: int = _CUT) -> str:
    """`text`, or its beginning and end if it is long."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - most:,} characters …\n{text[-half:]}"
