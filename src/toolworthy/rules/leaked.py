"""Find tool calls in a response's text by their content, not by the markers of one format.

An offered tool's name next to arguments that fit its schema is a call, whatever markup is between and around them
(``_notations``). Text that only mentions a call is not (``_mentioned``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from toolworthy.rules._mentioned import rows, spoken_of
from toolworthy.rules._notations import Form, candidates
from toolworthy.wire.ir import Request, Response, Text, Thinking, Tool, ToolResult
from toolworthy.wire.lenient import parse_json


@dataclass(frozen=True, slots=True)
class LeakedCall:
    """A call in a text."""

    name: str
    """The flat name of the offered tool."""
    arguments: Mapping[str, Any]
    start: int
    end: int
    form: Form
    marked: bool
    """Whether tags or tokens of a call format surround it, which do not occur by chance."""
    text: str = field(repr=False)
    """Where it is: text or reasoning."""
    where: Literal["text", "reasoning"] = "text"

    @property
    def excerpt(self) -> str:
        """The call as written."""
        return self.text[self.start : self.end]


_LONGEST = 2**18
"""The most characters that are read, to limit time and memory for an endless response."""


def leaked_calls(text: str, tools: Sequence[Tool]) -> tuple[LeakedCall, ...]:
    """The calls of `tools` in the first 256 KiB of `text`, in order. Never raises."""
    text = text[:_LONGEST]
    made: list[LeakedCall] = []
    for row in rows(text, candidates(text, tools)):
        marked = any(call.marked for call in row)
        if not spoken_of(text, replace(row[0], end=row[-1].end, form=row[-1].form, marked=marked)):
            made += [LeakedCall(c.name, c.arguments, c.start, c.end, c.form, marked, text) for c in row]
    return tuple(made)


def lost_calls(request: Request | None, response: Response | None) -> tuple[LeakedCall, ...]:
    """The calls in the text or reasoning of `response` instead of the API's field for calls.

    A call that the response also makes properly is not lost. One that the request contains verbatim, except in the
    model's own messages, is a quotation. In reasoning, and next to proper calls, only calls in a call format's markup
    count: models plan their calls there.
    """
    if not response:
        return ()
    if request is None:
        return _by_marks(response)
    if not request.tools:
        return ()
    made = {(call.name, _sorted(parse_json(call.arguments or "{}"))) for call in response.calls}
    calls = list(leaked_calls(response.text, request.tools))
    for part in response.parts:
        if isinstance(part, Thinking):
            calls += [replace(call, where="reasoning") for call in leaked_calls(part.text, request.tools)]
    calls = [call for call in calls if call.marked or (call.where == "text" and not response.calls)]
    return tuple(
        call for call in calls if (call.name, _sorted(call.arguments)) not in made and not _quoted(call, request)
    )


_CLAIMED = re.compile(
    r"""["']name["']\s*:\s*["']([\w.-]{1,64})["']|<(?:function|invoke)(?:\s+name)?="?([\w.-]{1,64})"""
)
"""The tool's name in several notations."""


def _by_marks(response: Response) -> tuple[LeakedCall, ...]:
    """Leaked calls if the offered tools are unknown: only a text that is nothing but a call, or a call in a call
    format's markup."""
    calls: list[LeakedCall] = []
    wheres: list[tuple[Literal["text", "reasoning"], str]] = [("text", response.text)]
    wheres += [("reasoning", part.text) for part in response.parts if isinstance(part, Thinking)]
    for where, text in wheres:
        tools = [Tool(name) for name in {first or second for first, second in _CLAIMED.findall(text[:_LONGEST])}]
        for call in leaked_calls(text, tools):
            alone = where == "text" and call.form == "json" and call.excerpt.strip() == text.strip()
            if call.marked or (alone and "arguments" in call.excerpt and not response.calls):
                calls.append(replace(call, where=where))
    return tuple(calls)


def _sorted(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _quoted(call: LeakedCall, request: Request) -> bool:
    """Whether the request contains the call verbatim, ignoring white space."""
    written = "".join(call.excerpt.split())
    for message in request.messages if written else ():
        for part in message.parts if message.role != "assistant" else ():
            texts = part.content if isinstance(part, ToolResult) else (part,)
            if any(isinstance(text, Text) and written in "".join(text.text.split()) for text in texts):
                return True
    return False
