"""Base class of the decoders of all wire APIs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from toolworthy.wire.ir import Ended, Event, Repair, Started, Stopped, StopReason, Usage
from toolworthy.wire.lenient import as_str, parse_json
from toolworthy.wire.sse import SseEvent, SseParser


class SseDecoder(ABC):
    """Reads SSE bytes, cut anywhere, into events; a subclass reads the JSON of one event. Never raises."""

    unfinished: ClassVar[str]
    """Code of the repair for a stream that ends without its terminal marker."""

    def __init__(self) -> None:
        self.repairs: list[Repair] = []
        self._sse = SseParser()
        self._started = self._stopped = self._ended = False
        self._done = False
        """Whether the API's terminal marker was read; anything after it is ignored."""
        self._number = 0
        """Number of the current event."""

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        return [event for sse in self._sse.feed(data) for event in self._decode(sse)]

    def close(self) -> list[Event]:
        """The last events; the very last is ``Ended``."""
        events = [event for sse in self._sse.close() for event in self._decode(sse)]
        if self._ended:
            return events
        self._ended = True
        self.repairs[:0] = self._sse.repairs
        events += self._rest()
        if not self._done:
            self.repairs.append(Repair(self.unfinished, event=self._number))
        return [*events, Ended(clean=self._done)]

    @abstractmethod
    def _event(self, name: str | None, value: Mapping[str, Any]) -> Iterable[Event]:
        """The neutral events of one event of the stream.

        Args:
            name: of the SSE field ``event``.
            value: its data.
        """

    @abstractmethod
    def _rest(self) -> Iterable[Event]:
        """Events that close open parts at the end of the stream."""

    def _marker(self) -> None:
        """Handle ``[DONE]``."""
        self._once("done-marker", "[DONE] is chat's")

    def _decode(self, sse: SseEvent) -> Iterator[Event]:
        self._number = sse.number
        if sse.data.strip() == "[DONE]":
            self._marker()
        elif not self._done:
            value = parse_json(sse.data)
            if isinstance(value, list) and len(value) == 1:  # Google's errors come in an array
                value = value[0]
            if isinstance(value, dict):
                yield from self._event(sse.event, value)
            else:
                self._repair("bad-json", sse.data[:100])

    def _start(self, answer: Mapping[str, Any], usage: Usage | None = None) -> Iterator[Event]:
        if not self._started:
            self._started = True
            yield Started(as_str(answer.get("id")), as_str(answer.get("model")), usage)

    def _stop(self, reason: StopReason | None, raw: str) -> Iterator[Event]:
        if reason and not self._stopped:
            self._stopped = True
            yield Stopped(reason, raw)

    def _repair(self, code: str, detail: str = "") -> None:
        self.repairs.append(Repair(code, detail, self._number))

    def _once(self, code: str, detail: str = "") -> None:
        """Report a repair at most once."""
        if not any(known.code == code for known in self.repairs):
            self._repair(code, detail)
