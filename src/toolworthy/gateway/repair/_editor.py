"""Base class of the editors of a response."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from toolworthy.records.exchange import RepairKind
from toolworthy.wire.ir import Event

Note = Callable[[RepairKind, str, str], None]
"""Called with a repair: its kind, the faulty value, and its replacement."""


class Editor(Protocol):
    """Edits the events of one response, one after the other."""

    def edit(self, event: Event) -> Iterable[Event]:
        """The events to send in place of an event."""
