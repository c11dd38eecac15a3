"""Read Anthropic Messages streams leniently, write them strictly.

Grammar: platform.claude.com, "Streaming messages": message_start, blocks (start, deltas, stop), message_delta,
message_stop; ping and error anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from toolworthy.wire import ir, shapes
from toolworthy.wire._decoder import SseDecoder
from toolworthy.wire._estimate import input_tokens
from toolworthy.wire._part_queue import PartEvent, PartQueue
from toolworthy.wire.assemble import merge
from toolworthy.wire.failure import event_failure
from toolworthy.wire.lenient import as_arguments, as_dict, as_int, as_str, dump_json
from toolworthy.wire.messages._request import call_id
from toolworthy.wire.messages._response import parse_usage, render_error, signature, stop_reason, stop_word, write_usage
from toolworthy.wire.sse import format_event


class MessagesDecoder(SseDecoder):
    """Reads an event stream."""

    unfinished = "no-message-stop"

    def __init__(self) -> None:
        super().__init__()
        self._blocks: dict[int, int] = {}
        """The endpoint's index of each open block to our index."""
        self._open: dict[int, ir.Part] = {}
        self._signatures: dict[int, str] = {}
        self._first_usage: Mapping[str, Any] = {}
        """Usage at the start of the message; its end may repeat only a part."""
        self._count = 0

    def _event(self, name: str | None, value: Mapping[str, Any]) -> Iterator[ir.Event]:
        kind = "error" if name == "error" else as_str(value.get("type")) or name or ""
        if not name:
            self._once("missing-event-name", kind)
        match kind:
            case "message_start":
                message = as_dict(value.get("message"))
                self._first_usage = self._first_usage if self._started else as_dict(message.get("usage"))
                yield from self._start(message, parse_usage(self._first_usage))
            case "content_block_start":
                yield from self._block(as_int(value.get("index")), as_dict(value.get("content_block")))
            case "content_block_delta":
                yield from self._delta(as_int(value.get("index")), as_dict(value.get("delta")))
            case "content_block_stop":
                yield from self._close(self._index(as_int(value.get("index"))))
            case "message_delta":
                yield from self._message_delta(value)
            case "message_stop":
                self._done = True
                yield from self._rest()
            case "ping":
                pass
            case _ if failure := event_failure(value, kind):
                yield ir.Failed(failure)
            case _:
                self._once("unknown-event", kind[:60])

    def _message_delta(self, value: Mapping[str, Any]) -> Iterator[ir.Event]:
        yield from self._rest()
        counts = as_dict(value.get("usage"))
        if usage := parse_usage({**self._first_usage, **counts} if counts.get("input_tokens") else counts):
            # Usually only output is counted; zero input tokens next to it are a placeholder.
            yield ir.Counted(usage if counts.get("input_tokens") else ir.Usage(output=usage.output))
        raw = as_dict(value.get("delta")).get("stop_reason")
        yield from self._stop(stop_reason(raw), as_str(raw))

    def _index(self, index: int | None) -> int:
        if index is None:
            self._once("missing-index")
            return max(self._blocks, default=0)
        return index

    def _block(self, index: int | None, block: Mapping[str, Any]) -> Iterator[ir.Event]:
        theirs = index if index is not None else self._count
        if index is None:
            self._once("missing-index")
        if theirs in self._blocks:
            self._repair("index-reused", f"block {theirs}")
            yield from self._close(theirs)
        ours = self._blocks[theirs] = self._count
        self._count += 1
        text = ""
        match block.get("type"):
            case "text":
                part: ir.Text | ir.Thinking | ir.ToolCall | ir.Opaque = ir.Text("")
                text = as_str(block.get("text"))
            case "thinking":
                part, text = ir.Thinking("", "thinking"), as_str(block.get("thinking"))
                if signature := as_str(block.get("signature")):
                    self._signatures[ours] = signature
            case "redacted_thinking":
                part = ir.Thinking("", "redacted_thinking", as_str(block.get("data")))
            case "tool_use":
                part, text = self._call(block, ours)
            case _:
                part = ir.Opaque("messages", block)
        self._open[ours] = part
        yield ir.PartOpened(ours, part)
        if text:
            yield ir.PartDelta(ours, text)

    def _call(self, block: Mapping[str, Any], number: int) -> tuple[ir.ToolCall, str]:
        name, call_id = as_str(block.get("name")), as_str(block.get("id"))
        if not call_id:
            self._repair("missing-id", f"call {number} of {name}")
        whole = block.get("input")
        if whole:
            self._once("input-at-start")
        return ir.ToolCall(call_id or f"call_{number}", name, ""), dump_json(whole) if whole else ""

    def _delta(self, index: int | None, delta: Mapping[str, Any]) -> Iterator[ir.Event]:
        theirs = self._index(index)
        kind = as_str(delta.get("type"))
        if theirs not in self._blocks:
            self._repair("missing-block-start", f"block {theirs}")
            kinds = {"thinking_delta": "thinking", "signature_delta": "thinking", "input_json_delta": "tool_use"}
            yield from self._block(theirs, {"type": kinds.get(kind, "text")})
        ours = self._blocks[theirs]
        if kind == "signature_delta":
            self._signatures[ours] = self._signatures.get(ours, "") + as_str(delta.get("signature"))
            return
        field = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}.get(kind)
        if field is None:
            if kind != "citations_delta":
                self._once("unknown-delta", kind[:60])
            return
        if not isinstance(delta.get(field), str):
            self._once("delta-not-string", kind)
        if text := as_arguments(delta.get(field)):
            yield ir.PartDelta(ours, text)

    def _rest(self) -> list[ir.Event]:
        return [event for index in list(self._blocks) for event in self._close(index)]

    def _close(self, theirs: int) -> Iterator[ir.Event]:
        if theirs in self._blocks:
            ours = self._blocks.pop(theirs)
            self._open.pop(ours, None)
            yield ir.PartClosed(ours, self._signatures.pop(ours, None))


class MessagesEncoder:
    """Writes events as the stream that a Messages agent reads: one block open at a time, indices without gaps.

    ``message_start`` counts input tokens, from which agents see how full their context is. Where the endpoint counts
    only at the end, that is an estimate, and ``message_delta`` has the count.
    """

    def __init__(self, request: ir.Request) -> None:
        self._request = request
        self._begun = False
        self._usage = ir.Usage()
        self._stop: str | None = None
        self._failed = False
        self._parts: dict[int, ir.Part] = {}
        self._texts: dict[int, list[str]] = {}
        self._queue = PartQueue()
        self._count = 0

    def encode(self, event: ir.Event) -> bytes:
        """The bytes of one event; b"" if it is not written on its own or is held until another block ends."""
        match event:
            case ir.Started():
                self._usage = merge(self._usage, event.usage) if event.usage else self._usage
                return self._begin(event.id, event.model)
            case ir.PartOpened() | ir.PartDelta() | ir.PartClosed():
                return self._begin() + self._written(self._queue.add(event))
            case ir.Stopped():
                self._stop = stop_word(event.reason)
                return b""
            case ir.Counted():
                self._usage = merge(self._usage, event.usage)
                return b""
            case ir.Failed():
                self._failed = True
                return self._begin() + _sse("error", render_error(event.failure))
            case ir.Ended():
                return self._end(event.clean)

    def _begin(self, message_id: str = "", model: str = "") -> bytes:
        if self._begun:
            return b""
        self._begun = True
        counted = self._usage if self._usage.input else replace(self._usage, input=input_tokens(self._request))
        message: dict[str, Any] = {
            "id": message_id or "msg_0",
            "type": "message",
            "role": "assistant",
            "model": model or self._request.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(counted),
        }
        return _sse("message_start", {"type": "message_start", "message": message})

    def _written(self, events: Iterable[PartEvent]) -> bytes:
        return b"".join(map(self._part, events))

    def _part(self, event: PartEvent) -> bytes:
        match event:
            case ir.PartOpened():
                return self._opened(event)
            case ir.PartDelta():
                self._texts.setdefault(event.index, []).append(event.text)
                return self._grown(event.index, event.text)
            case ir.PartClosed():
                return self._finish(event.index, event.signature)

    def _opened(self, event: ir.PartOpened) -> bytes:
        self._parts[event.index] = event.part
        start = {"type": "content_block_start", "index": self._count, "content_block": _empty_block(event.part)}
        text = event.part.text if isinstance(event.part, (ir.Text, ir.Thinking)) else ""
        if isinstance(event.part, ir.ToolCall):
            text = event.part.arguments
        return _sse("content_block_start", start) + (self._grown(event.index, text) if text else b"")

    def _grown(self, index: int, text: str) -> bytes:
        part = self._parts[index]
        if isinstance(part, ir.Text):
            delta = {"type": "text_delta", "text": text}
        elif isinstance(part, ir.Thinking):
            delta = {"type": "thinking_delta", "thinking": text}
        elif isinstance(part, ir.ToolCall) and not part.custom:
            delta = {"type": "input_json_delta", "partial_json": text}
        else:
            return b""
        return _sse("content_block_delta", {"type": "content_block_delta", "index": self._count, "delta": delta})

    def _finish(self, index: int, new_signature: str | None) -> bytes:
        part = self._parts.pop(index)
        text = "".join(self._texts.pop(index, []))
        out = b""
        delta: dict[str, str] | None = None
        if isinstance(part, ir.Thinking) and part.form != "redacted_thinking":
            whole = ir.Thinking(part.text + text, part.form, new_signature or part.signature, part.id)
            delta = {"type": "signature_delta", "signature": signature(whole)}
        elif isinstance(part, ir.ToolCall) and part.custom:
            delta = {"type": "input_json_delta", "partial_json": shapes.wrap_input(part.arguments + text)}
        if delta:
            out = _sse("content_block_delta", {"type": "content_block_delta", "index": self._count, "delta": delta})
        out += _sse("content_block_stop", {"type": "content_block_stop", "index": self._count})
        self._count += 1
        return out

    def _end(self, clean: bool) -> bytes:
        out = self._written(self._queue.rest())
        if self._failed or (self._stop is None and not clean):
            return out
        delta = {"stop_reason": self._stop or "end_turn", "stop_sequence": None}
        usage = write_usage(self._usage)
        if not self._usage.input:  # never counted, and no reason to take the estimate back
            usage = {"output_tokens": usage["output_tokens"]}
        out = self._begin() + out + _sse("message_delta", {"type": "message_delta", "delta": delta, "usage": usage})
        return out + _sse("message_stop", {"type": "message_stop"})


def _empty_block(part: ir.Part) -> dict[str, Any]:
    match part:
        case ir.Thinking(form="redacted_thinking"):
            return {"type": "redacted_thinking", "data": part.signature or ""}
        case ir.Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case ir.ToolCall():
            return {"type": "tool_use", "id": call_id(part.id), "name": part.name, "input": {}}
        case ir.Opaque(api="messages"):
            return dict(part.value)
        case _:
            return {"type": "text", "text": ""}


def _sse(name: str, value: Mapping[str, Any]) -> bytes:
    return format_event(dump_json(value), name)
