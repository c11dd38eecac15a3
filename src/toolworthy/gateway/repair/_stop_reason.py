"""Repair of stop reasons that contradict the calls."""

from __future__ import annotations

from collections.abc import Iterable

from toolworthy.gateway.repair._editor import Note
from toolworthy.wire.ir import Ended, Event, PartOpened, Stopped, ToolCall


class StopReasons:
    """Corrects a stop reason that contradicts the calls, and adds a missing one at a clean end."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._calls = self._stopped = self._parts = False

    def edit(self, event: Event) -> Iterable[Event]:
        """The event, or its correction."""
        match event:
            case PartOpened():
                self._parts = True
                self._calls = self._calls or isinstance(event.part, ToolCall)
            case Stopped():
                self._stopped = True
                if self._calls and event.reason in ("end", "stop_sequence", "unknown"):
                    return [self._instead(event.raw or event.reason, "tool")]
                if not self._calls and event.reason == "tool":
                    return [self._instead(event.raw or event.reason, "end")]
            case Ended() if event.clean and self._parts and not self._stopped:
                return [self._instead("none", "tool" if self._calls else "end"), event]
        return [event]

    def _instead(self, before: str, reason: str) -> Stopped:
        self._note("stop-reason", before, reason)
        return Stopped("tool" if reason == "tool" else "end", "")
