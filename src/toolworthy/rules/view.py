"""An exchange as rules see it: parsed once, in neutral form and as bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from toolworthy import wire
from toolworthy.content.situations import Situation
from toolworthy.records.exchange import Exchange
from toolworthy.rules.leaked import LeakedCall, lost_calls
from toolworthy.wire.ir import Api, Request, Response, Thinking, ToolCall
from toolworthy.wire.lenient import as_dict, as_int, as_list, parse_json
from toolworthy.wire.sse import events

_STOP = re.compile(rb'"(?:finish_reason|finishReason|stop_reason|status|reason)"\s*:\s*"[^"\\]{0,80}"')
_CALLS = '"tool_calls"'
_USAGE = re.compile(rb'"usage(?:Metadata)?"\s*+:\s*+\{(?:[^{}]++|\{[^{}]*+\})*+\}')
MAX_EVENTS = 50_000
"""The most events that are examined, to limit the time for an endless stream."""

FEW = 4
"""Tokens: one to end the response, and a few without content."""


@dataclass(frozen=True)
class WireEvent:
    """One event of a stream."""

    name: str | None
    """Of the SSE field ``event``."""
    data: str
    value: Mapping[str, Any]
    """Its JSON object; empty if there is none."""

    @property
    def type(self) -> str:
        """The event's type in Messages and Responses."""
        return str(self.value.get("type") or "")


class View:
    """An exchange with a completion request."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    @property
    def api(self) -> Api | None:
        """The wire API of the request to the endpoint."""
        return self.exchange.endpoint_api

    @property
    def knows_request(self) -> bool:
        """Whether the request is known; for a response from a file it may not be."""
        return bool(self.exchange.upstream_body or self.exchange.request_body)

    @cached_property
    def request(self) -> Request | None:
        """The request in the neutral form; for a translation, the agent's."""
        return self.exchange.request

    @cached_property
    def asked(self) -> Mapping[str, Any]:
        """The request's JSON as sent to the endpoint, with model and mode from its path."""
        body = as_dict(parse_json(self.exchange.upstream_body or self.exchange.request_body))
        if self.api is None or self.request is None or not wire.api(self.api).in_path:
            return body
        return {**body, "model": self.request.model, "stream": self.request.stream}

    @cached_property
    def response(self) -> Response:
        """The response; one without parts if none came."""
        return self.exchange.response or Response(complete=False)

    @property
    def answered(self) -> bool:
        """Whether there is a complete, successful response to judge."""
        status = self.exchange.status
        return status is not None and status < 400 and self.exchange.error is None and self.response.failure is None

    @property
    def situation(self) -> Situation:
        """The situation that the exchange itself shows: whether the token limit truncated it."""
        usage, limit = self.response.usage, self.request.max_tokens if self.request else None
        reached = bool(limit and usage and usage.output and usage.output >= limit)
        return "token-limit" if reached or self.response.stop == "length" else "always"

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls of the answer."""
        return self.response.calls

    @cached_property
    def lost_calls(self) -> tuple[LeakedCall, ...]:
        """Calls in text or reasoning instead of the API's field for calls."""
        return lost_calls(self.request, self.response)

    @property
    def thoughts(self) -> str:
        """The reasoning that the answer shows."""
        return "".join(part.text for part in self.response.parts if isinstance(part, Thinking))

    @property
    def at_once(self) -> bool:
        """Whether the model ended its response with its first tokens, none of which is missing."""
        several = as_int(self.asked.get("n")) or 1
        if self.response.usage and self.response.usage.output is not None and several == 1:
            written = self.response.usage.output
            return 0 < written <= FEW and written <= len(self.response.text + self.thoughts) + 1
        # Usage does not distinguish choices; count a chunk each, between role and stop reason.
        return (self.uncounted or several > 1) and len(self.choices) <= several * (FEW + 2)

    @property
    def uncounted(self) -> bool:
        """Whether usage comes only on request, and was not requested."""
        requested = as_dict(self.asked.get("stream_options")).get("include_usage")
        counted = not self.knows_request and self.response.usage is not None
        return wire.api(self.api).usage_on_request and self.exchange.streamed and not requested and not counted

    @cached_property
    def events(self) -> tuple[WireEvent, ...]:
        """The events of a stream; none for a whole response."""
        if not self.exchange.streamed:
            return ()
        return tuple(
            WireEvent(event.event, event.data, as_dict(parse_json(event.data)))
            for event in events(self.exchange.body)[:MAX_EVENTS]
        )

    @cached_property
    def whole(self) -> Mapping[str, Any]:
        """The JSON of a response that is not a stream; empty if there is none."""
        return {} if self.exchange.streamed else as_dict(parse_json(self.exchange.body))

    def repairs(self, *codes: str) -> Iterator[tuple[str, str]]:
        """The parser's repairs of these kinds: (detail, excerpt)."""
        for repair in self.response.repairs:
            if repair.code in codes:
                yield repair.detail, self.excerpt(repair.event)

    def excerpt(self, number: int | None) -> str:
        """The event of that number, from its tool calls on if it has any: what comes before them is in every event.
        Of a response that is not a stream, its tool calls; "" where it has none."""
        if number is None and not self.exchange.streamed:
            _, calls, rest = self.exchange.body.decode(errors="replace").partition(_CALLS)
            return calls + rest
        data = self.events[number].data if number is not None and number < len(self.events) else ""
        return data[max(0, data.find(_CALLS)) :]

    @cached_property
    def choices(self) -> tuple[tuple[WireEvent, Mapping[str, Any]], ...]:
        """Every choice of every chunk of a chat stream."""
        return tuple(
            (event, as_dict(choice)) for event in self.events for choice in as_list(event.value.get("choices"))
        )

    @cached_property
    def call_deltas(self) -> tuple[tuple[WireEvent, Mapping[str, Any]], ...]:
        """Every entry of ``delta.tool_calls`` of a chat stream."""
        return tuple(
            (event, as_dict(call))
            for event, choice in self.choices
            for call in as_list(as_dict(choice.get("delta")).get("tool_calls"))
        )

    def tail(self) -> str:
        """The end of the response's bytes, from a line start if possible."""
        end = self.exchange.body[-300:]
        _, line, rest = end.partition(b"\n") if len(self.exchange.body) > len(end) else (b"", b"", b"")
        return (rest.lstrip(b"\r\n") if line and rest.strip() else end).decode(errors="replace")

    def usage(self) -> str:
        """The last bytes with token counts; "" if there are none."""
        counts = [match.group() for match in _USAGE.finditer(self.exchange.body)]
        return counts[-1].decode(errors="replace") if counts else ""

    def stopped(self) -> str:
        """The bytes of the stop reason; the end of the response if there are none."""
        stops = [match.group() for match in _STOP.finditer(self.exchange.body)]
        raw = json.dumps(self.response.raw_stop).encode()
        return next((stop.decode() for stop in reversed(stops) if stop.endswith(raw)), self.tail())


def wrong(fine: Mapping[str, object]) -> str:
    """Names of the wrong fields, for a message; empty if all are right."""
    return ", ".join(name for name, is_fine in fine.items() if not is_fine)


def chat_calls(view: View) -> Iterator[Mapping[str, Any]]:
    """The calls of a whole chat response, as sent."""
    for choice in as_list(view.whole.get("choices")):
        for call in as_list(as_dict(as_dict(choice).get("message")).get("tool_calls")):
            yield as_dict(call)


def overlaps(
    view: View, begins: str, ends: str, key: Callable[[WireEvent], Hashable]
) -> Iterator[tuple[WireEvent, Hashable]]:
    """Events that begin a part before another part of the stream has ended, each with the key of the other part.

    Args:
        view: of the exchange.
        begins: type of the events that begin a part.
        ends: type of the events that end a part.
        key: the key of an event's part.
    """
    begun: list[Hashable] = []
    for event in view.events:
        if event.type == begins:
            if begun and key(event) not in begun:
                yield event, begun[-1]
            begun.append(key(event))
        elif event.type == ends and key(event) in begun:
            begun.remove(key(event))
