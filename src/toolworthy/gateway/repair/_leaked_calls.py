"""Repair of leaked calls: tool calls in the text, in the notations of known templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from secrets import token_hex

from toolworthy.gateway.repair._editor import Note
from toolworthy.rules.leaked import lost_calls
from toolworthy.rules.leaks import OPENERS, TOOL_SYNTAX
from toolworthy.wire.ir import Event, PartClosed, PartDelta, PartOpened, Request, Response, Text, ToolCall

_SUSPECT = re.compile(r"[<\[]|\A\s*(?:\{|```)")
"""Text that may begin a call; JSON only at the very beginning."""


class LeakedCalls:
    """Turns leaked calls into calls. Text passes as it comes, up to a possible start of a call.

    Args:
        request: the request, which offers the tools.
        note: called with each repair.
    """

    def __init__(self, request: Request, note: Note) -> None:
        self._request, self._note = request, note
        self._indices: dict[int, int] = {}
        self._next = 0
        self._held: dict[int, str] = {}
        """Text that may be a call, by the endpoint's index of the part."""
        self._opened: set[int] = set()

    def edit(self, event: Event) -> Iterable[Event]:
        """The event, with indices shifted by added parts."""
        match event:
            case PartOpened(part=Text(text)):
                self._held[event.index] = ""
                return self._grown(event.index, text)
            case PartOpened():
                return [replace(event, index=self._new(event.index))]
            case PartDelta() if event.index in self._held:
                return self._grown(event.index, event.text)
            case PartDelta():
                return [replace(event, index=self._indices[event.index])] if event.index in self._indices else []
            case PartClosed() if event.index in self._held:
                return self._closed(event)
            case PartClosed():
                return [replace(event, index=self._indices[event.index])] if event.index in self._indices else []
        return [event]

    def _new(self, index: int) -> int:
        self._indices[index] = self._next
        self._next += 1
        return self._indices[index]

    def _grown(self, index: int, text: str) -> list[Event]:
        held = self._held[index] + text
        out, rest = (held, "") if not self._request.tools else _split(held, first=index not in self._opened)
        self._held[index] = rest
        return self._say(index, out)

    def _say(self, index: int, text: str) -> list[Event]:
        if not text:
            return []
        opening: list[Event] = []
        if index not in self._opened:
            self._opened.add(index)
            opening = [PartOpened(self._new(index), Text(""))]
        return [*opening, PartDelta(self._indices[index], text)]

    def _closed(self, event: PartClosed) -> list[Event]:
        held = self._held.pop(event.index)
        calls = lost_calls(self._request, Response(parts=(Text(held),))) if held else ()
        rest = held
        for call in reversed(calls):
            rest = rest[: call.start] + rest[call.end :]
        if calls:
            rest = TOOL_SYNTAX.sub("", rest).strip()
        events = self._say(event.index, rest)
        if event.index in self._opened:
            events.append(replace(event, index=self._indices[event.index]))
        for call in calls:
            arguments = json.dumps(call.arguments, ensure_ascii=False)
            made = ToolCall(f"call_{token_hex(12)}", call.name, "")
            self._note("leaked-call", call.excerpt[:400], f"{call.name} {arguments}"[:400])
            index, self._next = self._next, self._next + 1
            events += [PartOpened(index, made), PartDelta(index, arguments), PartClosed(index)]
        return events


def _split(text: str, *, first: bool) -> tuple[str, str]:
    """The text that can be sent, and the text that may be a call."""
    for match in _SUSPECT.finditer(text):
        if not first and match.group().strip() in ("{", "```"):
            continue
        rest = text[match.start() :].lstrip()
        if rest[:1] not in "<[" or _may_begin(rest):
            return text[: match.start()], text[match.start() :]
    return text, ""


def _may_begin(text: str) -> bool:
    return any(opener.startswith(text) or text.startswith(opener) for opener in OPENERS)
