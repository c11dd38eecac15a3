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
"""Events that are looked at one by one; an endless stream must not cost endless time."""

FEW = 4
"""Tokens: one to end with, and some that say nothing."""


@dataclass(frozen=True)
class WireEvent:
    """One event of a stream."""

    name: str | None
    """Of the SSE field ``event``."""
    data: str
    value: Mapping[str, Any]
    """The JSON object in it; empty where there is none."""

    @property
    def type(self) -> str:
        """What Messages and Responses call it."""
        return str(self.value.get("type") or "")


class View:
    """An exchange whose endpoint was asked for a completion."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    @property
    def api(self) -> Api | None:
        """What the endpoint was asked in."""
        return self.exchange.endpoint_api

    @property
    def knows_request(self) -> bool:
        """Whether the request is there at all; of a response from elsewhere it may not be."""
        return bool(self.exchange.upstream_body or self.exchange.request_body)

    @cached_property
    def request(self) -> Request | None:
        """What the endpoint was asked; of a translation, what the agent meant."""
        return self.exchange.request

    @cached_property
    def asked(self) -> Mapping[str, Any]:
        """The JSON that the endpoint was sent, with what the path of the request said."""
        body = as_dict(parse_json(self.exchange.upstream_body or self.exchange.request_body))
        if self.api is None or self.request is None or not wire.api(self.api).in_path:
            return body
        return {**body, "model": self.request.model, "stream": self.request.stream}

    @cached_property
    def response(self) -> Response:
        """The answer; one without parts where there is none."""
        return self.exchange.response or Response(complete=False)

    @property
    def answered(self) -> bool:
        """Whether a whole, successful answer is there to be judged."""
        status = self.exchange.status
        return status is not None and status < 400 and self.exchange.error is None and self.response.failure is None

    @property
    def situation(self) -> Situation:
        """What the exchange itself shows of when agents meet its faults: that the token limit cut it."""
        usage, limit = self.response.usage, self.request.max_tokens if self.request else None
        reached = bool(limit and usage and usage.output and usage.output >= limit)
        return "token-limit" if reached or self.response.stop == "length" else "always"

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls of the answer."""
        return self.response.calls

    @cached_property
    def lost_calls(self) -> tuple[LeakedCall, ...]:
        """Calls in text or reasoning instead of the API's own field for calls."""
        return lost_calls(self.request, self.response)

    @property
    def thoughts(self) -> str:
        """The reasoning that the answer shows."""
        return "".join(part.text for part in self.response.parts if isinstance(part, Thinking))

    @property
    def at_once(self) -> bool:
        """Whether the model ended its answer with its first tokens, of which none is missing."""
        several = as_int(self.asked.get("n")) or 1
        if self.response.usage and self.response.usage.output is not None and several == 1:
            written = self.response.usage.output
            return 0 < written <= FEW and written <= len(self.response.text + self.thoughts) + 1
        # What each of several choices had is not told; in a chunk each, between the role and the stop reason.
        return (self.uncounted or several > 1) and len(self.choices) <= several * (FEW + 2)

    @property
    def uncounted(self) -> bool:
        """Whether usage was not asked for where it comes on request only."""
        requested = as_dict(self.asked.get("stream_options")).get("include_usage")
        counted = not self.knows_request and self.response.usage is not None
        return wire.api(self.api).usage_on_request and self.exchange.streamed and not requested and not counted

    @cached_property
    def events(self) -> tuple[WireEvent, ...]:
        """The events of a stream; none of a whole answer."""
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
        """Repairs of these kinds that parsing needed: (detail, excerpt)."""
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
        """The end of the answer's bytes, from the beginning of a line if one begins there."""
        end = self.exchange.body[-300:]
        _, line, rest = end.partition(b"\n") if len(self.exchange.body) > len(end) else (b"", b"", b"")
        return (rest.lstrip(b"\r\n") if line and rest.strip() else end).decode(errors="replace")

    def usage(self) -> str:
        """The bytes that count tokens, the last of them; "" where there are none."""
        counts = [match.group() for match in _USAGE.finditer(self.exchange.body)]
        return counts[-1].decode(errors="replace") if counts else ""

    def stopped(self) -> str:
        """The bytes that say why the answer stopped; its end, where they are not found."""
        stops = [match.group() for match in _STOP.finditer(self.exchange.body)]
        raw = json.dumps(self.response.raw_stop).encode()
        return next((stop.decode() for stop in reversed(stops) if stop.endswith(raw)), self.tail())


def wrong(fine: Mapping[str, object]) -> str:
    """Names of the fields that are not fine, for a message; empty where all are."""
    return ", ".join(name for name, is_fine in fine.items() if not is_fine)


def chat_calls(view: View) -> Iterator[Mapping[str, Any]]:
    """The calls of a whole chat answer, as they were written."""
    for choice in as_list(view.whole.get("choices")):
        for call in as_list(as_dict(as_dict(choice).get("message")).get("tool_calls")):
            yield as_dict(call)


def overlaps(
    view: View, begins: str, ends: str, key: Callable[[WireEvent], Hashable]
) -> Iterator[tuple[WireEvent, Hashable]]:
    """Events that begin something of a stream before another of its kind has ended, each with the key of that other.

    Args:
        view: of the exchange.
        begins: type of the events that begin one.
        ends: type of those that end one.
        key: what names the one that an event is about.
    """
    begun: list[Hashable] = []
    for event in view.events:
        if event.type == begins:
            if begun and key(event) not in begun:
                yield event, begun[-1]
            begun.append(key(event))
        elif event.type == ends and key(event) in begun:
            begun.remove(key(event))
