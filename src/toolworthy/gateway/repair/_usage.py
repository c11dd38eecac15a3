"""Repair of usage that is missing or zero, by an estimate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from toolworthy.gateway.repair._editor import Note
from toolworthy.wire.assemble import merge
from toolworthy.wire.ir import Counted, Ended, Event, PartDelta, Started, Usage

_BYTES_A_TOKEN = 4


class Usages:
    """Adds an estimate from the sizes of request and response.

    Args:
        request_bytes: size of the request.
        note: called with each repair.
    """

    def __init__(self, request_bytes: int, note: Note) -> None:
        self._input = max(1, request_bytes // _BYTES_A_TOKEN)
        self._note = note
        self._bytes = 0
        self._usage: Usage | None = None

    def edit(self, event: Event) -> Iterable[Event]:
        """The event; at the end, usage without zeros comes before it."""
        match event:
            case PartDelta():
                self._bytes += len(event.text.encode())
            case Started() if event.usage is not None:
                self._usage = event.usage
                if not event.usage.input:
                    return [replace(event, usage=replace(event.usage, input=self._input))]
            case Counted():
                self._usage = merge(self._usage, event.usage)
                return []
            case Ended():
                return [*self._counted(event.clean), event]
        return [event]

    def _counted(self, clean: bool) -> Iterable[Event]:
        known = self._usage or Usage()
        output = max(1, self._bytes // _BYTES_A_TOKEN)
        if not clean or (known.input and (known.output or not self._bytes)):
            return [Counted(self._usage)] if self._usage else []
        fixed = replace(known, input=known.input or self._input, output=known.output or output)
        before = "none" if self._usage is None else f"input {known.input}, output {known.output}"
        self._note("usage", before, f"input {fixed.input}, output {fixed.output}, estimated")
        return [Counted(fixed)]
