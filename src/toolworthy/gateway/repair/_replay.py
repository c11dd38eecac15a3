"""Repair of requests: reasoning that an agent does not send back with the call after it."""

from __future__ import annotations

import json
from collections import OrderedDict

from toolworthy.gateway.repair._editor import Note
from toolworthy.wire.ir import Api, Response, Thinking, ToolCall
from toolworthy.wire.reasoning_replay import reinsert

_MOST = 512
"""The most calls whose reasoning is stored."""


class ReasoningMemory:
    """The reasoning before each call, by the call's id."""

    def __init__(self) -> None:
        self._before: OrderedDict[str, tuple[Thinking, ...]] = OrderedDict()

    def keep(self, response: Response) -> None:
        """Store the reasoning of a response."""
        thinking = tuple(part for part in response.parts if isinstance(part, Thinking))
        for call in response.parts if thinking else ():
            if isinstance(call, ToolCall):
                self._before[call.id] = thinking
                if len(self._before) > _MOST:
                    self._before.popitem(last=False)

    def before(self, call_id: str) -> tuple[Thinking, ...]:
        """The reasoning before a call."""
        return self._before.get(call_id, ())

    def replay(self, api: Api, body: bytes, note: Note) -> bytes:
        """A request's body with its missing reasoning added; the same bytes if none is missing."""
        try:
            value = json.loads(body) if self._before else None
        except ValueError:
            return body
        if not isinstance(value, dict) or not (ids := reinsert(api, value, self.before)):
            return body
        note("reasoning-replay", f"no reasoning before {', '.join(ids)}", "reasoning inserted")
        return json.dumps(value, ensure_ascii=False).encode()
