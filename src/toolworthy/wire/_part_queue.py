"""Bring the parts of a stream one after the other, for an API in which only one may be open."""

from __future__ import annotations

from toolworthy.wire.ir import PartClosed, PartDelta, PartOpened

PartEvent = PartOpened | PartDelta | PartClosed


class PartQueue:
    """Holds back the events of a part that begins before another one has ended, as parallel calls do over chat."""

    def __init__(self) -> None:
        self._open: int | None = None
        self._waiting: list[PartEvent] = []

    def add(self, event: PartEvent) -> list[PartEvent]:
        """The events that can be written now, in their order."""
        if self._open is not None and event.index != self._open:
            self._waiting.append(event)
            return []
        if isinstance(event, PartOpened):
            self._open = event.index
        elif self._open is None:
            return []
        if not isinstance(event, PartClosed):
            return [event]
        self._open = None
        waiting, self._waiting = self._waiting, []
        return [event, *(ready for later in waiting for ready in self.add(later))]

    def rest(self) -> list[PartEvent]:
        """What is left at the end: every part that is still open, closed."""
        ready: list[PartEvent] = []
        while self._open is not None:
            ready += self.add(PartClosed(self._open))
        return ready
