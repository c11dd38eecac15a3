"""Reasoning that an agent does not send back with the call that followed it."""

from __future__ import annotations

import json
from collections import OrderedDict

from toolworthy.gateway.repair._editor import Note
from toolworthy.wire.ir import Api, Response, Thinking, ToolCall
from toolworthy.wire.reasoning_replay import reinsert

_MOST = 512
"""Calls whose reasoning is remembered."""


class ReasoningMemory:
    """The reasoning before each call, by the call's id."""

    def __init__(self) -> None:
        self._before: OrderedDict[str, tuple[Thinking, ...]] = OrderedDict()

    def keep(self, response: Response) -> None:
        """Remember what a response reasoned."""
        thinking = tuple(part for part in response.parts if isinstance(part, Thinking))
        for call in response.parts if thinking else ():
            if isinstance(call, ToolCall):
                self._before[call.id] = thinking
                if len(self._before) > _MOST:
                    self._before.popitem(last=False)

    def before(self, call_id: str) -> tuple[Thinking, ...]:
        """What came before a call."""
        return self._before.get(call_id, ())

    def replay(self, api: Api, body: bytes, note: Note) -> bytes:
        """A request's body, with the reasoning that is missing in it; the same bytes where none is."""
        try:
            value = json.loads(body) if self._before else None
        except ValueError:
            return body
        if not isinstance(value, dict) or not (ids := reinsert(api, value, self.before)):
            return body
        note("reasoning-replay", f"no reasoning before {', '.join(ids)}", "reasoning inserted")
        return json.dumps(value, ensure_ascii=False).encode()
