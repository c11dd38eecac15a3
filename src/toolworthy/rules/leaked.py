"""Find tool calls in a response's text by their content, not by the markers of one format.

An offered tool's name next to arguments that fit its schema is a call, whatever is between and around them
(``notations``). Text that speaks of a call, an example or a sentence, is none (``spoken``).
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
    """One call that a text holds."""

    name: str
    """The flat name of the offered tool."""
    arguments: Mapping[str, Any]
    start: int
    end: int
    form: Form
    marked: bool
    """Whether tags or tokens of a call format surround it, which nobody writes by chance."""
    text: str = field(repr=False)
    """What it was found in."""
    where: Literal["text", "reasoning"] = "text"

    @property
    def excerpt(self) -> str:
        """The call as it is written."""
        return self.text[self.start : self.end]


_LONGEST = 2**18
"""Characters: an answer that goes on for ever must not cost endless time and memory."""


def leaked_calls(text: str, tools: Sequence[Tool]) -> tuple[LeakedCall, ...]:
    """The calls of `tools` that `text` holds, in order; what is beyond 256 KiB is not read. Never raises."""
    text = text[:_LONGEST]
    made: list[LeakedCall] = []
    for row in rows(text, candidates(text, tools)):
        marked = any(call.marked for call in row)
        if not spoken_of(text, replace(row[0], end=row[-1].end, form=row[-1].form, marked=marked)):
            made += [LeakedCall(c.name, c.arguments, c.start, c.end, c.form, marked, text) for c in row]
    return tuple(made)


def lost_calls(request: Request | None, response: Response | None) -> tuple[LeakedCall, ...]:
    """The calls that `response` holds in its text or reasoning instead of where the API has calls.

    A call that the answer makes as well is not lost. One that the request holds word for word, in anybody's words but
    the model's, was quoted. In reasoning, and besides calls, only what is in a call format's own marks counts:
    models plan their calls there.
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
"""How notations name the tool that they call."""


def _by_marks(response: Response) -> tuple[LeakedCall, ...]:
    """The same where nobody knows which tools were offered: only what a text is, all of it, or what is in a call
    format's own marks."""
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
    """Whether the request holds the call as it is written, but for white space."""
    written = "".join(call.excerpt.split())
    for message in request.messages if written else ():
        for part in message.parts if message.role != "assistant" else ():
            texts = part.content if isinstance(part, ToolResult) else (part,)
            if any(isinstance(text, Text) and written in "".join(text.text.split()) for text in texts):
                return True
    return False
