"""A trial's exchanges as a reader wants them: what was asked anew, what was answered, what the tools said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolworthy.conversation import messages_of, plain_id, results_of, text_of
from toolworthy.exchange import Exchange
from toolworthy.rules.model import Finding
from toolworthy.wire.ir import Message, Response, Thinking, ToolCall, ToolResult

_CUT = 100_000


@dataclass(frozen=True)
class Call:
    """One call and what came of it."""

    call: ToolCall
    result: str | None
    """None where no result ever came back."""
    is_error: bool


@dataclass(frozen=True)
class Turn:
    """One exchange."""

    exchange: Exchange
    asked: tuple[tuple[str, str], ...]
    """Role and text of the messages that this request adds to the one before, tool results apart."""
    side: bool
    """A request beside the task's own conversation (a title, a count, a list of models)."""
    reasoning: str
    text: str
    calls: tuple[Call, ...]
    findings: tuple[Finding, ...]
    note: str
    """What went wrong with the exchange itself, or ""."""


def timeline(exchanges: Sequence[Exchange], findings: Sequence[Finding]) -> tuple[Turn, ...]:
    """The turns of a trial, in order."""
    results = results_of(exchanges)
    by_exchange: dict[int, list[Finding]] = {}
    for finding in findings:
        by_exchange.setdefault(finding.evidence.exchange, []).append(finding)
    seen: set[Message] = set()
    news = [[message for message in messages_of(exchange) if not _known(message, seen)] for exchange in exchanges]
    every = [exchange.response.calls if exchange.response else () for exchange in exchanges]
    given = {plain_id(call.id) for calls in every for call in calls}
    orphans = [[part for part in _results(new) if plain_id(part.call_id) not in given] for new in news]
    turns = []
    for at, (exchange, new) in enumerate(zip(exchanges, news, strict=True)):
        calls = _came_back(every[at], results, next(filter(None, orphans[at + 1 :]), []))
        turns.append(_turn(exchange, new, calls, by_exchange.get(exchange.index, [])))
    return tuple(turns)


def _results(messages: Sequence[Message]) -> Iterator[ToolResult]:
    return (part for message in messages for part in message.parts if isinstance(part, ToolResult))


def _came_back(
    calls: Sequence[ToolCall], results: Mapping[str, ToolResult], orphans: Sequence[ToolResult]
) -> tuple[Call, ...]:
    """The calls with their results: by id; where the server gave none and the agent made its own up, by place."""
    found = [results.get(plain_id(call.id)) for call in calls]
    if not any(found) and len(orphans) == len(calls):
        return tuple(_call(call, result) for call, result in zip(calls, orphans, strict=True))
    return tuple(_call(call, result) for call, result in zip(calls, found, strict=True))


def _turn(exchange: Exchange, new: list[Message], calls: tuple[Call, ...], findings: list[Finding]) -> Turn:
    response = exchange.response or Response()
    failure = f"HTTP {exchange.status}: {response.failure.message}" if response.failure else ""
    return Turn(
        exchange=exchange,
        asked=tuple(
            (message.role, cut(text_of(message.parts))) for message in new if message.role not in ("tool", "assistant")
        ),
        side=exchange.kind != "completion" or not (exchange.request and exchange.request.tools),
        reasoning=cut("".join(part.text for part in response.parts if isinstance(part, Thinking))),
        text=cut(response.text),
        calls=calls,
        findings=tuple(findings),
        note=exchange.error or failure,
    )


def _call(call: ToolCall, result: ToolResult | None) -> Call:
    if result is None:
        return Call(call, None, False)
    return Call(call, cut(text_of(result.content)), result.is_error)


def cut(text: str, most: int = _CUT) -> str:
    """`text`, or its beginning and end where it is long."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - most:,} characters …\n{text[-half:]}"


def _known(message: Message, seen: set[Message]) -> bool:
    try:
        known = message in seen
        seen.add(message)
    except TypeError:  # an opaque part holds a dict
        return False
    return known
