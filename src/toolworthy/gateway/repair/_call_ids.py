"""Repair of call ids: each call of a conversation gets a unique id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from secrets import token_hex

from toolworthy.gateway.repair._editor import Note
from toolworthy.wire.ir import Event, PartOpened, Repair, Request, ToolCall, ToolResult


class CallIds:
    """Replaces missing ids, and ids of earlier calls.

    Args:
        request: the request, whose conversation has the earlier calls.
        decoded: the decoder's repairs; it generates missing ids.
        note: called with each repair.
    """

    def __init__(self, request: Request, decoded: Sequence[Repair], note: Note) -> None:
        self._decoded, self._note = decoded, note
        parts = [part for message in request.messages for part in message.parts]
        self._taken = {part.id for part in parts if isinstance(part, ToolCall)}
        self._taken |= {part.call_id for part in parts if isinstance(part, ToolResult)}

    def edit(self, event: Event) -> Iterable[Event]:
        """The event, its call with a unique id."""
        if not isinstance(event, PartOpened) or not isinstance(event.part, ToolCall):
            return [event]
        call = event.part
        missing = not call.id.strip() or self._made_up(call)
        if missing or call.id in self._taken:
            fresh = f"call_{token_hex(12)}"
            self._note("call-id", "no id" if missing else f"{call.id}, which another call has", fresh)
            call = replace(call, id=fresh)
        self._taken.add(call.id)
        return [replace(event, part=call)]

    def _made_up(self, call: ToolCall) -> bool:
        if not re.fullmatch(r"call_\d+", call.id) and call.id != call.item_id:
            return False
        wanted = f" of {call.name}"
        return any(repair.code == "missing-id" and repair.detail.endswith(wanted) for repair in self._decoded)
