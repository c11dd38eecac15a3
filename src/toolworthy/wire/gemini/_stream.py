"""Write Gemini streams strictly.

Every event is a response object with the new parts. Events have no name, and there is no end marker: the last one has a
``finishReason``. A call comes in one piece (js-genai, ``src/_api_client.ts``; ai.google.dev, "Generating content").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolworthy.wire import ir
from toolworthy.wire.assemble import merge
from toolworthy.wire.gemini._response import Writer, answer, finish_reason, render_error
from toolworthy.wire.lenient import dump_json
from toolworthy.wire.sse import format_event


class GeminiEncoder:
    """Writes events as the stream that a Gemini agent reads: calls whole, stop reason and usage in the last chunk."""

    def __init__(self, request: ir.Request) -> None:
        self._writer = Writer()
        self._head: dict[str, Any] = {"modelVersion": request.model, "responseId": "response_0"}
        self._usage: ir.Usage | None = None
        self._stop: ir.StopReason | None = None
        self._failed = False

    def encode(self, event: ir.Event) -> bytes:
        """The bytes of one event; b"" where it has none of its own."""
        match event:
            case ir.Started():
                self._head["modelVersion"] = event.model or self._head["modelVersion"]
                self._head["responseId"] = event.id or self._head["responseId"]
                self._usage = event.usage
                return b""
            case ir.PartOpened() | ir.PartDelta() | ir.PartClosed():
                return b"".join(map(self._chunk, self._writer.parts(event)))
            case ir.Stopped():
                self._stop = event.reason
                return b""
            case ir.Counted():
                self._usage = merge(self._usage, event.usage)
                return b""
            case ir.Failed():
                self._failed = True
                return format_event(dump_json(render_error(event.failure)))
            case ir.Ended():
                return self._end(event.clean)

    def _end(self, clean: bool) -> bytes:
        if self._failed or (self._stop is None and not clean):
            return b""  # the endpoint broke off: the agent must see that, too
        *rest, last = self._writer.rest(self._stop) or [{"text": ""}]
        final = answer(self._head, [last], finish_reason(self._stop or "end"), self._usage)
        return b"".join(map(self._chunk, rest)) + format_event(dump_json(final))

    def _chunk(self, part: Mapping[str, Any]) -> bytes:
        return format_event(dump_json(answer(self._head, [part], None, None)))
