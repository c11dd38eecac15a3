"""Read Chat Completions streams leniently, write them strictly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolworthy.wire import ir, shapes
from toolworthy.wire._decoder import SseDecoder
from toolworthy.wire.assemble import merge
from toolworthy.wire.chat._response import (
    finish_reason,
    parse_usage,
    reasoning_detail,
    reasoning_field,
    stop_reason,
    write_usage,
)
from toolworthy.wire.chat.request import content_parts
from toolworthy.wire.failure import event_failure
from toolworthy.wire.lenient import as_arguments, as_dict, as_int, as_list, as_str, dump_json
from toolworthy.wire.sse import format_event

_REASONING_FIELDS = ("reasoning_content", "reasoning")


@dataclass
class _Call:
    """A call that is being assembled."""

    part: int
    id: str
    name: str
    arguments: str = ""


class ChatDecoder(SseDecoder):
    """Reads an event stream."""

    unfinished = "no-done"

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[int, ir.Part] = {}
        self._count = 0
        self._calls: dict[int, _Call] = {}
        self._latest: _Call | None = None
        self._details: list[Any] = []

    def _marker(self) -> None:
        self._done = True

    def _event(self, name: str | None, value: Mapping[str, Any]) -> Iterator[ir.Event]:
        if failure := event_failure(value, name):
            yield ir.Failed(failure)
            return
        yield from self._start(value)
        for choice in as_list(value.get("choices")):
            if as_int(as_dict(choice).get("index")) in (0, None):
                yield from self._choice(as_dict(choice))
        if usage := parse_usage(value.get("usage")):
            yield ir.Counted(usage)

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[ir.Event]:
        delta = choice.get("delta")
        if not isinstance(delta, dict) and isinstance(choice.get("message"), dict):
            self._repair("message-instead-of-delta")
            delta = choice["message"]
        delta = as_dict(delta)
        yield from self._reasoning(delta)
        for part in content_parts(delta.get("content")):
            if isinstance(part, ir.Text):
                yield from self._grow(ir.Text(""), part.text)
        calls = as_list(delta.get("tool_calls"))
        if legacy := as_dict(delta.get("function_call")):
            calls = [*calls, {"index": 0, "id": "call_0", "function": legacy}]
        for number, call in enumerate(calls):
            yield from self._call(as_dict(call), number)
        reason = stop_reason(choice.get("finish_reason"))
        if reason and not self._stopped:
            yield from self._rest()
        yield from self._stop(reason, as_str(choice.get("finish_reason")))

    def _reasoning(self, delta: Mapping[str, Any]) -> Iterator[ir.Event]:
        details = as_list(delta.get("reasoning_details"))
        if details:
            self._details += details
            text = "".join(as_str(as_dict(d).get("text")) or as_str(as_dict(d).get("summary")) for d in details)
            yield from self._grow(ir.Thinking("", "reasoning_details"), text)
            return
        for name in _REASONING_FIELDS:
            if text := as_str(delta.get(name)):
                yield from self._grow(ir.Thinking("", name), text)  # type: ignore[arg-type]
                return

    def _grow(self, empty: ir.Text | ir.Thinking, text: str) -> Iterator[ir.Event]:
        """Add to the open part of this kind, after closing a part of another kind."""
        current = next((i for i, part in self._open.items() if type(part) is type(empty)), None)
        if current is None:
            if not text:
                return
            yield from self._rest()
            current = self._opened(empty)
            yield ir.PartOpened(current, empty)
        if text:
            yield ir.PartDelta(current, text)

    def _call(self, delta: Mapping[str, Any], position: int) -> Iterator[ir.Event]:
        function = as_dict(delta.get("function") or delta.get("custom"))
        call = self._find(delta, as_str(function.get("name")), position)
        raw = function.get("arguments", function.get("input"))
        if call is None:
            call = self._new_call(delta, as_str(function.get("name")), position)
            yield from self._close_texts()
            yield ir.PartOpened(call.part, ir.ToolCall(call.id, call.name, "", custom="custom" in delta))
        if raw is not None and not isinstance(raw, str):
            self._repair("arguments-not-string", type(raw).__name__)
        elif raw is None and "arguments" in function:
            self._repair("arguments-null")
        text = as_arguments(raw)
        if text:
            call.arguments += text
            yield ir.PartDelta(call.part, text)

    def _find(self, delta: Mapping[str, Any], name: str, position: int) -> _Call | None:
        """The call that a delta continues; None if it begins a new one."""
        index, call_id = as_int(delta.get("index")), as_str(delta.get("id"))
        if index is None:
            self._once("missing-index")
            if call_id:
                return next((call for call in self._calls.values() if call.id == call_id), None)
            return None if name else self._latest
        call = self._calls.get(index)
        if call is None or not call_id or call_id == call.id:
            return call
        other = next((other for other in self._calls.values() if other.id == call_id), None)
        if not name and other is None:  # the id changes with every delta of a call
            self._once("id-changes", f"{call.id} then {call_id}")
            return call
        self._once("index-reused", f"index {index} for {call.id} and {call_id}")
        return other

    def _new_call(self, delta: Mapping[str, Any], name: str, position: int) -> _Call:
        index = as_int(delta.get("index"))
        if index is None or index in self._calls:
            index = max(self._calls, default=-1) + 1
        call_id = as_str(delta.get("id"))
        if not call_id:
            self._repair("missing-id", f"call {index} of {name}")
            call_id = f"call_{index}"
        call = _Call(self._count, call_id, name)
        self._opened(ir.ToolCall(call_id, name, ""))
        self._calls[index] = self._latest = call
        return call

    def _opened(self, part: ir.Part) -> int:
        index = self._count
        self._open[index] = part
        self._count += 1
        return index

    def _close_texts(self) -> Iterator[ir.Event]:
        yield from self._close([i for i, part in self._open.items() if not isinstance(part, ir.ToolCall)])

    def _rest(self) -> list[ir.Event]:
        return list(self._close(list(self._open)))

    def _close(self, indices: list[int]) -> Iterator[ir.Event]:
        for index in indices:
            part = self._open.pop(index)
            details = isinstance(part, ir.Thinking) and part.form == "reasoning_details"
            yield ir.PartClosed(index, dump_json(self._details) if details else None)


class ChatEncoder:
    """Writes events as the stream that a chat agent reads."""

    def __init__(self, request: ir.Request) -> None:
        self._request = request
        self._head: dict[str, Any] = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0}
        self._head["model"] = request.model
        self._parts: dict[int, ir.Part] = {}
        self._text: dict[int, list[str]] = {}
        self._calls: dict[int, int] = {}
        self._usage: Any = None
        self._role_sent = False

    def encode(self, event: ir.Event) -> bytes:
        """The bytes of one event; b"" if it is not written on its own."""
        match event:
            case ir.Started():
                self._head |= {"id": event.id or "chatcmpl-0", "model": event.model or self._request.model}
                self._usage = event.usage
                return self._delta({"content": ""})
            case ir.PartOpened():
                return self._opened(event)
            case ir.PartDelta():
                return self._grown(event)
            case ir.PartClosed():
                return self._closed(event)
            case ir.Stopped():
                return self._chunk({}, finish_reason(event.reason))
            case ir.Counted():
                self._usage = merge(self._usage, event.usage)
                return b""
            case ir.Failed():
                return format_event(dump_json(shapes.openai_error(event.failure)))
            case ir.Ended():
                return self._usage_chunk() + (format_event("[DONE]") if event.clean else b"")

    def _opened(self, event: ir.PartOpened) -> bytes:
        self._parts[event.index], self._text[event.index] = event.part, []
        part = event.part
        if isinstance(part, ir.ToolCall):
            number = self._calls[event.index] = len(self._calls)
            if self._custom(part):
                custom = {"name": part.name, "input": ""}
                return self._delta(
                    {"tool_calls": [{"index": number, "id": part.id, "type": "custom", "custom": custom}]}
                )
            function = {"name": part.name, "arguments": part.arguments}
            return self._delta(
                {"tool_calls": [{"index": number, "id": part.id, "type": "function", "function": function}]}
            )
        if isinstance(part, (ir.Text, ir.Thinking)) and part.text:
            return self._grown(ir.PartDelta(event.index, part.text))
        return b""

    def _grown(self, event: ir.PartDelta) -> bytes:
        part = self._parts.get(event.index)
        self._text.setdefault(event.index, []).append(event.text)
        if isinstance(part, ir.Text):
            return self._delta({"content": event.text})
        if isinstance(part, ir.Thinking):
            return self._delta({reasoning_field(self._request): event.text})
        if isinstance(part, ir.ToolCall) and not self._custom(part):
            number = self._calls[event.index]
            return self._delta({"tool_calls": [{"index": number, "function": {"arguments": event.text}}]})
        return b""

    def _closed(self, event: ir.PartClosed) -> bytes:
        part = self._parts.pop(event.index, None)
        text = "".join(self._text.pop(event.index, []))
        if isinstance(part, ir.ToolCall) and self._custom(part):
            whole = part.arguments + text
            custom = {"input": whole if part.custom else shapes.unwrap_input(whole)}
            return self._delta({"tool_calls": [{"index": self._calls[event.index], "custom": custom}]})
        if isinstance(part, ir.Thinking):
            detail = reasoning_detail(ir.Thinking(text, part.form, event.signature or part.signature, part.id))
            return self._delta({"reasoning_details": [detail]}) if detail else b""
        return b""

    def _custom(self, part: ir.ToolCall) -> bool:
        tool = self._request.tool(part.name)
        return part.custom or bool(tool and tool.custom)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        if not self._role_sent:
            self._role_sent = True
            delta = {"role": "assistant", **delta}
        return self._chunk(delta, None)

    def _chunk(self, delta: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return format_event(dump_json({**self._head, "choices": [choice]}))

    def _usage_chunk(self) -> bytes:
        wanted = as_dict(self._request.extra.get("stream_options")).get("include_usage")
        if self._usage is None or not wanted:
            return b""
        return format_event(dump_json({**self._head, "choices": [], "usage": write_usage(self._usage)}))
