"""Put a stream's events together into one answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from toolworthy.wire.ir import (
    Counted,
    Ended,
    Event,
    Failed,
    Part,
    PartClosed,
    PartDelta,
    PartOpened,
    Repair,
    Response,
    Started,
    Stopped,
    Text,
    Thinking,
    ToolCall,
    Usage,
)


class Assembler:
    """Collects events; its response is right at every moment."""

    def __init__(self) -> None:
        self._parts: dict[int, Part] = {}
        self._texts: dict[int, list[str]] = {}
        self._head = Response(complete=False)

    def add(self, event: Event) -> None:
        """Take one event."""
        match event:
            case Started():
                usage = merge(self._head.usage, event.usage) if event.usage else self._head.usage
                self._head = replace(self._head, id=event.id, model=event.model, usage=usage)
            case PartOpened():
                self._parts[event.index] = event.part
                self._texts[event.index] = []
            case PartDelta():
                self._texts.setdefault(event.index, []).append(event.text)
            case PartClosed():
                part = self._parts.get(event.index)
                if event.signature is not None and isinstance(part, Thinking):
                    self._parts[event.index] = replace(part, signature=event.signature)
            case Stopped():
                self._head = replace(self._head, stop=event.reason, raw_stop=event.raw, complete=True)
            case Counted():
                self._head = replace(self._head, usage=merge(self._head.usage, event.usage))
            case Failed():
                self._head = replace(self._head, failure=event.failure)
            case Ended():
                self._head = replace(self._head, complete=event.clean or self._head.complete)

    def response(self, repairs: tuple[Repair, ...] = ()) -> Response:
        """What has come so far."""
        parts = tuple(_grown(part, "".join(self._texts[index])) for index, part in sorted(self._parts.items()))
        return replace(self._head, parts=parts, repairs=repairs)


def assemble(events: Iterable[Event], repairs: tuple[Repair, ...] = ()) -> Response:
    """The answer that a whole stream amounts to."""
    assembler = Assembler()
    for event in events:
        assembler.add(event)
    return assembler.response(repairs)


def disassemble(response: Response) -> list[Event]:
    """The stream that an answer could have come as; ``assemble`` gives the answer back."""
    events: list[Event] = [Started(response.id, response.model)]
    for index, part in enumerate(response.parts):
        match part:
            case Text() | Thinking():
                events += [PartOpened(index, replace(part, text="")), PartDelta(index, part.text)]
            case ToolCall():
                events += [PartOpened(index, replace(part, arguments="")), PartDelta(index, part.arguments)]
            case _:
                continue
        events.append(PartClosed(index))
    if response.usage:
        events.append(Counted(response.usage))
    if response.failure:
        events.append(Failed(response.failure))
    if response.stop:
        events.append(Stopped(response.stop, response.raw_stop or ""))
    events.append(Ended(response.complete))
    return events


def merge(old: Usage | None, new: Usage) -> Usage:
    """`new`, with what it does not say taken from `old`."""
    if old is None:
        return new
    told = {field.name: getattr(new, field.name) for field in fields(Usage) if getattr(new, field.name) is not None}
    return replace(old, **told)


def _grown(part: Part, text: str) -> Part:
    if not text:
        return part
    match part:
        case Text() | Thinking():
            return replace(part, text=part.text + text)
        case ToolCall():
            return replace(part, arguments=part.arguments + text)
        case _:
            return part
