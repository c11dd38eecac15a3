"""Read OpenAI Responses streams leniently, write them strictly.

Source: OpenAI API reference, "Streaming events" of Responses. Codex needs every item whole in
``response.output_item.done``, and exactly one terminal event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolworthy.wire._decoder import SseDecoder
from toolworthy.wire.failure import answer_failure, event_failure
from toolworthy.wire.ir import Counted, Event, Failed, PartClosed, PartDelta, PartOpened, Text, Thinking, ToolCall
from toolworthy.wire.lenient import as_arguments, as_dict, as_int, as_list, as_str
from toolworthy.wire.responses._response import item_parts, parse_usage, stop_of

_DELTAS = {
    "response.output_text.delta": "message",
    "response.refusal.delta": "message",
    "response.function_call_arguments.delta": "function_call",
    "response.custom_tool_call_input.delta": "custom_tool_call",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning.delta": "reasoning",  # the same, as Open Responses calls it
    "response.reasoning_summary_text.delta": "reasoning",
}
_TERMINAL = ("response.completed", "response.incomplete", "response.failed", "response.done")
_IGNORED = (
    "response.in_progress",
    "response.queued",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.done",
    "response.refusal.done",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.done",
    "response.reasoning_text.done",
    "response.reasoning.done",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.output_text.annotation.added",
    "keepalive",
)


@dataclass
class _Item:
    """An output item that is being assembled."""

    part: int
    kind: str
    key: str
    id: str = ""
    sent: str = ""
    summary: str = ""
    """Summary text, used only if no reasoning text comes."""
    done: bool = False


class ResponsesDecoder(SseDecoder):
    """Reads an event stream."""

    unfinished = "no-terminal-event"

    def __init__(self) -> None:
        super().__init__()
        self._items: list[_Item] = []
        self._calls = False

    def _event(self, name: str | None, value: Mapping[str, Any]) -> Iterator[Event]:
        kind = as_str(value.get("type")) or name or ""
        if kind in _DELTAS:
            yield from self._delta(kind, value)
        elif kind == "response.created":
            yield from self._start(as_dict(value.get("response")))
        elif kind == "response.output_item.added":
            yield from self._added(value)
        elif kind == "response.output_item.done":
            yield from self._item_done(value)
        elif kind in _TERMINAL:
            yield from self._finish(kind, value)
        elif failure := event_failure(value, name):
            yield Failed(failure)
        elif kind not in _IGNORED:
            self._once("unknown-event", kind[:60])

    def _added(self, value: Mapping[str, Any]) -> Iterator[Event]:
        item = as_dict(value.get("item"))
        yield from self._open(self._key(value, item), item)

    def _open(self, key: str, item: Mapping[str, Any]) -> Iterator[Event]:
        kind = as_str(item.get("type")) or "message"
        bare = {**item, "content": [], "summary": [], "arguments": "", "input": ""}
        if kind == "message":
            part: Any = Text("")
        else:
            part = item_parts(bare, len(self._items), self.repairs)[0]
        self._calls = self._calls or isinstance(part, ToolCall)
        entry = _Item(len(self._items), kind, key, as_str(item.get("id")))
        self._items.append(entry)
        yield PartOpened(entry.part, part)
        if arguments := as_arguments(item.get("arguments") if kind == "function_call" else item.get("input")):
            yield from self._grow(entry, arguments)

    def _delta(self, kind: str, value: Mapping[str, Any]) -> Iterator[Event]:
        wanted = _DELTAS[kind]
        entry = self._find(self._key(value, {}), wanted)
        if entry is None and (entry := self._named(as_str(value.get("item_id")), wanted)):
            self._once("misplaced-delta", kind)
        if entry is None:
            self._once("missing-item-added", kind)
            yield from self._open(self._key(value, {}), {"type": wanted, "id": value.get("item_id")})
            entry = self._items[-1]
        if not isinstance(value.get("delta"), str):
            self._once("delta-not-string", kind)
        text = as_arguments(value.get("delta"))
        if kind == "response.reasoning_summary_text.delta":
            entry.summary += text
        else:
            yield from self._grow(entry, text)

    def _item_done(self, value: Mapping[str, Any]) -> Iterator[Event]:
        item = as_dict(value.get("item"))
        key = self._key(value, item)
        kind = as_str(item.get("type")) or "message"
        entry = self._find(key, kind)
        if entry is None:
            yield from self._open(key, {**item, "arguments": "", "input": ""})
            entry = self._items[-1]
        if not entry.done:
            yield from self._complete(entry, item)

    def _complete(self, entry: _Item, item: Mapping[str, Any]) -> Iterator[Event]:
        """Close an item; the part of its last event that no delta had is added."""
        entry.done = True
        signature: str | None = None
        for part in item_parts(item, entry.part, []):
            whole = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
            if isinstance(part, Thinking):
                signature = part.signature
                whole = whole if entry.sent == "" or as_list(item.get("content")) else entry.sent
            if whole.startswith(entry.sent):
                yield from self._grow(entry, whole[len(entry.sent) :])
            elif whole:
                self._repair("done-differs-from-deltas", entry.kind)
            break
        if entry.summary and not entry.sent:
            yield from self._grow(entry, entry.summary)
        yield PartClosed(entry.part, signature)

    def _finish(self, kind: str, value: Mapping[str, Any]) -> Iterator[Event]:
        self._done = True
        response = as_dict(value.get("response"))
        yield from self._start(response)
        yield from self._only_at_end(as_list(response.get("output")))
        yield from self._rest()
        if usage := parse_usage(response.get("usage")):
            yield Counted(usage)
        if failure := event_failure(value, kind) or answer_failure(response):
            yield Failed(failure)
        status = as_str(response.get("status")) or kind.removeprefix("response.")
        reason, raw = stop_of({**response, "status": status}, self._calls)
        yield from self._stop(reason, raw or status)

    def _only_at_end(self, output: list[Any]) -> Iterator[Event]:
        """Items, or ends of items, that only the final object contains. Items of each kind are matched in order."""
        came = list(self._items)
        for number, item in enumerate(map(as_dict, output)):
            kind = as_str(item.get("type")) or "message"
            entry = next((entry for entry in came if entry.kind == kind), None)
            if entry is None:
                self._once("items-only-at-end", kind)
                yield from self._item_done({"output_index": number + len(self._items), "item": item})
                continue
            came.remove(entry)
            if not entry.done:
                yield from self._complete(entry, item)

    def _rest(self) -> Iterator[Event]:
        for entry in self._items:
            if not entry.done:
                entry.done = True
                if entry.summary and not entry.sent:
                    yield from self._grow(entry, entry.summary)
                yield PartClosed(entry.part)

    def _grow(self, entry: _Item, text: str) -> Iterator[Event]:
        if text:
            entry.sent += text
            yield PartDelta(entry.part, text)

    def _key(self, value: Mapping[str, Any], item: Mapping[str, Any]) -> str:
        """The key of an item: its output index if there is one, else its id."""
        index = as_int(value.get("output_index"))
        if index is not None:
            return f"#{index}"
        self._once("missing-output-index")
        return as_str(value.get("item_id")) or as_str(item.get("id")) or as_str(item.get("call_id"))

    def _find(self, key: str, kind: str) -> _Item | None:
        same = [entry for entry in self._items if entry.kind == kind and not entry.done]
        return next((entry for entry in same if entry.key == key), same[-1] if same and not key else None)

    def _named(self, name: str, kind: str) -> _Item | None:
        """The open item with this id, for events with a wrong index."""
        return next(
            (item for item in self._items if name and item.id == name and item.kind == kind and not item.done), None
        )
