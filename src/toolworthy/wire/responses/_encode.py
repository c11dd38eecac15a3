"""Write events as the stream that a Responses agent reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from toolworthy.wire import ir
from toolworthy.wire._part_queue import PartEvent, PartQueue
from toolworthy.wire.assemble import Assembler
from toolworthy.wire.lenient import dump_json
from toolworthy.wire.responses._resource import response_object
from toolworthy.wire.responses._response import item_id, output_item
from toolworthy.wire.sse import format_event


class ResponsesEncoder:
    """One item open at a time, each whole in its last event; sequence numbers without gaps; exactly one terminal
    event."""

    def __init__(self, request: ir.Request) -> None:
        self._request = request
        self._whole = Assembler()
        self._sequence = 0
        self._begun = False
        self._outputs: dict[int, int] = {}
        """Part index to output index, in the order of opening."""
        self._items: dict[int, dict[str, Any]] = {}
        self._texts: dict[int, list[str]] = {}
        self._open: dict[int, ir.Part] = {}
        self._queue = PartQueue()

    def encode(self, event: ir.Event) -> bytes:
        """The bytes of one event; b"" where it has none of its own."""
        self._whole.add(event)
        match event:
            case ir.Started():
                return self._begin()
            case ir.PartOpened() | ir.PartDelta() | ir.PartClosed():
                return self._begin() + self._written(self._queue.add(event))
            case ir.Stopped() | ir.Counted() | ir.Failed():
                return b""
            case ir.Ended():
                return self._begin() + self._end(event.clean)

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        response = response_object(self._whole.response(), self._request, [], "in_progress")
        return self._sse("response.created", response=response) + self._sse("response.in_progress", response=response)

    def _written(self, events: Iterable[PartEvent]) -> bytes:
        return b"".join(map(self._part, events))

    def _part(self, event: PartEvent) -> bytes:
        match event:
            case ir.PartOpened():
                return self._opened(event)
            case ir.PartDelta():
                return self._grown(event)
            case ir.PartClosed():
                return self._closed(event)

    def _opened(self, event: ir.PartOpened) -> bytes:
        if isinstance(event.part, ir.Opaque) and event.part.api != "responses":
            return b""
        output = self._outputs[event.index] = len(self._outputs)
        self._open[event.index], self._texts[event.index] = event.part, []
        item = self._item(event.index, "")
        if "status" in item:
            item["status"] = "in_progress"
        if isinstance(event.part, (ir.Text, ir.Thinking)):
            item.pop("encrypted_content", None)
            item["content"] = []
        out = self._sse("response.output_item.added", output_index=output, item=item)
        if isinstance(event.part, ir.Text):
            part = {"type": "output_text", "text": "", "annotations": []}
            out += self._content("response.content_part.added", event.index, item["id"], part=part)
        return out

    def _grown(self, event: ir.PartDelta) -> bytes:
        if event.index not in self._open:
            return b""
        self._texts[event.index].append(event.text)
        item = self._item(event.index, "")
        if item["type"] == "message":
            return self._content("response.output_text.delta", event.index, item["id"], delta=event.text, logprobs=[])
        if item["type"] == "reasoning":
            return self._content("response.reasoning_text.delta", event.index, item["id"], delta=event.text)
        if item["type"] == "function_call":
            return self._sse(
                "response.function_call_arguments.delta",
                item_id=item["id"],
                output_index=self._outputs[event.index],
                delta=event.text,
            )
        return b""  # free-form input may still be wrapped in JSON: it is sent once it is complete

    def _closed(self, event: ir.PartClosed) -> bytes:
        part = self._open.get(event.index)
        if part is None:
            return b""
        if event.signature is not None and isinstance(part, ir.Thinking):
            self._open[event.index] = replace(part, signature=event.signature)
        item = self._item(event.index, "".join(self._texts[event.index]))
        del self._open[event.index]
        output = self._outputs[event.index]
        self._items[output] = item
        where = {"item_id": item["id"], "output_index": output} if "id" in item else {}
        out = b""
        if item["type"] == "message":
            content = item["content"][0]
            out += self._content(
                "response.output_text.done", event.index, item["id"], text=content["text"], logprobs=[]
            )
            out += self._content("response.content_part.done", event.index, item["id"], part=content)
        elif item["type"] == "reasoning" and item.get("content"):
            text = item["content"][0]["text"]
            out += self._content("response.reasoning_text.done", event.index, item["id"], text=text)
        elif item["type"] == "function_call":
            fields = {"arguments": item["arguments"], "name": item["name"]}
            out += self._sse("response.function_call_arguments.done", **where, **fields)
        elif item["type"] == "custom_tool_call":
            out += self._sse("response.custom_tool_call_input.delta", **where, delta=item["input"])
            out += self._sse("response.custom_tool_call_input.done", **where, input=item["input"])
        return out + self._sse("response.output_item.done", output_index=output, item=item)

    def _end(self, clean: bool) -> bytes:
        whole = self._whole.response()
        out = b""
        if not whole.failure and (clean or whole.stop is not None):  # else an agent would run an incomplete call
            out = self._written(self._queue.rest())
        output = [item for _, item in sorted(self._items.items())]
        if whole.failure:
            response = response_object(whole, self._request, output, "failed")
            response["error"] = {"code": whole.failure.code or "server_error", "message": whole.failure.message}
            return out + self._sse("response.failed", response=response)
        if not clean and whole.stop is None:
            return out  # the endpoint broke off: the agent must see that, too
        response = response_object(whole, self._request, output)
        return out + self._sse(f"response.{response['status']}", response=response)

    def _item(self, index: int, text: str) -> dict[str, Any]:
        part = self._open[index]
        if isinstance(part, (ir.Text, ir.Thinking)):
            part = replace(part, text=part.text + text)
        elif isinstance(part, ir.ToolCall):
            arguments = part.arguments + text
            part = replace(part, arguments=arguments if arguments or part.custom else "")
        item = output_item(part, item_id(self._whole.response(), self._outputs[index]), self._request)
        return item or {"type": "message", "id": f"msg_{index}", "role": "assistant", "content": []}

    def _content(self, kind: str, index: int, item_id: str, **fields: Any) -> bytes:
        return self._sse(kind, item_id=item_id, output_index=self._outputs[index], content_index=0, **fields)

    def _sse(self, kind: str, **fields: Any) -> bytes:
        data = dump_json({"type": kind, "sequence_number": self._sequence, **fields})
        self._sequence += 1
        return format_event(data, kind)
