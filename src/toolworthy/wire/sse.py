"""Parse server-sent events incrementally, from bytes split anywhere.

Grammar: HTML Living Standard, section 9.2.6 (event stream interpretation). Lenient where servers are sloppy: any line
end, no space after the colon, no final blank line, a BOM, bytes that are not UTF-8.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from toolworthy.wire.ir import Repair

MAX_EVENT = 64 * 2**20
"""The most characters of one event; longer ones are cut, so that an endless line costs bounded memory."""


_STREAM = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?::[^\r\n]*)?\r?\n)*+(?:data|event|id|retry):")


def is_stream(body: bytes) -> bool:
    """Whether a body looks like an event stream, whatever its content type: blank lines, comments, then a field."""
    return _STREAM.match(body) is not None


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One dispatched event."""

    event: str | None
    data: str
    number: int
    """From 0."""


class SseParser:
    """An incremental parser: feed it bytes, and it returns the complete events."""

    def __init__(self) -> None:
        self.repairs: list[Repair] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest: list[str] = []
        self._rest_length = 0
        self._after_cr = False
        self._event: str | None = None
        self._data: list[str] = []
        self._data_length = 0
        self._count = 0
        self._begun = False

    def feed(self, data: bytes) -> list[SseEvent]:
        """The events that `data` completes."""
        return self._take(self._decoder.decode(data))

    def close(self) -> list[SseEvent]:
        """The last events, if the final blank line is missing. Call once, at the end."""
        events = self._take(self._decoder.decode(b"", final=True) + "\n")
        if self._data:
            self.repairs.append(Repair("no-final-blank-line", event=self._count))
            events += self._dispatch()
        return events

    def _take(self, text: str) -> list[SseEvent]:
        if not self._begun and text:
            self._begun = True
            text = text.removeprefix("\ufeff")
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        if "\r" in text:
            self._after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, rest = text.split("\n")
        if lines:
            lines[0] = "".join([*self._rest, lines[0]])
            self._rest, self._rest_length = [], 0
        self._keep(rest)
        events: list[SseEvent] = []
        for line in lines:
            events += self._line(line)
        return events

    def _keep(self, rest: str) -> None:
        room = MAX_EVENT - self._rest_length
        if len(rest) > room:
            self._overflow()
        if rest and room > 0:
            self._rest.append(rest[:room])
            self._rest_length += len(rest[:room])

    def _line(self, line: str) -> list[SseEvent]:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            if self._data_length + len(value) > MAX_EVENT:
                self._overflow()
            else:
                self._data.append(value)
                self._data_length += len(value)
        elif name == "event":
            self._event = value
        elif not name:
            pass  # a comment, used as a keep-alive
        elif name not in ("id", "retry"):
            self.repairs.append(Repair("unknown-sse-field", name[:40], self._count))
        return []

    def _dispatch(self) -> list[SseEvent]:
        name, data = self._event, "\n".join(self._data)
        self._event, self._data, self._data_length = None, [], 0
        if not data.strip():  # a keep-alive
            return []
        event = SseEvent(name, data, self._count)
        self._count += 1
        return [event]

    def _overflow(self) -> None:
        if not any(repair.code == "event-too-long" for repair in self.repairs):
            self.repairs.append(Repair("event-too-long", f"more than {MAX_EVENT} characters", self._count))


def events(body: bytes) -> list[SseEvent]:
    """The events of a whole stream."""
    parser = SseParser()
    return [*parser.feed(body), *parser.close()]


def format_event(data: str, event: str | None = None) -> bytes:
    """One event as bytes."""
    head = f"event: {event}\n" if event else ""
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"{head}{lines}\n".encode("utf-8", "replace")
