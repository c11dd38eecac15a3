"""What all editors of a response share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from toolworthy.records.exchange import RepairKind
from toolworthy.wire.ir import Event

Note = Callable[[RepairKind, str, str], None]
"""Hears of a repair: its kind, what came, and what is sent instead."""


class Editor(Protocol):
    """Edits the events of one response, one after the other."""

    def edit(self, event: Event) -> Iterable[Event]:
        """What is sent in place of an event."""
