"""Assemble the events of a stream into one response."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from toolworthy.wire import ir


class Assembler:
    """Collects events; `response` is valid after every event."""

    def __init__(self) -> None:
        self._parts: dict[int, ir.Part] = {}
        self._texts: dict[int, list[str]] = {}
        self._head = ir.Response(complete=False)

    def add(self, event: ir.Event) -> None:
        """Take one event."""
        match event:
            case ir.Started():
                usage = merge(self._head.usage, event.usage) if event.usage else self._head.usage
                self._head = replace(self._head, id=event.id, model=event.model, usage=usage)
            case ir.PartOpened():
                self._parts[event.index] = event.part
                self._texts[event.index] = []
            case ir.PartDelta():
                self._texts.setdefault(event.index, []).append(event.text)
            case ir.PartClosed():
                part = self._parts.get(event.index)
                if event.signature is not None and isinstance(part, ir.Thinking):
                    self._parts[event.index] = replace(part, signature=event.signature)
            case ir.Stopped():
                self._head = replace(self._head, stop=event.reason, raw_stop=event.raw, complete=True)
            case ir.Counted():
                self._head = replace(self._head, usage=merge(self._head.usage, event.usage))
            case ir.Failed():
                self._head = replace(self._head, failure=event.failure)
            case ir.Ended():
                self._head = replace(self._head, complete=event.clean or self._head.complete)

    def response(self, repairs: tuple[ir.Repair, ...] = ()) -> ir.Response:
        """The response so far."""
        parts = tuple(_grown(part, "".join(self._texts[index])) for index, part in sorted(self._parts.items()))
        return replace(self._head, parts=parts, repairs=repairs)


def assemble(events: Iterable[ir.Event], repairs: tuple[ir.Repair, ...] = ()) -> ir.Response:
    """The response that a whole stream carries."""
    assembler = Assembler()
    for event in events:
        assembler.add(event)
    return assembler.response(repairs)


def disassemble(response: ir.Response) -> list[ir.Event]:
    """A stream that carries the response; the inverse of ``assemble``."""
    events: list[ir.Event] = [ir.Started(response.id, response.model)]
    for index, part in enumerate(response.parts):
        match part:
            case ir.Text() | ir.Thinking():
                events += [ir.PartOpened(index, replace(part, text="")), ir.PartDelta(index, part.text)]
            case ir.ToolCall():
                events += [ir.PartOpened(index, replace(part, arguments="")), ir.PartDelta(index, part.arguments)]
            case _:
                continue
        events.append(ir.PartClosed(index))
    if response.usage:
        events.append(ir.Counted(response.usage))
    if response.failure:
        events.append(ir.Failed(response.failure))
    if response.stop:
        events.append(ir.Stopped(response.stop, response.raw_stop or ""))
    events.append(ir.Ended(response.complete))
    return events


def merge(old: ir.Usage | None, new: ir.Usage) -> ir.Usage:
    """`new`, with its missing fields taken from `old`."""
    if old is None:
        return new
    known = {field.name: getattr(new, field.name) for field in fields(ir.Usage) if getattr(new, field.name) is not None}
    return replace(old, **known)


def _grown(part: ir.Part, text: str) -> ir.Part:
    if not text:
        return part
    match part:
        case ir.Text() | ir.Thinking():
            return replace(part, text=part.text + text)
        case ir.ToolCall():
            return replace(part, arguments=part.arguments + text)
        case _:
            return part
